"""The journal's one writer: takes messages from the event loop, commits them in groups on its own thread.

Here live the queue, the grouping and the fate of errors; the statements live in `commits`. Nothing here
blocks the loop: an append encodes and enqueues. Encoding is the caller's work on purpose: it costs the loop
1 us a message, throughput is the same, and a message that cannot be encoded fails at its own line.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from drift_e3.core.commands import Command
from drift_e3.core.events import Event
from drift_e3.core.notes import Note
from drift_e3.journal.codec import KINDS, encode
from drift_e3.journal.commits import Committer, Group
from drift_e3.journal.errors import JournalError
from drift_e3.journal.rotation import Keeping, Rotation
from drift_e3.journal.rows import EventRow, OutputRow, SnapshotRow, event_crc, output_crc, snapshot_crc

GROUP_ITEMS = 4_096
"""The most items (an event, an outcome, a snapshot) of one transaction."""
LINGER_S = 0.02
"""How long a first item waits for company before it is committed, unless somebody awaits it."""
CAPACITY = 16_384
"""Items in the queue at which the writer is `full`."""
OVERRUN = 2
"""At this multiple of the capacity an append fails: nobody awaited `drain`."""


class _Barrier(NamedTuple):
    """Somebody waits for all that is before this in the queue; `durable`: until the disk has it, too."""

    future: asyncio.Future[None]
    durable: bool


_Item = EventRow | SnapshotRow | list[OutputRow] | _Barrier


class JournalWriter:
    """Appends to the journal of one state directory; made once, used by one event loop.

    Order of use: `append_event` with the next seq, then `append_outcome` for it, again and again; before
    anything leaves the house `await commit()`; when `full`, `await drain()`; at the end `close()`. After a
    failure every call raises the same `JournalError`.
    """

    def __init__(
        self,
        path: Path,
        code: str,
        *,
        linger_s: float = LINGER_S,
        capacity: int = CAPACITY,
        keeping: Keeping | None = None,
    ) -> None:
        """Open, make or migrate the journal at `path`; rows will carry the code hash `code`.

        Without `keeping` it is neither rotated nor tidied up.

        Raises `JournalError` when it cannot be written, `JournalUnreadable` when it is foreign or newer.
        """
        self._committer = Committer(path, code)
        self._rotation = Rotation(path, self._committer, keeping)
        self._path = path
        self._code = self._committer.code
        self._last_seq = self._committed_seq = self._committer.last_seq
        self._last_ts = self._committer.last_ts
        self._linger_s = linger_s
        self._capacity = capacity
        self._queue: deque[_Item] = deque()
        self._error: JournalError | None = None
        self._wake = threading.Event()
        self._asleep = True
        self._hurry = False
        self._closing = False
        self._clean = False
        # A daemon, so that a house that falls without close() is not kept standing by this thread.
        self._thread = threading.Thread(target=self._run, name="journal-writer", daemon=True)
        self._thread.start()

    @property
    def last_seq(self) -> int:
        """The seq of the last event appended, in this run or before; 0 in a new journal."""
        return self._last_seq

    @property
    def committed_seq(self) -> int:
        """The seq of the last event that is committed: proof against a kill, perhaps not yet a power cut."""
        return self._committed_seq

    @property
    def rotating(self) -> bool:
        """Whether a rotation is going on, what follows from it included."""
        return self._rotation.pause_s is not None

    @property
    def full(self) -> bool:
        """Whether the loop should await `drain` before it appends more."""
        return len(self._queue) >= self._capacity

    def append_event(self, seq: int, event: Event) -> None:
        """Enqueue an event under the next seq; raises `ValueError` for any other seq."""
        self._check()
        if seq != self._last_seq + 1:
            raise ValueError(f"event {seq} does not follow event {self._last_seq}")
        kind, ts, code, payload = KINDS[type(event)], event.seen_ts, self._code, encode(event)
        self._enqueue(EventRow(seq, kind, ts, code, payload, event_crc(seq, kind, ts, code, payload)))
        self._last_seq, self._last_ts = seq, ts

    def append_outcome(self, seq: int, commands: Sequence[Command], notes: Sequence[Note]) -> None:
        """Enqueue what the last event led to; it is stored whole or not at all.

        `seq` must be the last event's. An outcome already stored is refused by the journal itself. After a
        crash the last event may lack its outcome: recovery, which computes it anew, appends it.
        """
        self._check()
        if seq != self._last_seq:
            raise ValueError(f"outcome of event {seq} after event {self._last_seq}")
        ts = self._last_ts
        outcome: list[OutputRow] = []
        for role, messages in (("command", commands), ("note", notes)):
            for message in messages:
                n, kind, payload = len(outcome), KINDS[type(message)], encode(message)
                crc = output_crc(seq, n, role, kind, ts, payload)
                outcome.append(OutputRow(seq, n, role, kind, ts, payload, crc))
        if outcome:
            self._enqueue(outcome)

    def append_snapshot(self, trader: bytes, market: bytes) -> None:
        """Enqueue the state after the last event and its outcome; the last three snapshots are kept."""
        self._check()
        seq, code = self._last_seq, self._code
        self._enqueue(SnapshotRow(seq, code, trader, market, snapshot_crc(seq, code, trader, market)))

    async def commit(self) -> None:
        """Return once all that was appended so far is on the disk; raises `JournalError` if it cannot be."""
        await self._pass(durable=True)

    async def drain(self) -> None:
        """Return once all that was appended so far is committed: proof against a kill, not a power cut."""
        await self._pass(durable=False)

    def close(self, *, clean: bool = True) -> None:
        """Commit all that was appended and end; blocks until done, a second call does nothing.

        `clean` leaves the mark of an orderly stop. Raises `JournalError` if not all could be committed.
        """
        self._clean = clean
        self._closing = True
        self._hurry = True
        self._wake.set()
        self._thread.join()
        self._check()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(clean=error is None)

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _enqueue(self, item: _Item) -> None:
        if len(self._queue) >= OVERRUN * self._capacity:
            raise JournalError(f"{self._path}: {len(self._queue)} items wait and nobody awaited drain()")
        if self._closing:
            raise JournalError(f"{self._path}: the journal is closed")
        self._queue.append(item)
        if self._asleep:
            self._asleep = False
            self._wake.set()

    async def _pass(self, *, durable: bool) -> None:
        self._check()
        barrier = _Barrier(asyncio.get_running_loop().create_future(), durable)
        self._enqueue(barrier)
        self._hurry = True
        self._wake.set()
        if self._error is not None:
            # The thread ended between the check and the append, so nobody may be left to answer.
            barrier.future.cancel()
            raise self._error
        await barrier.future

    # -- on the writer's thread from here on ---------------------------------------------------------------

    def _run(self) -> None:
        group: list[_Item] = []
        try:
            while not self._closing or self._queue:
                self._wait()
                while self._queue:
                    group = [self._queue.popleft() for _ in range(min(len(self._queue), GROUP_ITEMS))]
                    self._commit(group)
                    self._rotation.step()
                self._rotation.step()
            self._rotation.stop()
            self._committer.close(clean=self._clean)
        except Exception as error:  # noqa: BLE001 - whatever ends this thread must reach the loop
            self._error = JournalError(f"{self._path}: {error}")
            self._error.__cause__ = error
            for item in (*group, *self._queue):
                if isinstance(item, _Barrier):
                    _settle(item.future, self._error)
            self._rotation.stop()
            self._committer.abandon()

    def _wait(self) -> None:
        """Sleep until there is work, then a little longer for company, unless somebody is in a hurry."""
        if not self._wake.wait(self._rotation.pause_s):
            return
        self._wake.clear()
        if not self._hurry:
            self._wake.wait(self._linger_s)
            self._wake.clear()
        # Both before the queue is looked at: whatever comes later wakes the thread again.
        self._hurry = False
        self._asleep = True

    def _commit(self, items: list[_Item]) -> None:
        group = Group()
        barriers: list[_Barrier] = []
        for item in items:
            if isinstance(item, EventRow):
                group.events.append(item)
            elif isinstance(item, list):
                group.outputs.extend(item)
            elif isinstance(item, SnapshotRow):
                group.snapshots.append(item)
            else:
                barriers.append(item)
        self._committer.commit(group, durable=any(barrier.durable for barrier in barriers))
        if group.events:
            self._committed_seq = group.events[-1].seq
        if group.snapshots:
            self._rotation.snapshot_taken(group.snapshots[-1].seq)
        for barrier in barriers:
            _settle(barrier.future, None)


def _settle(future: asyncio.Future[None], error: JournalError | None) -> None:
    """Complete a future of another thread's loop; a loop that is gone has nobody waiting."""

    def complete() -> None:
        if future.done():
            return
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)

    with suppress(RuntimeError):
        future.get_loop().call_soon_threadsafe(complete)
