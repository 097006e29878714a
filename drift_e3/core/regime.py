"""The market's regime by rule: entry tests, the machine with its dwell, and how sure the rules are.

Leaf rules over `Features` and `Params`, which the lab compiles as they stand. What an advisor says of the
regime is weighed in `core.blend`; which strategy a regime is routed to stands in the settings.
"""

from math import isnan
from typing import Final

from drift_e3.core.features import Features
from drift_e3.core.params import Params
from drift_e3.core.terms import (
    BEAR_TREND,
    BULL_TREND,
    CHOP,
    CRASH,
    HIGH_VOL,
    MS_PER_MINUTE,
    UNKNOWN,
    Regime,
    clamp,
)
from drift_e3.core.windows import Floats

ENTRY_SCALE: Final = 1.0
STAY_SCALE: Final = 0.8
"""A present regime stays while its tests hold with their thresholds times this."""
ENTRY_RANK: Final = 0.95
STAY_RANK: Final = 0.90
"""The rank test of high_vol is not scaled: it has a rank of its own for staying."""
CRASH_R5_SHARE: Final = 0.6
"""A crash within 5 minutes needs this share of the 15-minute move."""
R5_FRAME_MAX_MS: Final = 5 * MS_PER_MINUTE
DWELL_CANDLES: Final = 5.0
DWELL_MS: Final = 5 * MS_PER_MINUTE
CRASH_DWELL_MS: Final = 30 * MS_PER_MINUTE


# Places in the state of the machine; plain integers as in `base_candles`.
PRESENT: Final = 0
"""The present `Regime`."""
ENTERED_TS: Final = 1
"""Close time (UTC, ms) of the candle that it was entered on; NaN before the first candle."""
CANDLES: Final = 2
"""Candles closed since then, the entry candle not counted."""


def new_regime_state() -> Floats:
    """The machine before its first candle: chop, entered at no time, so that any candidate enters at once."""
    return [float(CHOP), UNKNOWN, 0.0]


def crash_holds(f: Features, p: Params, frame_ms: int, scale: float) -> bool:
    """Whether the move of 15 minutes, or on candles up to 5 minutes that of 5, is a crash; either sign."""
    if abs(f.r15) > p.thr_crashMove * scale:
        return True
    return frame_ms <= R5_FRAME_MAX_MS and abs(f.r5) > CRASH_R5_SHARE * p.thr_crashMove * scale


def high_vol_holds(f: Features, p: Params, scale: float, rank: float) -> bool:
    """Whether realised volatility is high by its size or by its rank within 7 days."""
    return f.rv_1h > p.thr_volHigh * scale or f.rv_rank > rank


def trend_holds(f: Features, p: Params, sign: int, scale: float) -> bool:
    """Whether there is a trend upwards (`sign` 1) or downwards (-1).

    With thr_useFundingVolume funding must not point the other way and volume must not be falling, each only
    where known. Rising volume confirms a trend of either sign; only funding is mirrored. Both legs compare
    with zero, which no scale changes, so they are part of the stay test as well.
    """
    if not (sign * f.slope > p.thr_trendSlope * scale and f.efficiency > p.thr_trendEfficiency * scale):
        return False
    return not (p.thr_useFundingVolume and (sign * f.funding_frac_1h < 0.0 or f.volume_trend < 0.0))


def candidate(f: Features, p: Params, frame_ms: int) -> Regime:
    """The first regime, in the order of `Regime`, whose entry test holds; unknown features hold no test."""
    if crash_holds(f, p, frame_ms, ENTRY_SCALE):
        return CRASH
    if high_vol_holds(f, p, ENTRY_SCALE, ENTRY_RANK):
        return HIGH_VOL
    if trend_holds(f, p, 1, ENTRY_SCALE):
        return BULL_TREND
    if trend_holds(f, p, -1, ENTRY_SCALE):
        return BEAR_TREND
    return CHOP


def stay_holds(regime: int, f: Features, p: Params, frame_ms: int) -> bool:
    """Whether the stay test of a present regime holds; chop has none and never does."""
    if regime == CRASH:
        return crash_holds(f, p, frame_ms, STAY_SCALE)
    if regime == HIGH_VOL:
        return high_vol_holds(f, p, STAY_SCALE, STAY_RANK)
    if regime == BULL_TREND:
        return trend_holds(f, p, 1, STAY_SCALE)
    if regime == BEAR_TREND:
        return trend_holds(f, p, -1, STAY_SCALE)
    return False


def dwell_runs(state: Floats, frame_ms: int, now_ts: int) -> bool:
    """Whether the present regime dwells: max(5 candles, 5 minutes), in a crash max(5 candles, 30 minutes).

    Both the count of closed candles and the time must have passed. Without gaps that is the longer of the
    two; across a gap time alone does not end a dwell of which the machine saw fewer than 5 candles.
    """
    dwell_ms = CRASH_DWELL_MS if int(state[PRESENT]) == CRASH else DWELL_MS
    return state[CANDLES] < DWELL_CANDLES or now_ts - state[ENTERED_TS] < dwell_ms


def advance_regime(state: Floats, f: Features, p: Params, frame_ms: int, now_ts: int) -> int:
    """Take one closed candle into the machine and give the regime that is present after it.

    `now_ts` is the candle's close time (UTC, ms). Crash enters at once. Else the present regime stays while
    its dwell runs, or while its stay test holds and no earlier-ordered rule's entry test does; else the
    candidate enters. Where the definition is silent:

    - a running dwell gives way to a crash only, not to another earlier-ordered rule;
    - a regime that is its own candidate stays and its dwell does not begin anew, not even a crash's;
    - chop dwells like the others once entered, and after that gives way to any candidate;
    - before the first candle nothing is present, so the first candidate enters whatever it is;
    - a stay test that fails inside the dwell ends nothing and is not remembered.
    """
    found = candidate(f, p, frame_ms)
    if not isnan(state[ENTERED_TS]):
        state[CANDLES] += 1.0
        present = int(state[PRESENT])
        if found == present:
            return present
        if found != CRASH:
            if dwell_runs(state, frame_ms, now_ts):
                return present
            # The candidate is the first rule that holds: an earlier-ordered one holds when it comes earlier.
            if found > present and stay_holds(present, f, p, frame_ms):
                return present
    state[PRESENT] = float(found.value)
    state[ENTERED_TS] = float(now_ts)
    state[CANDLES] = 0.0
    return found.value


def larger_known(a: float, b: float) -> float:
    """The larger of two numbers, the known one where the other is unknown."""
    if isnan(a) or b > a:
        return b
    return a


def crash_strength(f: Features, p: Params, frame_ms: int) -> float:
    """The larger of the moves of 15 and of 5 minutes over their entry thresholds (1 = at the threshold)."""
    by_r15 = abs(f.r15) / p.thr_crashMove
    if frame_ms > R5_FRAME_MAX_MS:
        return by_r15
    return larger_known(by_r15, abs(f.r5) / (CRASH_R5_SHARE * p.thr_crashMove))


def high_vol_strength(f: Features, p: Params) -> float:
    """The larger of realised volatility and its rank over their entry thresholds."""
    return larger_known(f.rv_1h / p.thr_volHigh, f.rv_rank / ENTRY_RANK)


def trend_strength(slope: float, efficiency: float, p: Params) -> float:
    """The smaller of slope and efficiency over their entry thresholds: a trend needs both.

    `slope` is signed by the direction asked for: negative points the other way. Unknown when either is.
    """
    by_slope = slope / p.thr_trendSlope
    by_efficiency = efficiency / p.thr_trendEfficiency
    if by_slope < by_efficiency:
        return by_slope
    if by_efficiency <= by_slope:
        return by_efficiency
    return UNKNOWN


def strength(regime: int, f: Features, p: Params, frame_ms: int) -> float:
    """x/threshold over the binding entry test of a regime; for chop that of the strongest other regime."""
    if regime == CRASH:
        return crash_strength(f, p, frame_ms)
    if regime == HIGH_VOL:
        return high_vol_strength(f, p)
    if regime == BULL_TREND:
        return trend_strength(f.slope, f.efficiency, p)
    if regime == BEAR_TREND:
        return trend_strength(-f.slope, f.efficiency, p)
    violent = larger_known(crash_strength(f, p, frame_ms), high_vol_strength(f, p))
    # Of the two trends the one that the slope points to.
    return larger_known(violent, trend_strength(abs(f.slope), f.efficiency, p))


def regime_confidence(regime: int, f: Features, p: Params, frame_ms: int) -> float:
    """How sure the rules are of `regime`, 0..1: 0.5 at its entry threshold, 1 at twice; chop 1 - x/threshold.

    A regime that only stays, by dwell or stay test, may be below 0.5. When nothing it rests on is known: 0.
    """
    x = strength(regime, f, p, frame_ms)
    if regime == CHOP:
        return clamp(1.0 - x, 0.0, 1.0)
    return clamp(0.5 + 0.5 * (x - 1.0), 0.0, 1.0)
