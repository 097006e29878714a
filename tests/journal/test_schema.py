import sqlite3
from pathlib import Path

import pytest

from drift_e3.journal import schema
from drift_e3.journal.errors import JournalError, JournalUnreadable
from drift_e3.journal.reader import open_journal
from drift_e3.journal.writer import JournalWriter
from tests.journal.journal_builders import CODE, ToyTrader, append, candle, write_journal

NEWEST = len(schema.MIGRATIONS)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET ts = 0 WHERE seq = 2",
        "DELETE FROM events WHERE seq = 3",
        "UPDATE outputs SET kind = 'x' WHERE seq = 2",
        "DELETE FROM outputs WHERE seq = 2",
        "INSERT OR REPLACE INTO events SELECT * FROM events WHERE seq = 3",
        "INSERT OR REPLACE INTO outputs SELECT * FROM outputs WHERE seq = 2",
        "INSERT INTO events SELECT seq + 2, kind, ts, code, payload, crc FROM events WHERE seq = 3",
        "INSERT INTO outputs SELECT 4, n, role, kind, ts, payload, crc FROM outputs WHERE seq = 2",
        "INSERT INTO outputs SELECT seq, 9, 'event', kind, ts, payload, crc FROM outputs WHERE seq = 2",
        "INSERT INTO events SELECT seq + 1, kind, ts, code, NULL, crc FROM events WHERE seq = 3",
    ],
)
def test_nothing_written_can_be_changed_removed_or_put_out_of_order(path: Path, statement: str) -> None:
    write_journal(path, 3)
    connection = connect(path)
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute(statement)
    connection.close()
    with open_journal(path) as reader:
        assert [event for _, event in reader.events()] == [candle(seq) for seq in (1, 2, 3)]


def test_an_empty_file_becomes_a_journal(path: Path) -> None:
    path.touch()
    write_journal(path, 1)
    with open_journal(path) as reader:
        assert reader.last_seq == 1
        (created,) = reader.query("SELECT value FROM meta WHERE key = 'created_ts'")[0]
    assert int(created) > 1_700_000_000_000


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_text("my shopping list, which is longer than a database's header" * 20)
    for opened in (JournalWriter, lambda path, _: open_journal(path)):
        with pytest.raises(JournalUnreadable, match="not a readable journal"):
            opened(path, CODE)


def test_another_programs_database_is_refused_and_left_alone(path: Path) -> None:
    connection = connect(path)
    connection.execute("CREATE TABLE notes (text)")
    connection.close()
    before = path.read_bytes()
    for opened in (JournalWriter, lambda path, _: open_journal(path)):
        with pytest.raises(JournalUnreadable, match="not a journal: application id 0x0"):
            opened(path, CODE)
    assert path.read_bytes() == before


def test_a_newer_schema_is_refused_in_one_line(path: Path) -> None:
    write_journal(path, 1)
    connection = connect(path)
    connection.execute("PRAGMA user_version = 7")
    connection.close()
    for opened in (JournalWriter, lambda path, _: open_journal(path)):
        with pytest.raises(
            JournalUnreadable, match=rf"^[^\n]*schema 7 is newer than this program's {NEWEST}$"
        ):
            opened(path, CODE)


def test_a_writer_migrates_an_older_journal_and_a_reader_asks_for_that(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_journal(path, 3)

    def add_a_column(connection: sqlite3.Connection) -> None:
        connection.execute("ALTER TABLE snapshots ADD COLUMN remark TEXT")

    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, add_a_column))
    with pytest.raises(
        JournalUnreadable, match=f"schema {NEWEST} is older than {NEWEST + 1}: start the daemon once"
    ):
        open_journal(path)
    with JournalWriter(path, CODE) as writer:
        append(writer, ToyTrader(3), 1)
    with open_journal(path) as reader:
        assert reader.query("PRAGMA user_version") == [(NEWEST + 1,)]
        assert reader.last_seq == 4
        assert reader.query("SELECT remark FROM snapshots") == []


def test_a_migration_that_fails_leaves_the_older_journal_whole(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_journal(path, 3)

    def fail_half_way(connection: sqlite3.Connection) -> None:
        connection.execute("ALTER TABLE snapshots ADD COLUMN remark TEXT")
        connection.execute("ALTER TABLE missing ADD COLUMN remark TEXT")

    with monkeypatch.context() as patched:
        patched.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, fail_half_way))
        with pytest.raises(JournalError, match="no such table: missing"):
            JournalWriter(path, CODE)
    with open_journal(path) as reader:
        assert reader.query("PRAGMA user_version") == [(NEWEST,)]
        assert "remark" not in str(reader.query("SELECT sql FROM sqlite_master"))


def test_a_directory_that_does_not_exist_is_a_journal_error(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="unable to open"):
        JournalWriter(tmp_path / "nowhere" / "journal.db", CODE)


def test_a_file_system_without_a_write_ahead_log_is_refused() -> None:
    with pytest.raises(JournalError, match="offers no write-ahead log"):
        schema.open_for_writing(Path(":memory:"))
