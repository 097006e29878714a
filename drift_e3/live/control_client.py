"""Asks the daemon of a state directory, if there is one. What is said is `control_wire`'s."""

import socket
import time
from contextlib import suppress
from pathlib import Path

from drift_e3.journal.state_lock import LOCK_NAME, StateLocked, held_by
from drift_e3.live.control_socket import connect
from drift_e3.live.control_wire import ANSWER_BYTES_MAX, NOT_UNDERSTOOD, Request, decode_answer, encode
from drift_e3.operating import Answer
from drift_e3.ports import VenueUnavailable

GRACE_S = 15.0
"""How much later than asked for an answer may come: longer than the daemon takes to say that it is busy."""
PAUSE_S = 0.1
CHUNK_BYTES = 65_536


class DaemonUnavailable(VenueUnavailable):
    """A daemon runs and cannot be asked, or does not answer."""


def ask(directory: Path, request: Request, patience_s: float) -> Answer | None:
    """The daemon's answer; None where none runs.

    One that is starting or ending is waited for, for `patience_s`. Raises `StateLocked` where the directory
    is then still held by a process that does not listen, `DaemonUnavailable` for a daemon that refuses or
    does not answer, `OSError` where it may not be asked.
    """
    until_s = time.monotonic() + patience_s
    while True:
        answer = _exchange(directory, request)
        if answer is not None and not answer.error:
            return answer
        if answer is not None and not answer.ending:
            raise DaemonUnavailable(answer.error)
        holder = held_by(directory)
        if holder is None:
            return None
        if time.monotonic() >= until_s:
            raise StateLocked(directory / LOCK_NAME, *holder)
        time.sleep(PAUSE_S)


def _exchange(directory: Path, request: Request) -> Answer | None:
    """One request and its answer; None where nobody listens."""
    try:
        connection = connect(directory, GRACE_S)
    except (FileNotFoundError, ConnectionRefusedError, BlockingIOError):
        # The last one: so many ask that they queue.
        return None
    with connection:
        try:
            with suppress(ConnectionError):
                # Refused before it was heard: the refusal can be read all the same.
                connection.sendall(encode(request) + b"\n")
            line = _line(connection, time.monotonic() + request.wait_s + GRACE_S)
        except TimeoutError:
            holder = held_by(directory)
            which = f" (process {holder.pid})" if holder is not None else ""
            raise DaemonUnavailable(f"the daemon{which} does not answer") from None
        except ConnectionError:
            line = b""
    if not line:
        return Answer(error="the daemon ended without an answer", ending=True)
    try:
        answer = decode_answer(line)
    except NOT_UNDERSTOOD as error:
        raise DaemonUnavailable(f"the daemon's answer is not understood: {error}") from error
    if answer.status is None and not answer.error:
        raise DaemonUnavailable("the daemon's answer is not understood: it tells nothing")
    return answer


def _line(connection: socket.socket, until_s: float) -> bytes:
    """A line; "" where the other end closes before one is whole."""
    received = b""
    while not received.endswith(b"\n"):
        connection.settimeout(max(until_s - time.monotonic(), 0.001))
        chunk = connection.recv(CHUNK_BYTES)
        if not chunk:
            return b""
        received += chunk
        if len(received) > ANSWER_BYTES_MAX:
            raise DaemonUnavailable("the daemon's answer is longer than any")
    return received
