"""`drift-e3 report shadow` over a journal that the test makes."""

import json
from pathlib import Path

import pytest

from drift_e3.advisors.stub import Character, StubAdvisor
from drift_e3.cli.exits import Exit
from tests.live.daemons import orders, run_on
from tests.live.markets import settings, tape_market
from tests.live.program import program

CHOSEN = settings(ADVISOR="ollama")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shadow")
    twin = StubAdvisor(Character(latency_ms=900), 3)
    run_on(tape_market(CHOSEN), orders(folder / "state", CHOSEN.trading()), twin)
    return folder


def test_it_shows_each_book_and_each_difference(folder: Path) -> None:
    ran = program(folder, "report", "shadow", "--state", "state")
    assert (ran.code, ran.err) == (Exit.OK, "")
    lines = ran.out.splitlines()
    assert lines[0].startswith("240 candles, ")
    assert lines[0].endswith("answers by stub; weight fixed")
    assert [line.split()[0] for line in lines[2:6]] == ["rules", "model", "blend", "flat"]
    assert "blend less rules" in lines[7]
    assert all(" .. " in line for line in lines[7:])


def test_the_whole_of_it_is_json_and_the_same_every_time(folder: Path, tmp_path: Path) -> None:
    first = program(folder, "report", "shadow", "--state", "state", "--json", "-")
    program(folder, "report", "shadow", "--state", "state", "--json", tmp_path / "again.json")
    assert first.out.strip() == (tmp_path / "again.json").read_text()
    whole = json.loads(first.out)
    assert [book["book"] for book in whole["books"]] == ["rules", "model", "blend", "flat"]
    assert len(whole["equity"]) == 240
    assert {pair["against"] for pair in whole["differences"]} == {"rules", "model", "flat"}


def test_another_simulated_venue_than_the_runs_is_said(folder: Path) -> None:
    ran = program(folder, "report", "shadow", "--state", "state", PAPER__HALF_SPREAD_BPS="5")
    assert ran.code == Exit.OK
    assert ran.err.startswith("note: paper market: was begun with half_spread_bps 1, not 5")


def test_a_run_too_short_for_an_interval_says_so(tmp_path: Path) -> None:
    run_on(tape_market(CHOSEN, count=10), orders(tmp_path / "state", settings().trading()))
    ran = program(tmp_path, "report", "shadow", "--state", "state")
    assert "0 answers by nobody" in ran.out
    assert "too few periods for an interval: 9" in ran.out


def test_a_folder_without_a_journal_is_one_line(tmp_path: Path) -> None:
    ran = program(tmp_path, "report", "shadow", "--state", "none")
    assert (ran.code, ran.err) == (Exit.DATA, "drift-e3: none/journal.db: no journal there\n")
