"""The trader's mode, account and open trade, compiled: `core.desk`, `modes`, `account` and `trade`.

Levels and rounding are the core's functions; which mode follows which trigger is the core's own table. On a
candle tape an entry fills whole or not at all, so that a position grows only from nothing.
"""

from typing import Final

from drift_e3.core.desk import RETRY_PAUSE_MS
from drift_e3.core.grid import round_nearest
from drift_e3.core.levels import protective_stop, stop_price, target_price, trailing_price
from drift_e3.core.modes import LATCHES, Trigger
from drift_e3.core.terms import BPS, E3, MS_PER_MINUTE, UNKNOWN, Mode
from drift_e3.lab.kernel.books import FAULT_TRANSITION, MODES, NOWHERE, TRADES_MAX
from drift_e3.lab.kernel.clearing import LIQUIDATION
from drift_e3.lab.kernel.layout import Row
from drift_e3.lab.kernel.orders import (
    FACT_FILLED,
    FACT_PARTLY,
    FACT_REJECTED,
    KIND_IOC,
    KIND_TRIGGER,
    TAKE_PROFIT,
    apply,
    ask_cancel,
    cancel_all,
    closing_base,
    place_of,
    rests,
    send,
)

WARMING: Final = int(Mode.WARMING)
HALTED: Final = int(Mode.HALTED)
NO_TRIGGER: Final = -1
LOSS_STREAK: Final = int(Trigger.LOSS_STREAK)
LATCHING: Final = tuple(sorted(int(trigger) for trigger in LATCHES))


# -- mode and account ----------------------------------------------------------------------------------------


def trigger(b: Row, what: int) -> None:
    """Let something change the mode. On a tape nobody resumes, so a halt stays."""
    after = MODES[b.mode, what]
    if what in LATCHING and not b.halted:
        b.halted, b.halt_cause = True, what
    if after == NOWHERE:
        return
    if after == WARMING and b.halted:
        after = HALTED
    b.mode, b.cause = after, what


def mark(b: Row) -> None:
    """Mark the account at the last price."""
    marked = b.position_base * b.price_usd if b.position_base != 0.0 else 0.0
    net_usd = b.total_cash_usd + marked - b.total_slippage_usd - b.total_fees_usd + b.total_funding_usd
    # Nothing is paid in or out on a tape; the zero stands where the core adds what was.
    b.equity_usd = b.initial_usd + 0.0 + net_usd


# -- facts from the venue ------------------------------------------------------------------------------------


def book_order(b: Row, serial: int, fact: int) -> None:
    """Take what the venue says of an order; an entry that is done without a fill is forgotten."""
    place = place_of(b, serial)
    if place < 0:
        b.fault = FAULT_TRANSITION
        return
    if fact == FACT_REJECTED and b.in_trade:
        _pause(b, b.orders[place].kind, b.orders[place].reduce_only)
    apply(b, place, fact)
    _forget_finished_entry(b)


def book_fill(b: Row, r: Row, fill: Row) -> None:
    """Take a fill: position, cash, trade."""
    step_base = r.instrument.step_base
    before_base = b.position_base
    signed_base = fill.side * fill.size_base
    after_base = round_nearest(before_base + signed_base, step_base)
    place = place_of(b, fill.serial)
    only_reduces = place < 0 or b.orders[place].reduce_only
    if before_base * after_base < 0.0 or (only_reduces and before_base * fill.side >= 0.0):
        b.fault = FAULT_TRANSITION
        return
    if place >= 0:
        order = b.orders[place]
        order.filled_base += fill.size_base
        left_base = order.size_base - order.filled_base
        if left_base < -step_base / 2 or not fill.size_base >= step_base / 2:
            b.fault = FAULT_TRANSITION
            return
        apply(b, place, FACT_FILLED if left_base < step_base / 2 else FACT_PARTLY)
    elif fill.reason != LIQUIDATION:
        b.fault = FAULT_TRANSITION
        return
    _book_cash(b, fill, signed_base, before_base, after_base)
    b.fills += 1
    mark(b)
    if before_base == 0.0:
        _open_trade(b, r)
    elif after_base == 0.0:
        _close_trade(b, r, fill)
    _forget_finished_entry(b)


def book_funding(b: Row, amount_usd: float) -> None:
    """Take a funding payment."""
    b.total_funding_usd += amount_usd
    b.trade_funding_usd += amount_usd
    mark(b)


def _book_cash(b: Row, fill: Row, signed_base: float, before_base: float, after_base: float) -> None:
    if before_base == 0.0:
        b.trade_cash_usd = b.trade_slippage_usd = b.trade_fees_usd = b.trade_funding_usd = 0.0
    if before_base * signed_base >= 0.0:
        grown = abs(before_base) + fill.size_base
        b.entry_usd = (b.entry_usd * abs(before_base) + fill.price_usd * fill.size_base) / grown
    elif before_base * after_base < 0.0:
        b.entry_usd = fill.price_usd
    elif after_base == 0.0:
        b.entry_usd = 0.0
    b.position_base = after_base
    reference_usd = signed_base * fill.reference_usd
    slippage_usd = signed_base * (fill.price_usd - fill.reference_usd)
    b.total_cash_usd -= reference_usd
    b.total_slippage_usd += slippage_usd
    b.total_fees_usd += fill.fee_usd
    b.trade_cash_usd -= reference_usd
    b.trade_slippage_usd += slippage_usd
    b.trade_fees_usd += fill.fee_usd


def _open_trade(b: Row, r: Row) -> None:
    b.in_trade = True
    b.strategy, b.trade_regime, b.direction = b.entry_strategy, b.entry_regime, b.entry_direction
    b.decided_ts = b.entry_decided_ts
    b.opened_ts, b.peak_price_usd, b.open_usd = b.now, b.entry_usd, b.entry_usd
    b.stop_usd = stop_price(b.direction, b.entry_usd, b.strategy, r.params)
    b.target_usd = target_price(b.direction, b.entry_usd, b.strategy, r.params)
    b.trailing_usd = b.armed_stop_usd = UNKNOWN
    b.orders_sent = b.stop_serial = b.target_serial = 0
    b.armed_base = 0.0
    b.arm_after_ts = b.exit_after_ts = 0


def _close_trade(b: Row, r: Row, fill: Row) -> None:
    price_usd = b.trade_cash_usd + 0.0
    net_usd = price_usd - b.trade_slippage_usd - b.trade_fees_usd + b.trade_funding_usd
    if b.trades_new < TRADES_MAX:
        trade = b.finished[b.trades_new]
        b.trades_new += 1
        trade.entry_ts, trade.opened_ts, trade.exit_ts = b.decided_ts, b.opened_ts, b.now
        trade.strategy, trade.regime, trade.direction = b.strategy, b.trade_regime, b.direction
        trade.reason = fill.reason
        trade.price_usd, trade.slippage_usd = price_usd, b.trade_slippage_usd
        trade.fees_usd, trade.funding_usd = b.trade_fees_usd, b.trade_funding_usd
        trade.net_usd, trade.equity_usd = net_usd, b.equity_usd
    b.in_trade = False
    b.trades += 1
    b.wins += net_usd > 0.0
    b.last_exit_ts = b.now
    b.loss_streak = b.loss_streak + 1 if net_usd < 0.0 else 0
    if b.loss_streak >= r.limits.loss_streak_max:
        b.loss_streak = 0
        pause(b, b.now + int(r.limits.pause_minutes * MS_PER_MINUTE), LOSS_STREAK)
        trigger(b, LOSS_STREAK)
    cancel_all(b, r)


def pause(b: Row, until_ts: int, cause: int) -> None:
    """Take no entries until then, unless that is so already."""
    if until_ts > b.paused_until_ts:
        b.paused_until_ts, b.pause_cause = until_ts, cause


def _forget_finished_entry(b: Row) -> None:
    if b.entry_serial != 0 and place_of(b, b.entry_serial) < 0:
        b.entry_serial = 0


# -- leaving -------------------------------------------------------------------------------------------------


def track(b: Row, r: Row, best_usd: float) -> None:
    """Take the best price seen since the last check: the peak, and the trailing level behind it."""
    if (best_usd - b.peak_price_usd) * b.direction > 0.0:
        b.peak_price_usd = best_usd
        if b.strategy == E3:
            level_usd = trailing_price(b.direction, b.open_usd, best_usd, r.params)
            if not (b.trailing_usd - level_usd) * b.direction > 0.0:
                b.trailing_usd = level_usd


def close_position(b: Row, r: Row, keep_base: float, reason: int) -> None:
    """Leave the market now with all but `keep_base`, less what is already on its way out."""
    if not b.in_trade or b.now < b.exit_after_ts:
        return
    step_base = r.instrument.step_base
    leaving_base = abs(b.position_base) - closing_base(b) - keep_base
    size_base = round_nearest(leaving_base, step_base)
    if size_base < step_base / 2:
        return
    worst_usd = b.price_usd * (1.0 - b.direction * r.limits.exit_slippage_bps * BPS)
    _send_exit(b, r, KIND_IOC, size_base, worst_usd, b.price_usd, reason, False)


def protect(b: Row, r: Row, candle_closed: bool) -> None:
    """Keep stop and target on the venue at the position's size; levels are moved on closed candles only."""
    if not b.in_trade:
        return
    _retire_replaced(b, r)
    size_base = abs(b.position_base)
    resized = b.armed_base != size_base
    stop_open = place_of(b, b.stop_serial) >= 0
    target_open = place_of(b, b.target_serial) >= 0
    if stop_open and target_open and not resized and not candle_closed:
        return
    stop_usd, reason = protective_stop(b.direction, b.stop_usd, b.trailing_usd)
    if b.now >= b.arm_after_ts:
        if resized or stop_usd != b.armed_stop_usd or not stop_open:
            serial = _send_exit(
                b, r, KIND_TRIGGER, size_base, stop_usd, stop_usd, int(reason), b.direction < 0
            )
            b.stop_serial = serial if serial > 0 else b.stop_serial
            b.armed_stop_usd = stop_usd
        if resized or not target_open:
            serial = _send_exit(
                b, r, KIND_TRIGGER, size_base, b.target_usd, b.target_usd, TAKE_PROFIT, b.direction > 0
            )
            b.target_serial = serial if serial > 0 else b.target_serial
        b.armed_base = size_base


def _retire_replaced(b: Row, r: Row) -> None:
    """Take back a stop or target once the venue has said that it has the one that replaces it."""
    for place in range(b.orders_open):
        order = b.orders[place]
        if order.kind == KIND_TRIGGER:
            successor = b.target_serial if order.reason == TAKE_PROFIT else b.stop_serial
            if order.serial != successor and rests(b, successor):
                ask_cancel(b, r, place)


def _send_exit(
    b: Row,
    r: Row,
    kind: int,
    size_base: float,
    price_usd: float,
    reference_usd: float,
    reason: int,
    triggers_above: bool,
) -> int:
    """Send an order that leaves; its serial, or 0 where it was refused."""
    b.orders_sent += 1
    broken, _, _ = send(
        b,
        r,
        -b.direction,
        kind,
        size_base,
        price_usd,
        reference_usd,
        reason,
        True,
        triggers_above,
        b.decided_ts,
        b.orders_sent,
        UNKNOWN,
    )
    if broken != 0:
        _pause(b, kind, True)
        return 0
    serial: int = b.serial
    return serial


def _pause(b: Row, kind: int, reduce_only: bool) -> None:
    """Wait a moment before the next order of the kind that was refused."""
    if kind == KIND_TRIGGER:
        b.arm_after_ts = b.now + RETRY_PAUSE_MS
    elif reduce_only:
        b.exit_after_ts = b.now + RETRY_PAUSE_MS
