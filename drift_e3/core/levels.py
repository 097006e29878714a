"""Where and when a position ends by rule: stop, trailing stop, target, time and normal funding.

Leaf rules, which the lab compiles as they stand. Prices in USD, `direction` the sign of the position (-1, 1).
Rounding to the venue's tick is the venue's, gaps and fills are the fill model's.
"""

from math import isnan
from typing import Final

from drift_e3.core.params import Params
from drift_e3.core.terms import E3, FUNDING_FADE, MS_PER_HOUR, MS_PER_MINUTE, UNKNOWN, Reason

NO_EXIT: Final = -1
"""What an exit rule gives instead of a `Reason` when the position is to stay."""


def stop_fraction(strategy: int, p: Params) -> float:
    """The distance of the stop as a fraction of the entry price.

    A position of no strategy (adopted from the venue) is guarded as well: by the nearer of both.
    """
    if strategy == E3:
        return p.m_stopLossPct
    if strategy == FUNDING_FADE or p.f_stopLossPct < p.m_stopLossPct:
        return p.f_stopLossPct
    return p.m_stopLossPct


def target_fraction(strategy: int, p: Params) -> float:
    """The distance of the target as a fraction of the entry price; the nearer of both for no strategy."""
    if strategy == E3:
        return p.m_takeProfitPct
    if strategy == FUNDING_FADE or p.f_takeProfitPct < p.m_takeProfitPct:
        return p.f_takeProfitPct
    return p.m_takeProfitPct


def stop_price(direction: int, entry: float, strategy: int, p: Params) -> float:
    """The price at which a position is given up: below the entry for a long, above for a short."""
    return entry * (1.0 - direction * stop_fraction(strategy, p))


def target_price(direction: int, entry: float, strategy: int, p: Params) -> float:
    """The price at which profit is taken."""
    return entry * (1.0 + direction * target_fraction(strategy, p))


def trailing_price(direction: int, entry: float, peak: float, p: Params) -> float:
    """The trailing stop of an E3 position (no other strategy trails), NaN until it is armed.

    `peak` is the best price of *earlier* candles or ticks: the one in hand must not move the level that it is
    compared with. Armed once the gain at the peak has reached the stop distance; it then follows the peak by
    m_trailingStopPct of the peak.
    """
    if direction * (peak - entry) >= entry * p.m_stopLossPct:
        return peak * (1.0 - direction * p.m_trailingStopPct)
    return UNKNOWN


def protective_stop(direction: int, stop: float, trailing: float) -> tuple[float, int]:
    """The tighter of stop and trailing stop with its `Reason`: what a stop order on the venue should hold.

    NaN is a level that there is not; of two equal levels it is the stop.
    """
    if isnan(stop) or direction * trailing > direction * stop:
        return trailing, Reason.TRAILING
    return stop, Reason.STOP


def price_exit(direction: int, price: float, stop: float, trailing: float, target: float) -> int:
    """The `Reason` to leave at `price`, tried in the order stop, trailing, target; `NO_EXIT` when none.

    Touching a level is enough. NaN is a level that there is not.
    """
    if direction * price <= direction * stop:
        return Reason.STOP
    if direction * price <= direction * trailing:
        return Reason.TRAILING
    if direction * price >= direction * target:
        return Reason.TAKE_PROFIT
    return NO_EXIT


def timed_exit(
    strategy: int, held_ms: int, funding_z: float, funding_frac_1h: float, p: Params, min_hold_minutes: float
) -> int:
    """`Reason.NORMALISED` or `Reason.TIME` for a position held this long, else `NO_EXIT`.

    Neither comes before the minimum hold. A fade ends once funding is normal again, from f_minHoldHours on:
    abs(z) below f_fundingNormalizeZ, in raw mode abs(rate) below f_fundingNormalizeThreshold; unknown funding
    is never normal. A position of no strategy ends at the shorter of both times.
    """
    if held_ms < min_hold_minutes * MS_PER_MINUTE:
        return NO_EXIT
    if strategy == FUNDING_FADE and held_ms >= p.f_minHoldHours * MS_PER_HOUR:
        if p.f_fundingRateMin > 0.0:
            if abs(funding_frac_1h) < p.f_fundingNormalizeThreshold:
                return Reason.NORMALISED
        elif abs(funding_z) < p.f_fundingNormalizeZ:
            return Reason.NORMALISED
    hours = p.m_maxHoldHours
    if strategy == FUNDING_FADE or (strategy != E3 and p.f_maxHoldHours < hours):
        hours = p.f_maxHoldHours
    if held_ms >= hours * MS_PER_HOUR:
        return Reason.TIME
    return NO_EXIT
