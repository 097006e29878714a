import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from drift_e3.journal.errors import JournalUnreadable
from drift_e3.journal.reader import JournalReader, open_journal
from drift_e3.journal.rows import EventRow, OutputRow
from drift_e3.journal.writer import JournalWriter
from tests.journal.journal_builders import CODE, ToyTrader, append, beside, candle, outputs_of, write_journal
from tests.journal.test_tail import spoil


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def test_events_are_read_from_any_point_over_several_pages(path: Path) -> None:
    write_journal(path, 2_300)
    with open_journal(path) as reader:
        assert [seq for seq, _ in reader.events()] == list(range(1, 2_301))
        assert list(reader.events(2_298)) == [(seq, candle(seq)) for seq in (2_299, 2_300)]
        assert [len(entry.outputs) for entry in reader.entries(1_100)] == [
            outputs_of(seq) for seq in range(1_101, 2_301)
        ]
        assert list(reader.events(2_300)) == []


@pytest.mark.parametrize("after_seq", [0, 1_500])
def test_rows_of_some_kinds_come_in_order_over_several_pages(path: Path, after_seq: int) -> None:
    write_journal(path, 2_300)
    with open_journal(path) as reader:
        whole: list[EventRow | OutputRow] = []
        for entry in reader.entries(after_seq):
            whole += [entry.event, *entry.outputs]
        cancels = [row for row in whole if row.kind == "cancel_order"]
        assert list(reader.rows_of({"cancel_order"}, after_seq)) == cancels
        assert list(reader.rows_of({"cancel_order", "candle_closed", "settings_taken"}, after_seq)) == whole
        assert list(reader.rows_of({"fill"}, after_seq)) == []


def test_the_newest_output_of_a_kind_is_found(path: Path) -> None:
    write_journal(path, 300)
    with open_journal(path) as reader:
        rows = [row for entry in reader.entries() for row in entry.outputs if row.kind == "cancel_order"]
        assert reader.last_output("cancel_order") == rows[-1]
        assert reader.last_output("decision_made") is None


def test_a_reader_sees_what_is_committed_while_it_reads(path: Path) -> None:
    with JournalWriter(path, CODE) as writer:
        append(writer, ToyTrader(), 1)
    with open_journal(path) as reader:
        events = reader.events()
        assert next(events) == (1, candle(1))
        with JournalWriter(path, CODE) as writer:
            append(writer, ToyTrader(1), 1)
        assert next(events) == (2, candle(2))


def test_a_reader_cannot_write(path: Path) -> None:
    write_journal(path, 1)
    with open_journal(path) as reader, pytest.raises(JournalUnreadable, match="readonly"):
        reader.query("DELETE FROM snapshots")


@pytest.mark.parametrize(
    ("statement", "read", "what"),
    [
        ("UPDATE events SET ts = 0 WHERE seq = 2", lambda reader: list(reader.events()), "event 2"),
        ("UPDATE events SET ts = 0 WHERE seq = 2", lambda reader: list(reader.entries()), "event 2"),
        ("UPDATE outputs SET ts = 0 WHERE seq = 2", lambda reader: list(reader.entries()), "output 2"),
        ("UPDATE outputs SET ts = 0 WHERE seq = 2", lambda reader: reader.outputs(2), "output 2"),
        (
            "UPDATE events SET ts = 0 WHERE seq = 2",
            lambda reader: list(reader.rows_of(["candle_closed"])),
            "event 2",
        ),
        (
            "UPDATE outputs SET ts = 0 WHERE seq = 2",
            lambda reader: list(reader.rows_of(["cancel_order"])),
            "output 2",
        ),
    ],
)
def test_a_damaged_row_is_never_passed_on(
    path: Path, statement: str, read: Callable[[JournalReader], object], what: str
) -> None:
    write_journal(path, 3)
    spoil(path, statement)
    with open_journal(path) as reader, pytest.raises(JournalUnreadable, match=f"{what}: checksum differs"):
        read(reader)


def test_an_event_of_unknown_kind_is_refused_by_name(path: Path) -> None:
    write_journal(path, 1)
    with open_journal(path) as reader:
        row = reader.event_rows(0, 1)[0]._replace(kind="moon_rose")
        for decode in (reader.event, reader.message):
            with pytest.raises(JournalUnreadable, match="event 1: moon_rose"):
                decode(row)


def test_no_file_a_directory_and_an_empty_file_are_refused(path: Path) -> None:
    with pytest.raises(JournalUnreadable, match="no journal there"):
        open_journal(path)
    with pytest.raises(JournalUnreadable, match="no journal there"):
        open_journal(path.parent)
    path.touch()
    with pytest.raises(JournalUnreadable, match="the journal is empty"):
        open_journal(path)


def test_a_file_that_may_not_be_opened_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_journal(path, 1)
    monkeypatch.setattr(Path, "as_uri", lambda self: "file:nowhere/journal.db")
    with pytest.raises(JournalUnreadable, match="unable to open"):
        open_journal(path)


READ_ONLY = """
import os, sys
from pathlib import Path
from drift_e3.journal.errors import JournalError
from drift_e3.journal.reader import open_journal
from drift_e3.journal.writer import JournalWriter
from tests.journal.journal_builders import CODE
import urllib.parse  # while the interpreter may still read its library
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
path = Path(sys.argv[1])
with open_journal(path) as reader:
    print("read", reader.last_seq)
for name in (path.name, "new.db"):
    try:
        JournalWriter(path.with_name(name), CODE)
    except JournalError as error:
        print(error)
"""


def test_a_read_only_directory_can_be_read_and_gives_the_writer_a_journal_error() -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "journal.db"
        write_journal(path, 7)
        # A reader may leave an empty log and its index behind.
        open_journal(path).close()
        path.chmod(0o444)
        path.parent.chmod(0o555)
        ran = subprocess.run(
            [sys.executable, "-c", READ_ONLY, str(path)],
            capture_output=True,
            text=True,
            check=False,
            cwd=os.getcwd(),
        )
        path.parent.chmod(0o755)
    assert (ran.returncode, ran.stderr) == (0, "")
    read, existing, new = ran.stdout.splitlines()
    assert read == "read 7"
    assert "readonly" in existing
    assert "unable to open" in new


HELD_BY_ANOTHER = """
import fcntl, sys
with open(sys.argv[1], "r+b") as index:
    try:
        fcntl.lockf(index, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 128)
        print("free")
    except BlockingIOError:
        print("held")
"""


@pytest.mark.parametrize(("beside_writer", "lock"), [(True, "held"), (False, "free")])
def test_a_reader_in_the_writers_process_leaves_it_its_locks(
    path: Path, beside_writer: bool, lock: str
) -> None:
    # Whoever finds the index without this lock takes it for stale and empties it.
    with JournalWriter(path, CODE) as writer:
        append(writer, ToyTrader(), 3)
        asyncio.run(writer.commit())
        with open_journal(path, beside_writer=beside_writer) as reader:
            assert reader.last_seq == 3
            ran = subprocess.run(
                [sys.executable, "-c", HELD_BY_ANOTHER, str(beside(path, "-shm"))],
                capture_output=True,
                text=True,
                check=True,
            )
    assert ran.stdout == f"{lock}\n"
