"""Lets people ask a running daemon, over its control socket.

A request to act becomes an event in the inbox like any other, so that journal and core stay the one truth; a
status is read from the trader's memory between two events. Nothing here decides, and nobody who is served may
hold up the trading loop. What is said is `control_wire`'s.
"""

import asyncio
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from drift_e3 import __version__
from drift_e3.core.events import FlattenRequested, HaltRequested, ResumeRequested
from drift_e3.core.state import TraderState
from drift_e3.core.terms import MS_PER_SECOND
from drift_e3.live.control_socket import SOCKET_NAME, is_trusted, listen
from drift_e3.live.control_wire import (
    NOT_UNDERSTOOD,
    REQUEST_BYTES_MAX,
    Answer,
    Request,
    Verb,
    decode_request,
    encode,
)
from drift_e3.live.inbox import Inbox
from drift_e3.live.session import Session
from drift_e3.live.watch import Waiter, Watch, is_flat
from drift_e3.ports import Clock
from drift_e3.status import Circumstances, DaemonStatus, Status, status

CLIENTS_MAX = 8

REQUESTS: dict[Verb, type[HaltRequested | FlattenRequested | ResumeRequested]] = {
    Verb.HALT: HaltRequested,
    Verb.FLATTEN: FlattenRequested,
    Verb.RESUME: ResumeRequested,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long (s) a client may take for a line, and the loop until it has taken a request."""

    line_s: float = 5.0
    taking_s: float = 10.0


PATIENCE = Patience()


class Control:
    """Serves the control socket of one daemon in its task group, from `open` to `close`."""

    def __init__(
        self,
        tasks: asyncio.TaskGroup,
        session: Session,
        inbox: Inbox,
        watch: Watch,
        clock: Clock,
        *,
        venue: str,
        speed: float | None,
    ) -> None:
        self._tasks = tasks
        self._session = session
        self._inbox = inbox
        self._watch = watch
        self._clock = clock
        self._venue = venue
        self._speed = speed
        self._patience = PATIENCE
        self._started_ts = clock.now_ms()
        self._clients: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._place = Path()

    async def open(self, directory: Path) -> str:
        """Listen in the state directory, whose lock the caller holds; why that cannot be, or ""."""
        try:
            listening = listen(directory)
        except OSError as error:
            return error.strerror or str(error)
        self._place = directory / SOCKET_NAME
        # Not `start_unix_server`, which would look after a path that is not the one we have.
        self._server = await asyncio.start_server(self._connected, sock=listening, limit=REQUEST_BYTES_MAX)
        return ""

    def close(self) -> None:
        """Listen no more; whoever waits is told that the daemon ends."""
        if self._server is not None:
            self._server.close()
            self._server = None
            with suppress(OSError):
                self._place.unlink()
        for client in self._clients:
            client.cancel()

    # -- one client ------------------------------------------------------------------------------------------

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        refusal = ""
        if not is_trusted(writer.get_extra_info("socket")):
            refusal = "you are not the daemon's user"
        elif len(self._clients) >= CLIENTS_MAX:
            refusal = f"{CLIENTS_MAX} others are being served: try again"
        if refusal:
            writer.write(_line(Answer(error=refusal)))
            writer.close()
            return
        client = self._tasks.create_task(self._converse(reader, writer), name="control")
        self._clients.add(client)
        client.add_done_callback(self._clients.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer line after line; a client that is silent, deaf, gone or talks nonsense is left."""
        try:
            while True:
                async with asyncio.timeout(self._patience.line_s):
                    line = await reader.readuntil()
                answer = await self._answer(line, writer)
                writer.write(_line(answer))
                async with asyncio.timeout(self._patience.line_s):
                    await writer.drain()
                if answer.error:
                    return
        except asyncio.LimitOverrunError:
            writer.write(_line(Answer(error=f"a request has at most {REQUEST_BYTES_MAX} bytes")))
        except TimeoutError:
            # Closing would wait until it has read everything.
            writer.transport.abort()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, line: bytes, writer: asyncio.StreamWriter) -> Answer:
        try:
            request = decode_request(line)
        except NOT_UNDERSTOOD as error:
            return Answer(error=f"not understood: {error}")
        if request.verb is Verb.STATUS:
            return self._seen(Answer(seq=self._session.seq))
        waiter = self._watch.expect(REQUESTS[request.verb])
        answer = Answer(error="the daemon ended meanwhile", ending=True)
        try:
            answer = await self._ask(request, waiter)
            if request.verb is not Verb.RESUME and not answer.error:
                with suppress(TimeoutError):
                    async with asyncio.timeout(request.wait_s):
                        await waiter.flat.wait()
        except asyncio.CancelledError:
            # Closing the connection sends first what is written.
            writer.write(_line(replace(self._came_of(answer, waiter), ending=True)))
            raise
        finally:
            self._watch.forget(waiter)
        return self._came_of(answer, waiter)

    async def _ask(self, request: Request, waiter: Waiter) -> Answer:
        """Have a request taken, and journaled for good."""
        before = self._state
        paused = self._session.last_ts < before.breakers.paused_until_ts
        held = "halt" if before.mode.halted else "pause" if paused else ""
        event = REQUESTS[request.verb](seen_ts=self._session.last_ts, by=request.by)
        error = "the daemon is too busy to take it"
        try:
            async with asyncio.timeout(self._patience.taking_s):
                batch = await self._inbox.put([event])
                error = "the daemon is busy and will take it: look at its status"
                await batch.dealt_with.wait()
                await self._session.commit()
        except TimeoutError:
            return Answer(error=error)
        return Answer(seq=waiter.seq, lifted=held if request.verb is Verb.RESUME else "")

    def _came_of(self, answer: Answer, waiter: Waiter) -> Answer:
        if answer.error:
            return answer
        seen = self._seen(answer)
        return replace(seen, flat=seen.flat or waiter.flat.is_set())

    def _seen(self, answer: Answer) -> Answer:
        return replace(answer, flat=is_flat(self._state), status=self._status())

    @property
    def _state(self) -> TraderState:
        return self._session.trader.state

    def _status(self) -> Status:
        state, session, now_ms = self._state, self._session, self._clock.now_ms()
        return status(
            state,
            Circumstances(
                seq=session.seq,
                now_ts=now_ms if state.feed.live else session.last_ts,
                event_ts=session.last_ts,
                decision=self._watch.decision,
                daemon=DaemonStatus(
                    pid=os.getpid(),
                    version=__version__,
                    venue=self._venue,
                    speed=self._speed,
                    started_ts=self._started_ts,
                    uptime_s=(now_ms - self._started_ts) / MS_PER_SECOND,
                ),
            ),
        )


def _line(answer: Answer) -> bytes:
    return encode(answer) + b"\n"
