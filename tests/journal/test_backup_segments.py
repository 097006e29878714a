"""A backup of a journal in segments: all that are kept, each as it was recorded, and retention told of it."""

import os
import tarfile
from pathlib import Path

import pytest

from drift_e3.journal import backup
from drift_e3.journal.backup import back_up, restore
from drift_e3.journal.reader import open_journal
from drift_e3.journal.retention import backed_up_seq
from drift_e3.journal.tail import verify
from drift_e3.ports import DataError
from tests.journal.journal_builders import change_byte
from tests.journal.rotating import append_with_snapshot, write_segments


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir()
    write_segments(folder / "journal.db", 30, 20, 5)
    return folder


def rows(state: Path) -> list[object]:
    with open_journal(state / "journal.db") as reader:
        assert verify(reader, whole=True).intact
        return list(reader.entries())


def test_what_is_restored_is_what_was_kept(state: Path, tmp_path: Path) -> None:
    assert back_up(state, tmp_path / "b.tar.gz") == (3, 55, True)
    assert restore(tmp_path / "b.tar.gz", tmp_path / "again") == (3, 55, True)
    assert sorted(os.listdir(tmp_path / "again")) == ["journal", "journal.db", "lock"]
    assert rows(tmp_path / "again") == rows(state)
    assert sorted(os.listdir(tmp_path / "again" / "journal")) == sorted(os.listdir(state / "journal"))
    append_with_snapshot(tmp_path / "again" / "journal.db", 1)
    assert len(rows(tmp_path / "again")) == 56


def test_where_a_file_cannot_be_linked_it_is_copied(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise OSError(18, "Invalid cross-device link")

    with monkeypatch.context() as patched:
        patched.setattr(backup, "os", type("Links", (), {**vars(os), "link": staticmethod(refuse)}))
        (tmp_path / "copies").mkdir()
        segment = next((state / "journal").iterdir())
        backup._link(segment, tmp_path / "copies" / "one")
    assert (tmp_path / "copies" / "one").read_bytes() == segment.read_bytes()


def test_a_segment_that_is_not_what_was_recorded_is_not_kept(state: Path, tmp_path: Path) -> None:
    segment = sorted((state / "journal").iterdir())[1]
    segment.chmod(0o644)
    change_byte(segment, 5_000)
    with pytest.raises(DataError, match=f"{segment.name}: not the segment that was recorded"):
        back_up(state, tmp_path / "b.tar.gz")
    segment.unlink()
    with pytest.raises(DataError, match=f"{segment.name}: the segment is missing"):
        back_up(state, tmp_path / "b.tar.gz")
    assert sorted(os.listdir(tmp_path)) == ["state"]
    assert backed_up_seq(state) == 0


def test_a_backup_with_another_folder_in_it_is_refused(state: Path, tmp_path: Path) -> None:
    for name in ("journal/notes.txt", "journal/../x.db", "other/2026-01-01.1-2.db", ".."):
        with tarfile.open(tmp_path / "b.tar.gz", "w:gz") as archive:
            archive.add(state / "journal.db", name)
        with pytest.raises(DataError, match="not a file of a state directory"):
            restore(tmp_path / "b.tar.gz", tmp_path / "again")


def test_retention_is_told_of_the_last_backup(state: Path, tmp_path: Path) -> None:
    back_up(state, tmp_path / "b.tar.gz")
    assert backed_up_seq(state) == 55
    # It says what lies elsewhere, so it is not taken along.
    restore(tmp_path / "b.tar.gz", tmp_path / "again")
    assert backed_up_seq(tmp_path / "again") == 0


def test_a_backup_that_cannot_be_noted_is_a_backup_all_the_same(state: Path, tmp_path: Path) -> None:
    (state / "backed_up").mkdir()
    assert back_up(state, tmp_path / "b.tar.gz") == (3, 55, False)
    (state / "backed_up").rmdir()
    (state / "backed_up").write_text("nonsense")
    assert backed_up_seq(state) == 0
