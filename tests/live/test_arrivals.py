"""What a live market brings: the newest price where the loop is behind, everything else once and in order."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from drift_e3.core.events import (
    BookSeen,
    CandleClosed,
    Event,
    Fill,
    FundingPublished,
    OpenInterestSeen,
    OracleTick,
    OrderAccepted,
)
from drift_e3.core.terms import BUY, Liquidity, Reason
from drift_e3.live.arrivals import MERGED, Arrivals
from drift_e3.live.inbox import Inbox
from drift_e3.live.streaming import ROOM, Streaming
from drift_e3.ports import Put
from tests.live.daemons import ScriptedClock, turns


def tick(number: int) -> OracleTick:
    return OracleTick(seen_ts=number, publish_ts=number, price_usd=100.0 + number)


def book(number: int) -> BookSeen:
    return BookSeen(seen_ts=number, publish_ts=number, bids=((99.0, 1.0),), asks=((101.0, 1.0),))


def candle(number: int) -> CandleClosed:
    return CandleClosed(
        seen_ts=number, open_ts=number * 60_000, open=1.0, high=1.0, low=1.0, close=1.0, volume=1.0
    )


def fill(number: int) -> Fill:
    return Fill(
        seen_ts=number,
        fill_id=f"{number}",
        order_id="order",
        side=BUY,
        size_base=1.0,
        price_usd=1.0,
        reference_usd=1.0,
        fee_usd=0.0,
        liquidity=Liquidity.TAKER,
        reason=Reason.ENTRY,
    )


MAKERS: tuple[Callable[[int], Event], ...] = (
    tick,
    book,
    candle,
    fill,
    lambda number: OpenInterestSeen(seen_ts=number, open_interest_usd=1.0),
    lambda number: FundingPublished(seen_ts=number, publish_ts=number, rate_frac_1h=0.0),
    lambda number: OrderAccepted(seen_ts=number, order_id=f"{number}"),
)


def waiting(events: Sequence[Event]) -> Arrivals:
    arrivals = Arrivals()
    for event in events:
        arrivals.add([event])
    return arrivals


def test_a_newer_price_or_book_takes_the_place_of_one_that_waits() -> None:
    arrivals = waiting([tick(1), book(2), tick(3), book(4), tick(5)])
    assert arrivals.take() == [book(4), tick(5)]
    assert arrivals.merged == {OracleTick: 2, BookSeen: 1}


def test_what_was_known_when_something_happened_stays_so() -> None:
    told: list[Event] = [tick(1), candle(2), tick(3), fill(4), tick(5)]
    arrivals = waiting([*told, tick(6)])
    assert arrivals.take() == [*told[:-1], tick(6)]


def test_what_was_taken_is_not_merged_with() -> None:
    arrivals = waiting([tick(1)])
    assert arrivals.take() == [tick(1)]
    arrivals.add([tick(2)])
    assert arrivals.take() == [tick(2)]
    assert arrivals.take() == []
    assert not arrivals.merged


@given(st.lists(st.integers(0, len(MAKERS) - 1), max_size=60))
def test_nothing_is_lost_but_what_a_newer_one_replaced_and_the_order_stays(kinds: list[int]) -> None:
    events: list[Event] = [MAKERS[kind](number) for number, kind in enumerate(kinds)]
    arrivals = waiting(events)
    assert arrivals.most <= len(events)
    left = arrivals.take()
    kept = iter(events)
    assert all(event in kept for event in left), "in the order in which they came"
    assert [e for e in left if not isinstance(e, MERGED)] == [e for e in events if not isinstance(e, MERGED)]
    assert sum(arrivals.merged.values()) == len(events) - len(left)
    for kind in MERGED:
        newest = [event for event in events if isinstance(event, kind)][-1:]
        assert [event for event in left if isinstance(event, kind)][-1:] == newest


class Scripted:
    """Implements `ports.LiveMarket` as far as a pump needs it; `run` brings what it is given, in one go."""

    def __init__(self, script: Sequence[Sequence[Event]]) -> None:
        self._script = script
        self.pushed: list[Event] = []
        self.brought = 0
        self.brought_before: list[int] = []
        """How much had been brought when each batch was dealt with."""

    def push(self, events: Sequence[Event]) -> None:
        self.pushed.extend(events)

    def merged(self) -> dict[str, int]:
        return {"order_book": 7}

    async def run(self, put: Put) -> None:
        for events in self._script:
            await put(events)
            self.brought += len(events)
        await asyncio.Event().wait()


async def pumped(script: Sequence[Sequence[Event]], batches: int) -> tuple[Scripted, Streaming, list[int]]:
    """Take so many batches of what a market brings; gives the sizes of the batches too."""
    market, inbox = Scripted(script), Inbox()
    streaming = Streaming(market, inbox, ScriptedClock())  # type: ignore[arg-type]
    pump = asyncio.ensure_future(streaming.run())
    sizes = []
    for _ in range(batches):
        batch = await inbox.get()
        await turns()
        sizes.append(batch.steps)
        market.brought_before.append(market.brought)
        batch.dealt_with.set()
    await turns()
    pump.cancel()
    with suppress(asyncio.CancelledError):
        await pump
    return market, streaming, sizes


async def test_a_burst_of_prices_reaches_the_trader_as_the_newest_and_is_counted() -> None:
    market, streaming, sizes = await pumped([[tick(number)] for number in range(5_000)], 1)
    assert market.pushed == [tick(4_999)]
    assert sizes == [1]
    status = streaming.status()
    assert (status.waiting, status.waiting_most, status.room) == (0, 1, ROOM)
    assert status.merged == {"order_book": 7, "oracle_tick": 4_999}


async def test_what_must_not_be_lost_waits_in_a_bounded_place_and_its_bringer_too() -> None:
    script = [[fill(number)] for number in range(3 * ROOM)]
    market, streaming, sizes = await pumped(script, 1)
    assert sizes == [ROOM], "no more is taken in than there is room for"
    assert market.brought_before == [2 * ROOM]
    assert streaming.status().waiting <= ROOM
    market, streaming, sizes = await pumped(script, 3)
    assert market.pushed == [one for (one,) in script]
    assert sizes == [ROOM] * 3
    assert streaming.status().waiting_most == ROOM
    assert streaming.status().merged == {"order_book": 7}


async def test_while_a_batch_is_dealt_with_the_next_one_is_gathered() -> None:
    market, _, sizes = await pumped([[tick(1)], [candle(2)], [fill(3), tick(4)]], 1)
    assert sizes == [4], "all that came before the first look"
    assert market.pushed == [tick(1), candle(2), fill(3), tick(4)]
