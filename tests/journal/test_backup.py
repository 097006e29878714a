"""A state directory in one file: whole while it is written to, restored byte for byte, or refused."""

import asyncio
import json
import os
import sqlite3
import tarfile
import tempfile
from pathlib import Path

import pytest

from drift_e3.journal.backup import MANIFEST, back_up, restore
from drift_e3.journal.reader import open_journal
from drift_e3.journal.state_lock import StateLock, StateLocked
from drift_e3.journal.tail import verify
from drift_e3.journal.writer import JournalWriter
from drift_e3.ports import DataError
from tests.journal.journal_builders import CODE, ToyTrader, append, change_byte, write_journal


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir()
    write_journal(folder / "journal.db", 30)
    (folder / "program.pin").write_text("438024296\n")
    (folder / "lock").write_text("{}")
    with sqlite3.connect(folder / "outbox.db") as outbox:
        outbox.execute("CREATE TABLE orders (id TEXT)")
        outbox.execute("INSERT INTO orders VALUES ('1-entry')")
    outbox.close()
    return folder


def rows(journal: Path) -> list[object]:
    with open_journal(journal) as reader:
        return list(reader.entries())


def test_what_is_restored_is_what_was_kept(state: Path, tmp_path: Path) -> None:
    assert back_up(state, tmp_path / "b.tar.gz") == (3, 30, True)
    assert restore(tmp_path / "b.tar.gz", tmp_path / "new" / "state") == (3, 30, True)
    again = tmp_path / "new" / "state"
    assert rows(again / "journal.db") == rows(state / "journal.db")
    assert (again / "program.pin").read_text() == "438024296\n"
    with sqlite3.connect(again / "outbox.db") as outbox:
        assert outbox.execute("SELECT * FROM orders").fetchall() == [("1-entry",)]
    outbox.close()
    assert sorted(os.listdir(tmp_path)) == ["b.tar.gz", "new", "state"]


def test_a_state_directory_may_lie_on_another_file_system(state: Path, tmp_path: Path) -> None:
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system at /dev/shm")
    with tempfile.TemporaryDirectory(dir=memory) as elsewhere:
        again = tmp_path / "again"
        again.symlink_to(elsewhere)
        back_up(state, tmp_path / "b.tar.gz")
        assert restore(tmp_path / "b.tar.gz", again) == (3, 30, True)
        assert rows(again / "journal.db") == rows(state / "journal.db")
        assert not [name for name in os.listdir(again) if name.startswith(".")]


def test_what_a_cut_restore_left_bars_no_other(state: Path, tmp_path: Path) -> None:
    back_up(state, tmp_path / "b.tar.gz")
    (tmp_path / "again" / ".restore-cut").mkdir(parents=True)
    assert restore(tmp_path / "b.tar.gz", tmp_path / "again") == (3, 30, True)


async def test_a_backup_of_a_running_daemon_is_whole(state: Path, tmp_path: Path) -> None:
    with JournalWriter(state / "journal.db", CODE) as writer:
        trader = ToyTrader(30)
        for number in range(5):
            append(writer, trader, 20)
            await writer.commit()
            kept = await asyncio.to_thread(back_up, state, tmp_path / f"{number}.tar.gz")
            restore(tmp_path / f"{number}.tar.gz", tmp_path / f"state-{number}")
            with open_journal(tmp_path / f"state-{number}" / "journal.db") as reader:
                assert verify(reader, whole=True).first_bad is None
                assert reader.last_seq >= kept.last_seq == 30 + 20 * (number + 1)


def test_the_journal_is_copied_before_the_outbox(state: Path, tmp_path: Path) -> None:
    back_up(state, tmp_path / "b.tar.gz")
    with tarfile.open(tmp_path / "b.tar.gz") as archive:
        assert archive.getnames() == [MANIFEST, "journal.db", "outbox.db", "program.pin"]


def test_nothing_is_written_over(state: Path, tmp_path: Path) -> None:
    back_up(state, tmp_path / "b.tar.gz")
    with pytest.raises(DataError, match="exists already"):
        back_up(state, tmp_path / "b.tar.gz")
    with pytest.raises(DataError, match=r"holds journal\.db; restore into a directory of its own"):
        restore(tmp_path / "b.tar.gz", state)


def test_a_directory_in_use_is_not_restored_into(state: Path, tmp_path: Path) -> None:
    back_up(state, tmp_path / "b.tar.gz")
    with StateLock(tmp_path / "held", 1), pytest.raises(StateLocked):
        restore(tmp_path / "b.tar.gz", tmp_path / "held")


def test_a_damaged_journal_is_not_kept(state: Path, tmp_path: Path) -> None:
    with sqlite3.connect(state / "journal.db") as journal:
        journal.execute("DROP TRIGGER events_no_update")
        journal.execute("UPDATE events SET crc = 1 WHERE seq = 7")
    journal.close()
    with pytest.raises(DataError, match=r"journal\.db: .*events 7: checksum differs"):
        back_up(state, tmp_path / "b.tar.gz")
    assert sorted(os.listdir(tmp_path)) == ["state"]


@pytest.mark.parametrize("place", [40, 400, -400])
def test_a_damaged_backup_is_refused_and_leaves_nothing(state: Path, tmp_path: Path, place: int) -> None:
    back_up(state, tmp_path / "b.tar.gz")
    change_byte(tmp_path / "b.tar.gz", place)
    with pytest.raises(DataError, match=r"b\.tar\.gz: "):
        restore(tmp_path / "b.tar.gz", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def packed(path: Path, **files: bytes) -> Path:
    folder = path.parent / "made"
    folder.mkdir()
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            (folder / "x").write_bytes(content)
            archive.add(folder / "x", name)
    return path


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({}, "not a backup"),
        ({MANIFEST: b"{"}, "not a backup"),
        ({MANIFEST: b"[]"}, "not a backup"),
        ({MANIFEST: json.dumps({"format": 9, "files": {}}).encode()}, "another format"),
        ({MANIFEST: json.dumps({"format": 1, "files": {"journal.db": "0"}}).encode()}, "missing or damaged"),
        ({"../escape": b""}, "not a file of a state directory"),
        ({"/etc/passwd": b""}, "not a file of a state directory"),
    ],
)
def test_what_is_no_backup_is_refused(tmp_path: Path, files: dict[str, bytes], complaint: str) -> None:
    with pytest.raises(DataError, match=complaint):
        restore(packed(tmp_path / "b.tar.gz", **files), tmp_path / "new")


def test_a_file_that_is_not_there_and_one_that_is_no_archive_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    for name in ("text", "nothing"):
        with pytest.raises(DataError, match=name):
            restore(tmp_path / name, tmp_path / "new")
