"""Asking a daemon: one that answers, refuses, says nothing or nonsense, starts, ends, or is not there."""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from drift_e3.journal.state_lock import StateLock, StateLocked
from drift_e3.live import control_client, control_socket
from drift_e3.live.control_client import DaemonUnavailable, ask
from drift_e3.live.control_socket import SOCKET_NAME, is_trusted, listen
from drift_e3.live.control_wire import Request, encode
from drift_e3.operating import Answer, Verb
from drift_e3.trader_status import Circumstances, status
from tests.core.stories import a_story
from tests.live.attended import CHOSEN, attended
from tests.live.markets import tape_market

STATUS = Request(verb=Verb.STATUS)
ENDING = encode(Answer(error="the daemon ended meanwhile", ending=True)) + b"\n"
TOLD = Answer(
    seq=5,
    flat=True,
    status=status(a_story().state, Circumstances(seq=5, now_ts=1, event_ts=1, decision=None)),
)
GOOD = encode(TOLD) + b"\n"


@contextmanager
def daemon(state: Path, *acts: Callable[[socket.socket], None]) -> Iterator[None]:
    """Somebody who listens in a state directory and holds its lock: one act a connection, then gone."""
    state.mkdir(exist_ok=True)
    lock = StateLock(state, 1)
    listening = listen(state)

    def serve() -> None:
        for act in acts:
            connection, _ = listening.accept()
            with connection:
                act(connection)
        listening.close()
        lock.release()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def says(answer: bytes) -> Callable[[socket.socket], None]:
    """Hears a request and says this."""

    def act(connection: socket.socket) -> None:
        connection.recv(4_096)
        connection.sendall(answer)

    return act


def says_at_once(answer: bytes) -> Callable[[socket.socket], None]:
    """Says this and has gone before the request comes."""
    return lambda connection: connection.sendall(answer)


def says_nothing(connection: socket.socket) -> None:
    """Waits until the other end gives up."""
    while connection.recv(4_096):
        pass


async def test_a_daemon_that_runs_answers(tmp_path: Path) -> None:
    async with attended(tmp_path, tape_market(CHOSEN, each=4), lambda: True) as one:
        answer = await asyncio.to_thread(ask, one.state, STATUS, 1.0)
        assert answer is not None
        assert answer.status is not None
        assert answer.status.daemon is not None


def test_where_no_daemon_runs_there_is_no_answer_and_nothing_is_made(tmp_path: Path) -> None:
    assert ask(tmp_path / "nowhere", STATUS, 60.0) is None
    assert ask(tmp_path, STATUS, 60.0) is None
    assert list(tmp_path.iterdir()) == []


def test_the_socket_of_a_killed_daemon_is_no_daemon(tmp_path: Path) -> None:
    listen(tmp_path).close()
    assert (tmp_path / SOCKET_NAME).is_socket()
    assert ask(tmp_path, STATUS, 60.0) is None


def test_an_answer_in_pieces_is_put_together(tmp_path: Path) -> None:
    def act(connection: socket.socket) -> None:
        connection.recv(4_096)
        for byte in GOOD:
            connection.sendall(bytes([byte]))

    with daemon(tmp_path, act):
        assert ask(tmp_path, STATUS, 0.0) == TOLD


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (encode(Answer(error="8 others are being served")) + b"\n", "8 others are being served"),
        (b"nonsense\n", "is not understood: JSON is malformed"),
        (b'{"seq":"one"}\n', "is not understood: Expected `int`"),
        (b"{}\n", "is not understood: it tells nothing"),
        (b'{"status":{"mode":"trading"}}\n', "is not understood: Object missing required field"),
    ],
)
@pytest.mark.parametrize("how", [says, says_at_once])
def test_a_refusal_and_an_answer_that_is_none_are_errors(
    tmp_path: Path, answer: bytes, told: str, how: Callable[[bytes], Callable[[socket.socket], None]]
) -> None:
    with daemon(tmp_path, how(answer)), pytest.raises(DaemonUnavailable, match=told):
        ask(tmp_path, STATUS, 0.0)


def test_an_answer_without_end_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_client, "ANSWER_BYTES_MAX", 1_000)
    with daemon(tmp_path, says(b"x" * 2_000)), pytest.raises(DaemonUnavailable, match="longer than any"):
        ask(tmp_path, STATUS, 0.0)


def test_a_daemon_that_does_not_answer_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_client, "GRACE_S", 0.05)
    with daemon(tmp_path, says_nothing), pytest.raises(DaemonUnavailable, match=r"\(process \d+\) does not"):
        ask(tmp_path, STATUS, 0.0)


def test_a_daemon_that_is_starting_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = StateLock(tmp_path, 1)
    pauses: list[float] = []

    def started(pause_s: float) -> None:
        pauses.append(pause_s)
        if len(pauses) == 3:
            lock.release()
            running.enter_context(daemon(tmp_path, says(GOOD)))

    with ExitStack() as running:
        monkeypatch.setattr("time.sleep", started)
        assert ask(tmp_path, STATUS, 60.0) == TOLD
    assert len(pauses) == 3


def test_a_process_that_holds_the_directory_and_does_not_listen_is_named_in_the_end(tmp_path: Path) -> None:
    with StateLock(tmp_path, 1), pytest.raises(StateLocked, match="in use by process"):
        ask(tmp_path, STATUS, 0.0)


@pytest.mark.parametrize("end", [says(ENDING), says(b""), says(GOOD[:-1]), says_at_once(b"")])
def test_after_one_that_ends_meanwhile_there_is_none(
    tmp_path: Path, end: Callable[[socket.socket], None]
) -> None:
    with daemon(tmp_path, end):
        assert ask(tmp_path, Request(verb=Verb.HALT), 10.0) is None


def test_after_one_that_ends_meanwhile_the_next_is_asked(tmp_path: Path) -> None:
    with daemon(tmp_path, says(ENDING), says(GOOD)):
        assert ask(tmp_path, Request(verb=Verb.HALT), 10.0) == TOLD


def test_a_listener_of_another_user_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_socket, "is_trusted", lambda _: False)
    with daemon(tmp_path, says_nothing), pytest.raises(PermissionError, match="another user listens there"):
        ask(tmp_path, STATUS, 0.0)


@pytest.mark.parametrize(
    ("mine", "theirs", "trusted"), [(0, 0, True), (0, 7, True), (7, 7, True), (7, 0, True), (7, 8, False)]
)
def test_ones_own_and_roots_processes_are_trusted(
    monkeypatch: pytest.MonkeyPatch, mine: int, theirs: int, trusted: bool
) -> None:
    class Connection:
        def getsockopt(self, *_: int) -> bytes:
            return struct.pack(control_socket.CREDENTIALS, 1, theirs, theirs)

    monkeypatch.setattr("os.geteuid", lambda: mine)
    assert is_trusted(Connection()) == trusted  # type: ignore[arg-type]


def test_the_kernel_says_who_is_at_the_other_end() -> None:
    one, other = socket.socketpair(socket.AF_UNIX)
    with one, other:
        assert is_trusted(one)


def test_where_the_kernel_cannot_be_asked_the_permissions_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("socket.SO_PEERCRED")
    with socket.socket(socket.AF_UNIX) as any_socket:
        assert is_trusted(any_socket)


def test_a_path_that_is_too_long_is_asked_by_a_short_one(tmp_path: Path) -> None:
    deep = tmp_path / ("deep" * 30)
    deep.mkdir()
    with daemon(deep, says(GOOD)):
        assert ask(deep, STATUS, 0.0) == TOLD


def test_where_there_is_no_short_one_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("deep" * 30)
    deep.mkdir()
    monkeypatch.setattr(Path, "is_dir", lambda _: False)
    with pytest.raises(OSError, match="too long for the address of a socket: use a shorter --state"):
        listen(deep)
    assert list(deep.iterdir()) == []
