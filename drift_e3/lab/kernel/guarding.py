"""What protects the account on every event, compiled: `core.guard` and `core.breakers` on a candle tape.

Exit levels, times and the exposure rule are the core's functions. A tape's feed is never live, so nothing is
ever stale, and nobody asks for a flat position.
"""

from typing import Final

from drift_e3.core.blend import final_regime, freshness
from drift_e3.core.breakers import EXACTLY
from drift_e3.core.levels import price_exit, timed_exit
from drift_e3.core.modes import Trigger
from drift_e3.core.risk import is_overexposed, size_within_cap
from drift_e3.core.terms import CRASH, MS_PER_DAY, MS_PER_HOUR, MS_PER_MINUTE, MS_PER_SECOND, Mode, Reason
from drift_e3.lab.kernel.books import ENTRIES_MAX
from drift_e3.lab.kernel.desk import (
    close_position,
    pause,
    protect,
    track,
    trigger,
)
from drift_e3.lab.kernel.layout import Row
from drift_e3.lab.kernel.orders import cancel_entries, standing, stopped_base

TRADING: Final = int(Mode.TRADING)
REDUCING: Final = int(Mode.REDUCING)
DAILY_LOSS: Final = int(Trigger.DAILY_LOSS)
DRAWDOWN: Final = int(Trigger.DRAWDOWN)
PAUSE_OVER: Final = int(Trigger.PAUSE_OVER)
FLATTEN: Final = int(Reason.FLATTEN)
REDUCE: Final = int(Reason.REDUCE)
UNPROTECTED: Final = int(Reason.UNPROTECTED)
NONE: Final = -1


def guard(b: Row, r: Row) -> None:
    """Break what must be broken and keep the stop where it belongs, on any event but a candle's close."""
    watch(b, r)
    if b.in_trade:
        keep_within_cap(b, r)
        protect(b, r, False)
    withdraw(b, r)


def guard_candle(b: Row, r: Row, bar: Row) -> None:
    """The same on a candle's close, which may also end the trade and moves its levels."""
    watch(b, r)
    if b.in_trade:
        watch_exits(b, r, bar)
        keep_within_cap(b, r)
        protect(b, r, True)
    withdraw(b, r)


def watch(b: Row, r: Row) -> None:
    """Limits, the regime in force, and whether the position has its stop."""
    watch_limits(b, r)
    b.regime = regime_in_force(b, r)
    watch_protection(b, r)
    if b.in_trade and b.halted:
        close_position(b, r, 0.0, FLATTEN)


def withdraw(b: Row, r: Row) -> None:
    """Take back an entry that is on its way when there are to be none."""
    if b.mode != TRADING and b.entry_serial != 0:
        cancel_entries(b, r)


def keep_within_cap(b: Row, r: Row) -> None:
    """Bring the position down to the cap where it is above."""
    now_standing = standing(b, r, -b.direction)
    if is_overexposed(now_standing):
        close_position(b, r, size_within_cap(now_standing), REDUCE)


def watch_limits(b: Row, r: Row) -> None:
    """Mark equity against the breakers, and let pauses begin and end."""
    if b.equity_usd > b.peak_usd:
        b.peak_usd = b.equity_usd
    elif b.peak_usd > 0.0 and 1.0 - b.equity_usd / b.peak_usd > b.drawdown_frac_max:
        b.drawdown_frac_max = 1.0 - b.equity_usd / b.peak_usd
    day = b.now // MS_PER_DAY
    if day > b.day:
        b.day, b.day_open_usd = day, b.equity_usd
    b.high_water_usd = max(b.high_water_usd, b.equity_usd)
    if _lost_frac(b.high_water_usd, b.equity_usd) >= r.limits.drawdown_max - EXACTLY:
        trigger(b, DRAWDOWN)
    elif _lost_frac(b.day_open_usd, b.equity_usd) >= r.limits.daily_loss_max - EXACTLY:
        pause(b, (day + 1) * MS_PER_DAY, DAILY_LOSS)
        trigger(b, DAILY_LOSS)
    if b.now < b.paused_until_ts:
        if b.mode == TRADING:
            trigger(b, b.pause_cause)
    elif b.mode == REDUCING:
        trigger(b, PAUSE_OVER)


def _lost_frac(from_usd: float, equity_usd: float) -> float:
    return 1.0 - equity_usd / from_usd if from_usd > 0.0 else 0.0


def regime_in_force(b: Row, r: Row) -> int:
    """The regime that routes and caps; while a question is open the advice at hand does not expire."""
    if not b.has_advice:
        return int(b.rule_regime)
    held = b.held
    if b.question_row >= 0 and b.regime == held.regime and b.rule_regime != CRASH:
        return int(b.regime)
    at_ts = max(b.close_ts, b.now - r.frame_ms)
    fresh = freshness(at_ts - held.ts, r.params.ai_ttlSeconds) > 0.0
    return int(final_regime(b.rule_regime, held.regime, held.confidence, fresh, r.params))


def watch_protection(b: Row, r: Row) -> None:
    """Count how long the position stands without a stop on the venue; past the limit, leave."""
    if not b.in_trade and b.unprotected_since_ts < 0:
        return
    if stopped_base(b) >= abs(b.position_base) - r.instrument.step_base / 2.0:
        if b.unprotected_since_ts >= 0:
            ms = b.now - b.unprotected_since_ts
            b.unprotected_ms += ms
            b.unprotected_ms_max = max(b.unprotected_ms_max, ms)
            b.unprotected_since_ts = -1
    elif b.unprotected_since_ts < 0:
        b.unprotected_since_ts = b.now
    elif b.now - b.unprotected_since_ts > r.limits.unprotected_max_s * MS_PER_SECOND:
        close_position(b, r, 0.0, UNPROTECTED)


def watch_exits(b: Row, r: Row, bar: Row) -> None:
    """Leave at stop, trailing level, target or time; the peak is taken after the check, never before."""
    reason = price_exit(b.direction, b.price_usd, b.stop_usd, b.trailing_usd, b.target_usd)
    if reason < 0:
        reason = timed_exit(
            b.strategy,
            b.now - b.decided_ts,
            bar.funding_z,
            bar.funding_frac_1h,
            r.params,
            r.limits.min_hold_minutes,
        )
    if reason >= 0:
        close_position(b, r, 0.0, int(reason))
    best_usd = b.price_usd
    if b.now - b.opened_ts > 1:
        best_usd = bar.high if b.direction > 0 else bar.low
    track(b, r, best_usd)


# -- entries by the clock ------------------------------------------------------------------------------------


def cools_down_ms(b: Row, r: Row) -> int:
    """How long ago the last exit was while no entry may follow it, -1 when one may."""
    since_exit_ms = b.now - b.last_exit_ts
    if b.last_exit_ts >= 0 and since_exit_ms < int(r.limits.cooldown_minutes * MS_PER_MINUTE):
        return int(since_exit_ms)
    return NONE


def count_entries(b: Row) -> tuple[int, int]:
    """Entries in the last hour and in the last day."""
    while b.entries_before_hour < b.entries and (
        b.entry_ts[b.entries_before_hour % ENTRIES_MAX] <= b.now - MS_PER_HOUR
    ):
        b.entries_before_hour += 1
    while b.entries_before_day < b.entries and (
        b.entry_ts[b.entries_before_day % ENTRIES_MAX] <= b.now - MS_PER_DAY
    ):
        b.entries_before_day += 1
    return int(b.entries - b.entries_before_hour), int(b.entries - b.entries_before_day)


def book_entry(b: Row) -> None:
    """Count an entry order."""
    b.entry_ts[b.entries % ENTRIES_MAX] = b.now
    b.entries += 1
