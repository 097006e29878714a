"""Rotation: the live file's older part becomes a segment, then leaves the live file; old segments may go.

Runs on the writer's thread, a short step after each group that was committed; what takes long (copying,
comparing, looking for what may be deleted) runs beside it on a thread of its own. Each step leaves a journal
that is whole: the events are in the live file until the segment with them is on the disk and recorded, and
from that moment on in the segment, whether or not they have left the live file yet.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import structlog

from drift_e3.core.terms import MS_PER_DAY
from drift_e3.journal.archiver import build
from drift_e3.journal.commits import Committer
from drift_e3.journal.errors import JournalUnreadable
from drift_e3.journal.reader import open_journal
from drift_e3.journal.retention import Retirement, backed_up_seq, retirement
from drift_e3.journal.segments import UNFINISHED, folder_of, range_of

log = structlog.get_logger()
Made = TypeVar("Made")

STEP_S: Final = 0.003
"""How long one step may keep the writer from committing what has come in meanwhile."""
PAUSE_S: Final = 0.03
"""Between two steps of the writer's thread, where nothing else is to be done, and at most of the other's."""
REST: Final = 3.0
"""The other thread rests so many times as long as it has worked: others want the disk as well."""
STOP_S: Final = 1.0
"""How long a stop waits for the work beside the writer to end."""


class Keeping(NamedTuple):
    """How the journal is kept: rotated at the first snapshot at which the live file has more than
    `rotate_bytes`; segments older than `keep_ms` are deleted (0: none), with `backup_first` only those that a
    backup holds."""

    rotate_bytes: int
    keep_ms: int = 0
    backup_first: bool = True


class _Stopped(Exception):
    """The writer closes: what is not finished is done anew another time."""


class _Failed(Exception):
    """What runs beside the writer cannot be done now; one line."""


class Rotation:
    """The rotations of one writer, one at a time. Made by the writer's maker, then used on its thread."""

    def __init__(self, journal: Path, committer: Committer, keeping: Keeping | None) -> None:
        self._journal = journal
        self._committer = committer
        self._keeping = keeping
        self._stopping = threading.Event()
        self._rested_s = 0.0
        self._aside: threading.Thread | None = None
        self._going: Generator[None, None, None] | None = None
        if keeping is not None:
            self._sweep()
            if committer.boundary_seq:
                # Goes on where a kill has cut the last one off.
                self._going = self._tidy(keeping)

    @property
    def pause_s(self) -> float | None:
        """How soon the next step is due, if there is one."""
        return None if self._going is None else PAUSE_S

    def snapshot_taken(self, seq: int) -> None:
        """Begin a rotation at a snapshot that was committed, if one is due and none is going on."""
        if self._going is None and self._keeping is not None and seq > self._committer.boundary_seq:
            size = self._committer.used_bytes()
            if size > self._keeping.rotate_bytes:
                self._committer.held_snapshot = seq
                self._going = self._rotate(self._keeping, seq, size)

    def step(self) -> None:
        """Do a little of what is going on. Raises what the live file's own statements raise."""
        if self._going is None:
            return
        try:
            next(self._going)
            return
        except StopIteration:
            pass
        except _Failed as failed:
            log.warning("rotation.failed", reason=str(failed))
        self._going = None
        self._committer.held_snapshot = 0

    def stop(self) -> None:
        """End the work beside the writer; a segment that is not recorded yet is made anew another time."""
        self._stopping.set()
        if self._aside is not None:
            # Not for longer: to hash a large file cannot be cut short, and what it makes is swept away later.
            self._aside.join(STOP_S)

    def _rotate(self, keeping: Keeping, seq: int, size: int) -> Generator[None, None, None]:
        segment = yield from self._beside(lambda: build(self._journal, seq, size, self._breathe))
        self._committer.record(segment)
        log.info(
            "journal.rotated",
            segment=segment.name,
            events=segment.last_seq - segment.first_seq + 1,
            bytes=segment.bytes,
        )
        yield from self._tidy(keeping)

    def _tidy(self, keeping: Keeping) -> Generator[None, None, None]:
        """Take out of the live file what the segments have, then delete segments that need not be kept."""
        while self._committer.trim(STEP_S):
            yield
        if keeping.keep_ms:
            leaving = yield from self._beside(lambda: self._retirement(keeping))
            if leaving.waits:
                log.warning("retention.deferred", reason=leaving.waits)
            if leaving.segments:
                self._committer.retire(leaving.kept_from)
            for segment in leaving.segments:
                yield
                (folder_of(self._journal) / segment.name).unlink(missing_ok=True)
                log.info(
                    "segment.deleted",
                    segment=segment.name,
                    events=segment.last_seq - segment.first_seq + 1,
                    keep_days=keeping.keep_ms // MS_PER_DAY,
                )

    def _retirement(self, keeping: Keeping) -> Retirement:
        backed_up = backed_up_seq(self._journal.parent) if keeping.backup_first else None
        with open_journal(self._journal, beside_writer=True) as reader:
            return retirement(reader, keeping.keep_ms, backed_up)

    def _beside(self, work: Callable[[], Made]) -> Generator[None, None, Made]:
        """Do `work` on another thread; gives what it gives. A bug in it is raised here."""
        made: list[Made] = []
        failed: list[BaseException] = []

        def run() -> None:
            try:
                made.append(work())
            except BaseException as error:  # noqa: BLE001 - whatever it is, the writer's thread is to know
                failed.append(error)

        # A daemon, like the writer's thread: see there.
        self._aside = threading.Thread(target=run, name="journal-archiver", daemon=True)
        self._aside.start()
        while self._aside.is_alive():
            yield
        for error in failed:
            if isinstance(error, OSError | sqlite3.Error | JournalUnreadable):
                raise _Failed(str(error)) from error
            raise error
        return made[0]

    def _breathe(self) -> None:
        worked_s = time.perf_counter() - self._rested_s
        if self._stopping.wait(min(REST * worked_s, PAUSE_S)):
            raise _Stopped
        self._rested_s = time.perf_counter()

    def _sweep(self) -> None:
        """Remove what a kill has left in the folder: files that were not finished, segments that were not
        recorded and hold nothing that the live file has not, and recorded ones that were to be deleted."""
        folder = folder_of(self._journal)
        if not folder.is_dir():
            return
        kept_from, boundary_seq = self._committer.kept_from_seq, self._committer.boundary_seq
        for path in folder.iterdir():
            span = range_of(path.name)
            if span is None:
                continue
            unrecorded = span[0] == boundary_seq + 1 and span[1] <= self._committer.last_seq
            if path.name.endswith(UNFINISHED) or unrecorded or span[1] < kept_from:
                with suppress(OSError):
                    path.unlink()
