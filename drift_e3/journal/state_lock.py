"""One daemon per state directory. Nothing but the lock lives here."""

import fcntl
import json
import os
import time
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

LOCK_NAME = "lock"
ATTEMPTS = 5
PAUSE_S = 0.01
"""Between two attempts: somebody who only looks (`held_by`) has the lock for less."""


class Holder(NamedTuple):
    """Who holds a state directory and since when (UTC, ms); zeros while it has not written them yet."""

    pid: int
    started_ts: int


class StateLocked(Exception):
    """Another process holds the state directory. Exit code 73. `pid` is 0 when it could not be read."""

    def __init__(self, path: Path, pid: int, started_ts: int) -> None:
        self.pid = pid
        self.started_ts = started_ts
        holder = f"process {pid}" if pid else "another process"
        super().__init__(f"{path}: the state directory is in use by {holder}")


class StateLock:
    """The lock on a state directory, held from construction to `release` or to the process's end.

    The kernel lets go when the process dies, so a lock is never stale and its file is never removed. A child
    made by a bare fork shares it. Raises `StateLocked` when it is held, `OSError` when the directory cannot
    be made or written.
    """

    def __init__(self, state_dir: Path, now_ms: int) -> None:
        state_dir.mkdir(parents=True, exist_ok=True)
        path = state_dir / LOCK_NAME
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        for attempt in range(ATTEMPTS):
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if attempt == ATTEMPTS - 1:
                    holder = _holder(self._file)
                    os.close(self._file)
                    raise StateLocked(path, *holder) from None
                time.sleep(PAUSE_S)
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, json.dumps({"pid": os.getpid(), "started_ts": now_ms}).encode(), 0)

    def release(self) -> None:
        """Let go; a second call does nothing."""
        if self._file >= 0:
            fcntl.flock(self._file, fcntl.LOCK_UN)
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def held_by(state_dir: Path) -> Holder | None:
    """Who holds the lock now, None for nobody. Makes and changes nothing.

    Raises `OSError` when the lock file cannot be read. To look is to hold a shared lock for a moment, which a
    daemon that starts in that very moment waits for.
    """
    try:
        file = os.open(state_dir / LOCK_NAME, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _holder(file)
    finally:
        os.close(file)
    return None


def _holder(file: int) -> Holder:
    try:
        holder = json.loads(os.pread(file, 4096, 0))
        return Holder(int(holder["pid"]), int(holder["started_ts"]))
    except (ValueError, KeyError, TypeError):
        return Holder(0, 0)
