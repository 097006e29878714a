"""An archive of what was answered at the time: a journal's own answers, for backtests over the same market.

Nobody is asked. That journal and tape are one market is checked on every candle that was asked about.
"""

from pathlib import Path

from drift_e3.core.advice import CandleRow
from drift_e3.core.commands import AskAdvisor
from drift_e3.core.events import AdviceFailed, AdviceReceived, AdvisorEvent
from drift_e3.journal.beginning import started
from drift_e3.journal.codec import KINDS
from drift_e3.journal.reader import JournalReader
from drift_e3.lab.archive import ArchiveWriter, Header, tape_digest
from drift_e3.lab.leakage import Mode
from drift_e3.ports import DataError
from drift_e3.venues.tape.series import CandleTape


def archive_journal(reader: JournalReader, candles: CandleTape, out: Path) -> int:
    """Write the answers of a journal that are not in the archive yet; how many there are now.

    Raises `DataError` for a tape of another market, `JournalUnreadable` at a damaged row.
    """
    symbol = started(reader).instrument.symbol
    asked: dict[str, int] = {}
    answers: list[tuple[int, AdvisorEvent]] = []
    tape = {
        row[0]: row
        for row in zip(
            candles.ts_ms, candles.open, candles.high, candles.low, candles.close, candles.volume, strict=True
        )
    }
    for row in reader.rows_of([KINDS[kind] for kind in (AskAdvisor, AdviceReceived, AdviceFailed)]):
        message = reader.message(row)
        if isinstance(message, AskAdvisor):
            candle = message.question.candles[-1]
            _check(reader.path, candle, tape.get(candle[0]))
            asked[message.question.question_id] = candle[0] + candles.frame_ms
        elif isinstance(message, AdvisorEvent) and message.question_id in asked:
            # Of two ends of one question the first counted.
            answers.append((asked.pop(message.question_id), message))
    header = Header(
        tape=tape_digest(candles),
        symbol=symbol,
        frame_ms=candles.frame_ms,
        mode=Mode.RECORDED,
        model=",".join(sorted({event.model for _, event in answers if isinstance(event, AdviceReceived)})),
    )
    with ArchiveWriter(out, header) as writer:
        for close_ts, event in answers:
            if close_ts not in writer.recorded:
                writer.append(close_ts, event)
        return len(writer.recorded)


def _check(path: Path, asked: CandleRow, there: CandleRow | None) -> None:
    if asked != there:
        raise DataError(
            f"{path}: was asked about the candle that opened at {asked[0]} and closed at {asked[4]:g}; "
            f"{'the tape has none' if there is None else f'that of the tape closed at {there[4]:g}'}"
        )
