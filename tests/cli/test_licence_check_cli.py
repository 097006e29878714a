"""`drift-e3 licence-check` from its command line: what it prints, its exit codes, what it refuses."""

import json
from pathlib import Path

import pytest

from drift_e3.cli.exits import Exit
from tests.lab.luck.outcomes import settle
from tests.live.program import program
from tests.live.tapes import random_walk, write_candles

FEW = ("licence-check", "--searches", "20", "--workers", "1")


def test_an_honest_licence_is_code_0_with_rates_aims_reasons_and_lengths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(monkeypatch, lambda drift, free, number: number < drift * 60)
    ran = program(tmp_path, *FEW)
    assert (ran.code, ran.err) == (Exit.OK, "")
    lines = ran.out.splitlines()
    assert lines[0] == "searches of 64 trials over 730 days of training and 182 days after it"
    table = [" ".join(line.split()) for line in lines]
    assert table[2] == "luck, full costs 0/20 0.0% 0.0%..16.1% at most 5%: held"
    assert table[4] == "edge of net Sharpe 1 6/20 30.0% 14.5%..51.9%"
    assert lines[6].endswith("at least 80%: held")
    assert "refused, luck, full costs: confidence 20, trades 20" in lines
    assert "refused, edge of net Sharpe 3: confidence 2, trades 2" in lines
    assert any(line.startswith("planted 3: a drift of 0.300 mean ranges a candle") for line in lines)
    assert lines[-1].startswith("days of training that 2500 trials need for 80 %, by theory: Sharpe 1: ")


def test_a_missed_aim_is_code_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(monkeypatch, lambda drift, free, number: free and number < 2)
    ran = program(tmp_path, *FEW)
    assert ran.code == Exit.CHECK_FAILED
    assert [line.rpartition(": ")[2] for line in ran.out.splitlines()[2:4]] == ["held", "MISSED"]
    assert ran.out.splitlines()[6].endswith("at least 80%: MISSED")


@pytest.mark.parametrize("target", ["-", "result.json"])
def test_the_result_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    settle(monkeypatch, lambda drift, free, number: drift > 0.25)
    ran = program(tmp_path, *FEW, "--json", target, "--days", "100", "--seed", "7")
    assert ran.code == Exit.OK
    document = json.loads(ran.out if target == "-" else (tmp_path / target).read_text())
    assert (document["holds"], document["training_days"], document["after_days"]) == (True, 100, 25)
    assert (document["searches"], document["seed"], document["tape"]) == (20, 7, False)
    assert [row["licensed"] for row in document["rows"]] == [0, 0, 0, 0, 20]


def test_a_recorded_market_in_place_of_a_made_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(monkeypatch, lambda drift, free, number: drift > 0.0)
    write_candles(tmp_path / "tape.csv", random_walk(4, 800, minutes=60))
    assert program(tmp_path, *FEW, "--tape", "tape.csv").code == Exit.OK


REFUSED: list[tuple[tuple[str, ...], Exit, str]] = [
    (("--searches", "19"), Exit.USAGE, "greater than or equal to 20"),
    (("--searches", "many"), Exit.USAGE, "valid integer"),
    (("--workers", "0"), Exit.USAGE, "greater than or equal to 1"),
    (("--days", "59"), Exit.USAGE, "greater than or equal to 60"),
    (("--days", "1e3"), Exit.USAGE, "valid integer"),
    (("--seed", "-1"), Exit.USAGE, "greater than or equal to 0"),
    (("--tape", "none.csv"), Exit.DATA, "none.csv"),
    (("--tape", "short.csv"), Exit.DATA, "short.csv: has 30 candles; at least 720 are needed"),
    (("--tape", "fine.csv"), Exit.DATA, "fine.csv: has candles of 300 s; hourly ones"),
    (("--tape", "broken.csv"), Exit.DATA, "broken.csv"),
    (("--json", "."), Exit.DATA, ".: cannot be written: Is a directory"),
    (("--power", "1"), Exit.USAGE, "No such option: --power"),
]


@pytest.mark.parametrize(("more", "code", "says"), REFUSED, ids=[" ".join(row[0]) for row in REFUSED])
def test_bad_input_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...], code: Exit, says: str
) -> None:
    settle(monkeypatch, lambda drift, free, number: drift > 0.0)
    write_candles(tmp_path / "short.csv", random_walk(4, 30, minutes=60))
    write_candles(tmp_path / "fine.csv", random_walk(4, 800, minutes=5))
    (tmp_path / "broken.csv").write_text("ts_ms,open\n1,2\n")
    ran = program(tmp_path, "licence-check", "--workers", "1", "--searches", "20", *more)
    assert ran.code == code
    (line,) = ran.err.splitlines()
    assert line.startswith("drift-e3: ")
    assert says in line


def test_whoever_breaks_it_off_sees_no_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(drift: float, free: bool, number: int) -> bool:
        raise KeyboardInterrupt

    settle(monkeypatch, interrupt)
    ran = program(tmp_path, *FEW)
    assert (ran.code, ran.out, ran.err) == (130, "", "")
