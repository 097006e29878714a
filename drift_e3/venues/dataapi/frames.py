"""The websocket frames of the data API and the order book's server, and what we say to them.

Reading is total: whatever arrives is one of the values below, `Garbled` at worst. Which frames count as
content is for the feed to say.
"""

import json
from typing import Final, NamedTuple

import msgspec

from drift_e3.venues.dataapi.records import Book, CandleRecord, Trade
from drift_e3.venues.dataapi.shapes import BookShape, CandleShape, TradeShape, decoded

WRAPPINGS_MAX: Final = 3
"""`data` is a JSON string inside the JSON; some servers wrap it twice."""
COMPLAINT_CHARS_MAX: Final = 120


class CandleUpdate(NamedTuple):
    """A candle, forming or not; `symbol` and `resolution` are empty where the frame does not say."""

    record: CandleRecord
    symbol: str
    resolution: str


class BookUpdate(NamedTuple):
    """A whole order book; `market` is empty where the frame does not say.

    Most books are followed by newer ones before anybody looks: the levels are only made when asked for.
    """

    ts: int
    slot: int
    market: str
    shape: BookShape

    @property
    def book(self) -> Book:
        """The book with its levels."""
        return self.shape.book()


class TradesUpdate(NamedTuple):
    """Fills."""

    trades: tuple[Trade, ...]


class Chatter(NamedTuple):
    """What is no content: heartbeats and answers to subscriptions. `error` is what a server complains of."""

    error: str = ""


class Garbled(NamedTuple):
    """A frame that makes no sense, and why."""

    reason: str


NOTHING: Final = msgspec.Raw(b"null")

Frame = CandleUpdate | BookUpdate | TradesUpdate | Chatter | Garbled


class _ApiFrame(msgspec.Struct):
    type: str = ""
    candle: msgspec.Raw = NOTHING
    message: object = None
    error: object = None


class _DlobFrame(msgspec.Struct):
    channel: str = ""
    data: msgspec.Raw = NOTHING
    error: object = None


def read_api_frame(text: bytes | str) -> Frame:
    """A frame of the data API: candles as they form."""
    frame = decoded(text, _ApiFrame)
    if frame is None:
        return Garbled("no JSON object")
    if bytes(frame.candle) == b"null":
        return Chatter(_complaint(frame.error or (frame.message if frame.type == "error" else None)))
    shape = decoded(frame.candle, CandleShape)
    record = None if shape is None else shape.record()
    if shape is None or record is None:
        return Garbled("no candle")
    return CandleUpdate(record, shape.symbol, "" if shape.resolution is None else str(shape.resolution))


def read_dlob_frame(text: bytes | str) -> Frame:
    """A frame of the order book's server: books and fills."""
    frame = decoded(text, _DlobFrame)
    if frame is None:
        return Garbled("no JSON object")
    if bytes(frame.data) == b"null":
        return Chatter(_complaint(frame.error))
    inner = _unwrapped(frame.data)
    if inner is None:
        return Garbled("data is no JSON")
    channel = frame.channel.removeprefix("last_update_")
    if channel.startswith("orderbook_"):
        shape = decoded(inner, BookShape)
        if shape is None:
            return Garbled("no order book")
        return BookUpdate(shape.seen_ts, shape.seen_slot, shape.marketName, shape)
    if channel.startswith("trades_"):
        trades = _trades(inner)
        return TradesUpdate(trades) if trades else Garbled("no trades")
    return Chatter()


def _complaint(error: object) -> str:
    if not error:
        return ""
    return error[:COMPLAINT_CHARS_MAX] if isinstance(error, str) else "an error without words"


def _unwrapped(raw: msgspec.Raw) -> bytes | None:
    """The JSON inside the strings that it is wrapped in."""
    inner = bytes(raw)
    for _ in range(WRAPPINGS_MAX):
        if not inner.lstrip().startswith(b'"'):
            return inner
        text = decoded(inner, str)
        if text is None:
            return None
        inner = text.encode(errors="replace")
    return None


def _trades(inner: bytes) -> tuple[Trade, ...]:
    many = inner.lstrip().startswith(b"[")
    shapes = decoded(inner, list[TradeShape]) if many else [decoded(inner, TradeShape)]
    found = (None if shape is None else shape.trade() for shape in shapes or ())
    return tuple(trade for trade in found if trade is not None)


def subscribe_candles(symbol: str, resolution: str) -> str:
    """The message that asks the data API for candles."""
    return json.dumps({"type": "subscribe", "symbol": symbol, "resolution": resolution})


def subscribe_dlob(symbol: str, channel: str) -> str:
    """The message that asks the order book's server for ``orderbook`` or ``trades``."""
    return json.dumps({"type": "subscribe", "channel": channel, "marketType": "perp", "market": symbol})
