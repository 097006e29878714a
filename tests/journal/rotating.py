"""Journals in segments: rotated on the test's own thread, step by step, or cut off at one of the steps."""

from collections.abc import Callable
from pathlib import Path

from drift_e3.journal.commits import Committer
from drift_e3.journal.rotation import Keeping, Rotation
from drift_e3.journal.writer import JournalWriter
from tests.journal.journal_builders import CODE, ToyTrader, append

ALWAYS = Keeping(rotate_bytes=1)


def nothing() -> None:
    """What is done between two steps where nothing is to be done."""


def append_with_snapshot(path: Path, events: int) -> int:
    """So many more candles and a snapshot after them; the seq of that."""
    with JournalWriter(path, CODE) as writer:
        append(writer, ToyTrader(writer.last_seq), events)
        writer.append_snapshot(f"trader {writer.last_seq}".encode(), b"market")
        return writer.last_seq


def rotate(path: Path, keeping: Keeping = ALWAYS, between: Callable[[], None] = nothing) -> None:
    """Rotate at the newest snapshot, which is the journal's end, and do all that follows from it."""
    committer = Committer(path, CODE)
    rotation = Rotation(path, committer, keeping)
    try:
        finish(rotation, between)
        rotation.snapshot_taken(committer.last_seq)
        finish(rotation, between)
    finally:
        rotation.stop()
        committer.close(clean=True)


def finish(rotation: Rotation, between: Callable[[], None] = nothing) -> None:
    """Step until nothing is left to do."""
    while rotation.pause_s is not None:
        rotation.step()
        between()


def write_segments(path: Path, *lengths: int) -> None:
    """A journal of candles in segments of so many events; the last are in the live file."""
    for length in lengths[:-1]:
        append_with_snapshot(path, length)
        rotate(path)
    append_with_snapshot(path, lengths[-1])
