"""The live file's older part moved into a segment: nothing lost, nothing doubled, nothing held up."""

import os
import shutil
import sqlite3
from pathlib import Path

import pytest
import structlog

from drift_e3.journal import archiver, commits, retention, schema
from drift_e3.journal.commits import Committer, Group
from drift_e3.journal.errors import JournalUnreadable
from drift_e3.journal.reader import open_journal
from drift_e3.journal.rotation import Keeping, Rotation
from drift_e3.journal.rows import SnapshotRow, snapshot_crc
from drift_e3.journal.segments import folder_of, range_of
from drift_e3.journal.tail import verify
from drift_e3.journal.writer import JournalWriter
from tests.journal.journal_builders import CODE, ToyTrader, append, candle, write_journal
from tests.journal.rotating import ALWAYS, append_with_snapshot, finish, rotate, write_segments


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def live(path: Path, statement: str) -> list[tuple[object, ...]]:
    with open_journal(path) as reader:
        return reader.query(statement)


def segments(path: Path) -> list[str]:
    return sorted(os.listdir(folder_of(path)))


def test_the_live_file_keeps_the_first_event_and_all_from_the_snapshot_on(path: Path) -> None:
    write_segments(path, 250, 7)
    assert segments(path) == ["1970-01-01.000000000001-000000000250.db"]
    assert live(path, "SELECT seq FROM events") == [(1,), *((seq,) for seq in range(250, 258))]
    assert live(path, "SELECT min(seq), max(seq) FROM outputs") == [(1, 257)]
    assert live(path, "SELECT seq FROM snapshots") == [(250,), (257,)]


def test_readers_see_one_journal_over_all_segments(path: Path, tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    whole = tmp_path / "whole" / "journal.db"
    write_journal(whole, 1_400)
    write_segments(path, 100, 1, 2, 1_200, 97)
    with open_journal(path) as reader, open_journal(whole) as expected:
        assert len(reader.segments) == 4
        assert (reader.first_seq, reader.last_seq, reader.clean_stop) == (1, 1_400, True)
        assert list(reader.entries()) == list(expected.entries())
        assert list(reader.events(after_seq=99)) == list(expected.events(after_seq=99))
        for after_seq in (0, 99, 100, 101, 1_350):
            kinds = {"candle_closed", "cancel_order"}
            assert list(reader.rows_of(kinds, after_seq)) == list(expected.rows_of(kinds, after_seq))
        for before_seq in (1, 2, 100, 101, 102, 1_303, 1_304, 1_305, 2**62):
            for limit in (1, 5, 2_000):
                assert reader.newest_events(("candle_closed",), before_seq, limit) == expected.newest_events(
                    ("candle_closed",), before_seq, limit
                )
                kinds_of_outputs = ("cancel_order", "settings_taken")
                assert reader.newest_outputs(kinds_of_outputs, before_seq, limit) == expected.newest_outputs(
                    kinds_of_outputs, before_seq, limit
                )
        assert reader.output_rows(98, 1_310) == expected.output_rows(98, 1_310)
        assert reader.last_output("cancel_order") == expected.last_output("cancel_order")
        assert [reader.event_row(seq) for seq in (1, 50, 1_400)] == [
            expected.event_row(seq) for seq in (1, 50, 1_400)
        ]
        assert verify(reader, whole=True) == verify(expected, whole=True)._replace(snapshot_seq=1_400)


def test_every_segment_begins_with_the_snapshot_before_it(path: Path) -> None:
    write_segments(path, 30, 20, 5)
    with open_journal(path) as reader:
        assert [segment.last_seq for segment in reader.segments] == [30, 50]
        for seq in (30, 50):
            snapshot = reader.snapshot_after(seq)
            assert snapshot is not None
            assert (snapshot.seq, snapshot.code, snapshot.trader) == (seq, CODE, f"trader {seq}".encode())
        assert reader.snapshot_after(40) is None


def test_a_reader_in_the_middle_sees_nothing_of_a_rotation(path: Path) -> None:
    append_with_snapshot(path, 3_000)
    with open_journal(path) as reader:
        entries, kinds = reader.entries(), reader.rows_of({"candle_closed"})
        seen = [next(entries).event.seq for _ in range(500)]
        told = [next(kinds).seq for _ in range(1_500)]
        page = reader.event_rows(2_500, 600)
        rotate(path)
        append_with_snapshot(path, 10)
        assert [row.seq for row in page] == list(range(2_501, 3_001))
        assert seen + [entry.event.seq for entry in entries] == list(range(1, 3_011))
        assert told + [row.seq for row in kinds] == list(range(1, 3_011))


def test_no_step_but_the_last_of_a_reader_opens_more_than_four_segments(path: Path) -> None:
    write_segments(path, *[5] * 6)
    with open_journal(path) as reader:
        before = len(os.listdir("/proc/self/fd"))
        assert len(list(reader.entries())) == 30
        assert len(os.listdir("/proc/self/fd")) == before + 4


def test_a_rotation_goes_on_while_events_come_in(path: Path) -> None:
    with JournalWriter(path, CODE, keeping=ALWAYS, linger_s=0.0) as writer:
        trader = ToyTrader()
        append(writer, trader, 200)
        writer.append_snapshot(b"", b"")
        while not folder_of(path).is_dir() or live(path, "SELECT 1 FROM events WHERE seq = 2"):
            append(writer, trader, 1)
    with open_journal(path) as reader:
        assert [event for _, event in reader.events()] == [
            candle(seq) for seq in range(1, reader.last_seq + 1)
        ]
        assert len(reader.segments) == 1
        assert verify(reader, whole=True).intact


def test_a_small_journal_is_not_rotated_and_none_without_a_setting(path: Path) -> None:
    append_with_snapshot(path, 20)
    rotate(path, Keeping(rotate_bytes=1 << 30))
    with JournalWriter(path, CODE) as writer:
        append(writer, ToyTrader(20), 1)
        writer.append_snapshot(b"", b"")
    assert not folder_of(path).exists()


def test_the_snapshot_of_a_rotation_that_goes_on_is_kept_however_many_follow(path: Path) -> None:
    append_with_snapshot(path, 50)
    committer = Committer(path, CODE)
    rotation = Rotation(path, committer, ALWAYS)
    rotation.snapshot_taken(50)
    for seq in (51, 52, 53, 54):
        committer.commit(Group(snapshots=[SnapshotRow(seq, 1, b"", b"", 0)]), durable=False)
    finish(rotation)
    committer.commit(Group(snapshots=[SnapshotRow(55, 1, b"", b"", 0)]), durable=False)
    committer.close(clean=True)
    assert live(path, "SELECT seq FROM snapshots") == [(50,), (53,), (54,), (55,)]


@pytest.mark.parametrize("rows", [0, 1])
def test_a_full_disk_leaves_all_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    append_with_snapshot(path, 120)
    calls = 0

    def fail(_: Path) -> None:
        nonlocal calls
        calls += 1
        if calls > rows + 1:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(archiver, "STEP_EVENTS", 50)
    monkeypatch.setattr(archiver, "sync", fail)
    with structlog.testing.capture_logs() as logs:
        rotate(path)
    assert [(line["event"], line["reason"]) for line in logs] == [
        ("rotation.failed", "[Errno 28] No space left on device")
    ]
    monkeypatch.undo()
    assert segments(path) == []
    assert live(path, "SELECT count(*) FROM events") == [(120,)]
    rotate(path)
    assert len(segments(path)) == 1


def test_a_segment_is_not_begun_where_the_disk_has_no_room_for_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append_with_snapshot(path, 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9, 9, 4096))
    with structlog.testing.capture_logs() as logs:
        rotate(path)
    assert [line["reason"] for line in logs] == ["0 MB are needed, 0 MB are free"]
    assert not folder_of(path).exists()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE outputs SET crc = crc + 1 WHERE seq = 11 AND n = 1",
        "DELETE FROM outputs WHERE seq = 11 AND n = 1",
        "INSERT INTO outputs VALUES (11, 99, 'note', 'more', 0, x'00', 0)",
        "DELETE FROM events WHERE seq = 20",
        "UPDATE events SET payload = x'00' WHERE seq = 1",
    ],
)
def test_a_copy_that_is_not_what_was_copied_is_no_segment(
    path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    append_with_snapshot(path, 20)
    real = archiver._copy

    def spoil(journal: Path, target: Path, first_seq: int, last_seq: int, pause: archiver.Pause) -> None:
        real(journal, target, first_seq, last_seq, pause)
        with sqlite3.connect(target) as copy:
            copy.execute(change)
        copy.close()

    monkeypatch.setattr(archiver, "_copy", spoil)
    with structlog.testing.capture_logs() as logs:
        rotate(path)
    assert logs[0]["reason"].endswith("the copy is not what was copied")
    assert segments(path) == []


def test_a_bug_beside_the_writer_is_not_caught(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append_with_snapshot(path, 20)

    def bug(*_: object) -> None:
        raise AssertionError("a bug")

    monkeypatch.setattr(archiver, "_compare", bug)
    with pytest.raises(AssertionError, match="a bug"):
        rotate(path)


def test_a_stop_ends_a_rotation_and_the_next_start_leaves_nothing_of_it(path: Path) -> None:
    append_with_snapshot(path, 20)
    committer = Committer(path, CODE)
    rotation = Rotation(path, committer, ALWAYS)
    rotation.snapshot_taken(20)
    rotation.step()
    rotation.stop()
    committer.close(clean=True)
    (folder_of(path) / "1970-01-01.000000000001-000000000020.db.new").touch()
    (folder_of(path) / "1970-01-01.000000000001-000000000010.db").touch()
    (folder_of(path) / "1970-01-01.000000000001-000000000999.db").touch()
    (folder_of(path) / "notes.txt").touch()
    JournalWriter(path, CODE, keeping=ALWAYS).close()
    # What this journal cannot have left behind is not its own to remove.
    assert segments(path) == ["1970-01-01.000000000001-000000000999.db", "notes.txt"]


def test_a_foreign_file_of_the_same_name_is_not_written_over(path: Path) -> None:
    append_with_snapshot(path, 20)
    folder_of(path).mkdir()
    committer = Committer(path, CODE)
    rotation = Rotation(path, committer, ALWAYS)
    (folder_of(path) / "1970-01-01.000000000001-000000000020.db").write_text("mine")
    with structlog.testing.capture_logs() as logs:
        rotation.snapshot_taken(20)
        finish(rotation)
    committer.close(clean=True)
    assert logs[0]["reason"].endswith("exists already and is not this journal's")
    assert (folder_of(path) / "1970-01-01.000000000001-000000000020.db").read_text() == "mine"


def test_only_what_a_recorded_segment_holds_can_leave_the_live_file(path: Path) -> None:
    write_segments(path, 20, 5)
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in (
        "DELETE FROM events WHERE seq = 1",
        "DELETE FROM events WHERE seq = 20",
        "DELETE FROM outputs WHERE seq = 21",
        "UPDATE segments SET sha256 = ''",
        "DELETE FROM segments",
        "INSERT INTO segments VALUES (24, 22, 0, 0, 'a', 0, '', '')",
        "INSERT INTO segments VALUES (99, 21, 0, 0, 'a', 0, '', '')",
    ):
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(statement)
    connection.close()


def test_where_all_segments_were_deleted_readers_begin_with_the_live_files_snapshot(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_at_rest", lambda _: True)
    for _ in range(3):
        append_with_snapshot(path, 20)
    rotate(path)
    append_with_snapshot(path, 5)
    finish_retention(path)
    assert segments(path) == []
    with open_journal(path) as reader:
        assert (reader.first_seq, reader.last_seq, reader.segments) == (61, 65, [])
        assert [entry.event.seq for entry in reader.entries()] == [61, 62, 63, 64, 65]
        assert [row.seq for row in reader.event_rows(0, 9)] == [61, 62, 63, 64, 65]
        assert [row.seq for row in reader.newest_events(("candle_closed",), 2**62, 9)] == [65, 64, 63, 62, 61]
        assert {row.seq for row in reader.rows_of({"candle_closed", "cancel_order"})} <= {61, 62, 63, 64, 65}
        assert reader.first_event() == candle(1)
        oldest = reader.snapshot_after(60)
        assert oldest is not None
        assert oldest.trader == b"trader 60"
        assert verify(reader, whole=True).intact
    with sqlite3.connect(path) as journal:
        journal.execute("DELETE FROM snapshots WHERE seq >= 60")
        crc = snapshot_crc(40, 1, b"trader 40", b"market")
        journal.execute(
            "INSERT OR REPLACE INTO snapshots VALUES (40, 1, ?, ?, ?)", (b"trader 40", b"market", crc)
        )
    journal.close()
    with open_journal(path) as reader:
        # An older snapshot is of no use: the events after it are gone.
        assert reader.last_good_snapshot() is None


def finish_retention(path: Path) -> None:
    """Start as with a setting by which all old segments go."""
    committer = Committer(path, CODE)
    rotation = Rotation(path, committer, Keeping(rotate_bytes=1 << 30, keep_ms=1, backup_first=False))
    finish(rotation)
    committer.close(clean=True)


def test_what_has_left_makes_room_for_what_comes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commits, "TRIM_EVENTS", 1_000)
    append_with_snapshot(path, 3_000)
    rotate(path)
    size = path.stat().st_size
    committer = Committer(path, CODE)
    assert committer.used_bytes() < size / 5
    committer.close(clean=True)
    append_with_snapshot(path, 2_000)
    assert path.stat().st_size == size


def test_a_start_gives_back_what_the_first_rotation_of_a_large_file_has_left(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append_with_snapshot(path, 2_000)
    rotate(path)
    size = path.stat().st_size
    JournalWriter(path, CODE).close()
    assert path.stat().st_size == size
    monkeypatch.setattr(schema, "FREE_BYTES_KEPT", 0)
    JournalWriter(path, CODE).close()
    assert path.stat().st_size < size / 5
    with open_journal(path) as reader:
        assert verify(reader, whole=True).last_seq == 2_000


@pytest.mark.parametrize(
    "name", ["a", "a.b.db", "2026-01-01.1-2-3.db", "2026-01-01.1-x.db", "2026-01-01.1-2.d"]
)
def test_a_file_is_a_segment_only_by_its_whole_name(name: str) -> None:
    assert range_of(name) is None


def test_a_journal_without_a_snapshot_at_its_cut_says_which_event_is_missing(path: Path) -> None:
    write_segments(path, 20, 5)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("DROP TRIGGER events_no_delete")
    connection.execute("DELETE FROM events WHERE seq IN (20, 21, 22)")
    connection.close()
    with open_journal(path) as reader, pytest.raises(JournalUnreadable, match="event 21: missing"):
        list(reader.entries())
