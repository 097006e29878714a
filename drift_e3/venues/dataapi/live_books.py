"""The newest order book, the oracle's price beside it, and everybody's trades, as the stream has them.

Only the newest book is kept: who is slow sees fewer, never older ones. A server that repeats itself counts
as silent.
"""

from collections.abc import Callable, Iterable
from typing import Final

from drift_e3.core.events import BookSeen, OracleTick
from drift_e3.ports import Clock
from drift_e3.venues.dataapi.frames import BookUpdate, Garbled, TradesUpdate, read_dlob_frame
from drift_e3.venues.dataapi.records import Book, Trade
from drift_e3.venues.dataapi.shapes import BookShape
from drift_e3.venues.dataapi.stream import Channel

SLOT_MS: Final = 400
"""How long a slot takes when the chain is in time; the oracle's age is told in slots only."""
TRADES_REMEMBERED: Final = 1_024

NO_BOOK: Final = BookUpdate(0, 0, "", BookShape(bids=[], asks=[]))


class LiveBooks:
    """Hears the order book server's frames; `take` gives what is new of them."""

    def __init__(
        self,
        symbol: str,
        clock: Clock,
        books: Channel,
        trades: Channel,
        recorded: Callable[[Iterable[Trade], int], None] | None,
    ) -> None:
        self._symbol = symbol
        self._clock = clock
        self._channel = books
        self._trades_channel = trades
        self._recorded = recorded
        self._update = NO_BOOK
        self._connection = 0
        self._new = False
        self.merged = 0
        """Messages that a newer one replaced before anybody took them."""
        self._tick = 0, 0
        self._trade_keys: dict[str, None] = {}

    def take_frame(self, text: str | bytes, connection: int) -> str:
        """Hear a frame; what is wrong with it, empty if nothing. `connection` numbers the connections."""
        frame = read_dlob_frame(text)
        match frame:
            case BookUpdate():
                if frame.market not in {"", self._symbol}:
                    return "another market's book"
                self._take_book(frame, connection)
            case TradesUpdate(trades=trades):
                self._take_trades(trades)
            case Garbled(reason=reason):
                return reason
            case _:
                return getattr(frame, "error", "")
        return ""

    def take(self, now_ms: int, levels: int) -> list[OracleTick | BookSeen]:
        """The oracle's price and the newest book, each only if it is new."""
        if not self._new:
            return []
        self._new = False
        book = self._update.book
        publish_ts = book.ts or now_ms
        found: list[OracleTick | BookSeen] = []
        tick = self._oracle_tick(book, publish_ts, now_ms)
        if tick is not None:
            found.append(tick)
        found.append(
            BookSeen(seen_ts=now_ms, publish_ts=publish_ts, bids=book.bids[:levels], asks=book.asks[:levels])
        )
        return found

    def _take_book(self, update: BookUpdate, connection: int) -> None:
        """Keep the book if it is newer. Within a connection slots only go on, and a server that stays at one
        slot has nothing to say; a new connection may lead to a server that is behind."""
        last = self._update
        again = connection != self._connection
        if update.slot < last.slot and not again:
            return
        if update.slot == last.slot and update.ts <= last.ts:
            return
        if update.slot != last.slot or not update.slot:
            self._channel.hear()
        self.merged += self._new
        self._update, self._connection, self._new = update, connection, True

    def _take_trades(self, trades: Iterable[Trade]) -> None:
        keys = self._trade_keys
        new = [trade for trade in trades if trade.key not in keys]
        if not new:
            return
        keys.update((trade.key, None) for trade in new)
        while len(keys) > TRADES_REMEMBERED:
            del keys[next(iter(keys))]
        self._trades_channel.hear()
        if self._recorded is not None:
            self._recorded(new, self._clock.now_ms())

    def _oracle_tick(self, book: Book, publish_ts: int, now_ms: int) -> OracleTick | None:
        """The oracle's price, if it was posted after the last one told."""
        if not book.oracle_usd > 0.0:
            return None
        posted_ts = publish_ts
        if 0 < book.oracle_slot <= book.slot:
            posted_ts -= (book.slot - book.oracle_slot) * SLOT_MS
        told_slot, told_ts = self._tick
        if posted_ts <= told_ts or (book.oracle_slot and book.oracle_slot == told_slot):
            return None
        self._tick = book.oracle_slot, posted_ts
        return OracleTick(seen_ts=now_ms, publish_ts=posted_ts, price_usd=book.oracle_usd)
