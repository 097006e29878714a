"""`drift-e3 audit` as a person runs it: what it prints, and how it ends."""

import json
from pathlib import Path

import pytest

from drift_e3.cli.exits import Exit
from drift_e3.lab.audit.findings import PROMISES
from tests.lab.audit.faults import with_another_fee
from tests.lab.audit.journals import write
from tests.live.daemons import orders, run_on
from tests.live.journals import spoil, told
from tests.live.markets import settings, tape_market
from tests.live.program import program


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state directory of a run, and one of the same run with a fee that was not that."""
    folder, chosen = tmp_path_factory.mktemp("audit"), settings()
    run_on(tape_market(chosen), orders(folder / "state", chosen.trading()))
    write(folder / "wrong", with_another_fee(told(folder / "state")))
    return folder


def test_a_clean_journal_is_told_rule_by_rule(folder: Path) -> None:
    ran = program(folder, "audit", "--state", "state")
    assert (ran.code, ran.err) == (Exit.OK, "")
    told_rules = {line.split()[0]: line.split()[1] for line in ran.out.splitlines()[1 : 1 + len(PROMISES)]}
    assert told_rules == {rule.value: "kept" if rule != "stale_data" else "not" for rule in PROMISES}
    assert "without a stop on the venue: 2.8 s in all, 0.4 s at most; left after 60 s" in ran.out


def test_a_broken_promise_ends_with_1_and_says_where(folder: Path) -> None:
    ran = program(folder, "audit", "--state", "wrong")
    assert (ran.code, ran.err) == (Exit.CHECK_FAILED, "")
    assert [line.split()[1:3] for line in ran.out.splitlines() if "BROKEN" in line] == [["2", "BROKEN"]]
    found = ran.out.splitlines()[-2:]
    assert all(line.startswith("event ") and ", equity: " in line for line in found)
    assert "the trader has an equity of" in found[0]
    assert "-13.6303749 USD by the trader, -13.6313749 by its fills" in found[1]


def test_figures_and_findings_are_there_as_json(folder: Path, tmp_path: Path) -> None:
    clean = json.loads(program(folder, "audit", "--state", "state", "--json", "-").out)
    assert (clean["clean"], clean["findings"]) == (True, [])
    assert clean["unprotected_s_max"] == 0.4
    assert clean["unprotected_s_bound"] == 60.0
    ran = program(folder, "audit", "--state", "wrong", "--json", tmp_path / "found.json")
    assert "BROKEN" in ran.out
    wrong = json.loads((tmp_path / "found.json").read_text())
    assert {finding["rule"] for finding in wrong["findings"]} == {"equity"}
    assert wrong["rules"]["equity"]["found"] == 2
    assert set(wrong["rules"]) == {rule.value for rule in PROMISES}


def test_a_damaged_journal_is_refused(folder: Path, tmp_path: Path) -> None:
    state = write(tmp_path / "state", told(folder / "state"))
    spoil(state, 40)
    ran = program(tmp_path, "audit", "--state", "state")
    assert (ran.code, ran.out) == (Exit.DATA, "")
    assert "event 40: checksum differs" in ran.err
