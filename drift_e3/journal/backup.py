"""A state directory as one file, taken while its daemon runs, and back again.

The databases are copied by SQLite's own means, so that each copy is whole; the journal first and the outbox
after it: a copy of the outbox may know of more than the journal's, never of less, or an order could go out
twice. Of the journal's segments those are taken that its copy has records of. What a process holds (lock,
socket, write-ahead logs) stays behind.
"""

import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

from drift_e3.journal.reader import open_journal
from drift_e3.journal.retention import BACKED_UP_NAME
from drift_e3.journal.schema import JOURNAL_NAME, LOCK_WAIT_S
from drift_e3.journal.segments import FOLDER, check, hash_of, range_of
from drift_e3.journal.state_lock import LOCK_NAME, StateLock
from drift_e3.journal.tail import verify
from drift_e3.ports import DataError

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
LEFT_BEHIND: Final = frozenset({LOCK_NAME, BACKED_UP_NAME})
HELD: Final = ("-wal", "-shm", "-journal", ".sock", ".new")
SCRATCH: Final = ".restore-"
CHUNK_BYTES: Final = 1 << 20


class Kept(NamedTuple):
    """What a backup holds: so many files, and the journal's last event. `noted`: retention will go by it."""

    files: int
    last_seq: int
    noted: bool = True


def back_up(directory: Path, out: Path) -> Kept:
    """Write the state directory to `out`, whole or not at all.

    Raises `DataError` where there is no journal, where it is damaged, or where `out` exists.
    """
    if out.exists():
        raise DataError(f"{out}: exists already; a backup is never written over")
    open_journal(directory / JOURNAL_NAME).close()
    with tempfile.TemporaryDirectory(dir=out.absolute().parent, prefix=".backup-") as scratch:
        copies = Path(scratch) / "copies"
        copies.mkdir()
        names = list(_names(directory))
        for name in names:
            _copy(directory / name, copies / name)
        segments = _segments(directory, copies)
        last_seq = _check(copies / JOURNAL_NAME)
        names += segments
        packed = Path(scratch) / "packed"
        _pack(copies, names, packed)
        os.link(packed, out)
    return Kept(len(names), last_seq, _note(directory, last_seq))


def restore(backup: Path, directory: Path) -> Kept:
    """Unpack a backup into a state directory that has nothing in it, or is not there yet.

    Raises `DataError` for a file that is no backup or is damaged, and for a directory with a journal in it.
    """
    with tempfile.TemporaryDirectory(dir=_home(directory), prefix=SCRATCH) as scratch:
        copies = Path(scratch)
        names = _unpack(backup, copies)
        last_seq = _check(copies / JOURNAL_NAME)
        with StateLock(directory, 0):
            if found := sorted(name for name in os.listdir(directory) if not _may_be_there(name)):
                raise DataError(f"{directory}: holds {found[0]}; restore into a directory of its own")
            # The journal last: a restore that was cut leaves none, so that nothing goes on with a half of it.
            for name in sorted(names, key=lambda name: name == JOURNAL_NAME):
                (directory / name).parent.mkdir(exist_ok=True)
                (copies / name).rename(directory / name)
                _sync((directory / name).parent)
            _sync(directory)
    return Kept(len(names), last_seq)


def _home(directory: Path) -> Path:
    """Where what is unpacked can be moved from: in the directory, which may be a file system of its own, or
    beside where it will be."""
    if directory.is_dir():
        return directory
    parent = directory.absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    return parent


def _may_be_there(name: str) -> bool:
    """Whether an empty state directory may hold this: what a lock or a restore that was cut leaves."""
    return name in LEFT_BEHIND or name.startswith(SCRATCH)


def _names(directory: Path) -> Iterator[str]:
    """The files to keep, the journal first."""
    yield JOURNAL_NAME
    for name in sorted(os.listdir(directory)):
        held = name in LEFT_BEHIND or name.endswith(HELD)
        if name != JOURNAL_NAME and not held and (directory / name).is_file():
            yield name


def _segments(directory: Path, copies: Path) -> list[str]:
    """Take the segments that the copied journal has records of; they never change, so a link will do."""
    with open_journal(copies / JOURNAL_NAME) as reader:
        segments = reader.segments
    if segments:
        (copies / FOLDER).mkdir()
    for segment in segments:
        source = directory / FOLDER / segment.name
        check(source, segment)
        try:
            _link(source, copies / FOLDER / segment.name)
        except OSError as error:
            raise DataError(f"{source}: cannot be copied: {error.strerror}") from error
    return [f"{FOLDER}/{segment.name}" for segment in segments]


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        # Another file system, or one without links.
        shutil.copyfile(source, target)


def _note(directory: Path, last_seq: int) -> bool:
    """Leave word for retention that a backup was made; a state directory may be another user's."""
    unfinished = directory / f"{BACKED_UP_NAME}.new"
    try:
        unfinished.write_text(f"{last_seq}\n")
        unfinished.replace(directory / BACKED_UP_NAME)
    except OSError:
        return False
    return True


def _copy(source: Path, target: Path) -> None:
    if source.suffix != ".db":
        target.write_bytes(source.read_bytes())
        return
    try:
        whole = sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True, timeout=LOCK_WAIT_S)
        copy = sqlite3.connect(target)
        with whole, copy:
            whole.backup(copy)
        whole.close()
        copy.close()
    except sqlite3.Error as error:
        raise DataError(f"{source}: cannot be copied: {error}") from error


def _check(journal: Path) -> int:
    with open_journal(journal) as reader:
        report = verify(reader)
        if report.first_bad is not None:
            raise DataError(f"{journal.name}: {report.text}")
        return reader.last_seq


def _pack(copies: Path, names: list[str], packed: Path) -> None:
    hashes = {name: hash_of(copies / name) for name in names}
    manifest = copies / MANIFEST
    manifest.write_text(json.dumps({"format": FORMAT, "files": hashes}, indent=1))
    with tarfile.open(packed, "w:gz", compresslevel=6) as archive:
        for name in (MANIFEST, *names):
            archive.add(copies / name, name, recursive=False)
    _sync(packed)


def _unpack(backup: Path, copies: Path) -> list[str]:
    try:
        with tarfile.open(backup, "r:gz") as archive:
            for member in archive:
                name = member.name
                if not member.isfile() or not _belongs(PurePosixPath(name)):
                    raise DataError(f"{backup}: {name}: not a file of a state directory")
                (copies / name).parent.mkdir(exist_ok=True)
                content = archive.extractfile(member)
                assert content is not None, "a regular file has content"
                with (copies / name).open("xb") as target:
                    while chunk := content.read(CHUNK_BYTES):
                        target.write(chunk)
        manifest = json.loads((copies / MANIFEST).read_text())
        hashes = dict(manifest["files"]) if manifest["format"] == FORMAT else {}
    except (tarfile.TarError, EOFError, KeyError, TypeError, ValueError, FileNotFoundError) as error:
        if isinstance(error, DataError):
            raise
        why = str(error) or type(error).__name__
        raise DataError(f"{backup}: not a backup, or damaged: {why}") from error
    (copies / MANIFEST).unlink()
    if JOURNAL_NAME not in hashes:
        raise DataError(f"{backup}: a backup of another format, or of nothing")
    for name, sha256 in hashes.items():
        if not (copies / name).is_file() or hash_of(copies / name) != sha256:
            raise DataError(f"{backup}: {name}: missing or damaged")
    return list(hashes)


def _belongs(name: PurePosixPath) -> bool:
    """Whether a backup may hold a file of this name: one of the state directory itself, or a segment."""
    if len(name.parts) == 1:
        return name.name == str(name) != ".."
    return len(name.parts) == 2 and name.parts[0] == FOLDER and range_of(name.name) is not None


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
