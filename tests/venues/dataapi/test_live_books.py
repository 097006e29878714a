"""The newest book, the oracle's price beside it, and trades: what is content and what is repetition."""

from collections.abc import Iterable
from typing import Any

import pytest

from drift_e3.core.events import BookSeen, OracleTick
from drift_e3.venues.dataapi.live_books import TRADES_REMEMBERED, LiveBooks
from drift_e3.venues.dataapi.records import Trade
from drift_e3.venues.dataapi.stream import Channel
from tests.venues.dataapi.builders import T0, book_json, dlob_frame
from tests.venues.dataapi.frame_fuzz import trade_json
from tests.venues.dataapi.stage import SteppedClock

NOW = T0 + 1_000


class Heard:
    """Books under test, with their channels and the trades they recorded."""

    def __init__(self) -> None:
        self.book_channel = Channel(name="book")
        self.trade_channel = Channel(name="trades")
        self.trades: list[tuple[str, int]] = []
        self.books = LiveBooks(
            "SOL-PERP", SteppedClock(NOW), self.book_channel, self.trade_channel, self._record
        )

    def _record(self, trades: Iterable[Trade], seen_ts: int) -> None:
        self.trades += [(trade.key, seen_ts) for trade in trades]

    def book(self, slot: int = 1, ts: int = T0, connection: int = 0, **more: Any) -> str:
        return self.books.take_frame(dlob_frame(book_json(slot, ts, **more)), connection)

    def slots(self) -> list[float]:
        """The best bids that `take` gives, from which the tests tell books apart."""
        return [event.bids[0][1] for event in self.books.take(NOW, 5) if isinstance(event, BookSeen)]


@pytest.fixture
async def heard() -> Heard:
    return Heard()


def size(base: int) -> dict[str, Any]:
    return {"bids": [{"price": "149900000", "size": f"{base}000000000"}]}


async def test_the_newest_book_wins_and_is_given_once(heard: Heard) -> None:
    heard.book(1, T0, **size(1))
    heard.book(2, T0 + 1, **size(2))
    assert heard.slots() == [2.0]
    assert heard.slots() == []
    assert heard.book_channel.contents == 2


async def test_an_older_slot_is_not_news(heard: Heard) -> None:
    heard.book(5, T0, **size(5))
    heard.book(4, T0 + 9, **size(4))
    assert heard.slots() == [5.0]
    assert heard.book_channel.contents == 1


async def test_a_repeated_book_is_no_sign_of_life(heard: Heard) -> None:
    for _ in range(3):
        heard.book(5, T0)
    assert heard.book_channel.contents == 1
    assert len(heard.slots()) == 1


async def test_a_server_that_stays_at_one_slot_is_read_but_counts_as_silent(heard: Heard) -> None:
    heard.book(5, T0, **size(1))
    heard.book(5, T0 + 1, **size(2))
    assert heard.slots() == [2.0]
    assert heard.book_channel.contents == 1


async def test_without_slots_the_servers_time_counts(heard: Heard) -> None:
    heard.book(0, T0)
    heard.book(0, T0)
    heard.book(0, T0 + 1)
    heard.book(0, T0 - 1)
    assert heard.book_channel.contents == 2


async def test_a_new_connection_may_be_behind_but_not_repeat(heard: Heard) -> None:
    heard.book(50, T0, connection=0, **size(1))
    heard.book(50, T0, connection=1, **size(2))
    assert (heard.slots(), heard.book_channel.contents) == ([1.0], 1)
    heard.book(40, T0 - 5, connection=1, **size(3))
    heard.book(39, T0 - 4, connection=1, **size(4))
    heard.book(41, T0 - 3, connection=1, **size(5))
    assert (heard.slots(), heard.book_channel.contents) == ([5.0], 3)


async def test_books_are_cut_to_the_levels_asked_for_and_stamped(heard: Heard) -> None:
    heard.book(1, T0 - 7)
    (book,) = [event for event in heard.books.take(NOW, 1) if isinstance(event, BookSeen)]
    assert book == BookSeen(seen_ts=NOW, publish_ts=T0 - 7, bids=((149.9, 5.0),), asks=((150.1, 6.0),))


async def test_a_book_without_a_time_was_published_when_it_was_seen(heard: Heard) -> None:
    heard.book(1, 0)
    (book,) = [event for event in heard.books.take(NOW, 1) if isinstance(event, BookSeen)]
    assert book.publish_ts == NOW


async def test_another_markets_book_is_wrong(heard: Heard) -> None:
    assert heard.book(1, marketName="BTC-PERP") == "another market's book"
    assert heard.book(2, marketName="") == ""
    assert heard.book_channel.contents == 1


def ticks(heard: Heard) -> list[OracleTick]:
    return [event for event in heard.books.take(NOW, 1) if isinstance(event, OracleTick)]


async def test_the_oracles_price_is_as_old_as_its_slot_says(heard: Heard) -> None:
    heard.book(100, T0, oracleData={"price": "150250000", "slot": "90"})
    assert ticks(heard) == [OracleTick(seen_ts=NOW, publish_ts=T0 - 4_000, price_usd=150.25)]


async def test_a_price_that_was_not_posted_anew_is_not_told_again(heard: Heard) -> None:
    """However the book goes on: an oracle that stands still must grow old."""
    for slot in range(100, 120):
        heard.book(slot, T0 + 500 * slot, oracleData={"price": "150250000", "slot": "90"})
        assert len(ticks(heard)) == (slot == 100)
    heard.book(121, T0 + 500 * 121, oracleData={"price": "150250000", "slot": "121"})
    assert len(ticks(heard)) == 1


async def test_time_of_a_price_never_goes_back(heard: Heard) -> None:
    heard.book(100, T0, oracleData={"price": "150000000", "slot": "100"})
    assert len(ticks(heard)) == 1
    heard.book(101, T0 + 400, oracleData={"price": "151000000", "slot": "99"})
    assert ticks(heard) == []


async def test_a_slot_of_the_future_does_not_make_a_price_younger(heard: Heard) -> None:
    heard.book(100, T0, oracleData={"price": "150000000", "slot": "900"})
    assert [tick.publish_ts for tick in ticks(heard)] == [T0]


async def test_without_an_oracle_there_is_no_tick(heard: Heard) -> None:
    heard.book(100, T0, oracleData=None, oracle=None)
    assert ticks(heard) == []
    heard.book(101, T0 + 1, oracleData=None)
    assert [tick.price_usd for tick in ticks(heard)] == [150.0]


async def test_each_trade_is_recorded_once_while_it_is_remembered(heard: Heard) -> None:
    def hear(*numbers: int) -> None:
        frame = dlob_frame([trade_json(number) for number in numbers], "trades_perp_0")
        assert heard.books.take_frame(frame, 0) == ""

    hear(1, 2)
    hear(2, 3)
    hear(3)
    assert heard.trades == [("1", NOW), ("2", NOW), ("3", NOW)]
    assert heard.trade_channel.contents == 2
    for number in range(4, TRADES_REMEMBERED + 6):
        hear(number)
    assert len(heard.books._trade_keys) == TRADES_REMEMBERED
    hear(1)
    assert heard.trades[-1] == ("1", NOW)


async def test_complaints_and_garbage_are_told_and_chatter_is_not(heard: Heard) -> None:
    take = heard.books.take_frame
    assert take('{"channel": "heartbeat"}', 0) == ""
    assert take('{"channel": "orderbook", "error": "no such market"}', 0) == "no such market"
    assert take("[", 0) == "no JSON object"
    assert heard.book_channel.contents == heard.trade_channel.contents == 0
