"""A stand-in for an RPC server: real HTTP over loopback, and for each method a script of what happens.

It knows no chain: answers are given, and so are the ways in which there is none.
"""

import asyncio
import base64
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from solders.pubkey import Pubkey

Act = Callable[[web.Request, Mapping[str, Any]], Awaitable[web.StreamResponse]]
"""What the server does with one request, given its JSON."""
Script = Act | Sequence[Act]
"""One act for all requests, or one after the other; the last is repeated."""


class ScriptedRpc:
    """What the server was asked; `scripts` may be changed while it runs."""

    def __init__(self, scripts: Mapping[str, Script]) -> None:
        self.scripts = dict(scripts)
        self.port = 0
        self.asked: list[tuple[str, list[Any]]] = []
        self.headers: list[Mapping[str, str]] = []
        self.paths: list[str] = []
        self.began = asyncio.Event()
        self.transports: set[asyncio.BaseTransport] = set()
        self._turns: dict[str, int] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def methods(self) -> list[str]:
        return [method for method, _ in self.asked]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Play the script of the method that is asked for; others get the real server's error."""
        if request.transport is not None:
            self.transports.add(request.transport)
        body = await request.json()
        method = body["method"]
        self.asked.append((method, list(body["params"])))
        self.headers.append(dict(request.headers))
        self.paths.append(str(request.rel_url))
        self.began.set()
        script = self.scripts.get(method, rejects(-32601, "Method not found"))
        if isinstance(script, Sequence):
            turn = self._turns[method] = self._turns.get(method, -1) + 1
            script = script[min(turn, len(script) - 1)]
        return await script(request, body)


@asynccontextmanager
async def scripted_rpc(scripts: Mapping[str, Script] | None = None) -> AsyncGenerator[ScriptedRpc]:
    """A server on a free port of the loopback, until the block ends."""
    server = ScriptedRpc(scripts or {})
    app = web.Application(client_max_size=2**24)
    app.router.add_post("/{path:.*}", server.handle)
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.05)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server.port = runner.addresses[0][1]
        yield server
    finally:
        await runner.cleanup()
        await hang_up(server.transports)


async def hang_up(transports: Iterable[asyncio.BaseTransport]) -> None:
    """Drop what is still to be sent: who is not read from any more would be open when the loop is closed."""
    for transport in transports:
        if isinstance(transport, asyncio.WriteTransport):
            transport.abort()
    await asyncio.sleep(0)


def answers(result: object) -> Act:
    """The result, properly wrapped."""

    async def act(_: web.Request, body: Mapping[str, Any]) -> web.StreamResponse:
        return web.json_response({"jsonrpc": "2.0", "id": body["id"], "result": result})

    return act


def rejects(code: int, message: str = "", status: int = 200) -> Act:
    """An error, properly wrapped."""

    async def act(_: web.Request, body: Mapping[str, Any]) -> web.StreamResponse:
        error = {"code": code, "message": message}
        return web.json_response({"jsonrpc": "2.0", "id": body["id"], "error": error}, status=status)

    return act


def says(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Act:
    """Exactly these bytes."""

    async def act(*_: object) -> web.StreamResponse:
        return web.Response(body=body, status=status, headers=headers)

    return act


def cuts(result: object, share: float = 0.5) -> Act:
    """A good answer of which only the first part is sent, as if it were all."""

    async def act(_: web.Request, body: Mapping[str, Any]) -> web.StreamResponse:
        whole = json.dumps({"jsonrpc": "2.0", "id": body["id"], "result": result}).encode()
        return web.Response(body=whole[: int(len(whole) * share)])

    return act


def hangs() -> Act:
    """Never answers."""

    async def act(*_: object) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets that event")

    return act


def resets(after: bytes = b"") -> Act:
    """Breaks the connection before, or in the middle of, the answer."""

    async def act(request: web.Request, _: Mapping[str, Any]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        if after:
            await response.prepare(request)
            await response.write(after)
        if request.transport is not None:
            request.transport.abort()
        return response

    return act


def speaks_no_http(raw: bytes = b"\x00\x01 no http at all\r\n\r\n") -> Act:
    """Raw bytes where a status line belongs."""

    async def act(request: web.Request, _: Mapping[str, Any]) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.write(raw)
            request.transport.close()
        return web.Response()

    return act


def floods(chunk: bytes = b"x" * 100_000) -> Act:
    """The same chunk for ever, as fast as the client reads."""

    async def act(request: web.Request, _: Mapping[str, Any]) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(chunk)
            await asyncio.sleep(0)

    return act


def in_context(value: object, slot: int = 100) -> dict[str, object]:
    """A result as of a slot."""
    return {"context": {"slot": slot, "apiVersion": "2.2.0"}, "value": value}


def account_json(data: bytes = b"", owner: Pubkey | None = None, lamports: int = 1) -> dict[str, object]:
    """An account as a server tells it."""
    return {
        "lamports": lamports,
        "owner": str(owner or Pubkey.default()),
        "data": [base64.b64encode(data).decode(), "base64"],
        "executable": False,
        "rentEpoch": 2**64 - 1,
        "space": len(data),
    }
