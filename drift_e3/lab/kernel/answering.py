"""Recorded answers for the compiled loop: parsed once, by the core's own parser, and laid beside the candles.

`lab.archive` reads them; what an answer does to a decision is `entering`'s and the core's.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from drift_e3.core.advice import Advice, parse_advice
from drift_e3.core.events import AdviceReceived, AdvisorEvent
from drift_e3.lab.archive import NOT_RECORDED
from drift_e3.lab.kernel.books import ANSWER
from drift_e3.lab.kernel.entering import MISSED, NOT_MISSED, OFF
from drift_e3.lab.kernel.layout import Table, table
from drift_e3.lab.kernel.preparing import Prepared


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What an advisor says to the question about each candle, or one answer to all. `words` are those for
    missing advice, by their numbers in the table, `advice` what was understood, by the row of its candle."""

    table: Table
    words: tuple[str, ...]
    advice: Mapping[int, Advice]


def silence() -> Answers:
    """The answers of an advisor that is off, as `lab.backtest` has them without an archive."""
    answers = table(1, ANSWER)
    answers["is_failure"], answers["missed"] = True, OFF
    return Answers(table=answers, words=MISSED, advice={})


def recorded(prepared: Prepared, answers: Mapping[int, AdvisorEvent]) -> Answers:
    """The answers of an archive, which are by the close (UTC, ms) of the candle that was asked about.

    Each takes as long as it took then; a question that was not recorded fails at once.
    """
    numbers = {word: number for number, word in enumerate(MISSED)}
    advice: dict[int, Advice] = {}
    rows = table(len(prepared.bars), ANSWER)
    closes = (prepared.bars["open_ts"] + prepared.feed.frame_ms).tolist()
    for place, (row, close_ts) in enumerate(zip(rows, closes, strict=True)):
        event = answers.get(close_ts)
        word = NOT_RECORDED
        row.is_failure = True
        if event is not None:
            row.latency_ms = event.latency_ms
            row.is_failure = not isinstance(event, AdviceReceived)
        if isinstance(event, AdviceReceived):
            parsed = parse_advice(event.text)
            if isinstance(parsed, Advice):
                advice[place] = parsed
                row.regime, row.direction = parsed.regime, parsed.direction
                row.confidence, row.multiplier = parsed.confidence, parsed.multiplier
                word = MISSED[NOT_MISSED]
            else:
                word = parsed.reason
        elif event is not None:
            word = event.reason
        row.missed = numbers.setdefault(word, len(numbers))
    return Answers(table=rows, words=tuple(numbers), advice=advice)
