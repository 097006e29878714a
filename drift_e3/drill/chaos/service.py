"""Keeps a daemon running as a service manager would: starts it, notes how it ends, starts it again.

The process is the real one; it takes its time from this loop (see `shared_time`). Here nobody judges.
"""

import asyncio
import json
import os
import signal
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from drift_e3.drill.chaos.disk import READ_ONLY, allow_files, limit_files
from drift_e3.drill.shared_time import TimeDoor, giver

RESTART_S: Final = 5.0
"""Between a daemon's end and its next start, as in deploy/drift-e3.service."""
NOT_AGAIN: Final = frozenset({2, 65, 78, 79})
"""Exit codes after which the service manager leaves the daemon to a person, as in that file."""
KEPT_VARIABLES: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "VIRTUAL_ENV", "TMPDIR")
"""What a daemon gets of the environment here: no setting of its user's may leak into a drill."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a life ended: `code` as subprocesses have it, when (s of the loop), whether somebody `asked`,
    whether it had `served`, that is answered anybody, and whether it was `mute`, which lasts to a life's end:
    it could write no file."""

    code: int
    ts_s: float
    asked: bool
    served: bool
    mute: bool


class Service:
    """One daemon's lives, one after the other; `describe` gives arguments and environment for the next."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        folder: Path,
        describe: Callable[[], tuple[Sequence[str], Mapping[str, str]]],
        door: TimeDoor,
    ) -> None:
        self.folder = folder
        self.endings: list[Ending] = []
        self.bugs: list[str] = []
        """Tracebacks of lives that a bug has ended."""
        self.starts = 0
        self.pid = 0
        self._file_bytes_max: int | None = None
        self.stopped = False
        """Whether it stands still by a signal."""
        self.heard = False
        """Whether this life has answered anybody."""
        self.mute = False
        """Whether this life was ever told to write no file: what was forbidden stays so."""
        self._process = process
        self._describe = describe
        self._asked = False
        self._wanted = asyncio.Event()
        self._wanted.set()
        self._loaded = asyncio.Event()
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._door = door

    # -- the process -----------------------------------------------------------------------------------------

    async def hear(self) -> None:
        """Take what the parent of all lives tells, until it hangs up."""
        assert self._process.stdout is not None, "a pipe"
        async for line in self._process.stdout:
            match json.loads(line):
                case {"pid": pid}:
                    self.pid = pid
                case {"bug": text}:
                    self.bugs.append(text)
                case {"ended": code}:
                    self._ended.set_result(code)
                case _:
                    self._loaded.set()
        raise ChildProcessError("the parent of the daemon's lives has ended")

    async def loaded(self) -> None:
        """Wait until lives can begin."""
        await self._loaded.wait()

    @property
    def down(self) -> bool:
        """Whether it is kept down: somebody has to say when it starts again."""
        return not self._wanted.is_set()

    def keep_down(self) -> None:
        """Start it no more when it has ended."""
        self._wanted.clear()

    def bring_up(self) -> None:
        """Start it again as ever."""
        self._wanted.set()

    @property
    def lives(self) -> bool:
        """Whether there is a process."""
        return self.pid != 0

    async def run(self) -> None:
        """Start it again and again, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await self._wanted.wait()
            code = await self._live()
            self.endings.append(Ending(code, loop.time(), self._asked, self.heard, self.mute))
            self._asked = self.heard = self.mute = False
            if code in NOT_AGAIN:
                self.keep_down()
            elif self._wanted.is_set():
                await asyncio.sleep(RESTART_S)

    async def _live(self) -> int:
        arguments, environment = self._describe()
        given: dict[str, Any] = {
            "arguments": list(arguments),
            "environment": dict(environment),
            "time": self._door.path,
            "log": str(self.folder / "daemon.log"),
            "file_bytes_max": self._file_bytes_max,
        }
        self._ended = asyncio.get_running_loop().create_future()
        self.mute = giver().word == READ_ONLY
        self.starts += 1
        assert self._process.stdin is not None, "a pipe"
        self._process.stdin.write((json.dumps(given) + "\n").encode())
        await self._door.admit(self._ended)
        code = await self._ended
        self.pid, self.stopped = 0, False
        return code

    # -- what is done to it ----------------------------------------------------------------------------------

    def kill(self, number: signal.Signals) -> None:
        """Send it a signal that asks it to end, or ends it."""
        self._asked = self.lives
        self._send(number)

    def stop(self) -> None:
        """Let it stand still, while time goes on. One that has not come for the time yet is spared."""
        if self.lives and giver().taken:
            self._send(signal.SIGSTOP)
            giver().leave()
            self.stopped = True

    def go_on(self) -> None:
        """Let it run again."""
        if self.stopped and self._door.taker is not None:
            self.stopped = False
            self._send(signal.SIGCONT)
            giver().follow(self._door.taker)

    def fill_disk(self) -> None:
        """Let no file of its grow any more, in this life and the next ones."""
        logs = self.folder.glob("state/*-wal")
        self._file_bytes_max = min((log.stat().st_size for log in logs), default=0)
        if self.lives:
            with suppress(ProcessLookupError):
                limit_files(self.pid, self._file_bytes_max)

    def forbid_writing(self) -> None:
        """Let it change no file at all, in this life and the next ones."""
        # A process can only do that itself: it is told with the time.
        giver().word = READ_ONLY
        self.mute = self.lives

    def free_disk(self) -> None:
        """Let it write again; what was forbidden, only the next life may."""
        self._file_bytes_max = None
        giver().word = 0
        if self.lives:
            with suppress(ProcessLookupError):
                allow_files(self.pid)

    def _send(self, number: signal.Signals) -> None:
        if self.lives:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def close(self) -> None:
        """Let the last life be gone."""
        self._send(signal.SIGKILL)
        self._door.close()


@asynccontextmanager
async def a_service(
    command: Sequence[str],
    folder: Path,
    describe: Callable[[], tuple[Sequence[str], Mapping[str, str]]],
) -> AsyncGenerator[Service]:
    """A service whose lives are forked from `command`; nobody has been started yet."""
    environment = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    shared = giver()
    shared.held = True
    process = await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, cwd=folder, env=environment
    )
    # Not in the folder: its path may be too long for the address of a socket.
    with TemporaryDirectory(prefix="drift-e3-") as place:
        service = Service(process, folder, describe, TimeDoor(Path(place)))
        try:
            async with asyncio.TaskGroup() as tasks:
                hearing = tasks.create_task(service.hear())
                await service.loaded()
                shared.held = False
                yield service
                hearing.cancel()
        finally:
            shared.held = False
            service.close()
            assert process.stdin is not None, "a pipe"
            process.stdin.close()
            await process.wait()
