"""The compiled loop over a tape: what the market does, what the venue makes of it, what the trader hears.

`venues.tape.feed`, `venues.paper`, `Trader.process` and the loop of `lab.backtest` in one. What is compiled
as a whole is in `entry_points`; what is looked up, kept or shown is elsewhere.
"""

from typing import Final

from drift_e3.core.modes import Trigger
from drift_e3.core.regime import advance_regime, regime_confidence
from drift_e3.core.terms import Mode
from drift_e3.lab.kernel import venue
from drift_e3.lab.kernel.books import ACCEPTED, CANCELLED, FAULT_EVENTS, FILLED, FILLS_MAX, FUNDED
from drift_e3.lab.kernel.clearing import pay_funding
from drift_e3.lab.kernel.desk import (
    book_fill,
    book_funding,
    book_order,
    mark,
    trigger,
)
from drift_e3.lab.kernel.entering import ask, asks, decide, give_up_overdue, settle, take_answer
from drift_e3.lab.kernel.guarding import guard, guard_candle
from drift_e3.lab.kernel.layout import Row, Table
from drift_e3.lab.kernel.orders import FACT_ACCEPTED, FACT_CANCELLED, FACT_REJECTED

WARMED: Final = int(Trigger.WARMED)
STOP_ASKED: Final = int(Trigger.STOP_ASKED)
WARMING: Final = int(Mode.WARMING)


def begin(b: Row, r: Row) -> None:
    """Start the trader, as `Started` does."""
    b.has_begun = True
    b.now = r.start_ts
    mark(b)
    guard(b, r)


def play_history(b: Row, r: Row, bar: Row, funding: Table) -> None:
    """A candle that only warms. Funding at the very moment at which trading begins is no history any more."""
    for at in range(bar.funding_from, bar.funding_to):
        _publish(b, r, funding[at])
    _observe(b, r, bar)


def is_quiet(b: Row, bar: Row) -> bool:
    """Whether nothing but the candle's close can be of interest to anybody."""
    return (
        bar.funding_from == bar.funding_to
        and not b.in_trade
        and b.orders_open == 0
        and b.answers_due == 0
        and venue.is_idle(b)
    )


def play_within(b: Row, r: Row, bar: Row, funding: Table) -> None:
    """What happens from a candle's open to just before its close."""
    open_ts = bar.open_ts
    last_ts = open_ts + r.frame_ms - 1
    at = bar.funding_from
    b.liquidity[:] = bar.liquidity
    while at < bar.funding_to and funding[at].ts <= open_ts:
        _pass_time(b, r, funding[at].ts)
        _publish(b, r, funding[at])
        at += 1
    _pass_time(b, r, open_ts)
    venue.open_bar(b, r, open_ts, bar.open)
    _hear_all(b, r)
    while at < bar.funding_to and funding[at].ts <= last_ts:
        _pass_time(b, r, funding[at].ts)
        _publish(b, r, funding[at])
        at += 1
    _pass_time(b, r, last_ts)
    venue.play_range(b, r, last_ts, bar.high, bar.low, bar.close)
    _hear_all(b, r)
    while at < bar.funding_to:
        _pass_time(b, r, funding[at].ts)
        _publish(b, r, funding[at])
        at += 1
    _pass_time(b, r, last_ts + 1)


def play_close(b: Row, r: Row, bar: Row, answer: Row) -> None:
    """The candle closes: the trader decides, or asks, and whoever answers at once is heard at once."""
    give_up_overdue_at(b, bar.open_ts + r.frame_ms)
    _observe(b, r, bar)
    guard_candle(b, r, bar)
    if b.pending_row >= 0:
        decide(b, r, b.pending, b.pending_row, True)
    if asks(b, r, bar):
        ask(b, r, bar, answer)
        _hear_answers(b, r, b.now)
    else:
        decide(b, r, bar, b.row, False)


def finish(b: Row, r: Row) -> None:
    """End of market: answers still to come are heard, then the trader stops and holds what it has."""
    while b.answers_due > 0:
        _hear_answers(b, r, b.answers[0].ts)
    give_up_overdue(b)
    trigger(b, STOP_ASKED)
    guard(b, r)
    settle(b, r)


def give_up_overdue_at(b: Row, ts: int) -> None:
    """Close a question that is overdue at a time."""
    b.now = ts
    give_up_overdue(b)


def _observe(b: Row, r: Row, bar: Row) -> None:
    """Take in a closed candle: price, account, regime, and whether all that is needed is known."""
    b.now = b.close_ts = bar.open_ts + r.frame_ms
    b.price_usd = b.mark_usd = bar.close
    mark(b)
    regime = advance_regime(b.machine, bar, r.params, r.frame_ms, b.now)
    b.rule_regime_changed = regime != b.rule_regime
    b.rule_regime = regime
    if b.keeps_all:
        b.rule_confidence = regime_confidence(regime, bar, r.params, r.frame_ms)
    if not b.warmed:
        body, rank, slope = bar.body_over_atr, bar.rv_rank, bar.slope
        b.warmed = body == body and rank == rank and slope == slope
        if b.warmed and b.mode == WARMING:
            trigger(b, WARMED)


def _publish(b: Row, r: Row, funding: Row) -> None:
    """Funding is published, and paid where there is a position."""
    if funding.ts < r.begins_ts:
        return
    if b.venue_base != 0.0:
        pay_funding(b, funding.ts, funding.rate_frac_1h, funding.hours)
    give_up_overdue_at(b, funding.ts)
    guard(b, r)
    settle(b, r)
    _hear_all(b, r)


def _pass_time(b: Row, r: Row, ts: int) -> None:
    """Let answers be heard and commands arrive, each at its own time, until the market's step at `ts`."""
    due = venue.due_ts(b)
    while b.fault == 0:
        if b.answers_due > 0 and b.answers[0].ts <= min(due, ts):
            _hear_answer(b, r)
        elif due <= ts:
            venue.arrive_at_open(b, r, due)
            _hear_all(b, r)
        else:
            return
        due = venue.due_ts(b)


def _hear_answers(b: Row, r: Row, ts: int) -> None:
    while b.answers_due > 0 and b.answers[0].ts <= ts:
        _hear_answer(b, r)


def _hear_answer(b: Row, r: Row) -> None:
    give_up_overdue_at(b, b.answers[0].ts)
    take_answer(b)
    guard(b, r)
    settle(b, r)


def _hear_all(b: Row, r: Row) -> None:
    """Let the trader hear what the venue has said, one event after the other."""
    for place in range(b.events_told):
        event = b.events[place]
        give_up_overdue_at(b, event.ts)
        if event.kind == FILLED:
            if b.keeps_all:
                _keep_fill(b, event)
            book_fill(b, r, event)
        elif event.kind == FUNDED:
            book_funding(b, event.fee_usd)
        elif event.kind == ACCEPTED:
            book_order(b, event.serial, FACT_ACCEPTED)
        elif event.kind == CANCELLED:
            book_order(b, event.serial, FACT_CANCELLED)
        else:
            book_order(b, event.serial, FACT_REJECTED)
        guard(b, r)
        settle(b, r)
    b.events_told = 0


def _keep_fill(b: Row, event: Row) -> None:
    if b.fills_new >= FILLS_MAX:
        b.fault = FAULT_EVENTS
        return
    b.filled[b.fills_new] = event
    b.fills_new += 1
