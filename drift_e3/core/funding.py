"""Funding as the features see it: the latest rate and premium, how fresh they are, how unusual the rate is.

Leaf rules: see `windows`. What funding costs or brings a position belongs to `account`.
"""

from typing import Final

from drift_e3.core.terms import MS_PER_HOUR, UNKNOWN
from drift_e3.core.windows import RING_COUNT, Floats, new_ring, ring_newest, ring_push, z_score

FUNDING_WINDOW: Final = 168
FUNDING_LEAST: Final = 48
FUNDING_DEVIATION_LEAST: Final = 1e-6
INTERVALS_FRESH: Final = 2.0

# Places in the scalars; see `base_candles` for why they are no enumeration.
PUBLISH_TS: Final = 0
RATE: Final = 1
INTERVAL_MS: Final = 2
PREMIUM: Final = 3
Z: Final = 4
SIZE: Final = 5


def new_funding() -> Floats:
    """The scalars before any funding."""
    return [UNKNOWN] * SIZE


def new_funding_rates() -> Floats:
    """The ring of published hourly rates."""
    return new_ring(FUNDING_WINDOW)


def publish_funding(
    funding: Floats, rates: Floats, publish_ts: int, rate_frac_1h: float, hours: float, premium_frac: float
) -> None:
    """Take a published rate in, and its z-score against the 168 rates published before it (at least 48).

    A publication not newer than the latest adds nothing: sources repeat themselves.
    """
    if publish_ts <= funding[PUBLISH_TS]:
        return
    funding[PUBLISH_TS] = float(publish_ts)
    funding[RATE] = rate_frac_1h
    funding[INTERVAL_MS] = hours * MS_PER_HOUR
    funding[PREMIUM] = premium_frac
    funding[Z] = UNKNOWN
    count = int(rates[RING_COUNT])
    if count >= FUNDING_LEAST:
        funding[Z] = z_score(rate_frac_1h, ring_newest(rates, count), FUNDING_DEVIATION_LEAST)
    ring_push(rates, rate_frac_1h)


def funding_at(funding: Floats, place: int, now_ts: int) -> float:
    """`RATE` (fraction per hour), `PREMIUM` (fraction) or `Z` as of now, unknown where funding is stale."""
    if now_ts - funding[PUBLISH_TS] <= INTERVALS_FRESH * funding[INTERVAL_MS]:
        return funding[place]
    return UNKNOWN
