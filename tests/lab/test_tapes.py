"""Tapes as files: all that is wrong is listed, others' shapes are understood, longer candles are exact."""

from array import array
from math import fsum
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import feather

from drift_e3.lab.tapes.coverage import Gap, candle_facts, funded_share, funding_facts, gaps
from drift_e3.lab.tapes.loading import holds_candles, load_candles, load_funding
from drift_e3.lab.tapes.resample import resample
from drift_e3.lab.tapes.survey import Kind, kind_of, survey, usual_spacing
from drift_e3.lab.tapes.writing import write_tape
from drift_e3.ports import DataError
from drift_e3.venues.tape.columns import Columns
from drift_e3.venues.tape.reading import read_candles, read_funding
from tests.live.tapes import HOUR, MINUTE, START, Candle, random_walk, write_candles, write_funding

NAMES = ("open", "high", "low", "close", "volume")


def columns(candles: list[Candle]) -> Columns:
    floats = {name: array("d", (getattr(candle, name) for candle in candles)) for name in NAMES}
    return Columns(
        path="t", lines=False, ts_ms=array("q", (candle.ts_ms for candle in candles)), floats=floats
    )


def rows_of(candles: list[Candle]) -> dict[str, list[float]]:
    return {name: [getattr(candle, name) for candle in candles] for name in NAMES}


# -- survey --------------------------------------------------------------------------------------------------


def test_every_problem_has_its_line(tmp_path: Path) -> None:
    candles = random_walk(1, 40, minutes=60)
    candles[5] = candles[5]._replace(low=9e9)
    candles[9] = candles[9]._replace(ts_ms=candles[8].ts_ms)
    candles[20] = candles[20]._replace(ts_ms=candles[10].ts_ms + HOUR)
    candles[30] = candles[30]._replace(volume=-1.0)
    candles[35] = candles[35]._replace(ts_ms=candles[35].ts_ms + 7)
    found = survey(write_candles(tmp_path / "tape.csv", candles))
    assert [problem.sort for problem in found.problems] == [
        "duplicate",
        "disorder",
        "grid",
        "impossible",
        "impossible",
    ]
    assert [int(problem.text.split("row ")[1].split()[0]) for problem in found.problems] == [
        10,
        21,
        36,
        6,
        31,
    ]
    assert found.report is None


def test_a_good_tape_has_no_problem_and_its_oddities_are_notes(tmp_path: Path) -> None:
    candles = random_walk(1, 40, minutes=60)
    candles[7] = candles[7]._replace(volume=0.0)
    candles[20:] = [
        candle._replace(
            open=candle.open * 2, high=candle.high * 2, low=candle.low * 2, close=candle.close * 2
        )
        for candle in candles[20:]
    ]
    del candles[30]
    found = survey(write_candles(tmp_path / "tape.csv", candles))
    assert (found.kind, found.problems) == (Kind.CANDLES, [])
    gap, idle, jump = found.notes
    assert gap.startswith("1 x gap: 1 candles missing")
    assert idle.startswith("1 x zero_volume")
    assert jump.startswith("row 21 ")
    assert (
        "2 times the close before" in jump.replace("1.999", "2").replace("2.0", "2")[:200] or "times" in jump
    )


def test_a_wrong_unit_is_said_once(tmp_path: Path) -> None:
    candles = [candle._replace(ts_ms=candle.ts_ms // 1_000) for candle in random_walk(1, 40)]
    found = survey(write_candles(tmp_path / "tape.csv", candles))
    assert [problem.sort for problem in found.problems] == ["unit"]
    assert "looks like seconds" in found.problems[0].text


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        ("ts_ms,rate", Kind.FUNDING),
        ("ts_ms,price", Kind.TICKS),
        ("ts_ms,bid_price_1,bid_size_1,ask_price_1,ask_size_1", Kind.BOOK),
    ],
)
def test_other_kinds_are_known_by_their_columns_and_looked_at(head: str, kind: Kind, tmp_path: Path) -> None:
    path = tmp_path / "tape.csv"
    values = ",1,1,2,1" if kind is Kind.BOOK else ",0.01"
    path.write_text("\n".join([head, *(f"{START + n * HOUR}{values}" for n in range(5))]) + "\n")
    assert kind_of(path) is kind
    assert survey(path).problems == []
    path.write_text("\n".join([head, *(f"{START}{values}" for _ in range(3))]) + "\n")
    assert [problem.sort for problem in survey(path).problems] == ["duplicate", "duplicate"]


def test_times_that_never_rise_have_no_frame(tmp_path: Path) -> None:
    candles = [candle._replace(ts_ms=START) for candle in random_walk(1, 3)]
    sorts = [problem.sort for problem in survey(write_candles(tmp_path / "t.csv", candles)).problems]
    assert sorts == ["duplicate", "duplicate", "frame"]
    assert usual_spacing(array("q", [5, 4])) is None


# -- coverage ------------------------------------------------------------------------------------------------


def test_gaps_and_coverage_are_counted(tmp_path: Path) -> None:
    candles = random_walk(1, 50, minutes=60)
    del candles[30:33]
    del candles[10]
    tape = read_candles(write_candles(tmp_path / "tape.csv", candles))
    assert gaps(tape) == [
        Gap(START + 10 * HOUR, START + 11 * HOUR, 1),
        Gap(START + 30 * HOUR, START + 33 * HOUR, 3),
    ]
    facts = candle_facts(tape)
    assert (facts["rows"], facts["missing"], facts["coverage_frac"]) == (46, 4, 46 / 50)
    assert facts["ends_ts"] == START + 50 * HOUR
    assert facts["traded_usd_day"] == pytest.approx(
        fsum(candle.close * candle.volume for candle in candles) / 50 * 24
    )


def test_the_share_with_funding_counts_what_is_fresh(tmp_path: Path) -> None:
    tape = read_candles(write_candles(tmp_path / "tape.csv", random_walk(1, 50, minutes=60)))
    funding = read_funding(write_funding(tmp_path / "funding.csv", 1, 21))
    # The last rate is of hour 20 and 90 ms; at the close of candle 21 it is younger than two hours.
    assert funded_share(tape, funding) == 22 / 50
    assert funding_facts(funding)["interval_hours"] == [1.0]


# -- resampling ----------------------------------------------------------------------------------------------


@given(
    seed=st.integers(0, 50),
    count=st.integers(2, 150),
    begin=st.integers(0, 11),
    each=st.sampled_from([2, 3, 6, 12]),
    gone=st.sets(st.integers(0, 149), max_size=4),
)
def test_longer_candles_are_those_of_whole_buckets(
    seed: int, count: int, begin: int, each: int, gone: set[int]
) -> None:
    candles = random_walk(seed, count, minutes=5, start_ts=START + begin * 5 * MINUTE)
    candles = [candle for place, candle in enumerate(candles) if place not in gone]
    length_ms = each * 5 * MINUTE
    buckets: dict[int, list[Candle]] = {}
    for candle in candles:
        buckets.setdefault(candle.ts_ms // length_ms * length_ms, []).append(candle)
    whole = {ts: inside for ts, inside in buckets.items() if len(inside) == each}
    if not whole:
        with pytest.raises(DataError, match="no whole candle"):
            resample(columns(candles), 5 * MINUTE, length_ms)
        return
    made = resample(columns(candles), 5 * MINUTE, length_ms)
    assert list(made.columns.ts_ms) == list(whole)
    assert made.left_out == len(buckets) - len(whole)
    get = made.columns.floats
    for place, inside in enumerate(whole.values()):
        assert get["open"][place] == inside[0].open
        assert get["high"][place] == max(candle.high for candle in inside)
        assert get["low"][place] == min(candle.low for candle in inside)
        assert get["close"][place] == inside[-1].close
        assert get["volume"][place] == pytest.approx(sum(candle.volume for candle in inside))


def test_what_takers_bought_is_added_up() -> None:
    five = columns(random_walk(1, 12))
    five.floats["taker_buy_volume"] = array("d", [1.0] * 12)
    made = resample(five, 5 * MINUTE, 15 * MINUTE).columns.floats
    assert list(made["taker_buy_volume"]) == [3.0] * 4


def test_real_candles_made_longer_are_the_exchanges_own(shared_data: Path) -> None:
    folder = shared_data / "candles"
    five, _ = load_candles(folder / "sol_usdt_binance_spot_5m_2024-01_2024-09.parquet")
    own, _ = load_candles(folder / "sol_usdt_binance_spot_15m_2024-01_2024-09.parquet")
    made = resample(five, 5 * MINUTE, 15 * MINUTE)
    assert made.columns.ts_ms == own.ts_ms
    for name in ("open", "high", "low", "close"):
        assert made.columns.floats[name] == own.floats[name]
    pairs = zip(made.columns.floats["volume"], own.floats["volume"], strict=True)
    assert max(abs(one - other) for one, other in pairs) < 1e-8


# -- loading and writing -------------------------------------------------------------------------------------


def test_the_feather_of_another_program_is_understood(tmp_path: Path) -> None:
    candles = random_walk(1, 20)
    dates = pa.array([candle.ts_ms * 1_000_000 for candle in candles], pa.timestamp("ns", "UTC"))
    path = tmp_path / "tape.feather"
    feather.write_feather(pa.table({"date": dates} | rows_of(candles)), str(path))
    loaded, notes = load_candles(path)
    assert list(loaded.ts_ms) == [candle.ts_ms for candle in candles]
    assert list(loaded.floats["close"]) == [candle.close for candle in candles]
    assert notes == ["column date (dates) taken as ts_ms"]


@pytest.mark.parametrize(
    ("unit", "scale"),
    [("seconds", 1e-3), ("milliseconds", 1), ("microseconds", 1_000), ("nanoseconds", 1_000_000)],
)
def test_whole_numbers_tell_their_unit(unit: str, scale: float, tmp_path: Path) -> None:
    candles = random_walk(1, 20)
    table = pa.table({"Time": [int(candle.ts_ms * scale) for candle in candles]} | rows_of(candles))
    pq.write_table(table, tmp_path / "tape.parquet")
    loaded, notes = load_candles(tmp_path / "tape.parquet")
    assert list(loaded.ts_ms) == [candle.ts_ms for candle in candles]
    assert notes == [f"column Time ({unit}) taken as ts_ms"]


def test_dates_in_text_and_short_names_are_understood(tmp_path: Path) -> None:
    path = tmp_path / "tape.csv"
    path.write_text("datetime,O,H,L,C,Vol\n2025-01-01 00:00:00,1,2,1,2,5\n2025-01-01 00:05:00,2,3,2,3,6\n")
    loaded, notes = load_candles(path)
    assert list(loaded.ts_ms) == [START, START + 5 * MINUTE]
    assert list(loaded.floats["volume"]) == [5.0, 6.0]
    assert "column Vol taken as volume" in notes
    assert holds_candles(path)


def test_funding_of_another_program_is_understood(tmp_path: Path) -> None:
    path = tmp_path / "funding.csv"
    path.write_text(f"timestamp,fundingRate,premium\n{START},0.0001,0.001\n{START + HOUR},-0.0001,0\n")
    loaded, notes = load_funding(path)
    assert list(loaded.floats["rate"]) == [0.0001, -0.0001]
    assert list(loaded.floats["premium"]) == [0.001, 0.0]
    assert len(notes) == 2
    assert not holds_candles(path)


def test_what_is_written_is_read_again_to_the_bit_and_the_same_every_time(tmp_path: Path) -> None:
    candles = random_walk(1, 60)
    for name in ("a.parquet", "b.parquet"):
        write_tape(columns(candles), tmp_path / name)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    again = read_candles(tmp_path / "a.parquet")
    assert list(again.close) == [candle.close for candle in candles]
