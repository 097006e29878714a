"""A stand-in for an Ollama server: real HTTP over loopback, and for each model a script of what happens.

It speaks ``/api/chat`` (always streaming), ``/api/tags`` and ``/api/version``. It is no model and no judge;
the scripts are `ollama_acts`'. ``python -m drift_e3.drill.scripted_ollama ACT`` serves one act as the model
``scripted``, prints the address, and ends with its input.
"""

import asyncio
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from drift_e3.drill.ollama_acts import ACTS, Act, refuses
from drift_e3.drill.serving import HOST, serving

MODEL = "scripted"


class ScriptedOllama:
    """What the server was asked and what it noticed; `scripts` may be changed while it runs."""

    def __init__(self, scripts: Mapping[str, Act], installed: Mapping[str, str] | None = None) -> None:
        self.scripts = dict(scripts)
        self.installed = dict(installed or {})
        self.url = ""
        self.asked: list[dict[str, Any]] = []
        self.answering = 0
        """How many chats are being answered at this moment."""
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
        self.answering += 1
        try:
            return await act(request)
        except (asyncio.CancelledError, ConnectionResetError):
            self.client_left.set()
            raise
        finally:
            self.answering -= 1

    async def version(self, request: web.Request) -> web.StreamResponse:
        """Play the script for ``/api/version``."""
        return await self.version_act(request)

    async def tags(self, request: web.Request) -> web.StreamResponse:
        """Play the script for ``/api/tags``."""
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
    async with serving(app) as port:
        server.url = f"http://{HOST}:{port}"
        yield server


async def _version(request: web.Request) -> web.StreamResponse:
    del request
    return web.json_response({"version": "0.0.0-scripted"})


async def _serve(act: str) -> None:
    async with scripted_ollama({MODEL: ACTS[act].act}, {MODEL: "0"}) as server:
        print(server.url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
