"""The tape played as a feed: order of steps, what is history, and going on from a checkpoint."""

from array import array
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_e3.core.events import BookSeen, CandleClosed, FundingPublished, OracleTick
from drift_e3.core.terms import Instrument
from drift_e3.ports import DataError
from drift_e3.venues.sim.steps import BarOpened, BarRange, Step
from drift_e3.venues.tape import (
    BookTape,
    CandleTape,
    FundingTape,
    TapeFeed,
    TapeReport,
    TickTape,
    read_candles,
    read_funding,
)

T0 = 1_735_689_600_000
MINUTE = 60_000
HOUR = 3_600_000
DAY = 24 * HOUR


def report(times: list[int]) -> TapeReport:
    return TapeReport(path="made.csv", rows=len(times), first_ts=times[0], last_ts=times[-1], findings=())


def candles(times: list[int], frame_ms: int = MINUTE, taker: bool = False) -> CandleTape:
    price = [100.0 + i for i in range(len(times))]
    return CandleTape(
        report=report(times),
        frame_ms=frame_ms,
        ts_ms=array("q", times),
        open=array("d", price),
        high=array("d", [p + 2.0 for p in price]),
        low=array("d", [p - 2.0 for p in price]),
        close=array("d", [p + 1.0 for p in price]),
        volume=array("d", [10.0] * len(times)),
        taker_buy_volume=array("d", [4.0] * len(times)) if taker else None,
    )


def minutes(count: int, start: int = T0) -> list[int]:
    return [start + MINUTE * i for i in range(count)]


def funding(times: list[int], premium: bool = False) -> FundingTape:
    return FundingTape(
        report=report(times),
        ts_ms=array("q", times),
        rate_frac_1h=array("d", [1e-6 * i for i in range(len(times))]),
        hours=array("d", [1.0] * len(times)),
        premium_frac=array("d", [1e-4] * len(times)) if premium else None,
    )


def ticks(times: list[int]) -> TickTape:
    return TickTape(report=report(times), ts_ms=array("q", times), price_usd=array("d", [150.0] * len(times)))


def books(times: list[int]) -> BookTape:
    def column(value: float) -> "array[float]":
        return array("d", [value] * len(times))

    return BookTape(
        report=report(times),
        ts_ms=array("q", times),
        bid_prices=[column(99.0), column(98.0)],
        bid_sizes=[column(5.0), column(0.0)],
        ask_prices=[column(101.0), column(102.0)],
        ask_sizes=[column(6.0), column(7.0)],
    )


def play(feed: TapeFeed) -> list[tuple[int, Step]]:
    steps: list[tuple[int, Step]] = []
    while (ts := feed.next_ts()) is not None:
        steps.append((ts, feed.advance()))
    return steps


def outline(feed: TapeFeed) -> list[tuple[int, str]]:
    return [(ts - T0, type(step).__name__) for ts, step in play(feed)]


def test_a_candle_is_opened_shown_and_closed() -> None:
    feed = TapeFeed(candles(minutes(2), taker=True), None, Instrument())
    assert play(feed) == [
        (T0, BarOpened(ts=T0, open=100.0)),
        (T0 + 59_999, BarRange(ts=T0 + 59_999, open=100.0, high=102.0, low=98.0, close=101.0)),
        (
            T0 + MINUTE,
            CandleClosed(
                seen_ts=T0 + MINUTE,
                open_ts=T0,
                open=100.0,
                high=102.0,
                low=98.0,
                close=101.0,
                volume=10.0,
                taker_buy_volume=4.0,
            ),
        ),
        (T0 + MINUTE, BarOpened(ts=T0 + MINUTE, open=101.0)),
        (T0 + 119_999, BarRange(ts=T0 + 119_999, open=101.0, high=103.0, low=99.0, close=102.0)),
        (
            T0 + 2 * MINUTE,
            CandleClosed(
                seen_ts=T0 + 2 * MINUTE,
                open_ts=T0 + MINUTE,
                open=101.0,
                high=103.0,
                low=99.0,
                close=102.0,
                volume=10.0,
                taker_buy_volume=4.0,
            ),
        ),
    ]


def test_a_gap_is_passed_over_in_silence() -> None:
    feed = TapeFeed(candles([T0, T0 + 3 * MINUTE]), None, Instrument())
    assert [ts for ts, name in outline(feed) if name == "BarOpened"] == [0, 3 * MINUTE]


def test_funding_stamped_at_the_close_is_seen_before_it_and_later_funding_after_it() -> None:
    times = [T0 + MINUTE, T0 + 2 * MINUTE + 1, T0 + 4 * MINUTE - 1]
    feed = TapeFeed(candles(minutes(4)), funding(times), Instrument())
    order = outline(feed)
    assert order.index((MINUTE, "FundingPublished")) == order.index((MINUTE, "CandleClosed")) - 1
    assert order.index((2 * MINUTE + 1, "FundingPublished")) == order.index((2 * MINUTE, "BarOpened")) + 1
    assert order[-3:] == [
        (4 * MINUTE - 1, "FundingPublished"),
        (4 * MINUTE - 1, "BarRange"),
        (4 * MINUTE, "CandleClosed"),
    ]


def test_no_step_comes_before_its_time() -> None:
    feed = TapeFeed(
        candles(minutes(30)),
        funding([T0 + i * 7_001 for i in range(300)]),
        Instrument(),
        ticks=ticks([T0 + i * 977 for i in range(2_000)]),
        book=books([T0 + i * 5_003 for i in range(300)]),
    )
    steps = play(feed)
    assert [ts for ts, _ in steps] == sorted(ts for ts, _ in steps)
    for ts, step in steps:
        assert not isinstance(step, BarOpened | BarRange)
        assert step.seen_ts == ts


def test_funding_before_the_first_candle_warms_and_is_marked_as_history() -> None:
    early = [T0 - HOUR * i for i in range(200, 0, -1)]
    feed = TapeFeed(candles(minutes(2)), funding([*early, T0, T0 + 5]), Instrument())
    published = [step for _, step in play(feed) if isinstance(step, FundingPublished)]
    assert len([p for p in published if p.history]) == 169
    assert published[0].publish_ts == T0 - 169 * HOUR
    assert [(p.publish_ts, p.history) for p in published[-3:]] == [
        (T0 - HOUR, True),
        (T0, False),
        (T0 + 5, False),
    ]


def test_candles_before_the_start_are_history_without_bars() -> None:
    times = [T0 + HOUR * i for i in range(24 * 12)]
    start, end = T0 + 10 * DAY, T0 + 11 * DAY
    feed = TapeFeed(
        candles(times, HOUR), funding([ts + 48 for ts in times]), Instrument(), start_ts=start, end_ts=end
    )
    steps = [step for _, step in play(feed)]
    closed = [step for step in steps if isinstance(step, CandleClosed)]
    past = [c for c in closed if c.history]
    assert [c.history for c in closed] == [True] * 192 + [False] * 24
    assert past[0].open_ts == T0 + 2 * DAY
    assert past[-1].seen_ts == start
    assert closed[-1].seen_ts == end
    opened = [step for step in steps if isinstance(step, BarOpened)]
    assert [o.ts for o in opened] == [start + HOUR * i for i in range(24)]
    published = [step for step in steps if isinstance(step, FundingPublished)]
    assert all(p.history == (p.publish_ts < start) for p in published)
    assert feed.progress == (216, 216)


def test_a_start_between_candles_begins_with_the_next_one() -> None:
    feed = TapeFeed(candles(minutes(4)), None, Instrument(), start_ts=T0 + 1, end_ts=T0 + 3 * MINUTE + 1)
    assert outline(feed) == [
        (MINUTE, "CandleClosed"),
        (MINUTE, "BarOpened"),
        (2 * MINUTE - 1, "BarRange"),
        (2 * MINUTE, "CandleClosed"),
        (2 * MINUTE, "BarOpened"),
        (3 * MINUTE - 1, "BarRange"),
        (3 * MINUTE, "CandleClosed"),
    ]


def test_a_start_before_the_tape_begins_with_the_tape() -> None:
    feed = TapeFeed(candles(minutes(2)), None, Instrument(), start_ts=T0 - DAY)
    assert outline(feed)[0] == (0, "BarOpened")


@pytest.mark.parametrize(
    ("start", "end"), [(T0 + HOUR, None), (None, T0), (T0 + MINUTE, T0 + MINUTE), (None, T0 + MINUTE - 1)]
)
def test_a_range_without_candles_is_refused(start: int | None, end: int | None) -> None:
    with pytest.raises(DataError, match=r"made\.csv: no candle from .* the file has 2025-01-01 00:00:00 to"):
        TapeFeed(candles(minutes(3)), None, Instrument(), start_ts=start, end_ts=end)


def test_ticks_take_the_place_of_bars_and_a_tick_at_the_close_belongs_to_the_next_candle() -> None:
    feed = TapeFeed(
        candles(minutes(2)),
        funding([T0 + MINUTE]),
        Instrument(),
        ticks=ticks([T0, T0 + 30_000, T0 + MINUTE, T0 + 2 * MINUTE]),
        book=books([T0 + MINUTE]),
    )
    assert outline(feed) == [
        (0, "OracleTick"),
        (30_000, "OracleTick"),
        (MINUTE, "FundingPublished"),
        (MINUTE, "BookSeen"),
        (MINUTE, "CandleClosed"),
        (MINUTE, "OracleTick"),
        (2 * MINUTE, "CandleClosed"),
    ]


def test_ticks_and_books_before_the_start_are_not_told() -> None:
    feed = TapeFeed(
        candles(minutes(3)),
        None,
        Instrument(),
        start_ts=T0 + MINUTE,
        ticks=ticks([T0 + 1, T0 + MINUTE + 1]),
        book=books([T0 + 2, T0 + MINUTE + 2]),
    )
    assert outline(feed) == [
        (MINUTE, "CandleClosed"),
        (MINUTE + 1, "OracleTick"),
        (MINUTE + 2, "BookSeen"),
        (2 * MINUTE, "CandleClosed"),
        (3 * MINUTE, "CandleClosed"),
    ]


def test_ticks_beside_the_candles_are_refused() -> None:
    with pytest.raises(DataError, match=r"made\.csv: no tick among the candles traded"):
        TapeFeed(candles(minutes(3)), None, Instrument(), ticks=ticks([T0 - 1, T0 + 3 * MINUTE]))


def test_a_level_of_no_size_is_left_out_of_the_book() -> None:
    feed = TapeFeed(candles(minutes(1)), None, Instrument(), book=books([T0 + 5]))
    (seen,) = [step for _, step in play(feed) if isinstance(step, BookSeen)]
    assert seen.bids == ((99.0, 5.0),)
    assert seen.asks == ((101.0, 6.0), (102.0, 7.0))


def test_the_feed_says_what_it_can_deliver() -> None:
    plain = TapeFeed(candles(minutes(2)), funding([T0]), Instrument()).feed
    assert (plain.frame_ms, plain.oracle_ticks, plain.book, plain.premium, plain.live) == (
        MINUTE,
        False,
        False,
        False,
        False,
    )
    rich = TapeFeed(
        candles(minutes(2)), funding([T0], premium=True), Instrument(), ticks=ticks([T0]), book=books([T0])
    ).feed
    assert (rich.oracle_ticks, rich.book, rich.premium) == (True, True, True)


def test_rates_intervals_and_premiums_arrive_as_they_are() -> None:
    tape = funding([T0 + 1, T0 + 2], premium=True)
    tape.hours[1] = 8.0
    published = [s for _, s in play(TapeFeed(candles(minutes(1)), tape, Instrument())) if _ < T0 + 9]
    assert published[1:] == [
        FundingPublished(seen_ts=T0 + 1, publish_ts=T0 + 1, rate_frac_1h=0.0, premium_frac=1e-4),
        FundingPublished(seen_ts=T0 + 2, publish_ts=T0 + 2, rate_frac_1h=1e-6, hours=8.0, premium_frac=1e-4),
    ]


def rich_feed(**changes: Any) -> TapeFeed:
    times = [ts for ts in minutes(60) if (ts - T0) // MINUTE not in {12, 13, 30}]
    given_: dict[str, Any] = {
        "candles": candles(times),
        "funding": funding([T0 - 2 * HOUR, T0 - HOUR, *[T0 + i * 10 * MINUTE for i in range(7)]]),
        "instrument": Instrument(),
        "start_ts": T0 + 20 * MINUTE,
        "end_ts": T0 + 40 * MINUTE,
        "ticks": ticks([T0 + i * 15_000 for i in range(300)]),
        "book": books([T0 + i * 20_000 for i in range(200)]),
    }
    return TapeFeed(**(given_ | changes))


@pytest.mark.parametrize("changes", [{}, {"ticks": None}, {"ticks": None, "book": None, "funding": None}])
@given(data=st.data())
def test_a_restored_feed_goes_on_with_the_same_steps_from_anywhere(
    changes: dict[str, Any], data: st.DataObject
) -> None:
    whole = play(rich_feed(**changes))
    stop = data.draw(st.integers(0, len(whole)))
    feed = rich_feed(**changes)
    for _ in range(stop):
        feed.advance()
    state = feed.checkpoint()
    again = rich_feed(**changes)
    again.restore(state)
    assert again.progress == feed.progress
    assert again.checkpoint() == state
    assert play(again) == whole[stop:]


@pytest.mark.parametrize(
    "changes",
    [
        {"candles": candles(minutes(60))},
        {
            "candles": candles(
                [ts for ts in minutes(60) if (ts - T0) // MINUTE not in {12, 13, 30}], taker=True
            )
        },
        {"funding": None},
        {"ticks": None},
        {"book": None},
        {"ticks": ticks([T0 + i * 15_001 for i in range(300)])},
        {"start_ts": T0 + 21 * MINUTE},
        {"end_ts": T0 + 41 * MINUTE},
    ],
)
def test_a_checkpoint_of_other_data_is_refused(changes: dict[str, Any]) -> None:
    feed = rich_feed()
    feed.advance()
    with pytest.raises(DataError, match=r"made\.csv: the data or the range differs"):
        rich_feed(**changes).restore(feed.checkpoint())


def test_a_checkpoint_of_something_else_is_refused() -> None:
    with pytest.raises(DataError, match="not one of a tape"):
        rich_feed().restore(b"something else")


def test_the_recorded_minutes_are_played_in_order_and_in_full(shared_data: Path) -> None:
    tape = read_candles(shared_data / "candles" / "sol_usdt_binance_usdm_1m_2025-05_2025-06.parquet")
    rates = read_funding(
        shared_data / "funding" / "sol_hyperliquid_funding_premium_1h_2024-12_2025-09.parquet"
    )
    feed = TapeFeed(tape, rates, Instrument())
    counts = dict.fromkeys((BarOpened, BarRange, CandleClosed, FundingPublished, OracleTick), 0)
    last = 0
    while (ts := feed.next_ts()) is not None:
        assert ts >= last
        last = ts
        counts[type(feed.advance())] += 1
    assert counts[BarOpened] == counts[BarRange] == counts[CandleClosed] == 73_141
    assert counts[FundingPublished] == 169 + 51 * 24 - 5
    assert counts[OracleTick] == 0
