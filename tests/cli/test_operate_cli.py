"""`drift-e3 halt`, `flatten`, `resume` where no daemon runs, and what all verbs refuse."""

import getpass
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import drift_e3.cli.launch
import drift_e3.cli.operate
from drift_e3.cli.exits import Exit
from drift_e3.core.events import (
    FlattenRequested,
    HaltRequested,
    ResumeRequested,
    Started,
    StopRequested,
)
from drift_e3.core.notes import PositionClosed, PositionOpened
from drift_e3.core.terms import Reason, StopPolicy
from drift_e3.journal.schema import JOURNAL_NAME
from drift_e3.journal.state_lock import StateLock, StateLocked
from drift_e3.journal.writer import JournalWriter
from drift_e3.live import at_rest
from drift_e3.live.control_socket import listen
from drift_e3.live.daemon import ForcedStop
from drift_e3.ports import VenueRefused
from tests.cli.operating import (
    COUNT,
    VERBS,
    arguments,
    closed,
    document,
    in_position,
    live_journal,
    one_line,
    run,
)
from tests.live.journals import told
from tests.live.program import program
from tests.live.tapes import LIVELY, random_walk, write_candles

# -- halt and resume -----------------------------------------------------------------------------------------


def test_a_halt_is_journaled_and_the_next_start_closes_and_ends(folder: Path) -> None:
    before = told(folder / "state")
    ran = program(folder, "halt", "--state", "state")
    assert ran.code == Exit.CHECK_FAILED
    assert re.fullmatch(
        r"halted, but open: (long|short) [\d.]+ SOL-PERP, \d orders?; close it with drift-e3 flatten\n",
        ran.out,
    )
    event = told(folder / "state")[len(before)][0]
    assert isinstance(event, HaltRequested)
    assert (event.by, event.seen_ts) == (getpass.getuser(), before[-1][0].seen_ts)
    seen = document(program(folder, "status", "--state", "state", "--json"))
    assert (seen["mode"], seen["halted"], seen["halt_cause"]) == ("halted", True, "halt_asked")
    assert seen["position"] is not None
    started = run(folder)
    assert started.code == Exit.HALTED
    assert closed(folder)[-1] is Reason.FLATTEN
    seen = document(program(folder, "status", "--state", "state", "--json"))
    assert (seen["mode"], seen["halt_cause"], seen["position"]) == ("halted", "halt_asked", None)
    assert program(folder, "replay", "--state", "state").code == Exit.OK


def test_a_halt_latches_over_restarts_until_a_person_resumes(folder: Path) -> None:
    assert program(folder, "flatten", *arguments(), **LIVELY).code == Exit.OK
    halted = program(folder, "halt", "--state", "state")
    assert (halted.code, halted.out) == (Exit.OK, "halted: nothing is open\n")
    for _ in range(2):
        before = len(told(folder / "state"))
        assert run(folder).code == Exit.HALTED
        assert [type(event) for event, _ in told(folder / "state")[before:]] == [Started]
    assert (
        "a person has halted it, until a person resumes" in program(folder, "status", "--state", "state").out
    )
    resumed = program(folder, "resume", "--state", "state")
    assert resumed == (Exit.OK, "the halt is lifted; present equity is the new baseline of every limit\n", "")
    assert run(folder).code == Exit.OK


def test_a_limits_halt_is_told_apart_from_a_persons(folder: Path) -> None:
    assert run(folder, RISK__DRAWDOWN_MAX="0.005").code == Exit.OK
    out = program(folder, "status", "--state", "state").out
    assert "its limit (drawdown) has halted it, until a person resumes" in out


def test_halt_and_resume_as_json(folder: Path) -> None:
    ran = program(folder, "halt", "--state", "state", "--json")
    assert ran.code == Exit.CHECK_FAILED
    seen = document(ran)
    assert (seen["flat"], seen["lifted"], seen["status"]["halted"]) == (False, "", True)
    assert seen["seq"] == seen["status"]["seq"] == len(told(folder / "state"))
    seen = document(program(folder, "resume", "--state", "state", "--json"))
    assert (seen["lifted"], seen["status"]["halted"]) == ("halt", False)


def test_resume_is_journaled_with_who_asked_at_the_journals_own_time(folder: Path) -> None:
    before = told(folder / "state")
    ran = program(folder, "resume", "--state", "state")
    assert ran == (Exit.OK, "there was neither a halt nor a pause: nothing has changed\n", "")
    (event, _), *_ = told(folder / "state")[len(before) :]
    assert isinstance(event, ResumeRequested)
    assert event.by == getpass.getuser()
    assert event.seen_ts == before[-1][0].seen_ts
    assert program(folder, "replay", "--state", "state").code == Exit.OK


def nameless() -> str:
    raise KeyError("getpwuid(): uid not found: 4711")


@pytest.mark.parametrize(
    ("name", "by"), [(nameless, r"user \d+"), (lambda: "a\nb" + "x" * 80, "ab" + "x" * 62)]
)
def test_a_user_without_a_name_or_with_an_odd_one_is_heard_as_well(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: Callable[[], str], by: str
) -> None:
    monkeypatch.setattr(getpass, "getuser", name)
    assert program(folder, "resume", "--state", "state").code == Exit.OK
    event = told(folder / "state")[-1][0]
    assert isinstance(event, ResumeRequested)
    assert re.fullmatch(by, event.by)


def test_a_daemon_that_starts_at_that_very_moment_is_asked_instead(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    booked = at_rest.book
    refusals = [StateLocked(folder / "state" / "lock", 7, 1)] * 2

    def race(*given: Any) -> Any:
        if refusals:
            raise refusals.pop()
        return booked(*given)

    monkeypatch.setattr(at_rest, "book", race)
    assert program(folder, "resume", "--state", "state").code == Exit.OK
    refusals = [StateLocked(folder / "state" / "lock", 7, 1)] * 2
    assert program(folder, "resume", "--state", "state", "--timeout", "0").code == Exit.LOCKED


# -- flatten -------------------------------------------------------------------------------------------------


def test_flatten_closes_the_position_and_ends_and_the_next_run_trades_on(folder: Path) -> None:
    before = len(told(folder / "state"))
    ran = program(folder, "flatten", *arguments(), **LIVELY)
    assert (ran.code, ran.out) == (Exit.OK, "flat: nothing is open\n")
    assert "position.closed" in ran.err
    story = told(folder / "state")[before:]
    assert [type(event) for event, _ in story[:3]] == [Started, FlattenRequested, StopRequested]
    asked, stop = story[1][0], story[2][0]
    assert isinstance(asked, FlattenRequested)
    assert isinstance(stop, StopRequested)
    assert asked.by == stop.by == getpass.getuser()
    assert stop.policy is StopPolicy.FLATTEN
    notes = [note for _, led_to in story for note in led_to]
    assert [note.reason for note in notes if isinstance(note, PositionClosed)] == [Reason.FLATTEN]
    assert not any(isinstance(note, PositionOpened) for note in notes)
    assert run(folder).code == Exit.OK
    assert program(folder, "replay", "--state", "state").code == Exit.OK
    opened = [
        note for _, led_to in told(folder / "state") for note in led_to if isinstance(note, PositionOpened)
    ]
    assert len(opened) > 1


def test_flatten_of_what_is_flat_does_nothing_but_say_so(folder: Path) -> None:
    assert program(folder, "flatten", *arguments(), **LIVELY).code == Exit.OK
    ran = program(folder, "flatten", *arguments(), "--json", **LIVELY)
    assert ran.code == Exit.OK
    seen = document(ran)
    assert (seen["flat"], seen["status"]["position"], seen["status"]["orders"]) == (True, None, [])


def test_flatten_of_what_is_halted_leaves_it_halted(folder: Path) -> None:
    assert program(folder, "halt", "--state", "state").code == Exit.CHECK_FAILED
    ran = program(folder, "flatten", *arguments(), "--json", **LIVELY)
    assert ran.code == Exit.OK
    assert document(ran)["status"]["halted"] is True
    assert run(folder).code == Exit.HALTED


def test_what_cannot_be_closed_is_told_and_is_exit_code_1(scout: Path, tmp_path: Path) -> None:
    """The tape ends with the candle that the position was opened after: nobody is there to trade with."""
    _, candles = in_position(scout / "state")
    write_candles(tmp_path / "tape.csv", random_walk(4, COUNT, minutes=60)[:candles])
    assert run(tmp_path).code == Exit.OK
    ran = program(tmp_path, "flatten", *arguments(), "--timeout", "5", **LIVELY)
    assert ran.code == Exit.CHECK_FAILED
    assert re.fullmatch(r"still open after 5 s: (long|short) [\d.]+ SOL-PERP, \d orders?\n", ran.out)


def test_flatten_with_another_market_is_refused_and_touches_nothing(folder: Path) -> None:
    before = told(folder / "state")
    for more in ((), ("--tape", "tape.csv", "--symbol", "ETH-PERP")):
        ran = program(folder, "flatten", "--state", "state", *more, **LIVELY)
        assert (ran.code, ran.out) == (Exit.DATA, "")
        assert ran.err.splitlines()[-1].endswith("or another --state")
    assert told(folder / "state") == before
    ran = program(folder, "flatten", "--state", "state", "--tape", "tape.csv", "--venue", "drift")
    assert "a tape is not played with --venue drift" in one_line(ran, Exit.USAGE)


def test_a_live_account_is_not_touched_without_a_yes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    live_journal(folder)
    before = told(folder / "live")
    flatten = ("flatten", "--state", "live")
    assert "the journal is a live account's, and synthetic is none" in one_line(
        program(folder, *flatten), Exit.CONFIGURATION
    )
    assert "--yes" in one_line(program(folder, *flatten, "--venue", "velocity"), Exit.USAGE)
    monkeypatch.setattr("sys.stdin", Terminal())
    questions: list[str] = []

    def no(question: str, *, err: bool) -> bool:
        assert err
        questions.append(question)
        return False

    monkeypatch.setattr("typer.confirm", no)
    assert program(folder, *flatten, "--venue", "velocity").code == Exit.CHECK_FAILED
    assert questions == ["Send orders to close what the live account on velocity holds?"]
    assert told(folder / "live") == before


class Terminal:
    def isatty(self) -> bool:
        return True


def test_with_a_yes_the_live_account_is_opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    live_journal(folder)
    asked: list[bool] = []

    def refuse(*_: object, live: bool) -> object:
        asked.append(live)
        raise VenueRefused("paused")

    monkeypatch.setattr(drift_e3.cli.launch, "_chain_market", refuse)
    ran = program(folder, "flatten", "--state", "live", "--venue", "velocity", "--yes")
    assert (ran.code, ran.out) == (Exit.UNAVAILABLE, "")
    assert ran.err.splitlines()[-1] == "drift-e3: paused"
    assert asked == [True]


def test_two_signals_end_it_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def forced(*_: object, **__: object) -> None:
        raise ForcedStop

    monkeypatch.setattr(drift_e3.cli.launch, "launch", forced)
    assert program(folder, "flatten", *arguments(), **LIVELY).code == Exit.CHECK_FAILED


# -- what all of them refuse ---------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", VERBS)
def test_no_journal_is_one_line_and_makes_nothing(tmp_path: Path, verb: str) -> None:
    line = one_line(program(tmp_path, verb, "--state", "nowhere"), Exit.DATA)
    assert line == "drift-e3: nowhere/journal.db: no journal there"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("verb", VERBS)
def test_a_journal_without_events_is_one_line(tmp_path: Path, verb: str) -> None:
    (tmp_path / "state").mkdir()
    JournalWriter(tmp_path / "state" / JOURNAL_NAME, "code").close()
    line = one_line(program(tmp_path, verb, "--state", "state"), Exit.DATA)
    assert line.endswith("the journal is empty")


@pytest.mark.parametrize("verb", ["halt", "resume", "flatten"])
def test_a_process_that_holds_the_directory_and_does_not_listen_is_named(folder: Path, verb: str) -> None:
    with StateLock(folder / "state", 1):
        ran = program(folder, verb, "--state", "state", "--timeout", "0")
    assert "the state directory is in use by process" in one_line(ran, Exit.LOCKED)


@pytest.mark.parametrize("verb", VERBS)
def test_the_socket_of_a_killed_daemon_does_not_matter(folder: Path, verb: str) -> None:
    listen(folder / "state").close()
    more = arguments() if verb == "flatten" else ("--state", "state")
    ran = program(folder, verb, *more, **LIVELY)
    assert ran.code == (Exit.CHECK_FAILED if verb == "halt" else Exit.OK)
