"""What the services tell, as values: candles, funding, books, trades, the market's figures. No I/O.

Times are UTC in ms, prices in USD, sizes in the base asset, rates and premiums fractions; positive funding is
paid by longs. How it is written on the wire is `wire`'s business.
"""

from math import isfinite
from typing import NamedTuple

from drift_e3.core.terms import MS_PER_HOUR, MS_PER_MINUTE, Side

RESOLUTIONS = {MS_PER_MINUTE: "1", 5 * MS_PER_MINUTE: "5", 15 * MS_PER_MINUTE: "15", MS_PER_HOUR: "60"}
"""The services' names of the frames that the core knows windows for."""

Levels = tuple[tuple[float, float], ...]
"""(price, size), best first."""


class Ohlc(NamedTuple):
    """Prices of one candle."""

    open: float
    high: float
    low: float
    close: float

    @property
    def sound(self) -> bool:
        """Whether such a candle can be: finite, above 0, and high and low around open and close."""
        inside = self.low <= self.open <= self.high and self.low <= self.close <= self.high
        return self.low > 0.0 and inside and isfinite(self.high)


class CandleRecord(NamedTuple):
    """A candle with both prices; None for those that the service lacks, volumes 0 where nothing traded."""

    open_ts: int
    fill: Ohlc | None
    oracle: Ohlc | None
    volume_base: float = 0.0
    volume_quote: float = 0.0


class FundingRecord(NamedTuple):
    """A funding update: the rate for an hour and the premium of the mark's average over the oracle's."""

    publish_ts: int
    rate_frac_1h: float
    premium_frac: float | None


class FundingPage(NamedTuple):
    """Some funding updates, newest first, and the cursor of the next older ones, empty at the end."""

    records: tuple[FundingRecord, ...]
    next_page: str


class MarketStats(NamedTuple):
    """The market's figures. `funding_frac_1h` is the present estimate, not what was last published."""

    status: str
    oracle_usd: float
    mark_usd: float
    open_interest_base: float
    funding_frac_1h: float

    @property
    def open_interest_usd(self) -> float:
        """The larger side at the oracle's price, at the mark where that is unknown; NaN without either."""
        price = self.oracle_usd if self.oracle_usd > 0.0 else self.mark_usd
        return self.open_interest_base * price


class Book(NamedTuple):
    """An order book at the server's `ts` and slot, with the oracle's price and the slot it was posted in.

    Slots and `oracle_usd` are 0 where the server does not say.
    """

    ts: int
    slot: int
    bids: Levels
    asks: Levels
    oracle_usd: float = 0.0
    oracle_slot: int = 0

    @property
    def crossed(self) -> bool:
        """Whether both sides are there and the best prices meet or overlap."""
        return bool(self.bids and self.asks) and self.bids[0][0] >= self.asks[0][0]


class Trade(NamedTuple):
    """Somebody's fill; `side` is the taker's. `key` tells it from all others."""

    ts: int
    side: Side
    price_usd: float
    size_base: float
    key: str
