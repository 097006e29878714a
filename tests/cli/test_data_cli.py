"""`drift-e3 data` through the real command line."""

import json
from pathlib import Path

import pytest

from drift_e3.cli.exits import Exit
from drift_e3.venues.tape.reading import read_candles
from tests.live.program import program
from tests.live.tapes import HOUR, START, random_walk, write_candles, write_funding


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_candles(tmp_path / "tape.csv", random_walk(4, 120))
    write_funding(tmp_path / "funding.csv", 1, 8)
    return tmp_path


def test_files_in_order_are_said_to_be(folder: Path) -> None:
    ran = program(folder, "data", "check", "tape.csv", "funding.csv")
    assert (ran.code, ran.err) == (Exit.OK, "")
    candles, funding = ran.out.splitlines()
    assert candles.startswith("tape.csv: candles in order: 120 rows, 2025-01-01 00:00:00 UTC")
    assert funding.startswith("funding.csv: funding in order: 8 rows")


def test_every_file_is_looked_at_and_every_problem_told(folder: Path) -> None:
    candles = random_walk(4, 60)
    for row in range(10, 50):
        candles[row] = candles[row]._replace(low=9e9)
    write_candles(folder / "bad.csv", candles)
    ran = program(folder, "data", "check", "bad.csv", "none.csv", "tape.csv")
    assert ran.code == Exit.DATA
    lines = ran.err.splitlines()
    assert len(lines) == 22
    assert lines[0].startswith("drift-e3: bad.csv: row 11 (line 12): low is 9000000000.0")
    assert lines[20] == "drift-e3: bad.csv: and 20 more of the sort impossible (--all lists them)"
    assert lines[21].startswith("drift-e3: none.csv: cannot be read")
    assert "bad.csv: candles refused: 40 problems" in ran.out
    assert "tape.csv: candles in order" in ran.out
    assert len(program(folder, "data", "check", "--all", "bad.csv").err.splitlines()) == 40


def test_gaps_are_notes_and_no_failure(folder: Path) -> None:
    candles = random_walk(4, 120)
    del candles[50:52]
    write_candles(folder / "tape.csv", candles)
    ran = program(folder, "data", "check", "tape.csv")
    assert ran.code == Exit.OK
    assert "note: tape.csv: 1 x gap: 2 candles missing before row 51" in ran.out
    shown = program(folder, "data", "info", "tape.csv").out
    assert "2025-01-01 04:10:00 UTC to 2025-01-01 04:20:00 UTC, 2 missing" in shown


def test_info_tells_what_a_backtest_would_have(folder: Path) -> None:
    ran = program(folder, "data", "info", "tape.csv", "--funding", "funding.csv", "--json")
    facts = json.loads(ran.out)
    assert (facts["rows"], facts["frame_minutes"], facts["first_ts"]) == (120, 5.0, START)
    assert facts["funding"]["premium"] is True
    assert facts["funded_frac"] == 108 / 120
    assert len(facts["sha256"]) == 64
    shown = program(folder, "data", "info", "funding.csv").out
    assert "interval_hours" in shown


def test_convert_makes_longer_candles_that_a_backtest_takes(folder: Path) -> None:
    ran = program(folder, "data", "convert", "tape.csv", "--out", "hour.parquet", "--frame", "1h")
    assert (ran.code, ran.err) == (Exit.OK, "")
    assert ran.out.startswith("hour.parquet: 10 rows")
    assert read_candles(folder / "hour.parquet").frame_ms == HOUR
    assert program(folder, "backtest", "--tape", "hour.parquet").code == Exit.OK


def test_convert_says_what_it_translated_and_left_out(folder: Path) -> None:
    candles = random_walk(4, 121)
    text = (write_candles(folder / "tape.csv", candles)).read_text().replace("ts_ms", "timestamp", 1)
    (folder / "tape.csv").write_text(text)
    ran = program(folder, "data", "convert", "tape.csv", "--out", "o.parquet", "--frame", "60m")
    assert ran.err.splitlines() == [
        "note: tape.csv: column timestamp (milliseconds) taken as ts_ms",
        "note: tape.csv: 1 longer candles left out, parts of them are missing",
    ]


def test_convert_takes_funding(folder: Path) -> None:
    (folder / "f.csv").write_text(f"time,funding_rate\n{START},0.0001\n{START + HOUR},0.0002\n")
    ran = program(folder, "data", "convert", "f.csv", "--out", "f.parquet")
    assert ran.code == Exit.OK
    assert program(folder, "data", "check", "f.parquet").code == Exit.OK


def test_ticks_and_books_are_checked_too(folder: Path) -> None:
    (folder / "ticks.csv").write_text(f"ts_ms,price\n{START},1\n{START + 500},2\n")
    (folder / "book.csv").write_text(
        f"ts_ms,bid_price_1,bid_size_1,ask_price_1,ask_size_1\n{START},3,1,2,1\n"
    )
    ran = program(folder, "data", "check", "ticks.csv", "book.csv")
    assert ran.code == Exit.DATA
    assert "ticks.csv: ticks in order" in ran.out
    assert ran.err.count("\n") == 1
    assert "crossed" in ran.err
