import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from drift_e3.ports import DataError
from drift_e3.venues.solana import outbox as outbox_module
from drift_e3.venues.solana.outbox import Outbox, OutboxDamaged, OutboxError
from drift_e3.venues.solana.submission import Kind, Stage, Submission
from tests.venues.solana.sending_builders import cancel, entry, signed, stop

ROOT = Path(__file__).parents[3]
NOW_MS = 1_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.db"


@pytest.fixture
def outbox(path: Path) -> Iterator[Outbox]:
    opened = Outbox(path)
    yield opened
    opened.close()


def finished(wanted: Submission, stage: Stage = Stage.LANDED, slot: int = 1_010) -> Submission:
    return wanted._replace(stage=stage, slot=slot)


def everything(path: Path) -> list[tuple[int, Submission]]:
    opened = Outbox(path)
    try:
        return [(seq, opened.submission(seq)) for seq in range(1, len(opened.numbers()) + 1)]
    finally:
        opened.close()


def test_a_new_outbox_is_empty(outbox: Outbox) -> None:
    assert outbox.undecided() == {}
    assert outbox.last("o1", Kind.PLACE) is None
    assert outbox.numbers() == ()
    assert outbox.landed_slot() == 0
    with pytest.raises(KeyError):
        outbox.submission(1)


def test_rows_come_back_from_the_disk_as_they_were(outbox: Outbox, path: Path) -> None:
    wanted = [entry("o1", 1), stop("s1", 2), cancel("o1", 1), entry("o2", 3)]
    one, two, three, four = (outbox.begin(each, NOW_MS) for each in wanted)
    outbox.save(two, signed(wanted[1]))
    outbox.save(three, signed(wanted[2], "5igC"))
    refused = Submission(wanted[3], Stage.REFUSED, code=6003, name="InsufficientCollateral")
    outbox.save(four, refused)
    outbox.close()
    again = Outbox(path)
    assert again.undecided() == {
        one: Submission(wanted[0]),
        two: signed(wanted[1]),
        three: signed(wanted[2], "5igC"),
    }
    assert again.submission(four) == refused
    assert again.numbers() == (1, 2, 1, 3)
    again.close()


def test_a_finished_row_keeps_its_verdict_and_not_its_bytes(outbox: Outbox) -> None:
    seq = outbox.begin(entry(), NOW_MS)
    outbox.save(seq, signed(entry()))
    outbox.save(seq, finished(signed(entry()), slot=1_234))
    assert outbox.submission(seq) == finished(signed(entry()), slot=1_234)._replace(raw=b"")
    assert outbox.undecided() == {}
    assert outbox.landed_slot() == 1_234


def test_only_what_landed_counts_for_the_landed_slot(outbox: Outbox) -> None:
    for intent_id, stage in (("o1", Stage.FAILED), ("o2", Stage.LANDED), ("o3", Stage.EXPIRED)):
        seq = outbox.begin(entry(intent_id), NOW_MS)
        outbox.save(seq, signed(entry(intent_id), intent_id))
        outbox.save(seq, finished(signed(entry(intent_id), intent_id), stage, 50 + seq))
    assert outbox.landed_slot() == 52


def test_an_intent_is_placed_once_and_cancelled_as_often_as_it_takes(outbox: Outbox) -> None:
    outbox.begin(entry(), NOW_MS)
    with pytest.raises(ValueError, match="intent o1"):
        outbox.begin(entry(), NOW_MS)
    first, second = outbox.begin(cancel(), NOW_MS), outbox.begin(cancel(), NOW_MS)
    assert outbox.last("o1", Kind.CANCEL) == (second, Submission(cancel()))
    assert outbox.last("o1", Kind.PLACE) == (1, Submission(entry()))
    assert first < second


def test_the_disk_refuses_a_second_signature_and_a_second_verdict(outbox: Outbox) -> None:
    seq = outbox.begin(entry(), NOW_MS)
    outbox.save(seq, signed(entry()))
    for other in (signed(entry(), "5ig2"), signed(entry(), raw=b"other bytes")):
        with pytest.raises(ValueError, match="signed once"):
            outbox.save(seq, other)
    outbox.save(seq, finished(signed(entry()), Stage.EXPIRED))
    assert outbox.submission(seq).stage is Stage.EXPIRED


def test_the_disk_refuses_to_change_or_lose_a_row_behind_our_back(outbox: Outbox, path: Path) -> None:
    outbox.begin(entry(), NOW_MS)
    done = outbox.begin(stop(), NOW_MS)
    outbox.save(done, Submission(stop(), Stage.REFUSED))
    stranger = sqlite3.connect(path)
    for statement, why in (
        ("DELETE FROM submissions WHERE seq = 1", "undecided stays"),
        ("UPDATE submissions SET stage = 'intended' WHERE seq = 2", "verdict is final"),
    ):
        with pytest.raises(sqlite3.IntegrityError, match=why):
            stranger.execute(statement)
    stranger.close()


def test_old_verdicts_go_and_what_is_undecided_stays(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_module, "FINISHED_KEPT", 3)
    outbox.begin(stop("undecided", 200), NOW_MS)
    for number in range(1, 10):
        seq = outbox.begin(entry(f"o{number}", number), NOW_MS)
        outbox.save(seq, Submission(entry(f"o{number}", number), Stage.REFUSED))
    assert outbox.numbers() == (200, 7, 8, 9)
    assert outbox.last("o1", Kind.PLACE) is None


def test_no_number_of_a_row_is_given_twice(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_module, "FINISHED_KEPT", 1)
    seqs = []
    for number in range(1, 6):
        seqs.append(outbox.begin(entry(f"o{number}"), NOW_MS))
        outbox.save(seqs[-1], Submission(entry(f"o{number}"), Stage.REFUSED))
    assert seqs == [1, 2, 3, 4, 5]


def test_a_closed_outbox_says_so(path: Path) -> None:
    outbox = Outbox(path)
    outbox.close()
    outbox.close()
    with pytest.raises(OutboxError, match="closed"):
        outbox.undecided()


def test_a_reader_does_not_hold_up_a_signed_row(outbox: Outbox, path: Path) -> None:
    seq = outbox.begin(entry(), NOW_MS)
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT stage FROM submissions").fetchall() == [("intended",)]
    outbox.save(seq, signed(entry()))
    reader.close()
    assert outbox.undecided() == {seq: signed(entry())}


# -- places where there can be none --------------------------------------------------------------------------


def test_a_folder_that_is_not_there_is_an_error_of_the_place(tmp_path: Path) -> None:
    with pytest.raises(OutboxError, match="absent"):
        Outbox(tmp_path / "absent" / "outbox.db")


def test_an_outbox_that_another_holds_is_an_error_of_the_place(
    outbox: Outbox, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox._do("PRAGMA busy_timeout = 1")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(OutboxError, match="locked"):
        outbox.begin(entry(), NOW_MS)
    other.execute("ROLLBACK")
    other.close()
    assert outbox.begin(entry(), NOW_MS) == 1


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from drift_e3.venues.solana.outbox import Outbox, OutboxError
from tests.venues.solana.sending_builders import entry, signed

outbox = Outbox(Path(sys.argv[1]))
seq = outbox.begin(entry(), 0)
# No file may grow: every write beyond its end fails as on a disk that is full or broken.
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4_096, 4_096))
try:
    outbox.save(seq, signed(entry()))
except OutboxError as error:
    print(error)
"""


def test_a_full_disk_is_an_error_and_the_row_is_not_signed(path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "disk" in ran.stdout
    assert everything(path) == [(1, Submission(entry()))]


# -- files that are not as they were written -----------------------------------------------------------------


def refused(path: Path) -> str:
    with pytest.raises(OutboxDamaged) as caught:
        Outbox(path)
    line = str(caught.value)
    assert isinstance(caught.value, DataError)
    assert line.startswith(str(path))
    assert "\n" not in line
    return line


def test_an_empty_file_is_a_lost_outbox_and_not_a_new_one(path: Path) -> None:
    path.touch()
    assert "not an outbox" in refused(path)


def test_what_is_no_database_is_refused(path: Path) -> None:
    path.write_text("order one: buy\n" * 400)
    assert "not a database" in refused(path)


def test_another_programs_database_is_refused(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE submissions (seq INTEGER PRIMARY KEY)")
    other.close()
    assert "not an outbox" in refused(path)


def test_a_newer_outbox_is_refused(outbox: Outbox, path: Path) -> None:
    outbox._do("PRAGMA user_version = 2")
    outbox.close()
    assert "schema 2" in refused(path)


def test_an_outbox_that_was_made_over_is_refused(outbox: Outbox, path: Path) -> None:
    outbox._do("PRAGMA journal_mode = DELETE")
    outbox.close()
    assert "no write-ahead log" in refused(path)


def test_a_log_without_its_database_is_a_lost_outbox(path: Path) -> None:
    path.with_name("outbox.db-wal").write_bytes(b"log")
    assert "missing" in refused(path)


def test_a_row_that_somebody_changed_is_refused(outbox: Outbox, path: Path) -> None:
    outbox.begin(entry(), NOW_MS)
    outbox._do("UPDATE submissions SET max_ts = max_ts + 1")
    outbox.close()
    assert "row 1 is damaged" in refused(path)


def test_a_start_that_was_killed_while_making_the_outbox_leaves_none(path: Path) -> None:
    path.with_name("outbox.db.new").write_bytes(b"half of an outbox")
    Outbox(path).close()
    assert everything(path) == []


def written(path: Path) -> list[tuple[int, Submission]]:
    """An outbox with some of everything in it."""
    outbox = Outbox(path)
    for number in range(1, 25):
        wanted = entry(f"o{number}", number)
        seq = outbox.begin(wanted, NOW_MS)
        if number % 3:
            outbox.save(seq, signed(wanted, f"5ig{number}", bytes([number]) * 300))
        if number % 3 == 1:
            outbox.save(seq, finished(signed(wanted, f"5ig{number}"), slot=number))
    outbox.close()
    return everything(path)


def damaged_and_refused(folder: Path, seed: int, times: int) -> int:
    """Damage an outbox so often; how often that was refused. Otherwise all must be as it was written."""
    rows = written(folder / "whole.db")
    whole = (folder / "whole.db").read_bytes()
    dice = random.Random(seed)
    hurt = folder / "hurt.db"
    refusals = 0
    for _ in range(times):
        damaged = bytearray(whole)
        if dice.random() < 0.3:
            del damaged[dice.randrange(len(damaged)) :]
        else:
            start = dice.randrange(len(damaged))
            for at in range(start, min(start + dice.choice((1, 1, 8, 512)), len(damaged))):
                damaged[at] ^= dice.randrange(1, 256)
        hurt.write_bytes(damaged)
        for leftover in ("-wal", "-shm"):
            hurt.with_name(hurt.name + leftover).unlink(missing_ok=True)
        try:
            assert everything(hurt) == rows
        except OutboxDamaged:
            refusals += 1
    return refusals


def test_a_damaged_file_is_refused_or_has_lost_nothing(tmp_path: Path) -> None:
    assert damaged_and_refused(tmp_path, 11, 300) > 150


def test_a_torn_log_loses_no_signed_row(outbox: Outbox, path: Path, tmp_path: Path) -> None:
    """What may have been sent is in the database itself before it is sent."""
    for number in range(1, 6):
        seq = outbox.begin(entry(f"o{number}", number), NOW_MS)
        outbox.save(seq, signed(entry(f"o{number}", number), f"5ig{number}"))
    outbox.save(1, finished(signed(entry("o1", 1), "5ig1")))
    outbox.begin(entry("o6", 6), NOW_MS)
    log = path.with_name("outbox.db-wal").read_bytes()
    assert log
    torn = tmp_path / "torn.db"
    dice = random.Random(12)
    for _ in range(60):
        shutil.copyfile(path, torn)
        part = bytearray(log[: dice.randrange(len(log))])
        if part and dice.random() < 0.5:
            part[dice.randrange(len(part))] ^= 0xFF
        torn.with_name("torn.db-wal").write_bytes(part)
        opened = Outbox(torn)
        signatures = {submission.signature for submission in opened.undecided().values()}
        opened.close()
        assert signatures - {"", "5ig1"} == {"5ig2", "5ig3", "5ig4", "5ig5"}
        for leftover in torn.parent.glob("torn.db*"):
            os.unlink(leftover)
