"""A stand-in for an Ollama server: real HTTP over loopback, and for each model a script of what happens.

It speaks ``/api/chat`` (always streaming), ``/api/tags`` and ``/api/version``. It is no model and no judge.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

Act = Callable[[web.Request], Awaitable[web.StreamResponse]]
"""What the server does with one chat request."""

STREAM_TYPE = "application/x-ndjson"
GOOD_ANSWER = (
    '{"regime": "bull_trend", "direction": "LONG", "confidence": 0.7, "multiplier": 1, "reasoning": "up"}'
)


class ScriptedOllama:
    """What the server was asked and what it noticed; `scripts` may be changed while it runs."""

    def __init__(self, scripts: Mapping[str, Act], installed: Mapping[str, str] | None = None) -> None:
        self.scripts = dict(scripts)
        self.installed = dict(installed or {})
        self.url = ""
        self.asked: list[dict[str, Any]] = []
        self.chat_began = asyncio.Event()
        self.client_left = asyncio.Event()
        """Set when a client hung up before its answer was complete: a real server stops generating then."""
        self.version_act: Act = _version
        self.tags_act: Act = self._tags

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """Play the script of the model that is asked for; unknown models get Ollama's 404."""
        body = await request.json()
        self.asked.append(body)
        self.chat_began.set()
        act = self.scripts.get(body["model"], refuses(404, f"model '{body['model']}' not found"))
        try:
            return await act(request)
        except (asyncio.CancelledError, ConnectionResetError):
            self.client_left.set()
            raise

    async def version(self, request: web.Request) -> web.StreamResponse:
        return await self.version_act(request)

    async def tags(self, request: web.Request) -> web.StreamResponse:
        return await self.tags_act(request)

    async def _tags(self, request: web.Request) -> web.StreamResponse:
        del request
        return web.json_response({"models": [{"name": n, "digest": d} for n, d in self.installed.items()]})

    @property
    def models_asked(self) -> list[str]:
        """The ladder as it was climbed."""
        return [body["model"] for body in self.asked]


@asynccontextmanager
async def scripted_ollama(
    scripts: Mapping[str, Act], installed: Mapping[str, str] | None = None
) -> AsyncGenerator[ScriptedOllama]:
    """A server on a free port of the loopback, until the block ends."""
    server = ScriptedOllama(scripts, installed)
    app = web.Application()
    app.router.add_post("/api/chat", server.chat)
    app.router.add_get("/api/version", server.version)
    app.router.add_get("/api/tags", server.tags)
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.05)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        server.url = f"http://{host}:{port}"
        yield server
    finally:
        await runner.cleanup()


async def _version(request: web.Request) -> web.StreamResponse:
    del request
    return web.json_response({"version": "0.0.0-scripted"})


def part(content: str, done: bool = False, **more: object) -> bytes:
    """One line of a streamed answer."""
    return (
        json.dumps({"message": {"role": "assistant", "content": content}, "done": done, **more}).encode()
        + b"\n"
    )


def says(text: str = GOOD_ANSWER, done_reason: str = "stop", delay_s: float = 0.0) -> Act:
    """Streams the text in three parts and ends properly, `delay_s` after the question."""
    third = max(1, len(text) // 3)
    lines = [part(text[:third]), part(text[third : 2 * third]), part(text[2 * third :])]
    lines.append(part("", done=True, done_reason=done_reason, eval_count=3))

    async def act(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(delay_s)
        return await _stream(request, lines)

    return act


def answers_whole(
    body: bytes, content_type: str = "application/json", headers: Mapping[str, str] | None = None
) -> Act:
    """One body with its length, as a server or proxy that does not stream."""

    async def act(request: web.Request) -> web.StreamResponse:
        del request
        return web.Response(body=body, content_type=content_type, headers=headers)

    return act


def streams(lines: Iterable[bytes], content_type: str = STREAM_TYPE, pause_s: float = 0.0) -> Act:
    """Exactly these chunks, each followed by a pause."""
    chunks = tuple(lines)

    async def act(request: web.Request) -> web.StreamResponse:
        return await _stream(request, chunks, content_type, pause_s)

    return act


def hangs(after: Iterable[bytes] | None = None) -> Act:
    """Never answers; with `after`, sends headers and these chunks first."""
    chunks = None if after is None else tuple(after)

    async def act(request: web.Request) -> web.StreamResponse:
        if chunks is not None:
            response = web.StreamResponse(headers={"Content-Type": STREAM_TYPE})
            await response.prepare(request)
            for chunk in chunks:
                await response.write(chunk)
        await asyncio.Event().wait()
        raise AssertionError("nobody sets that event")

    return act


def refuses(status: int, error: str = "", headers: Mapping[str, str] | None = None) -> Act:
    """An error status with Ollama's body."""

    async def act(request: web.Request) -> web.StreamResponse:
        del request
        return web.json_response({"error": error}, status=status, headers=headers)

    return act


def redirects(url: str) -> Act:
    """Sends the client elsewhere."""
    return refuses(307, headers={"Location": url})


def resets(after: Iterable[bytes] | None = None) -> Act:
    """Breaks the connection before, or in the middle of, the answer."""
    chunks = None if after is None else tuple(after)

    async def act(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": STREAM_TYPE})
        if chunks is not None:
            await response.prepare(request)
            for chunk in chunks:
                await response.write(chunk)
        if request.transport is not None:
            request.transport.abort()
        return response

    return act


def speaks_no_http(raw: bytes = b"\x00\x01 no http at all\r\n\r\n") -> Act:
    """Raw bytes where a status line belongs."""

    async def act(request: web.Request) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.write(raw)
            request.transport.close()
        return web.Response()

    return act


def floods(chunk: bytes) -> Act:
    """The same chunk for ever, as fast as the client reads."""

    async def act(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": STREAM_TYPE})
        await response.prepare(request)
        while True:
            await response.write(chunk)
            await asyncio.sleep(0)

    return act


async def _stream(
    request: web.Request, chunks: Iterable[bytes], content_type: str = STREAM_TYPE, pause_s: float = 0.0
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": content_type})
    await response.prepare(request)
    for chunk in chunks:
        await response.write(chunk)
        if pause_s:
            await asyncio.sleep(pause_s)
    await response.write_eof()
    return response
