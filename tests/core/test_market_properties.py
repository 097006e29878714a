"""Neither what comes later nor a restart changes a bit of what the market view says."""

from array import array
from typing import Any

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from drift_e3.core.events import CandleClosed, MarketEvent
from drift_e3.core.market import MarketView
from drift_e3.core.terms import MS_PER_HOUR
from tests.core.market_builders import a_book, a_tick, a_view, bits, events_of, observe_all, synthetic_tape


def a_market(seed: int, count: int) -> list[MarketEvent]:
    """Everything a feed can bring: hourly candles, funding, open interest, books and ticks."""
    rng = np.random.default_rng(seed)
    events: list[MarketEvent] = []
    for event in events_of(synthetic_tape(seed, count, 60, gap_share=0.03)):
        events.append(event)
        ts = event.seen_ts
        mid = float(rng.uniform(90, 110))
        if rng.random() < 0.5:
            events.append(a_tick(ts, mid, publish_ts=ts - int(rng.integers(0, 90_000))))
        if rng.random() < 0.5:
            sizes = [float(size) for size in rng.uniform(0, 5, 4)]
            bids = ((mid * 0.9999, sizes[0]), (mid * 0.9985, sizes[1]))
            asks = ((mid * 1.0001, sizes[2]), (mid * 1.0005, sizes[3]))
            events.append(a_book(ts, publish_ts=ts - int(rng.integers(0, 90_000)), bids=bids, asks=asks))
    return events


def stored(view: MarketView) -> MarketView:
    """The view after it was written down and read back."""

    def encode(value: Any) -> bytes:
        assert isinstance(value, array)
        assert value.typecode == "d"
        return value.tobytes()

    def decode(kind: type, value: bytes) -> Any:
        assert kind is array
        return array("d", value)

    written = msgspec.msgpack.encode(view, enc_hook=encode)
    return msgspec.msgpack.decode(written, type=MarketView, dec_hook=decode)


def an_hourly_view(*, book: bool) -> MarketView:
    """A view of hourly candles with ticks, and with books or without."""
    return a_view(MS_PER_HOUR, oracle_ticks=True, book=book, premium=True)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 999), st.integers(1_000, 1_999), st.integers(1, 90), st.booleans())
def test_what_comes_after_a_candle_does_not_change_its_features(
    seed: int, other: int, known: int, book: bool
) -> None:
    events = a_market(seed, 100)
    last = [event for event in events if isinstance(event, CandleClosed)][known - 1]
    past = events[: events.index(last) + 1]
    another_future = [event for event in a_market(other, 300) if event.seen_ts > last.seen_ts]
    as_it_was = bits(observe_all(an_hourly_view(book=book), events))
    as_it_might_have_been = bits(observe_all(an_hourly_view(book=book), past + another_future))
    assert as_it_was[:known] == as_it_might_have_been[:known]
    assert as_it_was[known:] != as_it_might_have_been[known:]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999), share=st.floats(0.0, 1.0), book=st.booleans())
def test_a_restart_anywhere_changes_no_bit(seed: int, share: float, book: bool) -> None:
    events = a_market(seed, 200)
    cut = int(len(events) * share)
    without, before = an_hourly_view(book=book), an_hourly_view(book=book)
    expected = bits(observe_all(without, events))
    rows = observe_all(before, events[:cut])
    after = stored(before)
    rows += observe_all(after, events[cut:])
    assert bits(rows) == expected
    assert msgspec.msgpack.encode(after, enc_hook=bytes) == msgspec.msgpack.encode(without, enc_hook=bytes)
