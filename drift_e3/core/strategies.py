"""The two rule strategies' entries: E3 momentum and FundingFade, each a chain of filters over the features.

Leaf rules, which the lab compiles as they stand. Exit levels are in `core.levels`; which strategy is heard,
what an advisor thinks of its signal and how large a trade becomes is decided elsewhere.
"""

from math import isnan
from typing import Final, NamedTuple

from drift_e3.core.features import Features
from drift_e3.core.params import Params
from drift_e3.core.terms import Term, clamp


class Leg(Term):
    """The filters of an entry, so that a flat signal names the first that stopped it.

    `INPUTS`: something is missing that the feed should have. `FUNDING` also stands for funding not known.
    """

    NONE = 0
    DISABLED = 1
    BODY = 2
    VOLUME = 3
    REALISED_VOL = 4
    RV_1H = 5
    FUNDING = 6
    INPUTS = 7
    SPREAD = 8
    PREMIUM = 9
    IMBALANCE = 10


SKIPPED_SPREAD: Final = 1 << Leg.SPREAD
SKIPPED_PREMIUM: Final = 1 << Leg.PREMIUM
SKIPPED_IMBALANCE: Final = 1 << Leg.IMBALANCE


class Needs(NamedTuple):
    """What the feed should have: where it does not at the moment, a strategy abstains; what the feed cannot
    have at all is skipped. Imbalance belongs to the book (a feed without one may still have taker flow)."""

    book: bool
    premium: bool


class Signal(NamedTuple):
    """What a strategy makes of one candle: `direction` -1, 0 or 1 and `confidence` 0..1 (0 when flat).

    `failed` is the `Leg` that stopped it; `skipped` has bit ``1 << leg`` set for each filter that was skipped
    because the feed cannot have its input.
    """

    direction: int
    confidence: float
    failed: int
    skipped: int


def skipped_legs(skipped: int) -> tuple[Leg, ...]:
    """The filters that a signal's `skipped` stands for, for records and people."""
    return tuple(leg for leg in Leg if skipped & (1 << leg))


def flat(failed: int, skipped: int) -> Signal:
    """No signal, and why."""
    return Signal(0, 0.0, failed, skipped)


def no_signal(f: Features, p: Params, needs: Needs) -> Signal:
    """No strategy: the signal of a regime that is routed to none."""
    return flat(Leg.DISABLED, 0)


def e3_signal(f: Features, p: Params, needs: Needs) -> Signal:
    """E3 momentum: enter in the direction of a large candle body on high volume and volatility.

    What a candle always has is required: unknown (warming up) fails its filter. Confidence: 0.60, + 0.15 for
    big volume, + 0.10 for a big body, + 0.05 for a premium above half its limit, + 0.10 for an imbalance
    above 0.8 on the same side, times m_confidenceMultiplier, clamped to 0..1.
    """
    skipped = 0
    if isnan(f.spread_bps) and not needs.book:
        skipped += SKIPPED_SPREAD
    if isnan(f.premium_frac) and not needs.premium:
        skipped += SKIPPED_PREMIUM
    if isnan(f.imbalance) and not needs.book:
        skipped += SKIPPED_IMBALANCE
    if not p.m_enabled:
        return flat(Leg.DISABLED, skipped)
    body = abs(f.body_over_atr)
    # A body of nothing has no direction, even where no body is asked for.
    if not (body > 0.0 and body >= p.m_bodyOverAtr):
        return flat(Leg.BODY, skipped)
    if not f.volume_z >= p.m_volumeZ:
        return flat(Leg.VOLUME, skipped)
    if not f.rv_rank >= p.m_realizedVol:
        return flat(Leg.REALISED_VOL, skipped)
    if p.m_rv1hMin > 0.0 and not f.rv_1h >= p.m_rv1hMin:
        return flat(Leg.RV_1H, skipped)
    if needs.book and (isnan(f.spread_bps) or isnan(f.imbalance)):
        return flat(Leg.INPUTS, skipped)
    if needs.premium and isnan(f.premium_frac):
        return flat(Leg.INPUTS, skipped)
    # From here on an unknown input is one that may be skipped, and compares as false.
    if f.spread_bps > p.m_spreadBps:
        return flat(Leg.SPREAD, skipped)
    premium = abs(f.premium_frac)
    if premium > p.m_premiumPct:
        return flat(Leg.PREMIUM, skipped)
    direction = 1 if f.body_over_atr > 0.0 else -1
    agreeing = direction * f.imbalance
    if agreeing <= 0.0 or agreeing < p.m_imbalance:
        return flat(Leg.IMBALANCE, skipped)
    confidence = 0.60
    if f.volume_z >= p.m_bigMoveVolumeZ:
        confidence += 0.15
    if body >= p.m_bigMoveBodyAtr:
        confidence += 0.10
    if premium > 0.5 * p.m_premiumPct:
        confidence += 0.05
    if agreeing > 0.8:
        confidence += 0.10
    return Signal(direction, clamp(confidence * p.m_confidenceMultiplier, 0.0, 1.0), Leg.NONE, skipped)


def fade_signal(f: Features, p: Params, needs: Needs) -> Signal:
    """FundingFade: enter against crowded funding; short where longs pay unusually much for a dear mark.

    With f_fundingRateMin above zero (raw mode) the hourly rate itself takes the z-score's place. Confidence:
    0.6, + 0.1 for each of funding and premium above twice its threshold, + 0.1 for each above three times,
    + 0.1 if both are above twice, clamped to 1. Multiples are compared, not ratios: a threshold may be zero.
    """
    skipped = 0
    if isnan(f.premium_frac) and not needs.premium:
        skipped += SKIPPED_PREMIUM
    if isnan(f.spread_bps) and not needs.book:
        skipped += SKIPPED_SPREAD
    if not p.f_enabled:
        return flat(Leg.DISABLED, skipped)
    raw = p.f_fundingRateMin > 0.0
    funding = f.funding_frac_1h if raw else f.funding_z
    threshold = p.f_fundingRateMin if raw else p.f_fundingZ
    crowding = abs(funding)
    if not crowding >= threshold:
        return flat(Leg.FUNDING, skipped)
    if not f.volume_z >= p.f_volumeZ:
        return flat(Leg.VOLUME, skipped)
    if (needs.premium and isnan(f.premium_frac)) or (needs.book and isnan(f.spread_bps)):
        return flat(Leg.INPUTS, skipped)
    # From here on an unknown input is one that may be skipped, and compares as false.
    direction = -1 if funding > 0.0 else 1
    premium = -direction * f.premium_frac
    if premium <= p.f_premiumPct:
        return flat(Leg.PREMIUM, skipped)
    if f.spread_bps > p.f_spreadBps:
        return flat(Leg.SPREAD, skipped)
    confidence = 0.6
    if crowding > 2.0 * threshold:
        confidence += 0.1
    if premium > 2.0 * p.f_premiumPct:
        confidence += 0.1
    if crowding > 3.0 * threshold:
        confidence += 0.1
    if premium > 3.0 * p.f_premiumPct:
        confidence += 0.1
    if crowding > 2.0 * threshold and premium > 2.0 * p.f_premiumPct:
        confidence += 0.1
    return Signal(direction, clamp(confidence, 0.0, 1.0), Leg.NONE, skipped)


SIGNALS: Final = (no_signal, e3_signal, fade_signal)
"""The rule of each `Strategy`, indexed by it."""
