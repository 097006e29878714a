"""The operator's verbs against daemons in processes of their own: trading, halted, killed, started again."""

import json
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from drift_e3.cli.exits import Exit
from drift_e3.core.events import FlattenRequested, HaltRequested, ResumeRequested
from drift_e3.core.notes import PositionClosed
from drift_e3.core.terms import Reason
from drift_e3.live.control_client import ask
from drift_e3.live.control_socket import SOCKET_NAME
from drift_e3.live.control_wire import Request
from drift_e3.operating import Answer, Verb
from tests.cli.daemon_process import Daemon
from tests.cli.runs import prepared
from tests.live.journals import told
from tests.live.program import Ran, program
from tests.live.tapes import LIVELY

pytestmark = pytest.mark.slow

Start = Callable[..., Daemon]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts daemons in the test's folder; none of them outlives the test."""
    started: list[Daemon] = []

    def begin(*arguments: object, **variables: str) -> Daemon:
        started.append(Daemon(tmp_path, *arguments, "--advisor", "off", **(LIVELY | variables)))
        return started[-1]

    yield begin
    for one in started:
        one.process.kill()
        one.process.communicate()


def say(folder: Path, verb: str, *more: object) -> Ran:
    return program(folder, verb, "--state", "state", *more)


def seen(folder: Path, verb: str = "status", *more: object, code: Exit = Exit.OK) -> Any:
    """A verb's answer as JSON."""
    ran = say(folder, verb, "--json", *more)
    assert (ran.code, ran.err) == (code, "")
    return json.loads(ran.out)


def exits(folder: Path) -> list[Reason]:
    notes = [note for _, led_to in told(folder / "state") for note in led_to]
    return [note.reason for note in notes if isinstance(note, PositionClosed)]


def test_an_operators_day(tmp_path: Path, start: Start) -> None:
    """Look, flatten, look again, halt, kill, look, start in vain, resume, start, stop."""
    tape = prepared(tmp_path, count=3_000)[:-4]
    run = (*tape, "--state", "state", "--speed", "180000")
    one = start(*run)
    one.until("stop.armed")
    status = seen(tmp_path)
    assert status["daemon"]["pid"] == one.process.pid
    assert (status["daemon"]["venue"], status["daemon"]["speed"]) == ("tape", 180_000.0)
    assert status["daemon"]["uptime_s"] > 0.0
    assert "runs as process" in say(tmp_path, "status").out
    assert seen(tmp_path, "positions")["running"] is True

    flat = seen(tmp_path, "flatten")
    assert flat["flat"] is True
    assert Reason.FLATTEN in exits(tmp_path) or flat["status"]["position"] is None
    assert seen(tmp_path)["mode"] == "trading"

    halted = say(tmp_path, "halt")
    assert halted == (Exit.OK, "halted: nothing is open\n", "")
    assert seen(tmp_path)["mode"] == "halted"
    closed = len(exits(tmp_path))

    one.process.kill()
    one.process.wait()
    assert (tmp_path / "state" / SOCKET_NAME).is_socket()
    status = seen(tmp_path)
    assert (status["daemon"], status["halted"], status["halt_cause"]) == (None, True, "halt_asked")
    assert status["notes"] == ["the daemon did not end in order"]

    code, _, err = start(*run).end()
    assert code == Exit.HALTED
    assert err.startswith("drift-e3: trading is halted")
    assert say(tmp_path, "resume").out.startswith("the halt is lifted")

    one = start(*run)
    one.until("decision.made")
    assert say(tmp_path, "resume").out.startswith("there was neither")
    assert seen(tmp_path)["halted"] is False
    assert len(exits(tmp_path)) >= closed
    one.process.send_signal(signal.SIGTERM)
    assert one.end()[0] == Exit.OK
    assert not (tmp_path / "state" / SOCKET_NAME).exists()
    asked = [type(event) for event, _ in told(tmp_path / "state")]
    assert [asked.count(kind) for kind in (FlattenRequested, HaltRequested, ResumeRequested)] == [1, 1, 2]
    assert program(tmp_path, "replay", "--state", "state").code == Exit.OK


def test_a_halted_daemon_that_runs_is_resumed_and_trades_on(tmp_path: Path, start: Start) -> None:
    tape = prepared(tmp_path, count=3_000)[:-4]
    one = start(*tape, "--state", "state", "--speed", "180000")
    one.until("position.opened")
    assert seen(tmp_path, "halt")["flat"] is True
    lifted = seen(tmp_path, "resume")
    assert (lifted["lifted"], lifted["status"]["halted"]) == ("halt", False)
    assert one.until("mode.changed")["after"] == "halted"
    one.until("position.opened")


def test_two_people_at_once_get_their_answers_of_a_synthetic_market(tmp_path: Path, start: Start) -> None:
    one = start("--state", "state", "--speed", "60")
    one.until("market.warmed")
    answers: dict[str, list[Answer | None]] = {"one": [], "other": []}

    def person(name: str) -> None:
        for verb in (Verb.STATUS, Verb.FLATTEN, Verb.HALT, Verb.STATUS, Verb.RESUME, Verb.STATUS) * 3:
            answers[name].append(ask(tmp_path / "state", Request(verb=verb, by=name, wait_s=30.0), 5.0))

    people = [threading.Thread(target=person, args=(name,)) for name in answers]
    for thread in people:
        thread.start()
    for thread in people:
        thread.join()
    for given in answers.values():
        assert len(given) == 18
        assert all(answer is not None and answer.error == "" and answer.status for answer in given)
    asked = [
        event.by
        for event, _ in told(tmp_path / "state")
        if isinstance(event, HaltRequested | FlattenRequested | ResumeRequested)
    ]
    assert sorted(asked) == ["one"] * 9 + ["other"] * 9
    one.process.send_signal(signal.SIGTERM)
    assert one.end()[0] == Exit.OK
    assert program(tmp_path, "replay", "--state", "state").code == Exit.OK


def test_a_stop_that_leaves_a_position_is_closed_by_a_flatten(tmp_path: Path, start: Start) -> None:
    tape = prepared(tmp_path, count=3_000)[:-4]
    one = start(*tape, "--state", "state", "--speed", "180000")
    one.until("stop.armed")
    one.process.send_signal(signal.SIGTERM)
    assert one.end()[0] == Exit.OK
    ran = program(tmp_path, "flatten", *tape, "--state", "state", **LIVELY)
    assert (ran.code, ran.out) == (Exit.OK, "flat: nothing is open\n")
