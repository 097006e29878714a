"""The question that the trader would put to its advisor at a moment of a market, without trading on it.

The trader itself watches the market up to then and tells what it sees; its orders go nowhere, so it is flat.
Who is asked, and how, is not known here.
"""

from collections.abc import Sequence
from dataclasses import replace

from drift_e3.core.advice import Question
from drift_e3.core.entries import question_about
from drift_e3.core.events import Event, Settings, Started
from drift_e3.core.state import Pending
from drift_e3.core.trader import Trader
from drift_e3.core.turn import Turn
from drift_e3.ports import DataError, Market


def question_at(market: Market, settings: Settings, equity_usd: float, at_ts: int | None = None) -> Question:
    """The question about the last candle that has closed by `at_ts` (UTC, ms; the market's end without).

    Raises `DataError` where no candle has.
    """
    trader = Trader()
    _start(trader, market, settings, equity_usd, market.next_ts() or 0)
    while (next_ts := market.next_ts()) is not None and (at_ts is None or next_ts <= at_ts):
        for event in market.advance():
            trader.process(event)
    return _question(trader, market, "no candle has closed by then")


def question_after(
    market: Market, opening: Sequence[Event], settings: Settings, equity_usd: float
) -> Question:
    """The question about the last candle of a live market's history; `DataError` where there is none."""
    trader = Trader()
    _start(trader, market, settings, equity_usd, opening[0].seen_ts if opening else 0)
    for event in opening:
        trader.process(event)
    return _question(trader, market, "the market has no candles")


def _start(trader: Trader, market: Market, settings: Settings, equity_usd: float, now_ts: int) -> None:
    trader.process(
        Started(
            seen_ts=now_ts,
            settings=replace(settings, ai_enabled=False),
            instrument=market.instrument,
            feed=market.feed,
            equity_usd=equity_usd,
        )
    )


def _question(trader: Trader, market: Market, missing: str) -> Question:
    state = trader.state
    if not state.market.recent_candles:
        raise DataError(f"{market.instrument.symbol}: {missing}")
    close_ts = state.market.candle_close_ts
    turn = Turn(state, close_ts)
    turn.mark()
    return question_about(turn, Pending(close_ts, state.market.features))
