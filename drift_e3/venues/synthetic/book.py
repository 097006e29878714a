"""Quotes the synthetic market: a thin order book around the mark price.

The spread widens and the depth thins out with volatility; the sizes lean to the side that the minute has
moved to so far, so the book tells what has happened and not what will.
"""

from random import Random

from drift_e3.core.terms import BPS, clamp
from drift_e3.venues.synthetic.model import CALM, Minute, softsign

LEVELS = 20
LEVEL_GAP = 1.2 * BPS
DEPTH_BASE = 25.0
"""Size of the best level in calm times."""

Levels = tuple[tuple[float, float], ...]


def quote_book(
    minute: Minute, oracle_usd: float, open_usd: float, per_usd: float, rng: Random
) -> tuple[Levels, Levels]:
    """Bids and asks as (price in USD, size in base), best first, `oracle_usd` being the latest price.

    The middle is the oracle's price plus the premium; `open_usd` is what the minute began with.
    """
    random = rng.random
    volatility = minute.deviation
    widest = 25.0 if minute.crash else 8.0
    spread = clamp((1.5 + 3_000.0 * volatility) * (0.85 + 0.3 * random()), 2.0, widest) * BPS
    middle = oracle_usd * (1.0 + minute.premium) * per_usd
    gap = max(2.0, middle * LEVEL_GAP)  # half of it, the least distance of two levels, is a tick or more
    bid = int(middle * (1.0 - 0.5 * spread))
    ask = max(bid + 1, int(middle * (1.0 + 0.5 * spread)) + 1)
    moved = (oracle_usd - open_usd) / (open_usd * volatility)
    lean = clamp(0.75 * softsign(1.5 * moved) + 0.15 * rng.gauss(0.0, 1.0), -0.92, 0.92)
    depth = DEPTH_BASE * clamp(CALM / volatility, 0.15, 1.5) * 100.0
    buying, selling = depth * (1.0 + lean), depth * (1.0 - lean)
    bids: list[tuple[float, float]] = []
    asks: list[tuple[float, float]] = []
    away = 0.0
    for _ in range(LEVELS):
        bids.append(((bid - int(away)) / per_usd, int(buying * (0.6 + random()) + 1.0) / 100.0))
        asks.append(((ask + int(away)) / per_usd, int(selling * (0.6 + random()) + 1.0) / 100.0))
        away += gap * (0.5 + random())
        buying *= 1.05
        selling *= 1.05
    return tuple(bids), tuple(asks)
