"""The order desk: facts from the venue booked, the position closed, its protection kept in place.

A position always has a reduce-only stop and target resting on the venue, for its whole size; the old one is
taken back when the venue has said that it has the new one, so that the position is never without. What rests
is swept when flat.
"""

from dataclasses import replace
from typing import assert_never

from drift_e3.core.commands import CancelOrder
from drift_e3.core.events import (
    AccountEvent,
    AccountOpened,
    CollateralMoved,
    EntriesBarred,
    Fill,
    FundingPaid,
    OrderAccepted,
    OrderCancelled,
    OrderRejected,
)
from drift_e3.core.grid import round_nearest
from drift_e3.core.notes import OrderRefused, PositionClosed, PositionOpened, StopArmed
from drift_e3.core.orders import IllegalTransition
from drift_e3.core.terms import E3, TRIGGER_MARKET, UNKNOWN, Direction, Intent, Reason, Refused
from drift_e3.core.trade import Trade
from drift_e3.core.turn import Turn

RETRY_PAUSE_MS = 1_000
"""After an exit was refused the next of its kind is sent no earlier than this: a venue that refuses at once
must not be hammered."""


def book_order(turn: Turn, event: OrderAccepted | OrderRejected | OrderCancelled) -> None:
    """Take what the venue says of an order; an entry that is done without a fill is forgotten."""
    state = turn.state
    order = state.orders.apply(event)
    if isinstance(event, OrderRejected) and order is not None and state.trade is not None:
        _pause(state.trade, order.intent, turn.now)
    _forget_finished_entry(turn)


def book_fill(turn: Turn, fill: Fill) -> None:
    """Take a fill: position, cash, trade. One that flips, or that grows what it may only reduce, raises and
    changes nothing."""
    state = turn.state
    account = state.account
    before_base, after_base = account.position_base, account.position_after(fill)
    order = state.orders.by_id.get(fill.order_id)
    only_reduces = fill.reason is not Reason.ADOPTED and (order is None or order.intent.reduce_only)
    if before_base * after_base < 0.0 or (only_reduces and before_base * fill.side >= 0.0):
        raise IllegalTransition(f"no fill may lead from {before_base} to {after_base}: {fill}")
    state.orders.apply(fill)
    account.book_fill(fill)
    state.tally.fills += 1
    turn.mark()
    if before_base == 0.0:
        _open_trade(turn, fill)
    elif after_base == 0.0:
        _close_trade(turn, fill)
    elif abs(after_base) > abs(before_base) and state.trade is not None:
        state.trade.open_at(account.entry_usd, turn.now, state.settings.params)
    _forget_finished_entry(turn)


def book_funding(turn: Turn, paid: FundingPaid) -> None:
    """Take a funding payment."""
    turn.state.account.book_funding(paid)
    turn.mark()


def book_account(turn: Turn, event: AccountEvent) -> None:
    """Take what the venue says of the account; what was paid in or out is neither profit nor loss."""
    state = turn.state
    match event:
        case AccountOpened():
            state.account.book_opening(event)
            state.breakers.start_anew(event.equity_usd)
            state.tally.peak_usd = event.equity_usd
        case CollateralMoved():
            state.account.book_move(event)
            if not event.traded:
                state.breakers.shift(event.amount_usd)
                state.tally.shift(event.amount_usd)
        case EntriesBarred():
            state.barred = event.reasons
        case _:
            assert_never(event)
    turn.mark()


def close_position(turn: Turn, keep_base: float, reason: Reason) -> None:
    """Leave the market now with all but `keep_base`, less what is already on its way out."""
    state = turn.state
    trade = state.trade
    if trade is None or turn.now < trade.exit_after_ts:
        return
    step_base = state.instrument.step_base
    leaving_base = abs(state.account.position_base) - state.orders.closing_base() - keep_base
    size_base = round_nearest(leaving_base, step_base)
    if size_base < step_base / 2:
        return
    intent = trade.exit_intent(size_base, turn.price_usd, reason, state.settings.limits)
    _send_exit(turn, trade, intent)


def protect(turn: Turn, *, candle_closed: bool) -> None:
    """Keep stop and target on the venue at the position's size; levels are moved on closed candles only."""
    state = turn.state
    trade = state.trade
    if trade is None:
        return
    _retire_replaced(turn, trade)
    position_base = state.account.position_base
    resting = trade.stop_order_id in state.orders.by_id and trade.target_order_id in state.orders.by_id
    if resting and trade.armed_base == abs(position_base) and not candle_closed:
        return
    stop_usd, _ = trade.stop_level()
    resized = trade.armed_base != abs(position_base)
    if turn.now >= trade.arm_after_ts:
        if resized or stop_usd != trade.armed_stop_usd or trade.stop_order_id not in state.orders.by_id:
            stop = trade.stop_intent(position_base)
            trade.stop_order_id = _send_protection(turn, trade, trade.stop_order_id, stop)
            trade.armed_stop_usd = stop_usd
        if resized or trade.target_order_id not in state.orders.by_id:
            target = trade.target_intent(position_base)
            trade.target_order_id = _send_protection(turn, trade, trade.target_order_id, target)
        trade.armed_base = abs(position_base)


def cancel_all(turn: Turn) -> None:
    """Take back every order."""
    for order_id in list(turn.state.orders.by_id):
        _cancel(turn, order_id)


def cancel_entries(turn: Turn) -> None:
    """Take back every order that could still grow the position."""
    for order in list(turn.state.orders.by_id.values()):
        if not order.intent.reduce_only:
            _cancel(turn, order.order_id)


def _open_trade(turn: Turn, fill: Fill) -> None:
    state = turn.state
    entry, account = state.entry, state.account
    if fill.reason is Reason.ADOPTED:
        entry = _adopted(turn, fill)
    assert entry is not None, "only an entry's fill opens a position"
    # A copy: two names for one object would be two objects after a snapshot.
    state.trade = trade = replace(entry)
    trade.open_at(account.entry_usd, turn.now, state.settings.params)
    turn.notes.append(
        PositionOpened(
            trade_id=trade.trade_id,
            strategy=trade.strategy,
            regime=trade.regime,
            direction=trade.direction,
            size_base=abs(account.position_base),
            entry_usd=account.entry_usd,
            stop_usd=trade.stop_usd,
            target_usd=trade.target_usd,
            leverage_x=abs(account.position_base) * account.entry_usd / turn.equity_usd,
            leverage_x_max=turn.leverage_x_max(),
        )
    )


def _adopted(turn: Turn, fill: Fill) -> Trade:
    """A trade for a position that was found: guarded by the levels of the momentum strategy."""
    return Trade(
        trade_id=f"{turn.now}-adopted",
        entry_order_id=fill.order_id,
        strategy=E3,
        regime=turn.regime(),
        direction=Direction(fill.side),
        decided_ts=turn.now,
    )


def _close_trade(turn: Turn, fill: Fill) -> None:
    state = turn.state
    trade = state.trade
    assert trade is not None, "a trade stands for every position"
    pnl = state.account.trade.parts(0.0, turn.price_usd)
    turn.notes.append(
        PositionClosed(
            trade_id=trade.trade_id,
            strategy=trade.strategy,
            regime=trade.regime,
            direction=trade.direction,
            reason=fill.reason,
            pnl=pnl,
            net_usd=pnl.net_usd,
            held_ms=turn.now - trade.opened_ts,
            equity_usd=turn.equity_usd,
        )
    )
    state.trade = None
    if state.entry is not None:
        # It is not done: if it fills on, that is a new position, which goes on numbering its orders.
        state.entry = replace(trade, opened_ts=-1, peak_usd=UNKNOWN, trailing_usd=UNKNOWN, armed_base=0.0)
    state.tally.trades += 1
    state.tally.wins += pnl.net_usd > 0.0
    broken = state.breakers.book_trade(pnl.net_usd, turn.now, state.settings.limits)
    if broken is not None:
        turn.trigger(broken)
    cancel_all(turn)


def _forget_finished_entry(turn: Turn) -> None:
    entry = turn.state.entry
    if entry is not None and entry.entry_order_id not in turn.state.orders.by_id:
        turn.state.entry = None


def _retire_replaced(turn: Turn, trade: Trade) -> None:
    """Take back a stop or target once the venue has said that it has the one that replaces it: a position is
    never without."""
    orders = turn.state.orders
    for order in list(orders.by_id.values()):
        if order.intent.kind is TRIGGER_MARKET:
            is_target = order.intent.reason is Reason.TAKE_PROFIT
            successor_id = trade.target_order_id if is_target else trade.stop_order_id
            if order.order_id != successor_id and orders.rests(successor_id):
                _cancel(turn, order.order_id)


def _send_protection(turn: Turn, trade: Trade, old_id: str, intent: Intent) -> str:
    """Send a stop or target; the id of the one that stands, which is the old one where this was refused."""
    order_id = _send_exit(turn, trade, intent)
    if not order_id:
        return old_id
    if intent.reason is not Reason.TAKE_PROFIT:
        turn.notes.append(
            StopArmed(trade_id=trade.trade_id, stop_usd=intent.price_usd, size_base=intent.size_base)
        )
    return order_id


def _send_exit(turn: Turn, trade: Trade, intent: Intent) -> str:
    """Send an order that leaves; its id, or "" where it was refused."""
    order_id = trade.next_order_id(intent.reason)
    verdict = turn.send(order_id, intent)
    if isinstance(verdict, Refused):
        _pause(trade, intent, turn.now)
        turn.notes.append(OrderRefused(intent=intent, code=verdict.text))
        return ""
    return order_id


def _pause(trade: Trade, intent: Intent, now_ts: int) -> None:
    """Wait a moment before the next order of the kind that was refused."""
    if intent.kind is TRIGGER_MARKET:
        trade.arm_after_ts = now_ts + RETRY_PAUSE_MS
    elif intent.reduce_only:
        trade.exit_after_ts = now_ts + RETRY_PAUSE_MS


def _cancel(turn: Turn, order_id: str) -> None:
    if turn.state.orders.ask_cancel(order_id):
        turn.commands.append(CancelOrder(order_id=order_id))
