"""A tape that grows on the disk: what is appended is there, whatever happens in between, and once."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from drift_e3.core.events import (
    BookSeen,
    CandleClosed,
    FundingPublished,
    MarketEvent,
    OpenInterestSeen,
    OracleTick,
)
from drift_e3.core.terms import Side
from drift_e3.ports import DataError
from drift_e3.venues.dataapi.recorder import Recorder, Series
from drift_e3.venues.dataapi.records import Trade
from drift_e3.venues.dataapi.tape_files import TICKS, Market
from drift_e3.venues.tape import read_book, read_candles, read_funding, read_ticks
from tests.venues.dataapi.builders import HOUR, MINUTE, T0, a_candle

MARKET = Market("velocity", "SOL-PERP", MINUTE)
ON_HOUR = T0 - T0 % HOUR


def series(folder: Path, market: Market = MARKET) -> Series:
    made = Series(folder, "ticks", TICKS, market)
    made.recover()
    return made


def keep(ticks: Series, *numbers: int) -> None:
    """Append ticks and write them."""
    for number in numbers:
        ticks.append((T0 + number, 100.0 + number / 7, T0))
    ticks.hand_over()
    ticks.write()


def fold(ticks: Series) -> None:
    ticks.set_aside()
    ticks.fold()


def numbers(path: Path) -> list[int]:
    """The ticks that a file holds, by the tape's own reader."""
    tape = read_ticks(path)
    assert list(tape.price_usd) == [100.0 + (ts - T0) / 7 for ts in tape.ts_ms]
    return [ts - T0 for ts in tape.ts_ms]


# -- one kind of rows ----------------------------------------------------------------------------------------


def test_what_was_written_is_a_tape_before_it_is_folded_and_after(tmp_path: Path) -> None:
    ticks = series(tmp_path)
    keep(ticks, 1, 2)
    assert numbers(ticks.csv) == [1, 2]
    fold(ticks)
    assert numbers(ticks.parquet) == [1, 2]
    assert not ticks.csv.exists()
    keep(ticks, 3)
    assert (numbers(ticks.parquet), numbers(ticks.csv)) == ([1, 2], [3])
    fold(ticks)
    assert numbers(ticks.parquet) == [1, 2, 3]


def test_only_what_was_handed_over_is_written(tmp_path: Path) -> None:
    ticks = series(tmp_path)
    ticks.append((T0, 1.0, T0))
    ticks.write()
    assert not ticks.csv.exists()
    ticks.hand_over()
    ticks.append((T0 + 1, 1.0, T0))
    ticks.write()
    assert len(ticks.csv.read_text().splitlines()) == 2
    ticks.hand_over()
    ticks.append((T0 + 2, 1.0, T0))
    ticks.hand_over()
    ticks.write()
    ticks.write()
    assert len(ticks.csv.read_text().splitlines()) == 4
    assert ticks.rows == 3


def test_a_time_already_there_is_left_out(tmp_path: Path) -> None:
    ticks = series(tmp_path)
    keep(ticks, 1, 3, 3, 2, 4)
    fold(ticks)
    keep(series(tmp_path), 4, 3, 5)
    again = series(tmp_path)
    assert numbers(again.parquet) == [1, 3, 4, 5]
    assert again.last_ts == T0 + 5


def test_another_start_goes_on_with_what_was_only_written(tmp_path: Path) -> None:
    keep(series(tmp_path), 1, 2)
    ticks = series(tmp_path)
    assert ticks.last_ts == T0 + 2
    assert numbers(ticks.parquet) == [1, 2]


@pytest.mark.parametrize("cut", [1, 5, 12, 25])
def test_a_torn_last_line_is_dropped(cut: int, tmp_path: Path) -> None:
    ticks = series(tmp_path)
    keep(ticks, 1, 2)
    ticks.csv.write_bytes(ticks.csv.read_bytes()[:-cut])
    assert numbers(series(tmp_path).parquet) == [1]


def test_a_torn_header_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "ticks.csv").write_bytes(b"ts_ms,pri")
    ticks = series(tmp_path)
    assert not ticks.csv.exists()
    keep(ticks, 1)
    assert numbers(ticks.csv) == [1]


def test_a_header_alone_adds_nothing(tmp_path: Path) -> None:
    (tmp_path / "ticks.csv").write_bytes(b"ts_ms,price,publish_ts_ms\n")
    ticks = series(tmp_path)
    keep(ticks, 1)
    fold(ticks)
    assert numbers(ticks.parquet) == [1]


def test_a_crash_between_setting_aside_and_folding_loses_nothing(tmp_path: Path) -> None:
    ticks = series(tmp_path)
    keep(ticks, 1)
    fold(ticks)
    keep(ticks, 2)
    ticks.set_aside()
    keep(ticks, 3)
    assert numbers(series(tmp_path).parquet) == [1, 2, 3]


def test_a_crash_between_folding_and_removing_doubles_nothing(tmp_path: Path) -> None:
    ticks = series(tmp_path)
    keep(ticks, 1, 2)
    before = ticks.csv.read_bytes()
    fold(ticks)
    (tmp_path / "ticks.folding.csv").write_bytes(before)
    assert numbers(series(tmp_path).parquet) == [1, 2]


def test_a_half_written_new_file_is_no_harm(tmp_path: Path) -> None:
    ticks = series(tmp_path)
    keep(ticks, 1)
    fold(ticks)
    (tmp_path / "ticks.new").write_bytes(b"PAR1 half of it")
    keep(ticks, 2)
    fold(ticks)
    assert numbers(ticks.parquet) == [1, 2]


def test_rows_set_aside_wait_for_the_fold_before_more_are(tmp_path: Path) -> None:
    ticks = series(tmp_path)
    keep(ticks, 1)
    ticks.set_aside()
    keep(ticks, 2)
    ticks.set_aside()
    ticks.fold()
    assert (numbers(ticks.parquet), numbers(ticks.csv)) == ([1], [2])


def test_a_file_of_another_market_is_refused(tmp_path: Path) -> None:
    ticks = series(tmp_path)
    keep(ticks, 1)
    fold(ticks)
    other = Market("drift", "BTC-PERP", HOUR)
    with pytest.raises(DataError) as caught:
        series(tmp_path, other)
    assert str(caught.value) == (
        f"{ticks.parquet}: holds SOL-PERP of velocity in frames of 60000 ms, not BTC-PERP of drift in frames "
        "of 3600000 ms: give another --out"
    )


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no parquet at all"])
def test_a_damaged_file_is_refused_and_not_written_over(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "ticks.parquet"
    path.write_bytes(content)
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        series(tmp_path)
    assert path.read_bytes() == content


def test_a_file_that_was_not_written_here_is_refused(tmp_path: Path) -> None:
    import pyarrow as pa

    pq.write_table(pa.table({"ts_ms": [T0], "price": [1.0]}), tmp_path / "ticks.parquet")
    with pytest.raises(DataError, match="was not written by this command"):
        series(tmp_path)


def test_a_damaged_line_in_the_middle_is_refused(tmp_path: Path) -> None:
    ticks = series(tmp_path)
    keep(ticks, 1, 2)
    ticks.csv.write_text(ticks.csv.read_text().replace("100.", "oops", 1))
    with pytest.raises(DataError, match="cannot be read"):
        series(tmp_path)


# -- a whole tape --------------------------------------------------------------------------------------------


def recorded(folder: Path, events: Iterable[MarketEvent], candles: int = 0) -> Recorder:
    """A folder's recorder after these events, all folded."""
    recorder = Recorder(folder, MARKET, 3)
    recorder.recover()
    for minute in range(candles):
        record = a_candle(minute, close=100.0 + minute / 3, volume=minute / 7, fills=minute != 1)
        recorder.candle(record, event_of(minute))
    asyncio.run(recorder.sink(list(events)))
    recorder.hand_over()
    recorder.write()
    recorder.fold()
    return recorder


def event_of(minute: int) -> CandleClosed:
    record = a_candle(minute, close=100.0 + minute / 3, volume=minute / 7)
    assert record.oracle is not None
    return CandleClosed(
        seen_ts=record.open_ts + MINUTE,
        open_ts=record.open_ts,
        volume=record.volume_base,
        **record.oracle._asdict(),
    )


def a_book(number: int, bids: Any = None, asks: Any = None) -> BookSeen:
    return BookSeen(
        seen_ts=T0 + number,
        publish_ts=T0 + number - 5,
        bids=((99.9, 5.0), (99.8, 1 / 3)) if bids is None else bids,
        asks=((100.1, 5.0), (100.2, 6.0), (100.3, 7.0)) if asks is None else asks,
    )


def test_candles_are_read_back_as_the_core_got_them_and_both_prices_are_kept(tmp_path: Path) -> None:
    recorder = recorded(tmp_path, [], candles=5)
    tape = read_candles(recorder.candles.parquet)
    columns = (tape.ts_ms, tape.open, tape.high, tape.low, tape.close, tape.volume)
    assert [*zip(*columns, strict=True)] == [
        (e.open_ts, e.open, e.high, e.low, e.close, e.volume) for e in map(event_of, range(5))
    ]
    whole = pq.read_table(recorder.candles.parquet).to_pydict()
    assert whole["fill_close"] == [100.0, None, 100.0 + 2 / 3, 101.0, 100.0 + 4 / 3]
    again = Recorder(tmp_path, MARKET, 3).recover()
    assert again == [
        a_candle(minute, close=100.0 + minute / 3, volume=minute / 7, fills=minute != 1)
        for minute in range(5)
    ]


def test_ticks_are_read_back_at_the_times_they_were_seen(tmp_path: Path) -> None:
    ticks = [OracleTick(seen_ts=T0 + i, publish_ts=T0 - 400 + i, price_usd=150.0 + i / 9) for i in range(4)]
    recorder = recorded(tmp_path, ticks)
    tape = read_ticks(recorder.ticks.parquet)
    assert [*tape.ts_ms] == [tick.seen_ts for tick in ticks]
    assert [*tape.price_usd] == [tick.price_usd for tick in ticks]
    assert pq.read_table(recorder.ticks.parquet)["publish_ts_ms"].to_pylist() == [t.publish_ts for t in ticks]


def test_books_are_read_back_level_for_level_and_what_a_tape_cannot_hold_is_left_out(tmp_path: Path) -> None:
    books = [
        a_book(1),
        a_book(2, bids=()),
        a_book(3, asks=()),
        a_book(4, bids=((100.1, 1.0),)),
        a_book(5, bids=((101.0, 1.0),)),
        a_book(6, asks=((100.5, 2.0),)),
    ]
    recorder = recorded(tmp_path, books)
    tape = read_book(recorder.books.parquet)
    assert [*tape.ts_ms] == [T0 + 1, T0 + 6]
    assert [[*column] for column in tape.bid_prices] == [[99.9, 99.9], [99.8, 99.8], [0.0, 0.0]]
    assert [[*column] for column in tape.ask_sizes] == [[5.0, 2.0], [6.0, 0.0], [7.0, 0.0]]
    assert recorder.left_out == 4
    assert recorder.books.rows == 2


def funding(hour: int, premium: float | None) -> FundingPublished:
    ts = ON_HOUR + hour * HOUR
    return FundingPublished(seen_ts=ts + 9_000, publish_ts=ts, rate_frac_1h=hour / 3e6, premium_frac=premium)


def test_funding_is_read_back_at_the_times_it_was_published(tmp_path: Path) -> None:
    recorder = recorded(tmp_path, [funding(hour, hour / 7e4) for hour in range(6)])
    tape = read_funding(recorder.funding.parquet)
    assert [*tape.ts_ms] == [ON_HOUR + hour * HOUR for hour in range(6)]
    assert [*tape.rate_frac_1h] == [hour / 3e6 for hour in range(6)]
    assert tape.premium_frac is not None
    assert [*tape.premium_frac] == [hour / 7e4 for hour in range(6)]


def test_a_premium_that_is_not_always_known_is_not_taken_for_known(tmp_path: Path) -> None:
    recorded(tmp_path, [funding(hour, None if hour == 2 else 1e-4) for hour in range(4)])
    recorder = recorded(tmp_path, [funding(hour, 1e-4) for hour in range(4, 8)])
    tape = read_funding(recorder.funding.parquet)
    assert len(tape.ts_ms) == 8
    assert tape.premium_frac is None
    assert pq.read_table(recorder.funding.parquet)["premium_or_none"].null_count == 1


def test_trades_are_kept_and_odd_keys_do_not_break_the_file(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, MARKET, 3)
    recorder.recover()
    trades = [
        Trade(T0 - 9, side, 150.0, 0.5, key) for side in Side for key in ("7", 'a"b', "a,b\n", "\u20ac", "")
    ]
    recorder.trades(trades[:6], T0)
    recorder.trades(trades[6:], T0)
    recorder.hand_over()
    recorder.write()
    recorder.fold()
    whole = pq.read_table(recorder.trades_seen.parquet).to_pydict()
    assert whole["ts_ms"] == [T0] * 10
    assert whole["side"] == [-1] * 5 + [1] * 5
    assert whole["key"] == ["7", None, None, None, None] * 2


def test_what_is_no_part_of_a_tape_is_not_recorded(tmp_path: Path) -> None:
    recorder = recorded(tmp_path, [OpenInterestSeen(seen_ts=T0, open_interest_usd=1.0)])
    assert [path.name for path in tmp_path.iterdir()] == []
    assert all(series.rows == 0 for series in recorder.series)


def test_many_folds_keep_a_tape_whole(tmp_path: Path) -> None:
    ticks = series(tmp_path)
    for day in range(12):
        keep(ticks, *range(day * 10, day * 10 + 10))
        fold(ticks)
    assert numbers(ticks.parquet) == list(range(120))
