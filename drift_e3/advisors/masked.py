"""Takes from a question what would let a model remember the answer: dates, symbol and price level.

What stays are returns, z-scores, ranks and rates, and prices as an index that stands at 100 now. Wraps any
advisor; what it answers is stamped as if the question had been asked as it was. What an answer about the past
is worth is not judged here.
"""

from dataclasses import replace
from typing import Final

from drift_e3.core.advice import CandleRow, Question
from drift_e3.core.events import AdvisorEvent
from drift_e3.core.terms import UNKNOWN
from drift_e3.ports import Advisor

INDEX: Final = 100.0
"""The latest price, and the mean volume of the candles told."""
DECIMALS: Final = 2
"""Of an index: hundredths of a per cent, so that no exact ratio betrays the day."""
SYMBOL: Final = "ASSET"


class MaskedAdvisor:
    """Implements `ports.Advisor`: asks `advisor` the masked question."""

    def __init__(self, advisor: Advisor) -> None:
        self._advisor = advisor

    async def ask(self, question: Question, deadline_ms: int) -> AdvisorEvent:
        """What the other makes of the masked question, as long after this one as it took."""
        event = await self._advisor.ask(masked(question), deadline_ms)
        return replace(event, seen_ts=question.ts + event.latency_ms)

    async def close(self) -> None:
        """Close the other."""
        await self._advisor.close()


def masked(question: Question) -> Question:
    """The question without date, symbol and level: times count from the first candle's opening, the open
    interest is not told, and the position has the same notional."""
    factor = INDEX / question.price_usd
    began_ts = question.candles[0][0] if question.candles else question.ts
    volume = _mean_volume(question.candles)
    thesis = question.thesis
    return replace(
        question,
        ts=question.ts - began_ts,
        symbol=SYMBOL,
        price_usd=INDEX,
        features=question.features._replace(
            atr_usd=question.features.atr_usd * factor, open_interest_usd=UNKNOWN
        ),
        candles=tuple(_masked_candle(row, began_ts, factor, volume) for row in question.candles),
        position_base=question.position_base / factor,
        entry_usd=_index(question.entry_usd, factor),
        thesis=None
        if thesis is None
        else replace(
            thesis,
            stop_usd=_index(thesis.stop_usd, factor),
            target_usd=_index(thesis.target_usd, factor),
        ),
    )


def _mean_volume(candles: tuple[CandleRow, ...]) -> float:
    total = 0.0
    for row in candles:
        total += row[5]
    return total / len(candles) if total > 0.0 else 1.0


def _masked_candle(row: CandleRow, began_ts: int, factor: float, volume: float) -> CandleRow:
    open_ts, opened, high, low, close, traded = row
    return (
        open_ts - began_ts,
        _index(opened, factor),
        _index(high, factor),
        _index(low, factor),
        _index(close, factor),
        _index(traded, INDEX / volume),
    )


def _index(value: float, factor: float) -> float:
    return round(value * factor, DECIMALS)
