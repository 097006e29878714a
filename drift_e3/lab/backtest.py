"""A backtest: the daemon's own core and simulated venue in a plain loop, without waiting or journal."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from drift_e3.core.commands import AskAdvisor
from drift_e3.core.decision import Decision
from drift_e3.core.events import AdviceFailed, CandleClosed, Event, Fill, Settings, Started, StopRequested
from drift_e3.core.notes import DecisionMade, PositionClosed
from drift_e3.core.state import TraderState
from drift_e3.core.terms import StopPolicy
from drift_e3.core.trader import Trader
from drift_e3.core.turn import Outcome
from drift_e3.ports import Market


@dataclass(slots=True)
class Backtest:
    """What came of it. `equity` holds (candle close in ms, equity in USD), `state` is the trader's last;
    `candles` were decided on, the first at `first_ts`, the last at `last_ts` (ms, 0 for none)."""

    state: TraderState
    candles: int = 0
    first_ts: int = 0
    last_ts: int = 0
    decisions: list[Decision] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    trades: list[PositionClosed] = field(default_factory=list)
    equity: list[tuple[int, float]] = field(default_factory=list)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Pause the search for reference cycles: the core makes none, and the more is kept the more it costs."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@_collector_paused()
def backtest(
    market: Market,
    settings: Settings,
    equity_usd: float,
    progress: Callable[[], None] | None = None,
    *,
    keep_decisions: bool = True,
) -> Backtest:
    """Play the market to its end on rules alone; `progress` is called after each candle.

    Without `keep_decisions` only their numbers remain, and no equity by candle: memory stays as it is, and a
    tenth of the time is saved. An advisor that is enabled in `settings` is silent here: every question fails
    at once.
    """
    trader = Trader()
    now_ts = market.next_ts() or 0
    trader.process(
        Started(
            seen_ts=now_ts,
            settings=settings,
            instrument=market.instrument,
            feed=market.feed,
            equity_usd=equity_usd,
        )
    )
    result = Backtest(trader.state)

    def take(event: Event) -> Outcome:
        outcome = trader.process(event)
        for command in outcome.commands:
            market.execute(command, event.seen_ts)
        if type(event) is Fill:
            result.fills.append(event)
        for note in outcome.notes:
            if type(note) is DecisionMade:
                decision = note.decision
                result.first_ts = result.first_ts or decision.ts
                result.last_ts = decision.ts
                result.candles += 1
                if keep_decisions:
                    result.decisions.append(decision)
                    result.equity.append((decision.ts, decision.equity_usd))
            elif type(note) is PositionClosed:
                result.trades.append(note)
        return outcome

    while (next_ts := market.next_ts()) is not None:
        now_ts = next_ts
        for event in market.advance():
            for command in take(event).commands:
                if isinstance(command, AskAdvisor):
                    take(
                        AdviceFailed(
                            seen_ts=event.seen_ts,
                            question_id=command.question.question_id,
                            reason="off",
                            latency_ms=0,
                        )
                    )
            if progress is not None and type(event) is CandleClosed:
                progress()
    take(StopRequested(seen_ts=now_ts, policy=StopPolicy.HOLD, by="end of market", at_once=True))
    return result
