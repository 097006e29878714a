"""`drift-e3 backtest` and `drift-e3 features` over made tapes."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from drift_e3.cli.exits import Exit
from drift_e3.core.features import Features
from tests.live.program import Ran, program
from tests.live.tapes import HOUR, LIVELY, START, random_walk, write_candles, write_funding

CANDLES = 400


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recorded")
    write_candles(folder / "tape.csv", random_walk(4, CANDLES, minutes=60))
    write_funding(folder / "funding.csv", 1, CANDLES + 1)
    return folder


def backtested(folder: Path, *more: object, **variables: str) -> Ran:
    return program(
        folder, "backtest", "--tape", "tape.csv", "--funding", "funding.csv", *more, **LIVELY, **variables
    )


def test_a_backtest_shows_its_metrics_on_standard_output(folder: Path) -> None:
    ran = backtested(folder)
    assert ran.code == Exit.OK
    shown = dict(line.split(maxsplit=1) for line in ran.out.splitlines())
    assert shown["candles"] == f"{CANDLES}"
    assert int(shown["trades"]) > 10
    assert shown["equity_start_usd"] == "1000"


def test_json_to_standard_output_is_nothing_but_json(folder: Path) -> None:
    ran = backtested(folder, "--json", "-")
    whole = json.loads(ran.out)
    assert set(whole) == {"metrics", "decisions", "fills", "equity", "trades", "report", "card"}
    assert len(whole["trades"]) == whole["metrics"]["trades"] == whole["report"]["trades"]["trades"]
    assert len(whole["decisions"]) == len(whole["equity"]) == CANDLES
    assert whole["metrics"]["fills"] == len(whole["fills"])


def test_a_backtest_says_the_same_twice_and_in_a_file(folder: Path, tmp_path: Path) -> None:
    ran = backtested(folder, "--json", tmp_path / "result.json")
    assert ran.out.startswith("candles")
    assert (tmp_path / "result.json").read_text() == backtested(folder, "--json", "-").out.strip()


def test_a_start_leaves_earlier_candles_to_the_features(folder: Path) -> None:
    """The ninth day begins with features that the eight days before it have warmed."""
    whole = json.loads(backtested(folder, "--json", "-").out)
    later = json.loads(backtested(folder, "--start", "2025-01-10", "--end", "2025-01-12", "--json", "-").out)
    begins, ends = START + 9 * 24 * HOUR, START + 12 * 24 * HOUR
    expected = [one for one in whole["decisions"] if begins < one["ts"] <= ends]
    assert [one["ts"] for one in later["decisions"]] == [one["ts"] for one in expected]
    assert later["decisions"][0]["features"]["rv_rank"] == expected[0]["features"]["rv_rank"]


@pytest.mark.parametrize(
    ("start", "first"),
    [
        ("2025-01-02", START + 24 * HOUR),
        ("2025-01-02T06:00", START + 30 * HOUR),
        ("2025-01-02T06:00:00+02:00", START + 28 * HOUR),
    ],
)
def test_times_are_utc_unless_they_say_otherwise(folder: Path, start: str, first: int) -> None:
    whole = json.loads(backtested(folder, "--start", start, "--json", "-").out)
    assert whole["metrics"]["first_ts"] == first + HOUR


def test_an_end_with_a_time_is_excluded_and_a_day_included(folder: Path) -> None:
    by_time = json.loads(backtested(folder, "--end", "2025-01-05T00:00", "--json", "-").out)
    by_day = json.loads(backtested(folder, "--end", "2025-01-04", "--json", "-").out)
    assert by_time == by_day
    assert by_day["metrics"]["last_ts"] == START + 4 * 24 * HOUR


def test_what_is_odd_about_the_files_is_said_beside_the_result(folder: Path, tmp_path: Path) -> None:
    candles = random_walk(4, 100, minutes=60)
    del candles[50]
    write_candles(tmp_path / "tape.csv", candles)
    ran = program(tmp_path, "backtest", "--tape", "tape.csv", STRATEGY__M_REALIZEDVOL="3.0")
    assert ran.code == Exit.OK
    conversion, gap = ran.err.splitlines()
    assert conversion.startswith("note: m_realizedVol 3 is on the guide's scale")
    assert gap.startswith("note: tape.csv: gap x 1: 1 candles missing before row 51")


def test_an_advisor_in_the_settings_is_not_asked(folder: Path) -> None:
    assert backtested(folder, "--json", "-", ADVISOR="ollama").out == backtested(folder, "--json", "-").out


def test_a_result_that_cannot_be_written_is_one_line(folder: Path) -> None:
    ran = backtested(folder, "--json", "no/such/folder.json")
    assert (ran.code, ran.out) == (Exit.DATA, "")
    assert ran.err == "drift-e3: no/such/folder.json: cannot be written: No such file or directory\n"


def test_features_writes_a_row_a_candle_with_nulls_for_the_unknown(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "features.parquet"
    ran = program(folder, "features", "--tape", "tape.csv", "--funding", "funding.csv", "--out", out)
    assert (ran.code, ran.err) == (Exit.OK, "")
    assert ran.out == f"{out}: {CANDLES} candles, {len(Features._fields)} features\n"
    table = pq.read_table(out)
    assert table.column("ts_ms").to_pylist() == [START + hour * HOUR for hour in range(CANDLES)]
    rank = table.column("rv_rank").to_pylist()
    assert rank[0] is None
    assert all(value is not None for value in rank[60:])
    assert table.column("spread_bps").null_count == CANDLES


def test_features_are_those_of_the_decisions(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "features.parquet"
    program(folder, "features", "--tape", "tape.csv", "--funding", "funding.csv", "--out", out)
    decided = json.loads(backtested(folder, "--json", "-").out)["decisions"]
    for name, values in pq.read_table(out).to_pydict().items():
        if name != "ts_ms":
            assert [one["features"][name] for one in decided] == values, name


def test_features_that_cannot_be_written_are_one_line(folder: Path) -> None:
    ran = program(folder, "features", "--tape", "tape.csv", "--out", "no/such/features.parquet")
    assert (ran.code, ran.out) == (Exit.DATA, "")
    assert ran.err.startswith("drift-e3: no/such/features.parquet: cannot be written")
    assert len(ran.err.splitlines()) == 1


@pytest.mark.parametrize("verb", [("features", "--out"), ("backtest", "--json")])
def test_a_result_never_overwrites_the_tape_it_is_made_from(verb: tuple[str, str], tmp_path: Path) -> None:
    name, option = verb
    candles = write_candles(tmp_path / "tape.csv", random_walk(4, 50, minutes=60))
    before = candles.read_bytes()
    ran = program(tmp_path, name, "--tape", "tape.csv", option, str(candles))
    assert (ran.code, len(ran.err.splitlines())) == (Exit.USAGE, 1)
    assert "is an input of this very command" in ran.err
    assert candles.read_bytes() == before


def test_a_report_is_one_page_and_its_card_the_same_every_time(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        assert backtested(folder, "--report", tmp_path / name / "run.html").code == Exit.OK
    pages = [(tmp_path / name / "run.html").read_bytes() for name in ("a", "b")]
    cards = [json.loads((tmp_path / name / "run.card.json").read_text()) for name in ("a", "b")]
    assert pages[0] == pages[1]
    assert cards[0] == cards[1]
    assert [each["name"] for each in cards[0]["data"]] == ["tape.csv", "funding.csv"]
    assert cards[0]["result"]["trades"] > 10
    assert str(folder) not in pages[0].decode() + json.dumps(cards[0])


def test_another_parameter_another_tape_another_hash(folder: Path, tmp_path: Path) -> None:
    def card(where: Path, **variables: str) -> dict[str, str]:
        whole: dict[str, dict[str, str]] = json.loads(backtested(where, "--json", "-", **variables).out)
        return whole["card"]

    first = card(folder)
    tighter = card(folder, STRATEGY__M_STOPLOSSPCT="0.005")
    assert first["data_hash"] == tighter["data_hash"]
    assert first["parameters_hash"] != tighter["parameters_hash"]
    write_candles(tmp_path / "tape.csv", random_walk(5, CANDLES, minutes=60))
    write_funding(tmp_path / "funding.csv", 1, CANDLES + 1)
    other = card(tmp_path)
    assert first["data_hash"] != other["data_hash"]
    assert first["parameters_hash"] == other["parameters_hash"]
    assert first["code_hash"] == other["code_hash"]


def test_figures_that_are_not_defined_say_why(tmp_path: Path) -> None:
    write_candles(tmp_path / "tape.csv", random_walk(4, 30, minutes=60))
    ran = program(tmp_path, "backtest", "--tape", "tape.csv")
    shown = dict(line.split(maxsplit=1) for line in ran.out.splitlines())
    assert shown["trades.profit_factor"] == "undefined: no trade"
    assert shown["performance.sharpe"] == "undefined: equity did not move"
    whole = json.loads(program(tmp_path, "backtest", "--tape", "tape.csv", "--json", "-").out)
    assert whole["report"]["performance"]["sharpe"] is None


def test_fees_of_a_tier_are_reached_by_settings(folder: Path) -> None:
    whole = json.loads(backtested(folder, "--json", "-", PAPER__FEE_TIER="velocity_0").out)
    traded = whole["report"]["activity"]["traded_usd"]
    assert whole["metrics"]["fees_usd"] == pytest.approx(traded * 3.5e-4)
