"""`drift-e3 report` and `report compare` over a journal that the test makes."""

import json
from pathlib import Path

import pytest

from drift_e3.cli.exits import Exit
from tests.live.daemons import orders, run_on
from tests.live.markets import settings, tape_market
from tests.live.program import program

CHOSEN = settings()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("traded")
    run_on(tape_market(CHOSEN), orders(folder / "state", CHOSEN.trading()))
    return folder


def test_a_report_tells_parts_groups_and_refusals(folder: Path) -> None:
    ran = program(folder, "report", "--state", "state")
    assert ran.code == Exit.OK
    shown = dict(line.split(maxsplit=1) for line in ran.out.splitlines())
    assert shown["pnl.equity_start_usd"] == "1000"
    assert int(shown["trades.trades"]) > 3
    assert {"strategy.e3", "source.rule", "refused.position_open"} <= set(shown)
    assert all(line.startswith("note: ") for line in ran.err.splitlines())


def test_a_report_as_json_and_as_a_page_is_the_same_every_time(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    for name in ("a.html", "b.html"):
        ran = program(folder, "report", "--state", "state", "--html", tmp_path / name, "--json", "-")
        assert ran.code == Exit.OK
        assert set(json.loads(ran.out)) == {"report", "trades", "card"}
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
    card = json.loads((tmp_path / "a.card.json").read_text())
    assert (card["kind"], card["data"][0]["role"], card["advice"]) == ("paper", "journal", "off")


def test_options_belong_after_the_verb_below(folder: Path) -> None:
    ran = program(folder, "report", "--state", "state", "compare")
    assert (ran.code, ran.out) == (Exit.USAGE, "")
    assert "options belong after compare" in ran.err


def test_paper_does_not_part_from_its_backtest(folder: Path) -> None:
    ran = program(folder, "report", "compare", "--state", "state")
    assert (ran.code, ran.err) == (Exit.OK, "")
    assert "decisions: 0 of 240 differ" in ran.out
    assert "fills: all are equal" in ran.out


def test_where_they_part_is_said_and_why(folder: Path) -> None:
    dear = {"PAPER__HALF_SPREAD_BPS": "500"}
    ran = program(folder, "report", "compare", "--state", "state", **dear)
    assert ran.code == Exit.OK
    assert "approved there, not filled: price_beyond_limit" in ran.out
    assert "backtest none" in ran.out
    assert ran.err.startswith("note: paper market: was begun with half_spread_bps 1, not 500")
    whole = json.loads(program(folder, "report", "compare", "--state", "state", "--json", "-", **dear).out)
    assert len(whole["extra"]) == whole["journal"]["trades"]


def test_trades_of_both_are_told_by_how_much_worse(folder: Path, tmp_path: Path) -> None:
    other = {"PAPER__HALF_SPREAD_BPS": "3"}
    ran = program(folder, "report", "compare", "--state", "state", "--json", tmp_path / "all.json", **other)
    assert "bps worse" in ran.out
    assert json.loads((tmp_path / "all.json").read_text())["in_both"]["trades"] > 0


def test_a_comparison_as_a_page_is_the_same_every_time(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    for name in ("a.html", "b.html"):
        arguments = ("report", "compare", "--state", "state", "--html", tmp_path / name)
        assert program(folder, *arguments, PAPER__HALF_SPREAD_BPS="3").code == Exit.OK
    first = (tmp_path / "a.html").read_text()
    assert first == (tmp_path / "b.html").read_text()
    assert "Why the results differ" in first
    assert "Made by both" in first


def test_a_comparison_without_a_difference_says_so_on_its_page(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    out = tmp_path / "same.html"
    assert program(folder, "report", "compare", "--state", "state", "--html", out).code == Exit.OK
    assert "They do not part" in out.read_text()


def test_a_page_of_a_comparison_lists_what_only_one_of_them_made(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    out = tmp_path / "apart.html"
    dear = {"PAPER__HALF_SPREAD_BPS": "500"}
    assert program(folder, "report", "compare", "--state", "state", "--html", out, **dear).code == Exit.OK
    assert "approved there, not filled: price beyond limit" in out.read_text()
