"""Lets people ask a running daemon, over its control socket: clients are heard and answered here.

Nobody who is served may hold up the trading loop. What is said is `control_wire`'s, what comes of it
`operating`'s.
"""

import asyncio
from contextlib import suppress
from pathlib import Path

from drift_e3.live.control_socket import SOCKET_NAME, is_trusted, listen
from drift_e3.live.control_wire import NOT_UNDERSTOOD, REQUEST_BYTES_MAX, decode_request, encode
from drift_e3.live.operating import DaemonOperator
from drift_e3.operating import Answer

CLIENTS_MAX = 8

LINE_S = 5.0
"""How long a client may take for a line."""


class Control:
    """Serves the control socket of one daemon in its task group, from `open` to `close`."""

    def __init__(self, tasks: asyncio.TaskGroup, operator: DaemonOperator) -> None:
        self._tasks = tasks
        self._operator = operator
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
                async with asyncio.timeout(LINE_S):
                    line = await reader.readuntil()
                answer = await self._answer(line, writer)
                writer.write(_line(answer))
                async with asyncio.timeout(LINE_S):
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
        # Closing the connection sends first what is written.
        return await self._operator.ask(
            request.verb, request.by, request.wait_s, lambda answer: writer.write(_line(answer))
        )


def _line(answer: Answer) -> bytes:
    return encode(answer) + b"\n"
