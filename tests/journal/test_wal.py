import shutil
import sqlite3
import struct
from pathlib import Path

import pytest

from drift_e3.journal.reader import open_journal
from drift_e3.journal.wal import WalTail, inspect
from tests.journal.journal_builders import beside, change_byte, left_by_a_crash

HEADER, FRAME = 32, 24 + 4096


@pytest.fixture
def crashed(tmp_path: Path) -> Path:
    """Four commits of three events in the log, none in the database file but the tables."""
    return left_by_a_crash(tmp_path / "journal.db", 4, tmp_path / "crashed")


def frames(journal: Path) -> int:
    return (beside(journal, "-wal").stat().st_size - HEADER) // FRAME


def marks(journal: Path) -> list[int]:
    """The frames, counted from 1, that end a commit."""
    log = beside(journal, "-wal").read_bytes()
    return [n for n in range(1, frames(journal) + 1) if log[HEADER + (n - 1) * FRAME + 4 :][:4] != bytes(4)]


def events(journal: Path) -> int:
    with open_journal(journal) as reader:
        return reader.last_seq


def cut(journal: Path, length: int) -> None:
    with beside(journal, "-wal").open("r+b") as log:
        log.truncate(length)


def test_a_whole_log_has_lost_nothing(crashed: Path) -> None:
    assert inspect(crashed) == WalTail(frames_good=frames(crashed))
    assert events(crashed) == 12


def test_no_log_and_an_empty_log_have_lost_nothing(crashed: Path) -> None:
    cut(crashed, 0)
    assert inspect(crashed) == WalTail()
    beside(crashed, "-wal").unlink()
    assert inspect(crashed) == WalTail()


@pytest.mark.parametrize("place", [0, 4, 8, 16, 24, 2000])
def test_a_changed_byte_in_a_commit_is_said_with_what_is_lost(crashed: Path, place: int) -> None:
    """Whatever is hit: page number, commit mark, salt, checksum, page."""
    before, last = marks(crashed)[-3:-1]
    change_byte(beside(crashed, "-wal"), HEADER + before * FRAME + place)
    tail = inspect(crashed)
    lost = frames(crashed) - before
    assert tail == WalTail(before, lost, lost * FRAME, f"frame {before + 1} of the log is damaged")
    assert last > before
    # And it is true: SQLite says nothing and leaves out the last two commits.
    assert events(crashed) == 6


def test_a_changed_byte_is_noticed_without_the_index_too(crashed: Path) -> None:
    beside(crashed, "-shm").unlink()
    change_byte(beside(crashed, "-wal"), HEADER + 100)
    assert inspect(crashed).frames_dropped == frames(crashed)


def test_a_log_cut_off_between_two_commits_is_noticed_by_its_index(crashed: Path) -> None:
    whole, kept = frames(crashed), marks(crashed)[-2]
    cut(crashed, HEADER + kept * FRAME)
    assert inspect(crashed) == WalTail(kept, whole - kept, (whole - kept) * FRAME, "the log is cut off")
    assert events(crashed) == 9


def test_a_log_cut_off_within_a_frame_is_noticed(crashed: Path) -> None:
    last_commit = marks(crashed)[-2:]
    cut(crashed, HEADER + last_commit[1] * FRAME - 1000)
    tail = inspect(crashed)
    assert tail.reason == f"frame {last_commit[1]} of the log is damaged"
    assert (tail.frames_good, tail.frames_dropped) == (last_commit[0], last_commit[1] - last_commit[0])
    assert events(crashed) == 9


@pytest.mark.parametrize("place", [0, 8, 17, 25])
def test_a_damaged_header_costs_the_whole_log(crashed: Path, place: int) -> None:
    change_byte(beside(crashed, "-wal"), place)
    tail = inspect(crashed)
    assert tail.reason == "the log's header is damaged"
    assert tail.bytes_dropped == frames(crashed) * FRAME
    assert events(crashed) == 0


def test_a_header_cut_off_has_lost_nothing(crashed: Path) -> None:
    beside(crashed, "-shm").unlink()
    cut(crashed, 20)
    assert inspect(crashed) == WalTail()


def test_a_transaction_that_was_not_finished_is_no_loss(crashed: Path) -> None:
    committed = frames(crashed)
    connection = sqlite3.connect(crashed, isolation_level=None)
    connection.execute("PRAGMA cache_size = 1")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO meta VALUES ('large', hex(randomblob(100000)))")
    copy = crashed.parent / "copy.db"
    for suffix in ("", "-wal", "-shm"):
        shutil.copy(beside(crashed, suffix), beside(copy, suffix))
    connection.close()
    assert frames(copy) > committed
    assert inspect(copy) == WalTail(frames_good=committed)
    assert events(copy) == 12


def test_a_commit_cut_off_while_it_was_written_is_no_loss_when_the_index_does_not_count_it(
    crashed: Path,
) -> None:
    """A kill between the frame's head, which bears the commit's mark, and its page."""
    whole = frames(crashed)
    log = beside(crashed, "-wal")
    content = log.read_bytes()
    last = content[-FRAME:]
    log.write_bytes(content + last[:24] + bytes(500))
    assert inspect(crashed) == WalTail(frames_good=whole)
    beside(crashed, "-shm").unlink()
    assert inspect(crashed).frames_dropped == 1, "without the index nobody can tell, so it is said"


def test_what_an_earlier_round_left_in_the_log_is_no_loss(crashed: Path) -> None:
    connection = sqlite3.connect(crashed, isolation_level=None)
    connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
    connection.execute("INSERT INTO meta VALUES ('round', '2')")
    copy = crashed.parent / "copy.db"
    for suffix in ("", "-wal", "-shm"):
        shutil.copy(beside(crashed, suffix), beside(copy, suffix))
    connection.close()
    tail = inspect(copy)
    assert tail.reason == ""
    assert 0 < tail.frames_good < frames(copy)


def test_an_index_of_another_log_or_a_damaged_one_is_not_believed(crashed: Path) -> None:
    kept = marks(crashed)[-2]
    cut(crashed, HEADER + kept * FRAME)
    index = beside(crashed, "-shm")
    good = index.read_bytes()
    for offset in (16, 40, 64):
        index.write_bytes(good)
        change_byte(index, offset)
        assert inspect(crashed) == WalTail(frames_good=kept)
    index.write_bytes(good[:50])
    assert inspect(crashed) == WalTail(frames_good=kept)


def test_logs_with_big_endian_checksums_are_understood(crashed: Path) -> None:
    """Write the log anew as a machine of the other byte order would."""

    def sums(data: bytearray, start: tuple[int, int]) -> tuple[int, int]:
        first, second = start
        for even, odd in struct.iter_unpack(">II", data):
            first = (first + even + second) % 2**32
            second = (second + odd + first) % 2**32
        return first, second

    log = beside(crashed, "-wal")
    content = bytearray(log.read_bytes())
    content[3] |= 1
    running = sums(content[:24], (0, 0))
    content[24:32] = struct.pack(">II", *running)
    for start in range(HEADER, len(content), FRAME):
        running = sums(content[start : start + 8] + content[start + 24 : start + FRAME], running)
        content[start + 16 : start + 24] = struct.pack(">II", *running)
    log.write_bytes(content)
    assert inspect(crashed) == WalTail(frames_good=frames(crashed))
    assert events(crashed) == 12
