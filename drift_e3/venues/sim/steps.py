"""The steps in which a market is played to the simulated venue: market events, or two looks at a candle.

A candle without ticks is opened (`BarOpened`), then shown as a whole (`BarRange`), then told to everybody
(`CandleClosed`). The first two never reach the core: it would see the candle before it is closed.
"""

from typing import NamedTuple

from drift_e3.core.events import MarketEvent


class BarOpened(NamedTuple):
    """A candle has opened at `ts` (UTC, ms) and `open` (USD)."""

    ts: int
    open: float


class BarRange(NamedTuple):
    """What a candle traded (USD); `ts` is its close time less 1 ms: all of it lies before the close."""

    ts: int
    open: float
    high: float
    low: float
    close: float


BarLook = BarOpened | BarRange
"""A look at a candle that is not closed: for the venue alone."""
Step = MarketEvent | BarLook
"""What a market feed plays next."""
