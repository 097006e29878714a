"""A daemon with its status server, both in the test's own loop, and somebody who asks it over real HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from drift_e3.ops.access import Access
from drift_e3.ops.scorer import Scorer
from drift_e3.ops.server import StatusServer
from tests.live.attended import Attended, attended
from tests.live.daemons import turns

TOKEN = "a-token-of-24-characters"


@dataclass
class Served:
    """The daemon, its server, and a client of that."""

    daemon: Attended
    server: StatusServer
    client: aiohttp.ClientSession

    async def get(self, path: str) -> tuple[int, Any]:
        """Status and JSON body."""
        async with self.client.get(path) as response:
            return response.status, await response.json()

    async def act(self, verb: str, token: str = TOKEN) -> tuple[int, Any]:
        """Ask for something."""
        headers = {"Authorization": f"Bearer {token}"}
        async with self.client.post(f"/api/control/{verb}", headers=headers) as response:
            return response.status, await response.json()


@asynccontextmanager
async def served(
    tmp_path: Path, token: str = TOKEN, scorer: Scorer | None = None, **daemon: Any
) -> AsyncIterator[Served]:
    """A daemon that is held in a position, unless told otherwise."""
    state = tmp_path / "state"
    state.mkdir(parents=True, exist_ok=True)
    server = StatusServer(Access(host="127.0.0.1", token=token), 0, state, scorer or Scorer((), {}))
    watchers = (server, *daemon.pop("watchers", ()))
    async with attended(tmp_path, watchers=watchers, **daemon) as one:
        while not server.port:
            await turns()
        async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as client:
            yield Served(one, server, client)
