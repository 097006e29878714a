"""A stand-in for a server's websocket: real frames over loopback, and a script for each connection.

It listens on the port after the one of its address, as the real ones do.
"""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from drift_e3.venues.solana.transport import ServerUrl
from tests.venues.solana.scripted_rpc import hang_up


class Line:
    """One connection, from the server's side."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self.socket = socket
        self.asked: list[dict[str, Any]] = []
        self.path = str(request.rel_url)
        assert request.transport is not None
        self.transport = request.transport

    async def subscribe(self, first: int = 500) -> None:
        """Take one subscription after the other, with numbers from `first` on."""
        while True:
            asked = json.loads((await self.socket.receive()).data)
            self.asked.append(asked)
            await self.say({"jsonrpc": "2.0", "id": asked["id"], "result": first + asked["id"]})
            if asked["id"] == self.last:
                return

    last = 0
    """The number of the last subscription that the client will ask for."""

    async def say(self, value: object) -> None:
        await self.socket.send_str(json.dumps(value))

    async def notify(self, subscription: int = 500, slot: int = 1) -> None:
        """Tell of a change, as the real server does."""
        value = {"lamports": 1, "data": ["", "base64"], "owner": "1" * 32, "executable": False}
        result = {"context": {"slot": slot}, "value": value}
        params = {"result": result, "subscription": subscription}
        await self.say({"jsonrpc": "2.0", "method": "accountNotification", "params": params})

    def raw(self, data: bytes) -> None:
        """Bytes that need not be a frame."""
        self.transport.write(data)

    def abort(self) -> None:
        """Break the connection without a word."""
        self.transport.abort()

    async def linger(self) -> None:
        """Until the client leaves."""
        async for _ in self.socket:
            pass


Talk = Callable[[Line], Awaitable[None]]
"""What the server does with one connection; at the end of it the connection is closed cleanly."""


class ScriptedSocket:
    """`talks` are played one after the other, one for each connection; the last is repeated."""

    def __init__(self, talks: Sequence[Talk]) -> None:
        self.talks = list(talks)
        self.port = 0
        self.lines: list[Line] = []

    @property
    def url(self) -> ServerUrl:
        """The address of the HTTP server that this is the websocket of."""
        return ServerUrl(f"http://127.0.0.1:{self.port - 1}")

    async def handle(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(max_msg_size=2**22)
        await socket.prepare(request)
        line = Line(socket, request)
        self.lines.append(line)
        talk = self.talks[min(len(self.lines), len(self.talks)) - 1]
        await talk(line)
        await socket.close()
        return socket


@asynccontextmanager
async def scripted_socket(*talks: Talk, port: int = 0) -> AsyncGenerator[ScriptedSocket]:
    """A websocket server on a port of the loopback (0: a free one), until the block ends."""
    server = ScriptedSocket(talks)
    app = web.Application()
    app.router.add_get("/{path:.*}", server.handle)
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.05)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        server.port = runner.addresses[0][1]
        yield server
    finally:
        await runner.cleanup()
        await hang_up(line.transport for line in server.lines)
