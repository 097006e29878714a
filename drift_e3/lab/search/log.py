"""The durable log of a search: each finished piece of work, so that nothing is done twice after a crash.

One line of JSON and its checksum for each piece, synced before it counts. The first line says which search it
is. A line that a crash has cut short, and all behind it, is dropped when the log is opened again. Pieces are
found by their key, so their order in the file, which depends on who was faster, means nothing.
"""

import fcntl
import json
import os
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self
from zlib import crc32

from drift_e3.journal.state_lock import StateLocked
from drift_e3.lab.search.score import Metrics
from drift_e3.lab.search.work import Measured, Result
from drift_e3.lab.verdict import TradeCosts

LOG_NAME = "search.log"


class Unfinished(Exception):
    """There is a log of an unfinished search where a new one was to begin."""


class LogOfAnother(Exception):
    """The log belongs to another search, or to this one over other data or under other code."""


class SearchLog:
    """The log in a folder, to be read and added to, by one process at a time.

    Raises `Unfinished`, `LogOfAnother`, `StateLocked` while another process has it, `OSError`.
    """

    def __init__(self, folder: Path, identity: str, *, resume: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / LOG_NAME
        self._places: dict[str, int] = {}
        self._file = os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644), "r+b")
        try:
            _lock(self._file, folder)
            if not resume and _checked(self._file.readline()):
                raise Unfinished(self._path)
            self._file.seek(0)
            self._read_back(identity)
        except BaseException:
            self._file.close()
            raise
        _sync_folder(folder)

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def get(self, key: str) -> Result | None:
        """What came of a piece, if it was finished."""
        place = self._places.get(key)
        if place is None:
            return None
        self._file.seek(place)
        rows = json.loads(_checked(self._file.readline()) or b"null")["result"]
        return tuple(
            Measured(
                tuple(Metrics(*row) for row in metrics),
                tuple(returns),
                tuple(TradeCosts(*trade) for trade in costs),
            )
            for metrics, returns, costs in rows
        )

    def put(self, key: str, result: Result) -> None:
        """Keep what came of a piece; it is on the disk when this returns."""
        self._places[key] = self._append({"key": key, "result": result})

    def remove(self) -> None:
        """The search is finished and its results are written: nothing is left to go on with."""
        self._path.unlink()
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read_back(self, identity: str) -> None:
        """Find the whole lines, drop what is behind them, and see whose they are."""
        sound = 0
        while content := _checked(self._file.readline()):
            line = json.loads(content)
            if not sound and line["search"] != identity:
                raise LogOfAnother(self._path)
            if sound:
                self._places[line["key"]] = sound
            sound = self._file.tell()
        self._file.truncate(sound)
        if not sound:
            self._append({"search": identity})

    def _append(self, line: dict[str, object]) -> int:
        content = json.dumps(line, separators=(",", ":")).encode()
        self._file.seek(0, os.SEEK_END)
        place = self._file.tell()
        self._file.write(b"%08x %s\n" % (crc32(content), content))
        self._file.flush()
        os.fsync(self._file.fileno())
        return place


def _checked(line: bytes) -> bytes:
    """The content of a line that is whole, else nothing."""
    if not line.endswith(b"\n") or line[8:9] != b" ":
        return b""
    content = line[9:-1]
    return content if line[:8] == b"%08x" % crc32(content) else b""


def _lock(file: BinaryIO, folder: Path) -> None:
    """Keep others out until the file is closed; the kernel lets go of it when the process dies."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StateLocked(folder, 0, 0) from None


def _sync_folder(folder: Path) -> None:
    """Make the file's name as durable as its content."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
