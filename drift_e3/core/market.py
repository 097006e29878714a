"""The market as the trader sees it: latest price, book, funding and candles, and the features of the last.

Events come in through `observe`; what is stale is unknown. How a feature is computed belongs to `features`,
what to think of it to `regime` and `strategies`. The whole state is plain values, so that it can be stored.
"""

from dataclasses import dataclass, field
from math import inf, isnan
from typing import Final, NamedTuple, assert_never

from drift_e3.core.events import (
    BookSeen,
    CandleClosed,
    Feed,
    FundingPublished,
    MarketEvent,
    OpenInterestSeen,
    OracleTick,
)
from drift_e3.core.features import (
    NO_FEATURES,
    Features,
    FeatureState,
    Windows,
    new_state,
    push_candle,
    push_funding,
    push_open_interest,
    windows_for,
)
from drift_e3.core.funding import PREMIUM, RATE, Z, funding_at
from drift_e3.core.terms import BPS, BUY, MS_PER_MINUTE, UNKNOWN, Instrument, Side
from drift_e3.core.windows import Floats, mean_since, new_ring, ring_push

BOOK_FRESH_MS: Final = MS_PER_MINUTE
"""Books published further from the time asked are stale, and so is an oracle price beside a book."""
DEPTH_FRAC: Final = 10 * BPS
"""How far from mid resting size counts as depth."""
PREMIUM_MEAN_MS: Final = 5 * MS_PER_MINUTE
PREMIUM_SAMPLES: Final = 3_000
"""Ten a second; where they come faster the mean covers less than its five minutes."""
RECENT_CANDLES: Final = 30
ORACLE_SILENT_MS: Final = 2 * MS_PER_MINUTE
"""An oracle that has said nothing for so long before a candle's close gives way to the close."""


class Quotes(NamedTuple):
    """What is kept of an order book: mid (USD), spread, and the size (base) within 10 bps of mid."""

    publish_ts: int = 0
    mid_usd: float = UNKNOWN
    spread_bps: float = UNKNOWN
    bid_base: float = UNKNOWN
    ask_base: float = UNKNOWN

    @property
    def imbalance(self) -> float:
        """(bid - ask) / (bid + ask) of the size within 10 bps of mid; unknown where there is none."""
        both = self.bid_base + self.ask_base
        return (self.bid_base - self.ask_base) / both if both > 0.0 else UNKNOWN


NO_QUOTES: Final = Quotes()


def quotes_of(book: BookSeen) -> Quotes:
    """The book in short; unknown throughout where a side is empty or the best prices cross."""
    if not book.bids or not book.asks or book.bids[0][0] > book.asks[0][0]:
        return NO_QUOTES
    best_bid, best_ask = book.bids[0][0], book.asks[0][0]
    mid = (best_bid + best_ask) / 2.0
    return Quotes(
        publish_ts=book.publish_ts,
        mid_usd=mid,
        spread_bps=(best_ask - best_bid) / mid / BPS,
        bid_base=_size_near(book.bids, mid),
        ask_base=_size_near(book.asks, mid),
    )


def _size_near(levels: tuple[tuple[float, float], ...], mid: float) -> float:
    size = 0.0
    for price, level_size in levels:
        if abs(price - mid) > DEPTH_FRAC * mid:
            break
        size += level_size
    return size


@dataclass(slots=True, kw_only=True)
class MarketView:
    """What is known of the market now, that is at the latest market event. Times are UTC in ms, 0 for never.

    `price_usd` is the oracle's latest, or the last close while there is none, NaN before either; `price_ts`
    is when the oracle published it or the candle closed. `features` are the last candle's.
    """

    instrument: Instrument
    feed: Feed
    windows: Windows
    state: FeatureState
    premium_times: Floats = field(default_factory=lambda: new_ring(PREMIUM_SAMPLES))
    premiums: Floats = field(default_factory=lambda: new_ring(PREMIUM_SAMPLES))
    now_ts: int = 0
    price_usd: float = UNKNOWN
    price_ts: int = 0
    oracle_usd: float = UNKNOWN
    oracle_publish_ts: int = 0
    candle_seen_ts: int = 0
    candle_close_ts: int = 0
    book_seen_ts: int = 0
    quotes: Quotes = NO_QUOTES
    features: Features = NO_FEATURES
    recent_candles: list[tuple[int, float, float, float, float, float]] = field(default_factory=list)
    """The last 30 as (open time, open, high, low, close, volume), oldest first."""

    def observe(self, event: MarketEvent) -> Features | None:
        """Take an event in; a closed candle's features, None for any other.

        Raises ValueError for a candle that is impossible, off the frame's grid, or not after the one before:
        feeds have checked already, and a candle that got past them would spoil every window for days.
        """
        self.now_ts = event.seen_ts
        match event:
            case CandleClosed():
                return self._observe_candle(event)
            case OracleTick():
                self.oracle_usd = self.price_usd = event.price_usd
                self.oracle_publish_ts = self.price_ts = event.publish_ts
                self._sample_premium()
            case BookSeen():
                self.book_seen_ts = event.seen_ts
                self.quotes = quotes_of(event)
                self._sample_premium()
            case FundingPublished():
                premium = UNKNOWN if event.premium_frac is None else event.premium_frac
                push_funding(self.state, event.publish_ts, event.rate_frac_1h, event.hours, premium)
            case OpenInterestSeen():
                push_open_interest(self.state, event.seen_ts, event.open_interest_usd)
            case _:
                assert_never(event)
        return None

    @property
    def funding_frac_1h(self) -> float:
        """The published funding rate per hour, positive when longs pay; unknown when 2 intervals old."""
        return funding_at(self.state.funding, RATE, self.now_ts)

    @property
    def funding_z(self) -> float:
        """How unusual that rate is; see `Features.funding_z`."""
        return funding_at(self.state.funding, Z, self.now_ts)

    @property
    def spread_bps(self) -> float:
        """Best ask less best bid over mid, of a fresh book."""
        return self._quotes_at(self.now_ts).spread_bps

    def depth_base(self, side: Side) -> float:
        """Size within 10 bps of mid that an order on `side` would eat (a buy eats asks), of a fresh book."""
        quotes = self._quotes_at(self.now_ts)
        return quotes.ask_base if side is BUY else quotes.bid_base

    def _observe_candle(self, candle: CandleClosed) -> Features:
        self._check_candle(candle)
        close_ts = candle.open_ts + self.windows.frame_ms
        self.candle_seen_ts, self.candle_close_ts = candle.seen_ts, close_ts
        if isnan(self.oracle_usd) or close_ts - self.oracle_publish_ts > ORACLE_SILENT_MS:
            self.price_usd, self.price_ts = candle.close, close_ts
        recent = self.recent_candles
        recent.append((candle.open_ts, candle.open, candle.high, candle.low, candle.close, candle.volume))
        if len(recent) > RECENT_CANDLES:
            del recent[0]
        quotes = self._quotes_at(close_ts)
        self.features = push_candle(
            self.state,
            self.windows,
            self.instrument.tick_usd,
            self.instrument.funding_floor_frac_1h,
            candle.open_ts,
            candle.open,
            candle.high,
            candle.low,
            candle.close,
            candle.volume,
            UNKNOWN if candle.taker_buy_volume is None else candle.taker_buy_volume,
            quotes.imbalance,
            self._premium_frac(close_ts),
            quotes.spread_bps,
        )
        return self.features

    def _check_candle(self, candle: CandleClosed) -> None:
        open_ts = candle.open_ts
        if open_ts % self.windows.frame_ms:
            raise ValueError(f"candle {open_ts}: off the grid of {self.windows.frame_ms} ms")
        if self.recent_candles and open_ts <= self.recent_candles[-1][0]:
            raise ValueError(f"candle {open_ts}: not after {self.recent_candles[-1][0]}")
        if not (
            0.0 < candle.low <= candle.open <= candle.high < inf
            and candle.low <= candle.close <= candle.high
            and 0.0 <= candle.volume < inf
        ):
            raise ValueError(f"candle {open_ts}: impossible prices or volume")

    def _quotes_at(self, ts: int) -> Quotes:
        return self.quotes if abs(ts - self.quotes.publish_ts) <= BOOK_FRESH_MS else NO_QUOTES

    def _premium_frac(self, close_ts: int) -> float:
        """Mean of 5 minutes' samples where there are books and oracle ticks, else the published one."""
        if self.feed.book and self.feed.oracle_ticks:
            return mean_since(self.premium_times, self.premiums, self.now_ts - PREMIUM_MEAN_MS)
        return funding_at(self.state.funding, PREMIUM, close_ts)

    def _sample_premium(self) -> None:
        """One sample with each book and oracle tick, while the other of the two is fresh."""
        mid = self._quotes_at(self.now_ts).mid_usd
        if mid > 0.0 and abs(self.now_ts - self.oracle_publish_ts) <= BOOK_FRESH_MS:
            ring_push(self.premium_times, float(self.now_ts))
            ring_push(self.premiums, (mid - self.oracle_usd) / self.oracle_usd)


def new_market(instrument: Instrument, feed: Feed) -> MarketView:
    """A market that nothing has been seen of yet; raises ValueError for a frame that has no windows."""
    windows = windows_for(feed.frame_ms)
    return MarketView(instrument=instrument, feed=feed, windows=windows, state=new_state(windows))
