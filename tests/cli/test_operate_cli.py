"""`drift-e3 halt`, `flatten`, `resume`, `status`, `positions` where no daemon runs."""

import getpass
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import drift_e3.cli.launch
import drift_e3.cli.operate
from drift_e3.cli.exits import Exit
from drift_e3.core.events import (
    AccountOpened,
    CandleClosed,
    EntriesBarred,
    Event,
    FlattenRequested,
    HaltRequested,
    ResumeRequested,
    Started,
    StopRequested,
)
from drift_e3.core.notes import PositionClosed, PositionOpened
from drift_e3.core.terms import Reason, StopPolicy
from drift_e3.journal.code_hash import code_hash
from drift_e3.journal.schema import JOURNAL_NAME
from drift_e3.journal.state_lock import StateLock, StateLocked
from drift_e3.journal.writer import JournalWriter
from drift_e3.live import at_rest
from drift_e3.live.control_socket import listen
from drift_e3.live.daemon import ForcedStop
from drift_e3.ports import VenueRefused
from tests.live.journals import rewrite, told
from tests.live.program import Ran, program
from tests.live.tapes import LIVELY, random_walk, write_candles

COUNT = 200
VERBS = ("status", "positions", "halt", "resume", "flatten")


def arguments(state: object = "state") -> tuple[object, ...]:
    return ("--tape", "tape.csv", "--state", state)


def run(folder: Path, **variables: str) -> Ran:
    """Trade through the tape in `folder`."""
    return program(folder, "run", *arguments(), "--speed", "max", "--advisor", "off", **(LIVELY | variables))


def in_position(state: Path) -> tuple[int, int]:
    """The event, and the how-manieth candle it is, at whose close a position has been open for a while."""
    candles, events_open = 0, 0
    for seq, (event, outputs) in enumerate(told(state), 1):
        events_open += events_open > 0
        for output in outputs:
            if isinstance(output, PositionOpened):
                events_open = 1
            elif isinstance(output, PositionClosed):
                events_open = 0
        if isinstance(event, CandleClosed):
            candles += 1
            if events_open > 3:
                return seq, candles
    raise AssertionError("no position was held")


@pytest.fixture(scope="module")
def scout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tape that was traded through."""
    folder = tmp_path_factory.mktemp("scout")
    write_candles(folder / "tape.csv", random_walk(4, COUNT, minutes=60))
    assert run(folder).code == Exit.OK
    return folder


@pytest.fixture(scope="module")
def held(scout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, but the daemon was stopped in order with a position open."""
    folder = tmp_path_factory.mktemp("held")
    (folder / "tape.csv").write_bytes((scout / "tape.csv").read_bytes())
    seq, _ = in_position(scout / "state")
    rewrite(scout / "state", folder / "state", upto=seq, snapshots=False)
    return folder


@pytest.fixture
def folder(held: Path, tmp_path: Path) -> Path:
    """A copy of that for one test."""
    (tmp_path / "tape.csv").write_bytes((held / "tape.csv").read_bytes())
    rewrite(held / "state", tmp_path / "state", snapshots=False)
    return tmp_path


def closed(folder: Path) -> list[Reason]:
    """Why positions ended."""
    notes = [note for _, led_to in told(folder / "state") for note in led_to]
    return [note.reason for note in notes if isinstance(note, PositionClosed)]


def document(ran: Ran) -> Any:
    """The one JSON object of standard output."""
    assert "Traceback" not in ran.err
    return json.loads(ran.out)


def one_line(ran: Ran, code: Exit) -> str:
    assert (ran.code, ran.out) == (code, "")
    (line,) = ran.err.splitlines()
    return line


# -- status and positions ------------------------------------------------------------------------------------


def test_status_tells_by_the_journals_word_and_says_so(folder: Path) -> None:
    ran = program(folder, "status", "--state", "state")
    assert (ran.code, ran.err) == (Exit.OK, "")
    lines = dict(re.findall(r"^(\S.{13})(.*)$", ran.out, re.MULTILINE))
    told_of = {name.strip(): text for name, text in lines.items()}
    assert re.match(r"does not run; so says the journal, last written [\d.]+ (s|min) ago", told_of["daemon"])
    assert told_of["mode"] == "trading (warmed)"
    assert re.match(r"(long|short) [\d.]+ at [\d.]+ USD, e3, since 2025-01-0\d", told_of["position"])
    assert told_of["orders"] == "2 open"
    assert told_of["advisor"] == "off"
    assert "of 5.00%" in told_of["day's loss"]
    assert ", on the venue; target" in ran.out
    assert "reduce-only" in ran.out
    assert "by e3 in bull_trend, confidence 0.00: none (no_signal:" in told_of["decision"]


def test_status_as_json_has_the_same(folder: Path) -> None:
    seen = document(program(folder, "status", "--state", "state", "--json"))
    assert (seen["daemon"], seen["mode"], seen["account"]) == (None, "trading", "paper")
    assert seen["seq"] == len(told(folder / "state"))
    assert seen["written_ts"] > seen["event_ts"]
    position = seen["position"]
    assert position["stop_rests"] is True
    assert [order["size_base"] for order in seen["orders"]] == [position["size_base"]] * 2
    assert (seen["decision"]["verdict"], seen["decision"]["strategy"]) == ("none", "e3")


def test_positions_tells_of_position_and_orders_alone(folder: Path) -> None:
    ran = program(folder, "positions", "--state", "state")
    assert (ran.code, ran.err) == (Exit.OK, "")
    assert ran.out.startswith("daemon        does not run")
    assert "stop_" not in ran.out
    assert "equity" not in ran.out
    seen = document(program(folder, "positions", "--state", "state", "--json"))
    assert [position["strategy"] for position in seen["positions"]] == ["e3"]
    assert {order["reason"] for order in seen["orders"]} == {"stop", "take_profit"}
    assert seen["running"] is False


def test_a_flat_trader_has_no_position_and_no_orders(folder: Path) -> None:
    assert program(folder, "flatten", *arguments(), **LIVELY).code == Exit.OK
    ran = program(folder, "positions", "--state", "state")
    assert ran.out.splitlines()[1:] == ["position      flat", "orders        none"]
    assert document(program(folder, "positions", "--state", "state", "--json"))["positions"] == []


def test_one_that_was_stopped_has_stopped(scout: Path) -> None:
    assert "\nmode          stopped (stop_asked)\n" in program(scout, "status", "--state", "state").out


def test_a_look_changes_nothing_and_needs_no_settings(folder: Path) -> None:
    before = {file.name: file.read_bytes() for file in (folder / "state").iterdir()}
    (folder / ".env").write_text("DRIFT_E3_VENUE=nonsense\n")
    for verb in ("status", "positions"):
        assert program(folder, verb, "--state", "state").code == Exit.OK
        assert program(folder, verb).code == Exit.CONFIGURATION
    after = {file.name: file.read_bytes() for file in (folder / "state").iterdir()}
    assert {name: after[name] for name in before} == before


def test_the_state_directory_is_the_settings_where_none_is_given(folder: Path) -> None:
    (folder / "state").rename(folder / "elsewhere")
    assert program(folder, "status", STATE_DIR="elsewhere").code == Exit.OK


def live_journal(folder: Path, *, barred: tuple[str, ...] = ()) -> Path:
    """A state directory of a live account, as far as the journal goes."""
    (started, _), *_ = told(folder / "state")
    assert isinstance(started, Started)
    state = folder / "live"
    state.mkdir()
    ts = started.seen_ts
    opened = AccountOpened(
        seen_ts=ts, account="user", equity_usd=55.0, ledger=0, funding=0, fees=0, tokens=55
    )
    with JournalWriter(state / JOURNAL_NAME, code_hash()) as writer:
        events: tuple[Event, ...] = (started, opened, EntriesBarred(seen_ts=ts, reasons=barred))
        for seq, event in enumerate(events, 1):
            writer.append_event(seq, event)
            writer.append_outcome(seq, (), ())
    return state


def test_of_a_live_account_it_says_that_nobody_asked_the_chain(folder: Path) -> None:
    live_journal(folder)
    ran = program(folder, "status", "--state", "live")
    assert "nobody has asked the chain what the account holds now" in ran.out
    assert "live account" in ran.out
    assert "55.00 USD" in ran.out
    assert "nobody has asked the chain" in program(folder, "positions", "--state", "live").out
    assert "nobody has asked the chain" in program(folder, "halt", "--state", "live").out
    assert document(program(folder, "status", "--state", "live", "--json"))["notes"]


def test_no_secret_is_told_even_where_a_reason_holds_one(folder: Path) -> None:
    live_journal(folder, barred=("https://rpc.example/?api-key=hunter2secret refused",))
    for more in ((), ("--json",)):
        ran = program(folder, "status", "--state", "live", *more)
        assert "rpc.example" in ran.out
        assert "hunter2secret" not in ran.out


def test_a_daemon_that_was_killed_is_said(folder: Path, held: Path) -> None:
    state = folder / "state"
    for file in state.glob("journal.db*"):
        file.unlink()
    writer = JournalWriter(state / JOURNAL_NAME, code_hash())
    for seq, (event, _) in enumerate(told(held / "state")[:5], 1):
        writer.append_event(seq, event)
    writer.close(clean=False)
    assert "the daemon did not end in order" in program(folder, "status", "--state", "state").out


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
