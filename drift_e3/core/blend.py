"""What an advisor's opinion may do to the rules' own: the final regime, the blended confidence, the size.

Leaf rules, which the lab compiles as they stand. No advice is an advice confidence of NaN. Nothing here opens
a trade: without a signal of the rules there is nothing to blend. Reading answers is `core.advice`'s.
"""

from typing import Final, NamedTuple

from drift_e3.core.params import Params
from drift_e3.core.terms import MS_PER_SECOND, Regime, clamp

MULTIPLIER_MIN: Final = 0.5
MULTIPLIER_MAX: Final = 2.0


class Blended(NamedTuple):
    """A signal after the advisor was heard: its confidence 0..1 and the factor on its size.

    `vetoed`: it must not be traded whatever its confidence. `used`: the advice counted at all.
    """

    confidence: float
    multiplier: float
    vetoed: bool
    used: bool


def freshness(age_ms: float, ttl_s: float) -> float:
    """How much advice of this age still counts: 1 when new, falling in a line to 0 at its time to live.

    An unknown age counts for nothing.
    """
    return clamp(1.0 - age_ms / (ttl_s * MS_PER_SECOND), 0.0, 1.0)


def counts(advice_confidence: float, fresh: float, p: Params) -> bool:
    """Whether advice is heard: known, of some freshness, and at least as sure as ai_minConfidence."""
    return fresh > 0.0 and advice_confidence >= p.ai_minConfidence


def final_regime(
    rule_regime: int, advice_regime: int, advice_confidence: float, fresh: float, p: Params
) -> int:
    """The regime that is traded: a crash by rule, else the advisor's where it counts and may override, else
    the rules'. `fresh` is a `freshness`, or just whether there is any."""
    if rule_regime == Regime.CRASH:
        return rule_regime
    if p.ai_regimeOverride and counts(advice_confidence, fresh, p):
        return advice_regime
    return rule_regime


def blend(
    direction: int,
    confidence: float,
    advice_direction: int,
    advice_confidence: float,
    advice_multiplier: float,
    fresh: float,
    p: Params,
) -> Blended:
    """A signal's confidence s after advice of confidence a, with w = ai_confidenceWeight * freshness.

    Same side: (1 - w)*s + w*a. Opposite: s*(1 - w*a), and a veto when a >= ai_vetoConfidence, however old
    the advice is while it lives. Flat: s*(1 - 0.5*w*a). Without a signal, or with advice that does not count:
    s and multiplier 1.

    The multiplier is the advisor's held within 0.5..2, and enlarges only with ai_allowSizeUp and only from
    advice on the signal's own side: advice against a trade must not make it larger. It is not weighted by
    freshness. An unknown multiplier is 1.
    """
    if direction == 0 or not counts(advice_confidence, fresh, p):
        return Blended(confidence, 1.0, False, False)
    may_enlarge = p.ai_allowSizeUp and advice_direction == direction
    multiplier = 1.0
    if advice_multiplier < 1.0 or (may_enlarge and advice_multiplier > 1.0):
        multiplier = clamp(advice_multiplier, MULTIPLIER_MIN, MULTIPLIER_MAX)
    weight = p.ai_confidenceWeight * fresh
    if advice_direction == direction:
        return Blended((1.0 - weight) * confidence + weight * advice_confidence, multiplier, False, True)
    if advice_direction == 0:
        return Blended(confidence * (1.0 - 0.5 * weight * advice_confidence), multiplier, False, True)
    vetoed = advice_confidence >= p.ai_vetoConfidence
    return Blended(confidence * (1.0 - weight * advice_confidence), multiplier, vetoed, True)


def size_factor(confidence: float) -> float:
    """The share of the full size that a confidence earns: half up to 0.5, then in a line to all at 1."""
    return 0.5 + 0.5 * clamp((confidence - 0.5) / 0.5, 0.0, 1.0)
