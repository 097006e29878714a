import sqlite3
from pathlib import Path

import pytest

from drift_e3.journal import schema
from drift_e3.journal.codec import encode
from drift_e3.journal.errors import JournalError, JournalUnreadable
from drift_e3.journal.reader import open_journal
from drift_e3.journal.rows import event_crc
from drift_e3.journal.writer import JournalWriter
from tests.journal.journal_builders import CODE, ToyTrader, append, candle, write_journal
from tests.journal.rotating import append_with_snapshot, rotate

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


def older(path: Path, version: int) -> Path:
    """A journal of three events as an older version would have written it."""
    connection = connect(path)
    for migration in schema.MIGRATIONS[:version]:
        migration(connection)
    connection.execute(f"PRAGMA user_version = {version}")
    connection.execute("INSERT INTO codes VALUES (1, ?)", (CODE,))
    for seq in (1, 2, 3):
        kind, ts, payload = "candle_closed", candle(seq).seen_ts, encode(candle(seq))
        row = (seq, kind, ts, 1, payload, event_crc(seq, kind, ts, 1, payload))
        connection.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", row)
    connection.close()
    return path


def test_a_reader_takes_a_journal_from_before_there_were_segments(path: Path) -> None:
    with open_journal(older(path, 2)) as reader:
        assert [event for _, event in reader.events()] == [candle(seq) for seq in (1, 2, 3)]
        assert (reader.first_seq, reader.segments) == (1, [])
        assert [row.seq for row in reader.newest_events(("candle_closed",), 9, 2)] == [3, 2]


def test_a_reader_of_a_journal_that_is_older_still_asks_for_a_start(path: Path) -> None:
    with pytest.raises(JournalUnreadable, match=f"schema 1 is older than {NEWEST}: start the daemon once"):
        open_journal(older(path, 1))


@pytest.mark.parametrize("version", range(1, NEWEST))
def test_a_writer_brings_an_older_journal_up_to_date(path: Path, version: int) -> None:
    with JournalWriter(older(path, version), CODE) as writer:
        append(writer, ToyTrader(3), 1)
    with open_journal(path) as reader:
        assert reader.query("PRAGMA user_version") == [(NEWEST,)]
        assert [event for _, event in reader.events()] == [candle(seq) for seq in (1, 2, 3, 4)]
    append_with_snapshot(path, 1)
    rotate(path)
    with open_journal(path) as reader:
        assert len(reader.segments) == 1
        assert reader.last_seq == len(list(reader.entries())) == 5


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
