"""A service over real HTTP on the loopback that does what a test scripts, request for request."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from drift_e3.venues.dataapi.client import open_session

Act = Callable[[web.Request], Awaitable[web.StreamResponse]]
"""What the service does with one request."""


class ScriptedService:
    """Plays `acts` in turn, the last one for ever; `asked` are the requests' paths with their queries."""

    def __init__(self, *acts: Act) -> None:
        self.acts = list(acts)
        self.asked: list[str] = []
        self.url = ""

    async def play(self, request: web.Request) -> web.StreamResponse:
        """The next act."""
        self.asked.append(request.path_qs)
        act = self.acts.pop(0) if len(self.acts) > 1 else self.acts[0]
        return await act(request)


@asynccontextmanager
async def scripted_service(*acts: Act) -> AsyncGenerator[tuple[ScriptedService, aiohttp.ClientSession]]:
    """The service and a session to ask it with, until the block ends."""
    service = ScriptedService(*acts)
    app = web.Application()
    app.router.add_get("/{path:.*}", service.play)
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.05)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        service.url = f"http://{host}:{port}"
        async with open_session() as session:
            yield service, session
    finally:
        await runner.cleanup()


def says(body: bytes, status: int = 200, **headers: str) -> Act:
    """One whole answer; underscores in the headers' names stand for dashes."""

    async def act(request: web.Request) -> web.StreamResponse:
        del request
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(body=body, status=status, headers=named)

    return act


async def hangs(request: web.Request) -> web.StreamResponse:
    """Never answers."""
    del request
    await asyncio.Event().wait()
    raise AssertionError


async def hangs_up(request: web.Request) -> web.StreamResponse:
    """Cuts the connection without an answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def breaks_off(request: web.Request) -> web.StreamResponse:
    """Promises more than it sends, and hangs up."""
    response = web.StreamResponse()
    response.content_length = 1_000
    await response.prepare(request)
    await response.write(b'{"records": [')
    assert request.transport is not None
    request.transport.close()
    return response


async def floods(request: web.Request) -> web.StreamResponse:
    """Sends for ever."""
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b" " * 65_536)
