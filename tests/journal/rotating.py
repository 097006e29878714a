"""Journals in segments, rotated step by step on the test's own thread."""

from pathlib import Path

from drift_e3.journal.commits import Committer
from drift_e3.journal.rotation import Keeping, Rotation
from drift_e3.journal.writer import JournalWriter
from tests.journal.journal_builders import CODE, ToyTrader, append

ALWAYS = Keeping(rotate_bytes=1)


def append_with_snapshot(path: Path, events: int) -> int:
    """So many more candles and a snapshot after them; the seq of that."""
    with JournalWriter(path, CODE) as writer:
        append(writer, ToyTrader(writer.last_seq), events)
        writer.append_snapshot(f"trader {writer.last_seq}".encode(), b"market")
        return writer.last_seq


def rotate(path: Path, keeping: Keeping = ALWAYS) -> None:
    """Rotate at the newest snapshot, which is the journal's end, and do all that follows from it."""
    committer = Committer(path, CODE)
    rotation = Rotation(path, committer, keeping)
    try:
        finish(rotation)
        rotation.snapshot_taken(committer.last_seq)
        finish(rotation)
    finally:
        rotation.stop()
        committer.close(clean=True)


def finish(rotation: Rotation) -> None:
    """Step until nothing is left to do."""
    while rotation.pause_s is not None:
        rotation.step()
        if rotation._aside is not None:
            rotation._aside.join(rotation.pause_s)


def write_segments(path: Path, *lengths: int) -> None:
    """A journal of candles in segments of so many events; the last are in the live file."""
    for length in lengths[:-1]:
        append_with_snapshot(path, length)
        rotate(path)
    append_with_snapshot(path, lengths[-1])
