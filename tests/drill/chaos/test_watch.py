"""The onlooker: how long a position had no stop, whose fault that is, and how the daemon stands."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from drift_e3.drill.chaos import watch as module
from drift_e3.drill.chaos.watch import Watch, Where
from drift_e3.live.control_socket import listen
from drift_e3.live.control_wire import encode
from drift_e3.operating import Answer
from drift_e3.venues.solana.program import AccountRefused
from tests.core.stories import a_story
from tests.test_trader_status import told

SLOT_S = 0.4


class Account:
    """Stands in for the witness."""

    def __init__(self) -> None:
        self.held = self.stopped = 0
        self.refused = False

    def base(self) -> int:
        return self.held

    def stopped_base(self) -> int:
        if self.refused:
            raise AccountRefused("another mint")
        return self.stopped


class Scene:
    """A watch on an account of the test's choice; slots pass when told."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.account = Account()
        service: Any = SimpleNamespace(lives=True, stopped=False, heard=False)
        witness: Any = self.account
        self.service = service
        self.watch = Watch(witness, service, folder)
        self._now_s = 0.0
        self._patch = monkeypatch

    def slots(self, count: int, base: int, stopped: int = 0) -> None:
        self.account.held, self.account.stopped = base, stopped
        loop = SimpleNamespace(time=lambda: self._now_s)
        with self._patch.context() as patch:
            patch.setattr(module, "asyncio", SimpleNamespace(get_running_loop=lambda: loop))
            for slot in range(count):
                self._now_s += SLOT_S
                self.watch.slot(slot)


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(tmp_path, monkeypatch)


def test_every_move_of_the_position_is_kept(scene: Scene) -> None:
    scene.slots(2, 0)
    scene.slots(2, 8, 8)
    scene.slots(1, -3, 3)
    scene.slots(3, 0)
    assert scene.watch.account.moves == [8, -11, 3]


def test_the_time_without_a_stop_counts_from_the_slot_that_shows_it(scene: Scene) -> None:
    scene.slots(11, 8, 5)
    assert scene.watch.account.bare_s_max == pytest.approx(10 * SLOT_S)
    assert scene.watch.account.unhindered_s_max == pytest.approx(10 * SLOT_S)
    scene.slots(3, 8, 8)
    scene.slots(6, 8, 5)
    assert scene.watch.account.bare_s_max == pytest.approx(10 * SLOT_S)


@pytest.mark.parametrize(("name", "value"), [("lives", False), ("stopped", True)])
def test_without_a_daemon_that_runs_it_is_nobodys_fault(name: str, value: bool, scene: Scene) -> None:
    setattr(scene.service, name, value)
    scene.slots(11, 8)
    assert scene.watch.account.bare_s_max == pytest.approx(10 * SLOT_S)
    assert scene.watch.account.unhindered_s_max == 0.0


def test_what_hinders_is_taken_off(scene: Scene) -> None:
    scene.slots(3, 8)
    scene.watch.hindered = True
    scene.slots(20, 8)
    scene.watch.hindered = False
    scene.slots(3, 8)
    assert scene.watch.account.unhindered_s_max == pytest.approx(5 * SLOT_S)


def test_an_account_that_cannot_be_read_is_as_it_was(scene: Scene) -> None:
    scene.slots(2, 8, 8)
    scene.account.refused = True
    scene.slots(5, 8, 8)
    assert scene.watch.account.bare_s_max == 0.0


async def looked(scene: Scene, answer: Callable[[], bytes] | None) -> Where:
    """How the daemon stands whose control socket answers so; None for one that is not there."""
    if answer is None:
        await scene.watch.look()
        return scene.watch.where

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            await reader.readuntil()
            writer.write(answer())
        writer.close()

    server = await asyncio.start_server(serve, sock=listen(scene.watch._state_dir))
    async with server:
        await scene.watch.look()
    return scene.watch.where


def says(**changes: Any) -> Callable[[], bytes]:
    status = replace(told(a_story()), **changes)
    return lambda: encode(Answer(status=status)) + b"\n"


@pytest.mark.parametrize(
    ("answer", "base", "stopped", "where"),
    [
        (says(), 0, 0, Where.TRADES),
        (says(), 8, 8, Where.TRADES),
        (says(), 8, 0, Where.BARE),
        (says(stale="oracle"), 0, 0, Where.FLAT),
        (says(barred=("closed",)), 8, 8, Where.GUARDED),
        (says(mode="reducing"), 0, 0, Where.FLAT),
        (lambda: b"nonsense\n", 0, 0, Where.DOWN_FLAT),
        (lambda: b"", 8, 8, Where.DOWN_GUARDED),
        (None, 8, 8, Where.DOWN_GUARDED),
        (None, 0, 0, Where.DOWN_FLAT),
    ],
)
async def test_how_the_daemon_stands_has_a_name(
    answer: Callable[[], bytes] | None, base: int, stopped: int, where: Where, scene: Scene
) -> None:
    scene.slots(1, base, stopped)
    assert await looked(scene, answer) is where


async def test_a_daemon_that_has_answered_and_does_not_any_more_is_deaf(scene: Scene) -> None:
    assert await looked(scene, says()) is Where.TRADES
    assert await looked(scene, lambda: b"") is Where.DEAF
    scene.service.lives = False
    assert await looked(scene, None) is Where.DOWN_FLAT
