"""How the services' JSON may look, and the one way from each shape to its value in `records`.

Conversion is total: numbers come as numbers or as strings and must be finite, and what makes no sense becomes
None. Which shape is expected where is for `answers` (HTTP) and `frames` (websocket).
"""

from collections.abc import Iterable
from math import isfinite
from typing import Final, TypeVar

import msgspec

from drift_e3.core.terms import MS_PER_SECOND, UNKNOWN, Side
from drift_e3.venues.dataapi.records import Book, CandleRecord, FundingRecord, Levels, Ohlc, Trade

Number = int | float | str | None

PRICE_UNITS: Final = 1e6
BASE_UNITS: Final = 1e9
RATE_MAX: Final = 0.05
"""The largest funding rate per hour, either sign, that is believed; the same as for tapes."""
PREMIUM_MAX: Final = 0.2
LEVELS_MAX: Final = 1_000
EARLIEST_MS: Final = 946_684_800_000
LATEST_MS: Final = 4_102_444_800_000
"""Times outside the years 2000 to 2100 are no times."""


class CandleShape(msgspec.Struct):
    """A candle, in answers and frames alike; `ts` is its open time in seconds."""

    ts: Number
    fillOpen: Number = None
    fillHigh: Number = None
    fillLow: Number = None
    fillClose: Number = None
    oracleOpen: Number = None
    oracleHigh: Number = None
    oracleLow: Number = None
    oracleClose: Number = None
    baseVolume: Number = None
    quoteVolume: Number = None
    symbol: str = ""
    resolution: Number = ""

    def record(self) -> CandleRecord | None:
        """The candle; None without a time or any sound prices."""
        open_ts = time_ms(self.ts)
        fill = _prices(self.fillOpen, self.fillHigh, self.fillLow, self.fillClose)
        oracle = _prices(self.oracleOpen, self.oracleHigh, self.oracleLow, self.oracleClose)
        base = 0.0 if self.baseVolume is None else number(self.baseVolume)
        quote = 0.0 if self.quoteVolume is None else number(self.quoteVolume)
        if not open_ts or (fill is None and oracle is None) or not (base >= 0.0 and quote >= 0.0):
            return None
        return CandleRecord(open_ts, fill, oracle, base, quote)


class FundingShape(msgspec.Struct):
    """A funding update; rates are in the quote asset for one base and hour."""

    ts: Number
    fundingRateLong: Number = None
    fundingRate: Number = None
    oraclePriceTwap: Number = None
    markPriceTwap: Number = None

    def record(self) -> FundingRecord | None:
        """The update as fractions; None where they cannot be believed."""
        paid = self.fundingRate if self.fundingRateLong is None else self.fundingRateLong
        publish_ts, oracle = time_ms(self.ts), number(self.oraclePriceTwap)
        if not publish_ts or not oracle > 0.0:
            return None
        rate = number(paid) / oracle
        if not -RATE_MAX <= rate <= RATE_MAX:
            return None
        premium = (number(self.markPriceTwap) - oracle) / oracle
        return FundingRecord(publish_ts, rate, premium if -PREMIUM_MAX <= premium <= PREMIUM_MAX else None)


class LevelShape(msgspec.Struct):
    """A level of a book in the chain's integer units, written as strings or numbers."""

    price: Number
    size: Number


class OracleShape(msgspec.Struct):
    """The oracle beside a book."""

    price: Number = None
    slot: Number = None


class BookShape(msgspec.Struct):
    """A whole order book."""

    bids: list[LevelShape]
    asks: list[LevelShape]
    ts: Number = None
    slot: Number = None
    oracle: Number = None
    oracleData: OracleShape | None = None
    marketName: str = ""

    @property
    def seen_ts(self) -> int:
        """The server's time (UTC, ms), 0 where it says none."""
        ts = number(self.ts)
        return int(ts) if EARLIEST_MS <= ts < LATEST_MS else 0

    @property
    def seen_slot(self) -> int:
        """The server's slot, 0 where it says none."""
        return _whole(self.slot)

    def book(self) -> Book:
        """The book; what it does not say is 0."""
        data = self.oracleData or OracleShape()
        oracle = number(self.oracle if data.price is None else data.price)
        return Book(
            ts=self.seen_ts,
            slot=self.seen_slot,
            bids=_levels(self.bids, best_is_high=True),
            asks=_levels(self.asks, best_is_high=False),
            oracle_usd=oracle / PRICE_UNITS if oracle > 0.0 else 0.0,
            oracle_slot=_whole(data.slot),
        )


class TradeShape(msgspec.Struct):
    """A fill; amounts are decimals, not units."""

    ts: Number
    takerOrderDirection: str
    baseAssetAmountFilled: Number
    quoteAssetAmountFilled: Number
    fillRecordId: Number = None
    txSig: str = ""

    def trade(self) -> Trade | None:
        """The fill; None where it makes no sense."""
        side = {"long": Side.BUY, "short": Side.SELL}.get(self.takerOrderDirection)
        ts, size = time_ms(self.ts), number(self.baseAssetAmountFilled)
        price = number(self.quoteAssetAmountFilled) / size if size > 0.0 else UNKNOWN
        if side is None or not ts or not price > 0.0 or not isfinite(price):
            return None
        known = self.fillRecordId is not None
        key = str(self.fillRecordId) if known else f"{self.txSig}/{size!r}/{price!r}"
        return Trade(ts, side, price, size, key)


Shape = TypeVar("Shape")


def decoded(text: bytes | str | msgspec.Raw, shape: type[Shape]) -> Shape | None:
    """JSON of this shape, or None for anything else at all."""
    try:
        return msgspec.json.decode(text, type=shape)
    except (ValueError, RecursionError):
        return None


def number(value: Number) -> float:
    """A finite float, or NaN for anything else."""
    try:
        found = UNKNOWN if value is None else float(value)
    except (ValueError, OverflowError):
        return UNKNOWN
    return found if isfinite(found) else UNKNOWN


def time_ms(seconds: Number) -> int:
    """Seconds as ms, 0 for what is no time."""
    found = number(seconds) * MS_PER_SECOND
    return int(found) if EARLIEST_MS <= found < LATEST_MS else 0


def _whole(value: Number) -> int:
    """A whole number that is not negative, else 0."""
    found = number(value)
    return int(found) if found >= 0.0 else 0


def _prices(open_: Number, high: Number, low: Number, close: Number) -> Ohlc | None:
    prices = Ohlc(number(open_), number(high), number(low), number(close))
    return prices if prices.sound else None


def _levels(rows: Iterable[LevelShape], *, best_is_high: bool) -> Levels:
    """Levels with a price and a size, best first, equal prices as one."""
    sizes: dict[float, float] = {}
    for place, row in enumerate(rows):
        if place == LEVELS_MAX:
            break
        price, size = number(row.price), number(row.size)
        if price > 0.0 and size > 0.0:
            sizes[price] = sizes.get(price, 0.0) + size
    ordered = sorted(sizes, reverse=best_is_high)
    return tuple((price / PRICE_UNITS, sizes[price] / BASE_UNITS) for price in ordered)
