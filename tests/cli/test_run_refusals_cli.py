"""What `drift-e3 run` refuses, in one line each, and with which exit code."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from drift_e3.cli.exits import Exit
from drift_e3.journal.state_lock import StateLock
from tests.cli.runs import CANDLES, Run, one_line, prepared
from tests.live.journals import spoil
from tests.live.program import export, program
from tests.live.tapes import LIVELY, random_walk, write_candles, write_funding


@pytest.mark.parametrize("arguments", [(), ("journal",)])
def test_a_command_line_without_a_verb_shows_the_verbs(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ran = program(tmp_path, *arguments)
    assert ran.code == Exit.USAGE
    assert ran.err.startswith("Usage: drift-e3")
    assert "Commands:" in ran.err


@pytest.mark.parametrize(
    "arguments", [("--tape", "tape.csv", "--venue", "synthetic"), ("--funding", "funding.csv")]
)
def test_options_that_contradict_each_other_are_refused(arguments: tuple[str, ...], tmp_path: Path) -> None:
    one_line(program(tmp_path, "run", *arguments), Exit.USAGE)
    assert not (tmp_path / "state").exists()


def untouched(state: Path, act: Callable[[], None]) -> None:
    """Nothing of a state directory changes while `act` runs, save the lock that says who holds it and what
    SQLite keeps beside a journal that is only read."""

    def content() -> dict[str, bytes]:
        files = {file.name: file.read_bytes() for file in state.iterdir() if file.name != "lock"}
        return {name: data for name, data in files.items() if data and not name.endswith("-shm")}

    before = content()
    act()
    assert content() == before


@pytest.mark.parametrize("more", [(), ("--yes",)])
def test_live_is_refused_in_one_sentence(tmp_path: Path, more: tuple[str, ...]) -> None:
    ran = program(tmp_path, "run", "--live", *more)
    assert "no live venue is configured" in one_line(ran, Exit.CONFIGURATION)
    assert list(tmp_path.iterdir()) == []


def test_a_second_daemon_on_a_state_directory_is_refused(whole: Run) -> None:
    with StateLock(whole.folder / "state", 0):
        ran = program(whole.folder, "run", *whole.arguments, **LIVELY)
        assert f"is in use by process {os.getpid()}" in one_line(ran, Exit.LOCKED)
        assert "is in use" in one_line(
            program(whole.folder, "resume", "--state", "state", "--timeout", "0"), Exit.LOCKED
        )


@pytest.mark.parametrize(
    ("variables", "more"),
    [
        ({"PAPER__EQUITY_USD": "999"}, ()),
        ({"PAPER__MAKER_FEE_BPS": "1"}, ()),
        ({"PAPER__VOLUME_SHARE": "0.5"}, ()),
        ({}, ("--symbol", "ETH-PERP")),
        ({}, ("--funding", "other-funding.csv")),
        ({}, ("--tape", "other-tape.csv")),
    ],
)
def test_a_restart_with_another_market_is_refused_and_touches_nothing(
    whole: Run, variables: dict[str, str], more: tuple[str, ...]
) -> None:
    write_candles(whole.folder / "other-tape.csv", random_walk(5, CANDLES, minutes=60))
    write_funding(whole.folder / "other-funding.csv", 2, CANDLES)

    def act() -> None:
        ran = program(whole.folder, "run", *whole.arguments, *more, **LIVELY, **variables)
        one_line(ran, Exit.DATA)

    untouched(whole.folder / "state", act)


def test_a_damaged_row_is_one_line_that_names_it(whole: Run, tmp_path: Path) -> None:
    arguments = prepared(tmp_path)
    assert program(tmp_path, "run", *arguments, "--advisor", "off", **LIVELY, SPEED="max").code == Exit.OK
    last = export(tmp_path, "state", "stop_requested")
    assert len(last) == 1
    spoil(tmp_path / "state", 30, "events")
    for verb in ("replay", "journal verify"):
        ran = program(tmp_path, *verb.split(), "--state", "state")
        assert ran.code in {Exit.DATA, Exit.CHECK_FAILED}
        assert "30: checksum differs" in ran.out + ran.err


def test_a_state_directory_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    arguments = prepared(tmp_path)
    (tmp_path / "file").touch()
    ran = program(tmp_path, "run", *arguments[:-1], "file/state", "--advisor", "off")
    assert one_line(ran, Exit.UNAVAILABLE) == "file/state: Not a directory"


def test_a_halt_holds_over_a_restart_until_a_person_resumes(tmp_path: Path) -> None:
    arguments = (*prepared(tmp_path), "--advisor", "off")
    variables = LIVELY | {"RISK__DRAWDOWN_MAX": "0.005"}
    first = program(tmp_path, "run", *arguments, **variables)
    assert first.code == Exit.OK
    assert first.named("daemon.stopped")[0]["halted"] is True
    again = program(tmp_path, "run", *arguments, **variables)
    assert "drift-e3 resume --state state" in one_line(again, Exit.HALTED)
    resumed = program(tmp_path, "resume", "--state", "state")
    assert (resumed.code, resumed.err) == (Exit.OK, "")
    assert resumed.out.startswith("the halt is lifted")
    assert program(tmp_path, "resume", "--state", "state").out.startswith("there was neither")
    assert program(tmp_path, "run", *arguments, **variables).code == Exit.OK
    assert program(tmp_path, "replay", "--state", "state").code == Exit.OK


@pytest.mark.parametrize("name", ["", " "])
@pytest.mark.parametrize("verb", ["run", "halt", "status"])
def test_a_state_directory_without_a_name_is_refused(verb: str, name: str, tmp_path: Path) -> None:
    ran = program(tmp_path, verb, "--state", name)
    assert "the name is empty" in one_line(ran, Exit.USAGE)
    assert list(tmp_path.iterdir()) == []
