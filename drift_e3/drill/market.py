"""The market that the data API and the order book's server tell of: candles, funding, book and trades.

It is fed core events (of the synthetic market, of a price path) or by hand, keeps minute candles with both
prices, the fills' and the oracle's, and tells whoever listens. No network here, and no clock: *now* is the
latest time that it was told.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Protocol

from drift_e3.core.events import BookSeen, CandleClosed, Event, FundingPublished, OracleTick
from drift_e3.core.terms import MS_PER_MINUTE, MS_PER_SECOND, Side
from drift_e3.venues.sim.steps import Step

Levels = tuple[tuple[float, float], ...]

MINUTES_KEPT = 31 * 1440
FUNDING_KEPT = 31 * 24
TRADES_KEPT = 1000
RESOLUTIONS = {"1": 1, "5": 5, "15": 15, "60": 60, "240": 240, "D": 1440}
"""Minutes of a candle by its name; ``W`` and ``M`` follow the calendar."""


@dataclass(slots=True)
class Bar:
    """A candle from `ts` (UTC, ms) on. Prices in USD; volumes 0 and fill prices flat where nothing traded."""

    ts: int
    fill: list[float]
    """Open, high, low, close of the fills."""
    oracle: list[float]
    """The same of the oracle."""
    base_volume: float = 0.0
    quote_volume: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingRow:
    """A funding update. `rate_usd` is paid by longs per 1 base and hour; the averages are in USD."""

    ts: int
    rate_usd: float
    cumulative_usd: float
    oracle_twap_usd: float
    mark_twap_usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """Bids and asks as (price in USD, size in base), best first, at `ts` (UTC, ms)."""

    ts: int
    bids: Levels
    asks: Levels


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """A fill of somebody's: `side` is the taker's."""

    ts: int
    side: Side
    price_usd: float
    size_base: float
    number: int


class Listener(Protocol):
    """Somebody who is told of changes as they happen."""

    def on_bar(self, bar: Bar, trades: Sequence[Trade]) -> None: ...
    def on_book(self, book: Book) -> None: ...
    def on_trade(self, trade: Trade) -> None: ...


@dataclass(slots=True)
class DrillMarket:
    """One market's public story so far."""

    symbol: str = "SOL-PERP"
    market_index: int = 0
    quote_asset: str = "USDT"
    now_ts: int = 0
    slot: int = 0
    oracle_usd: float = 0.0
    premium_frac: float = 0.0
    open_interest_base: float = 1000.0
    bars: list[Bar] = field(default_factory=list)
    """Minute candles, oldest first; the last one is forming."""
    funding: list[FundingRow] = field(default_factory=list)
    trades: list[Trade] = field(default_factory=list)
    book: Book | None = None
    listeners: list[Listener] = field(default_factory=list)
    _trades_made: int = 0
    _trades_untold: list[Trade] = field(default_factory=list)

    def see(self, *events: Event | Step) -> None:
        """Take a market's events or steps in their order; what is no public story is ignored."""
        for event in events:
            match event:
                case OracleTick(publish_ts=ts, price_usd=price):
                    self.tick(ts, price)
                case CandleClosed():
                    self.close_candle(event)
                case BookSeen(publish_ts=ts, bids=bids, asks=asks):
                    self.quote(ts, bids, asks)
                case FundingPublished():
                    self.publish_funding(event)
                case _:
                    pass

    def tick(self, ts: int, price_usd: float) -> None:
        """A new price of the oracle: it makes the forming candle."""
        self.now_ts = max(self.now_ts, ts)
        self.oracle_usd = price_usd
        open_ts = ts - ts % MS_PER_MINUTE
        bar = self._bar(open_ts, price_usd)
        for prices in (bar.fill, bar.oracle):
            prices[1] = max(prices[1], price_usd)
            prices[2] = min(prices[2], price_usd)
            prices[3] = price_usd
        self._tell_bar(bar)

    def close_candle(self, candle: CandleClosed) -> None:
        """What a minute's fills were, whatever its ticks said."""
        self.now_ts = max(self.now_ts, candle.open_ts + MS_PER_MINUTE)
        bar = self._bar(candle.open_ts, candle.open)
        bar.fill = [candle.open, candle.high, candle.low, candle.close]
        if candle.history:
            bar.oracle = list(bar.fill)
            self.oracle_usd = candle.close
        bar.base_volume = candle.volume
        bar.quote_volume = candle.volume * candle.close
        self._tell_bar(bar)

    def quote(self, ts: int, bids: Levels, asks: Levels) -> None:
        """A new order book."""
        self.now_ts = max(self.now_ts, ts)
        self.book = Book(ts=ts, bids=bids, asks=asks)
        for listener in self.listeners:
            listener.on_book(self.book)

    def trade(self, ts: int, side: Side, price_usd: float, size_base: float) -> None:
        """Somebody's fill, as the venue's record of trades has it."""
        self.now_ts = max(self.now_ts, ts)
        self._trades_made += 1
        trade = Trade(ts=ts, side=side, price_usd=price_usd, size_base=size_base, number=self._trades_made)
        self.trades.append(trade)
        del self.trades[:-TRADES_KEPT]
        self._trades_untold.append(trade)
        bar = self._bar(ts - ts % MS_PER_MINUTE, price_usd)
        bar.base_volume += size_base
        bar.quote_volume += size_base * price_usd
        for listener in self.listeners:
            listener.on_trade(trade)
        self._tell_bar(bar)

    def publish_funding(self, event: FundingPublished) -> None:
        """A funding update. The program is lazy: the record comes a minute after its hour."""
        self.now_ts = max(self.now_ts, event.publish_ts)
        twap = self.oracle_usd or 150.0
        rate = event.rate_frac_1h * twap
        self.premium_frac = event.premium_frac or 0.0
        before = self.funding[-1].cumulative_usd if self.funding else 0.0
        row = FundingRow(
            ts=event.publish_ts + MS_PER_MINUTE,
            rate_usd=rate,
            cumulative_usd=before + rate,
            oracle_twap_usd=twap,
            mark_twap_usd=twap * (1.0 + self.premium_frac),
        )
        self.funding.append(row)
        del self.funding[:-FUNDING_KEPT]

    def candles(self, resolution: str) -> list[Bar]:
        """All candles of a resolution, oldest first, the last one forming. KeyError for an unknown one."""
        if resolution == "1":
            return self.bars
        whole: list[Bar] = []
        for bar in self.bars:
            open_ts = bucket_ts(bar.ts, resolution)
            if not whole or whole[-1].ts != open_ts:
                whole.append(Bar(open_ts, list(bar.fill), list(bar.oracle)))
            last = whole[-1]
            for mine, more in ((last.fill, bar.fill), (last.oracle, bar.oracle)):
                mine[1] = max(mine[1], more[1])
                mine[2] = min(mine[2], more[2])
                mine[3] = more[3]
            last.base_volume += bar.base_volume
            last.quote_volume += bar.quote_volume
        return whole

    def _bar(self, open_ts: int, price_usd: float) -> Bar:
        """The minute's candle, begun where it is new. A late word on an old minute finds the old one."""
        at = bisect_left(self.bars, open_ts, key=attrgetter("ts"))
        if at < len(self.bars) and self.bars[at].ts == open_ts:
            return self.bars[at]
        bar = Bar(open_ts, [price_usd] * 4, [price_usd] * 4)
        self.bars.insert(at, bar)
        if len(self.bars) > MINUTES_KEPT:
            del self.bars[: MINUTES_KEPT // 10]
        return bar

    def _tell_bar(self, bar: Bar) -> None:
        new, self._trades_untold = self._trades_untold, []
        for listener in self.listeners:
            listener.on_bar(bar, new)


def bucket_ts(ts: int, resolution: str) -> int:
    """When the candle of this resolution began that holds the time (UTC, ms)."""
    if resolution in RESOLUTIONS:
        return ts - ts % (RESOLUTIONS[resolution] * MS_PER_MINUTE)
    moment = datetime.fromtimestamp(ts / MS_PER_SECOND, UTC).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    if resolution == "W":
        moment -= timedelta(days=moment.weekday())
    elif resolution == "M":
        moment = moment.replace(day=1)
    else:
        raise KeyError(resolution)
    return int(moment.timestamp()) * MS_PER_SECOND
