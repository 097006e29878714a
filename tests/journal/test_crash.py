import subprocess
import sys
from pathlib import Path

import pytest

from drift_e3.journal.reader import open_journal
from drift_e3.journal.tail import verify

ROOT = Path(__file__).parents[2]


def crash(tmp_path: Path, seed: int, rounds: int, *more: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.journal.crash_rounds", str(tmp_path), str(seed), str(rounds), *more],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout
    assert len(ran.stdout.splitlines()) == rounds


@pytest.mark.slow
def test_twenty_kills_lose_nothing_awaited_and_tear_nothing(tmp_path: Path) -> None:
    crash(tmp_path, 1, 20)


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(2, 12))
def test_hundreds_of_kills_lose_nothing_awaited_and_tear_nothing(tmp_path: Path, seed: int) -> None:
    crash(tmp_path, seed, 50)


@pytest.mark.slow
def test_kills_among_rotations_lose_and_double_nothing(tmp_path: Path) -> None:
    crash(tmp_path, 1, 3, "rotating")


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(2, 12))
def test_hundreds_of_kills_among_rotations_lose_and_double_nothing(tmp_path: Path, seed: int) -> None:
    crash(tmp_path, seed, 50, "rotating")


def kill_lines(tmp_path: Path, first: int, every: int) -> int:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.journal.rotation_kills", str(tmp_path), str(first), str(every)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout
    lines = ran.stdout.splitlines()
    assert "through" in lines[-1]
    return len(lines)


@pytest.mark.slow
def test_a_rotation_killed_at_lines_of_its_code_loses_and_doubles_nothing(tmp_path: Path) -> None:
    assert kill_lines(tmp_path, 11, 89) > 3


@pytest.mark.torture
@pytest.mark.parametrize("first", range(1, 5))
def test_a_rotation_killed_at_any_line_of_its_code_loses_and_doubles_nothing(
    tmp_path: Path, first: int
) -> None:
    assert kill_lines(tmp_path, first, 4) > 100


FULL_DISK = """
import asyncio, resource, signal, sys
from pathlib import Path
from drift_e3.journal.errors import JournalError
from drift_e3.journal.writer import JournalWriter
from tests.journal.journal_builders import CODE, ToyTrader, append

async def main():
    writer = JournalWriter(Path(sys.argv[1]), CODE, linger_s=60.0)
    append(writer, ToyTrader(), 20)
    await writer.commit()
    # No file may grow: every write beyond its end fails as on a disk that is full or broken.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
    for _ in range(2):
        try:
            append(writer, ToyTrader(20), 2_000)
            await writer.commit()
        except JournalError as error:
            print(error)

asyncio.run(main())
"""


def test_a_failing_disk_is_a_journal_error_and_loses_nothing_committed(tmp_path: Path) -> None:

    path = tmp_path / "journal.db"
    ran = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    first, again = ran.stdout.splitlines()
    assert first == again
    assert "disk" in first
    with open_journal(path) as reader:
        report = verify(reader, whole=True)
    assert report.last_seq == 20
    assert report.first_bad is None
