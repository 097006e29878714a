import asyncio
import sqlite3
from pathlib import Path

import pytest

from drift_e3.journal.errors import JournalUnreadable
from drift_e3.journal.reader import open_journal
from drift_e3.journal.tail import BadRow, TailReport, verify
from drift_e3.journal.writer import JournalWriter
from tests.journal.journal_builders import (
    CODE,
    ToyTrader,
    append,
    beside,
    change_byte,
    left_by_a_crash,
    write_journal,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def spoil(path: Path, *statements: str) -> None:
    """Change the file behind the journal's back."""
    connection = sqlite3.connect(path, isolation_level=None)
    for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {trigger}")
    for statement in statements:
        connection.execute(statement)
    connection.close()


def report(path: Path, *, whole: bool = False) -> TailReport:
    with open_journal(path) as reader:
        return verify(reader, whole=whole)


def write_with_snapshots(path: Path) -> None:
    """Twelve events, snapshots after the fourth and the eighth."""
    with JournalWriter(path, CODE) as writer:
        trader = ToyTrader()
        for _ in range(3):
            append(writer, trader, 4)
            if writer.last_seq < 12:
                writer.append_snapshot(b"trader", b"market")


@pytest.mark.parametrize("whole", [True, False])
def test_a_good_journal_is_intact(path: Path, whole: bool) -> None:
    write_with_snapshots(path)
    found = report(path, whole=whole)
    assert found.intact
    assert (found.last_seq, found.snapshot_seq, found.clean_stop, found.rows_dropped) == (12, 8, True, 0)
    assert found.text == "good up to event 12; clean stop"


def test_more_events_than_a_page_are_good_to_the_last(path: Path) -> None:
    write_journal(path, 2_500)
    assert report(path).last_seq == 2_500


def test_an_empty_journal_is_intact(path: Path) -> None:
    write_journal(path, 0)
    assert report(path).intact


@pytest.mark.parametrize(
    ("statement", "table", "seq", "reason"),
    [
        (
            "UPDATE events SET payload = CAST(replace(payload, '10', '90') AS BLOB) WHERE seq = 10",
            "events",
            10,
            "checksum",
        ),
        ("UPDATE events SET ts = ts + 1 WHERE seq = 10", "events", 10, "checksum"),
        ("UPDATE events SET kind = 'fill' WHERE seq = 10", "events", 10, "checksum"),
        ("UPDATE events SET code = 2 WHERE seq = 10", "events", 10, "checksum"),
        ("UPDATE events SET crc = crc + 1 WHERE seq = 12", "events", 12, "checksum"),
        ("DELETE FROM events WHERE seq = 10", "events", 10, "missing"),
        ("UPDATE outputs SET role = 'note' WHERE seq = 11 AND n = 0", "outputs", 11, "checksum"),
        ("UPDATE outputs SET ts = 0 WHERE seq = 11 AND n = 1", "outputs", 11, "checksum"),
        ("DELETE FROM outputs WHERE seq = 11 AND n = 0", "outputs", 11, "output 0 missing"),
        ("DELETE FROM outputs WHERE seq = 11 AND n = 2", "outputs", 11, "output 2 missing"),
    ],
)
def test_a_bad_row_is_named_with_its_reason(
    path: Path, statement: str, table: str, seq: int, reason: str
) -> None:
    write_with_snapshots(path)
    spoil(path, statement)
    found = report(path)
    assert not found.intact
    assert found.first_bad is not None
    assert found.first_bad[:2] == (table, seq)
    assert reason in found.first_bad.reason
    assert (found.last_seq, found.rows_dropped) == (seq - 1, 12 - seq + 1)
    assert f"{table} {seq}: {found.first_bad.reason}; {12 - seq + 1} events dropped" in found.text


def test_outputs_without_their_event_are_found(path: Path) -> None:
    write_with_snapshots(path)
    spoil(path, "DELETE FROM events WHERE seq >= 11")
    assert report(path).first_bad == BadRow("outputs", 11, "an output without its event")


def test_damage_before_the_last_good_snapshot_is_found_by_the_whole_check_only(path: Path) -> None:
    write_with_snapshots(path)
    spoil(path, "UPDATE events SET ts = 0 WHERE seq = 3")
    assert report(path).intact
    found = report(path, whole=True)
    assert (found.last_seq, found.rows_dropped) == (2, 10)


@pytest.mark.parametrize("change", ["trader = x'00'", "market = x'00'", "code = 2", "crc = 1"])
def test_a_damaged_snapshot_is_named_and_an_older_one_used(path: Path, change: str) -> None:
    write_with_snapshots(path)
    spoil(path, f"UPDATE snapshots SET {change} WHERE seq = 8")
    found = report(path)
    assert not found.intact
    assert (found.snapshot_seq, found.damaged_snapshots, found.last_seq) == (4, (8,), 12)
    assert "damaged snapshots: 8" in found.text


def test_snapshots_that_are_ahead_of_the_events_or_of_unknown_code_are_not_used(path: Path) -> None:
    write_with_snapshots(path)
    spoil(path, "DELETE FROM events WHERE seq > 6", "DELETE FROM outputs WHERE seq > 6")
    assert report(path).snapshot_seq == 4
    spoil(path, "DELETE FROM codes")
    assert report(path).snapshot_seq == 0


def test_a_log_with_lost_commits_is_said(tmp_path: Path) -> None:
    crashed = left_by_a_crash(tmp_path / "journal.db", 4, tmp_path / "crashed")
    change_byte(beside(crashed, "-wal"), -10)
    found = report(crashed)
    assert (found.last_seq, found.first_bad, found.clean_stop, found.intact) == (9, None, False, False)
    assert "no clean stop" in found.text
    assert "of commits lost" in found.text


def test_a_writer_after_a_torn_log_starts_an_intact_one(tmp_path: Path) -> None:
    crashed = left_by_a_crash(tmp_path / "journal.db", 6, tmp_path / "crashed")
    change_byte(beside(crashed, "-wal"), 32 + 3 * 4120)
    assert not report(crashed).intact
    writer = JournalWriter(crashed, CODE)
    append(writer, ToyTrader(writer.last_seq), 1)
    asyncio.run(writer.commit())
    assert report(crashed).intact
    writer.close()


def damaged_everywhere(path: Path) -> list[str]:
    """One report, or refusal to open, for a byte changed on each page of the file in turn."""
    good = path.read_bytes()
    said = []
    for page in range(len(good) // 4096):
        path.write_bytes(good)
        for place in (3, 50, 4000):
            change_byte(path, page * 4096 + place)
        try:
            found = report(path, whole=True)
            said.append("" if found.intact else found.text)
        except JournalUnreadable as error:
            said.append(str(error))
    return said


def test_damage_on_any_page_in_use_is_said_and_never_crashes(path: Path) -> None:
    write_journal(path, 300)
    said = damaged_everywhere(path)
    assert len(said) > 10
    assert all(said)


def test_a_main_file_cut_off_is_said(path: Path) -> None:
    write_journal(path, 300)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
    with pytest.raises(JournalUnreadable, match="malformed"):
        report(path)
