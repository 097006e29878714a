"""Many sets at once, stretches of a tape, what is refused, and what is kept on disk."""

from array import array
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drift_e3.core.events import Settings
from drift_e3.core.params import InvalidParameter, Limits, Params
from drift_e3.core.terms import WeightMode
from drift_e3.lab.kernel import columns
from drift_e3.lab.kernel.books import BOOKS, FAULT_IN_FLIGHT
from drift_e3.lab.kernel.layout import INSTRUMENT_FIELDS, PARAMS, SIM, table
from drift_e3.lab.kernel.preparing import Prepared, Unsupported, prepare
from drift_e3.lab.kernel.running import LoopFault, Runner, check_faults, run, run_many
from drift_e3.venues.sim.settings import SimSettings
from drift_e3.venues.tape.feed import TapeFeed
from drift_e3.venues.tape.series import BookTape, TickTape
from tests.lab.kernel.test_retold import made
from tests.lab.kernel.worlds import LIVELY, LOOSE, report

EQUITY = 1_000.0


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    return prepare(made(8).feed(), keep=False)


def some_settings(count: int) -> list[Settings]:
    return [
        Settings(params=LIVELY._replace(m_stopLossPct=0.004 + 0.002 * number), limits=LOOSE)
        for number in range(count)
    ]


def test_each_of_many_sets_has_the_run_that_it_has_alone(prepared: Prepared) -> None:
    chosen = some_settings(5)
    together = run_many(prepared, chosen, EQUITY)
    assert len({one.trades.tobytes() for one in together}) == 5
    for settings, one in zip(chosen, together, strict=True):
        alone = run(prepared, settings, EQUITY)
        assert one.trades.tolist() == alone.trades.tolist()
        assert one.equity_usd.tolist() == alone.equity_usd.tolist()
        assert one.ts.tolist() == alone.ts.tolist()
        assert one.settings is settings
        assert len(one.fills) == len(one.decisions) == 0
        assert int(one.books.fills) == len(alone.fills)


def test_what_is_played_in_parts_ends_like_what_is_played_at_once(prepared: Prepared) -> None:
    runner = Runner(prepared, some_settings(3), EQUITY)
    times = prepared.bars["open_ts"] + prepared.feed.frame_ms
    trades = []
    for row in (90, 91, 200, len(times) - 1):
        runner.play(int(times[row]))
        assert [int(one.ts[-1]) for one in runner.runs()] == [int(times[row])] * 3
        trades.append(len(runner.runs()[0].trades))
    assert trades == sorted(trades)
    for one, whole in zip(runner.runs(), run_many(prepared, some_settings(3), EQUITY), strict=True):
        assert one.trades.tolist() == whole.trades.tolist()
        assert one.equity_usd.tolist() == whole.equity_usd.tolist()


def test_a_stretch_ends_with_the_last_candle_that_closes_by_its_end(prepared: Prepared) -> None:
    close_ts = int(prepared.bars["open_ts"][99]) + prepared.feed.frame_ms
    for until_ts, last_ts in ((close_ts, close_ts), (close_ts - 1, close_ts - prepared.feed.frame_ms)):
        [one] = run_many(prepared, some_settings(1), EQUITY, until_ts)
        assert int(one.ts[-1]) == last_ts
    assert prepared.ends_ts == int(prepared.bars["open_ts"][-1]) + prepared.feed.frame_ms
    assert prepared.candles == len(prepared.bars) - prepared.first_live == 400


def test_ticks_and_books_are_refused() -> None:
    one = made(8)
    times, prices = array("q", one.candles.ts_ms), array("d", one.candles.open)
    ticks = TickTape(report=report(400), ts_ms=times, price_usd=prices)
    book = BookTape(
        report=report(400), ts_ms=times, bid_prices=[prices], bid_sizes=[prices], ask_prices=[], ask_sizes=[]
    )
    for feed in (
        TapeFeed(one.candles, None, one.instrument, ticks=ticks),
        TapeFeed(one.candles, None, one.instrument, book=book),
    ):
        with pytest.raises(Unsupported, match="not played by the compiled loop"):
            prepare(feed)


def test_earned_weight_and_boundless_trading_are_refused(prepared: Prepared) -> None:
    earned = Settings(params=LIVELY._replace(ai_weightMode=WeightMode.EARNED), limits=LOOSE, ai_enabled=True)
    with pytest.raises(Unsupported, match="weight is earned"):
        run(prepared, earned, EQUITY)
    seconds = replace(prepared, feed=replace(prepared.feed, frame_ms=1_000))
    with pytest.raises(Unsupported, match="2048 trades a day"):
        run(seconds, Settings(params=LIVELY, limits=LOOSE._replace(trades_per_day_max=5_000)), EQUITY)


def test_settings_out_of_range_are_refused(prepared: Prepared) -> None:
    with pytest.raises(InvalidParameter, match="m_stopLossPct"):
        run_many(prepared, [Settings(params=Params(m_stopLossPct=2.0), limits=Limits())], EQUITY)
    with pytest.raises(InvalidParameter, match="order_latency_ms"):
        prepare(made(8).feed(), SimSettings(order_latency_ms=-1))


def test_a_loop_that_has_lost_track_is_a_bug() -> None:
    books = table(2, BOOKS)
    check_faults(books)
    books["fault"][1] = FAULT_IN_FLIGHT
    with pytest.raises(LoopFault, match="256 commands are in flight"):
        check_faults(books)


def test_records_have_the_fields_of_what_they_stand_for() -> None:
    """Values go in by their place, and rules read them by their name."""
    assert PARAMS.names == Params._fields
    assert SIM.names == SimSettings._fields
    assert made(8).instrument._fields[1:] == INSTRUMENT_FIELDS


class TestKeptColumns:
    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        return tmp_path / "drift_e3" / "columns"

    def test_they_are_read_back_as_they_were_computed(self, folder: Path) -> None:
        first, again = prepare(made(9).feed()), prepare(made(9).feed())
        assert len(list(folder.iterdir())) == 1
        assert not isinstance(first.bars.base, np.memmap)
        assert again.bars.tobytes() == first.bars.tobytes()
        assert again.bars.flags.writeable
        run_many(again, some_settings(1), EQUITY)

    def test_what_they_depend_on_is_in_their_name(self, folder: Path) -> None:
        one = made(9)
        prepare(one.feed())
        prepare(replace(one, funding=None).feed())
        prepare(replace(one, start_ts=one.candles.ts_ms[50]).feed())
        prepare(replace(one, instrument=one.instrument._replace(tick_usd=0.5)).feed())
        prepare(one.feed(), SimSettings(liquidity_candles=9.0))
        assert len(list(folder.iterdir())) == 5
        prepare(one.feed(), SimSettings(half_spread_bps=7.0))
        assert len(list(folder.iterdir())) == 5

    def test_a_file_that_was_cut_short_is_computed_anew(self, folder: Path) -> None:
        first = prepare(made(9).feed())
        [path] = folder.iterdir()
        path.write_bytes(path.read_bytes()[:100])
        assert prepare(made(9).feed()).bars.tobytes() == first.bars.tobytes()
        assert path.stat().st_size == first.bars.nbytes

    def test_without_a_place_to_keep_them_they_are_computed_each_time(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = tmp_path / "file"
        file.touch()
        monkeypatch.setattr(columns, "cache_folder", lambda: file)
        assert prepare(made(9).feed()).candles == 400

    def test_the_oldest_go_when_there_are_too_many(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = prepare(made(9).feed())
        [oldest] = folder.iterdir()
        monkeypatch.setattr(columns, "KEPT_BYTES_MAX", int(1.5 * first.bars.nbytes))
        prepare(made(10).feed())
        [left] = folder.iterdir()
        assert left != oldest
