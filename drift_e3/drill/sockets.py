"""Sends messages to the open websockets of one service, and lets them go wrong as the fault board says.

Sending never waits: each connection has a queue of its own and a writer. What the messages say is the
service's; heartbeats are sent past the faults of content, because a live connection proves nothing.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from drift_e3.drill.faults import Fault, FaultKind, Faults, Service

QUEUE_MAX = 1000
"""Messages that a client may fall behind before it is thrown out with 1008, as the real servers do."""
GARBAGE = (
    '{"channel": "orderbook_perp_0", "data": "{\\"bids\\": [[1',
    "no json at all",
    "[]",
    "null",
    "17",
    "",
)


@dataclass(frozen=True, slots=True)
class _Close:
    """An order to the writer to end the connection: properly with a code, or by cutting it (None)."""

    code: int | None


@dataclass(eq=False, slots=True)
class Connection:
    """One open websocket and what it subscribed to."""

    topics: dict[str, Any] = field(default_factory=dict)
    """By topic what the service keeps for it, such as the number of the subscription."""
    outbox: asyncio.Queue[str | _Close] = field(default_factory=lambda: asyncio.Queue(QUEUE_MAX))
    held: str | None = None


Heard = Callable[[Connection, Any], None]
"""What a service does with a message that a client sent (decoded JSON)."""


class Sockets:
    """All websockets of a service. `heard` is called with each client message that is JSON."""

    def __init__(self, faults: Faults, service: Service, heard: Heard) -> None:
        self._faults = faults
        self._service = service
        self._heard = heard
        self.connections: list[Connection] = []
        self.opened = 0
        """How many connections there were so far."""
        faults.watch(self._fault_changed)

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Handle one websocket until either side ends it."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        connection = Connection()
        self.connections.append(connection)
        self.opened += 1
        try:
            async with asyncio.TaskGroup() as tasks:
                writer = tasks.create_task(self._write(request, socket, connection))
                async for message in socket:
                    if message.type == WSMsgType.TEXT:
                        self._hear(connection, message.data)
                writer.cancel()
        finally:
            self.connections.remove(connection)
        return socket

    def subscribers(self, topic: str) -> list[Connection]:
        """The connections that subscribed to a topic, in the order in which they came."""
        return [connection for connection in self.connections if topic in connection.topics]

    def push(self, connection: Connection, message: object, *, content: bool = True) -> None:
        """Queue a message for one client. What is no `content` (answers, heartbeats) is sent as it is."""
        text = message if isinstance(message, str) else json.dumps(message, separators=(",", ":"))
        if not content:
            self._queue(connection, text)
            return
        faults, service = self._faults, self._service
        if fault := faults.hit(FaultKind.SOCKET_CLOSE, service):
            self._queue(connection, _Close(int(fault.amount)))
        elif faults.hit(FaultKind.SOCKET_ABORT, service):
            self._queue(connection, _Close(None))
        elif faults.hit(FaultKind.SOCKET_SILENCE, service):
            return
        elif fault := faults.hit(FaultKind.SOCKET_GARBAGE, service):
            self._queue(connection, GARBAGE[(fault.struck - 1) % len(GARBAGE)])
        elif faults.hit(FaultKind.SOCKET_DUPLICATES, service):
            self._queue(connection, text)
            self._queue(connection, text)
        elif faults.hit(FaultKind.SOCKET_REORDER, service):
            self._reorder(connection, text)
        else:
            self._queue(connection, text)

    def _reorder(self, connection: Connection, text: str) -> None:
        if connection.held is None:
            connection.held = text
            return
        self._queue(connection, text)
        self._queue(connection, connection.held)
        connection.held = None

    def _queue(self, connection: Connection, item: str | _Close) -> None:
        queue = connection.outbox
        if queue.qsize() >= QUEUE_MAX - 1:
            item = _Close(1008)
        if not queue.full():
            queue.put_nowait(item)

    def _fault_changed(self, fault: Fault, began: bool) -> None:
        """Closing and cutting strike at once, whether or not there is anything to send."""
        if not began or fault.kind not in {FaultKind.SOCKET_CLOSE, FaultKind.SOCKET_ABORT}:
            return
        for connection in self.connections:
            if fault.strikes(self._service, ""):
                code = int(fault.amount) if fault.kind == FaultKind.SOCKET_CLOSE else None
                self._queue(connection, _Close(code))

    def _hear(self, connection: Connection, text: str) -> None:
        try:
            message = json.loads(text)
        except ValueError:
            return  # the real servers ignore it silently
        self._heard(connection, message)

    async def _write(
        self, request: web.Request, socket: web.WebSocketResponse, connection: Connection
    ) -> None:
        while True:
            match await connection.outbox.get():
                case _Close(None):
                    if request.transport is not None:
                        request.transport.abort()
                    return
                case _Close(int(code)):
                    await socket.close(code=code)
                    return
                case str(text):
                    try:
                        await socket.send_str(text)
                    except ConnectionResetError:  # the client has left: the reader will see it
                        return
