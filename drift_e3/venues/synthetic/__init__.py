"""The synthetic market: an endless, seeded SOL perpetual that needs no data and no network.

`model` says how the market behaves from minute to minute, `book` quotes it, `feed` plays it. What it is for:
showing and testing the whole machine. What it is not: evidence that a strategy earns anything (see `model`).
"""

from drift_e3.venues.synthetic.feed import DEFAULT_SEED, DEFAULT_START_TS, SyntheticFeed

__all__ = ["DEFAULT_SEED", "DEFAULT_START_TS", "SyntheticFeed"]
