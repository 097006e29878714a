"""What the service manager hears, over a real socket: ready, alive while work gets done, stopping."""

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from drift_e3.ops import service_manager
from drift_e3.ops.service_manager import ServiceManager
from tests.live.attended import attended


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """The service manager's end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        yield listening


async def until(manager: socket.socket, wanted: str) -> list[str]:
    """What is heard up to words that hold what is wanted."""
    words: list[str] = []
    while not any(wanted in word for word in words):
        received = await asyncio.get_running_loop().sock_recv(manager, 4_096)
        words += received.decode().splitlines()
    return words


def watcher(tmp_path: Path, keep_alive_s: float = 0.003) -> ServiceManager:
    return ServiceManager(str(tmp_path / "notify"), keep_alive_s)


async def test_it_is_told_when_the_daemon_is_ready_that_it_lives_and_when_it_stops(
    tmp_path: Path, manager: socket.socket
) -> None:
    async with attended(tmp_path, watchers=(watcher(tmp_path),)) as daemon:
        words = await until(manager, "WATCHDOG=1")
        assert words[0] == "READY=1"
        assert words[1].startswith("STATUS=warming, chop, flat, equity 1000.00 USD")
        daemon.task.cancel()
        await asyncio.wait([daemon.task])
        assert (await until(manager, "STOPPING=1"))[-1] == "STOPPING=1"


async def test_a_daemon_whose_journal_stands_still_is_not_kept_alive(
    tmp_path: Path, manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_manager, "PATIENCE_S", 0.005)
    watching = watcher(tmp_path)
    async with attended(tmp_path, watchers=(watching,)) as daemon:
        watching._seq += 1_000
        words = await until(manager, "not alive: journal stands still")
        assert "WATCHDOG=1" not in words[-1:]
        assert not daemon.task.done()


@pytest.mark.parametrize(
    ("environment", "beat_s"),
    [
        ({"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "60000000"}, 20.0),
        ({"NOTIFY_SOCKET": "@abstract", "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())}, 1.0),
        ({"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, 20.0),
        ({"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "soon"}, 20.0),
        ({"NOTIFY_SOCKET": "/run/notify"}, 20.0),
    ],
)
def test_it_is_found_by_what_it_says_in_the_environment(environment: dict[str, str], beat_s: float) -> None:
    found = ServiceManager.called_by(environment)
    assert found is not None
    assert found._beat_s == beat_s


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "tcp:9"}])
def test_without_one_nobody_is_told(environment: dict[str, str]) -> None:
    assert ServiceManager.called_by(environment) is None


async def test_a_service_manager_that_is_gone_hurts_nobody(tmp_path: Path) -> None:
    async with attended(tmp_path, watchers=(watcher(tmp_path),)) as daemon:
        await daemon.step(2)
        assert not daemon.task.done()
