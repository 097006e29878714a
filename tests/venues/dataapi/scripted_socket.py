"""A websocket server on the loopback that does what a test scripts, connection for connection."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from drift_e3.venues.dataapi.client import open_session
from drift_e3.venues.dataapi.stream import Channel, Patience, Socket

QUICK = Patience(connect_s=1.0, pause_s=0.002, pause_max_s=0.004)


class Line:
    """One open connection: what the client said, and the server's ways of speaking and ending."""

    def __init__(self, request: web.Request, socket: web.WebSocketResponse) -> None:
        self._request = request
        self.socket = socket

    async def hear(self) -> str:
        """The client's next message."""
        return await self.socket.receive_str()

    async def say(self, *texts: str | bytes) -> None:
        """Send frames: text as text, bytes as binary."""
        for text in texts:
            await (self.socket.send_str(text) if isinstance(text, str) else self.socket.send_bytes(text))

    def babble(self, raw: bytes) -> None:
        """Write bytes past the websocket protocol."""
        assert self._request.transport is not None
        self._request.transport.write(raw)

    def cut(self) -> None:
        """End the connection without a word."""
        assert self._request.transport is not None
        self._request.transport.abort()

    async def stay(self) -> None:
        """Keep the connection open and say nothing, until the client leaves."""
        async for _ in self.socket:
            pass


Play = Callable[[Line], Awaitable[None]]
"""What the server does with one connection; when it returns, the connection is closed properly."""


class ScriptedSocket:
    """Plays `plays` in turn, the last one for ever. `refuse` is how many handshakes are refused first."""

    def __init__(self, *plays: Play, refuse: int = 0) -> None:
        self.plays = list(plays)
        self.refuse = refuse
        self.opened = 0
        self.url = ""

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One connection."""
        self.opened += 1
        if self.opened <= self.refuse:
            return web.Response(status=503)
        play = self.plays.pop(0) if len(self.plays) > 1 else self.plays[0]
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await play(Line(request, socket))
        await socket.close()
        return socket


@asynccontextmanager
async def scripted_socket(
    *plays: Play, refuse: int = 0
) -> AsyncGenerator[tuple[ScriptedSocket, aiohttp.ClientSession]]:
    """The server and a session to reach it with, until the block ends."""
    server = ScriptedSocket(*plays, refuse=refuse)
    app = web.Application()
    app.router.add_get("/ws", server.serve)
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.05)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        server.url = f"http://{host}:{port}/ws"
        async with open_session() as session:
            yield server, session
    finally:
        await runner.cleanup()


class Ear:
    """Takes frames for a `Socket`: those that begin with ``!`` are wrong, those with ``~`` no content."""

    def __init__(self, silence_ms: int | None = None) -> None:
        self.channel = Channel(name="words", silence_ms=silence_ms)
        self.heard: list[str | bytes] = []
        self._waiting = asyncio.Event()

    def take(self, text: str | bytes) -> str:
        """Hear a frame."""
        self.heard.append(text)
        self._waiting.set()
        if text[:1] in {"!", b"!"}:
            return "nonsense"
        if text[:1] not in {"~", b"~"}:
            self.channel.hear()
        return ""

    def socket(
        self, server: ScriptedSocket, session: aiohttp.ClientSession, patience: Patience = QUICK
    ) -> Socket:
        """A socket to the server that this ear listens to."""
        return Socket(server.url, session, ["hello"], [self.channel], self.take, patience)

    async def hears(self, text: str) -> None:
        """Return once a frame was heard."""
        while text not in self.heard:
            self._waiting.clear()
            await self._waiting.wait()


async def listening(socket: Socket, until: Awaitable[None]) -> None:
    """Run the socket until something has happened, half a minute at most."""
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(socket.run())
        await until
        task.cancel()


@asynccontextmanager
async def raw_server(answer: bytes | None) -> AsyncGenerator[str]:
    """A server that takes the first line and writes `answer`, or waits until the client leaves for None."""
    calls: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        calls.add(task)
        if answer is None:
            await reader.read()
        else:
            await reader.readline()
            writer.write(answer)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    for call in calls:
        await call
