"""What a person is told of: events and their outcomes become short messages, most become none.

Pure. How often and by which messenger is `notifier`'s.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from drift_e3.core.events import CollateralMoved, EntriesBarred, Event, Fill, OrderRejected
from drift_e3.core.notes import DataStale, ModeChanged, Note, PositionClosed, PositionOpened
from drift_e3.core.state import TraderState
from drift_e3.core.terms import HALTED, REDUCING, Reason
from drift_e3.core.turn import Outcome

UNEXPLAINED_USD = 0.05
"""A traded move of collateral beyond this is no keeper's reward: journal and account have parted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """`key` says what it is about: of the same key only one is sent for a while. `urgent`: however many were
    sent already."""

    key: str
    title: str
    body: str
    urgent: bool = False


def notices(event: Event, outcome: Outcome, state: TraderState) -> Iterator[Notice]:
    """What there is to tell of an event and of what it led to."""
    match event:
        case Fill() if event.reason in {Reason.LIQUIDATION, Reason.FOREIGN, Reason.ADOPTED}:
            body = f"{event.side.label} {event.size_base:g} at {event.price_usd:.4f}"
            yield Notice(
                key=f"fill:{event.fill_id}", title=f"Not ours: {event.reason.label}", body=body, urgent=True
            )
        case Fill() if event.reason is Reason.REDUCE:
            body = f"{event.side.label} {event.size_base:g} at {event.price_usd:.4f}: above the regime's cap"
            yield Notice(key=f"fill:{event.fill_id}", title="Position made smaller", body=body)
        case EntriesBarred() if event.reasons:
            reasons = ", ".join(event.reasons)
            yield Notice(key=f"barred:{reasons}", title="Entries are barred", body=reasons)
        case CollateralMoved() if event.traded and abs(event.amount_usd) > UNEXPLAINED_USD:
            body = f"{event.amount_usd:+.2f} USD that no fill explains"
            yield Notice(
                key=f"moved:{event.seen_ts}", title="Account and journal part", body=body, urgent=True
            )
        case OrderRejected():
            yield Notice(key=f"rejected:{event.reason}", title="Order rejected", body=event.reason)
        case _:
            pass
    for note in outcome.notes:
        found = _noted(note, state)
        if found is not None:
            yield found


def _noted(note: Note, state: TraderState) -> Notice | None:
    match note:
        case PositionOpened():
            return Notice(
                key=f"opened:{note.trade_id}",
                title=f"{note.direction.label.capitalize()} {note.size_base:g} {state.instrument.symbol}",
                body=f"{note.strategy.label} in {note.regime.label} at {note.entry_usd:.4f}, "
                f"stop {note.stop_usd:.4f}, target {note.target_usd:.4f}, "
                f"{note.leverage_x:.2f}x of {note.leverage_x_max:g}x",
            )
        case PositionClosed():
            return Notice(
                key=f"closed:{note.trade_id}",
                title=f"Closed {note.net_usd:+.2f} USD",
                body=f"{note.direction.label} by {note.reason.label}, equity {note.equity_usd:.2f} USD",
            )
        case ModeChanged() if note.after is HALTED:
            body = f"{note.cause.label} at equity {note.equity_usd:.2f} USD; nothing is traded until resumed"
            return Notice(key="halted", title="Trading halted", body=body, urgent=True)
        case ModeChanged() if note.after is REDUCING:
            body = f"{note.cause.label} at equity {note.equity_usd:.2f} USD"
            return Notice(key="reducing", title="No new positions", body=body)
        case DataStale() if note.stale:
            body = (
                f"{note.age_s:.0f} s old, {note.limit_s:.0f} s are allowed"
                if note.age_s == note.age_s
                else "never seen"
            )
            return Notice(key=f"stale:{note.what}", title=f"{note.what.replace('_', ' ')}", body=body)
        case _:
            return None


def summary(state: TraderState, day: str, trades: int, day_open_usd: float) -> Notice:
    """A day in short; `trades` were finished on it, it began with `day_open_usd` of equity."""
    price_usd = state.market.price_usd
    equity_usd = state.account.equity_usd(price_usd)
    change = (
        f"{equity_usd - day_open_usd:+.2f} USD ({equity_usd / day_open_usd - 1.0:+.2%})"
        if day_open_usd > 0.0
        else ""
    )
    return Notice(
        key=f"day:{day}",
        title=f"{day}: {change}".rstrip(": "),
        body=f"equity {equity_usd:.2f} USD, {trades} trades, {state.mode.mode.label}, "
        f"drawdown {state.breakers.drawdown_frac(equity_usd):.2%}",
    )
