"""A backtest: the daemon's own core and simulated venue in a plain loop, without waiting or journal."""

from collections.abc import Callable
from dataclasses import dataclass, field
from operator import attrgetter

from drift_e3.core.commands import AskAdvisor
from drift_e3.core.decision import Decision
from drift_e3.core.events import (
    AdviceFailed,
    AdvisorEvent,
    CandleClosed,
    Event,
    Fill,
    Settings,
    Started,
    StopRequested,
)
from drift_e3.core.notes import DecisionMade, PositionClosed
from drift_e3.core.state import TraderState
from drift_e3.core.terms import StopPolicy
from drift_e3.core.trader import Trader
from drift_e3.core.turn import Outcome
from drift_e3.lab.collector import collector_paused
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


Advise = Callable[[AskAdvisor], AdvisorEvent]
"""Answers a question out of what was recorded or made up; the answer's `seen_ts` is when it would come."""
Watch = Callable[[Event, Outcome], None]
"""Is shown every event with what it led to, in order."""


@collector_paused()
def backtest(
    market: Market,
    settings: Settings,
    equity_usd: float,
    progress: Callable[[], None] | None = None,
    *,
    keep_decisions: bool = True,
    advise: Advise | None = None,
    watch: Watch | None = None,
) -> Backtest:
    """Play the market to its end; `progress` is called after each candle.

    Without `keep_decisions` only their numbers remain, and no equity by candle: memory stays as it is, and a
    tenth of the time is saved. Without `advise` an advisor that is enabled in `settings` is silent: every
    question fails at once. With it each answer is heard at its own time, before what the market brings then.
    """
    trader = Trader()
    answers: list[AdvisorEvent] = []
    now_ts = market.next_ts() or 0
    started = Started(
        seen_ts=now_ts,
        settings=settings,
        instrument=market.instrument,
        feed=market.feed,
        equity_usd=equity_usd,
    )
    beginning = trader.process(started)
    if watch is not None:
        watch(started, beginning)
    result = Backtest(trader.state)

    def take(event: Event) -> None:
        outcome = trader.process(event)
        for command in outcome.commands:
            if type(command) is AskAdvisor:
                answers.append(_silence(command) if advise is None else advise(command))
                answers.sort(key=attrgetter("seen_ts"))
            else:
                market.execute(command, event.seen_ts)
        if watch is not None:
            watch(event, outcome)
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

    while True:
        next_ts = market.next_ts()
        if answers and (next_ts is None or answers[0].seen_ts <= next_ts):
            now_ts = max(now_ts, answers[0].seen_ts)
            take(answers.pop(0))
            continue
        if next_ts is None:
            break
        now_ts = next_ts
        for event in market.advance():
            take(event)
            while answers and answers[0].seen_ts <= now_ts:
                take(answers.pop(0))
            if progress is not None and type(event) is CandleClosed:
                progress()
    take(StopRequested(seen_ts=now_ts, policy=StopPolicy.HOLD, by="end of market", at_once=True))
    return result


def _silence(command: AskAdvisor) -> AdviceFailed:
    question = command.question
    return AdviceFailed(seen_ts=question.ts, question_id=question.question_id, reason="off", latency_ms=0)
