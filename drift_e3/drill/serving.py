"""Serves an application on a loopback port, and lets requests go wrong as the fault board says.

Only what is the same for every HTTP stand-in; what the answers say is theirs.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from drift_e3.drill.faults import FaultKind, Faults, Service

HOST = "127.0.0.1"
GARBAGE = (
    b"<html><body><h1>502 Bad Gateway</h1></body></html>",
    b"",
    b"null",
    b'{"jsonrpc":"2.0","id":0}',
    b'{"jsonrpc":"2.0","id":0,"error":{"code":"busy","message":null}}',
    b'{"jsonrpc":"2.0","id":0,"result":{"context":{"slot":-1},"value":[[]]}}',
    b"\xff\xfe\x00\x01\x02",
    b'{"success":true,"records":{"ts":"now"}}',
    b"[1,2",
)
"""Bodies that make no sense, each in its own way; they come in turn."""

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Spoiler:
    """Carries out the faults of the HTTP floor for one service."""

    def __init__(self, faults: Faults, service: Service) -> None:
        self._faults = faults
        self._service = service

    async def spoil(self, request: web.Request, method: str, answer: Answer) -> web.StreamResponse:
        """The answer to this request, or what a fault makes of it."""
        faults, service = self._faults, self._service
        if faults.hit(FaultKind.HTTP_BUSY, service, method):
            return web.Response(status=429, text="Too Many Requests", headers={"Retry-After": "1"})
        if fault := faults.hit(FaultKind.HTTP_ERROR, service, method):
            return web.Response(status=int(fault.amount), text="Internal Server Error")
        if faults.hit(FaultKind.HTTP_TIMEOUT, service, method):
            await asyncio.Event().wait()  # until the client hangs up or the server ends
        if fault := faults.hit(FaultKind.HTTP_GARBAGE, service, method):
            body = GARBAGE[(fault.struck - 1) % len(GARBAGE)]
            return web.Response(body=body, content_type="application/json")
        response = await answer(request)
        if faults.hit(FaultKind.HTTP_TRUNCATED, service, method):
            return await cut_off(request, response)
        return response


async def cut_off(request: web.Request, whole: web.StreamResponse | None) -> web.StreamResponse:
    """Send the first half of a response and hang up; nothing at all for None."""
    if isinstance(whole, web.Response) and isinstance(whole.body, bytes):
        half = web.StreamResponse(headers={"Content-Type": whole.content_type})
        half.content_length = len(whole.body)
        await half.prepare(request)
        await half.write(whole.body[: len(whole.body) // 2])
    if request.transport is not None:
        request.transport.close()
    return web.Response()


@asynccontextmanager
async def serving(app: web.Application, ports: int = 1) -> AsyncGenerator[int]:
    """Serve on a free port, and on the ports after it where more than one is asked for; yields the first."""
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.05)
    await runner.setup()
    try:
        yield await _listen(runner, ports)
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, ports: int, tries: int = 50) -> int:
    for _ in range(tries):
        sites = [web.TCPSite(runner, HOST, 0)]
        await sites[0].start()
        first = int(runner.addresses[-1][1])
        try:
            for port in range(first + 1, first + ports):
                sites.append(web.TCPSite(runner, HOST, port))
                await sites[-1].start()
        except OSError:  # somebody else has the port after: try another pair
            for site in sites:
                if site in runner.sites:
                    await site.stop()
            continue
        return first
    raise OSError(f"no {ports} free ports in a row")
