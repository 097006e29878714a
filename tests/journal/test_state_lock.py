import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from drift_e3.journal.state_lock import LOCK_NAME, StateLock, StateLocked, held_by

HOLD = """
import sys
from pathlib import Path
from drift_e3.journal.state_lock import StateLock
lock = StateLock(Path(sys.argv[1]), 5)
print("held", flush=True)
sys.stdin.read()
"""


def holder(state_dir: Path) -> subprocess.Popen[str]:
    """A process that holds the lock until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(state_dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_process_is_told_who_holds_the_directory_until_that_dies(tmp_path: Path) -> None:
    with holder(tmp_path / "state") as process:
        with pytest.raises(StateLocked, match=f"in use by process {process.pid}") as refused:
            StateLock(tmp_path / "state", 6)
        assert (refused.value.pid, refused.value.started_ts) == (process.pid, 5)
        process.kill()
        process.wait()
        with StateLock(tmp_path / "state", 7):
            written = json.loads((tmp_path / "state" / "lock").read_bytes())
        assert written == {"pid": os.getpid(), "started_ts": 7}


def test_the_same_process_cannot_hold_it_twice_and_may_after_release(tmp_path: Path) -> None:
    lock = StateLock(tmp_path, 1)
    with pytest.raises(StateLocked):
        StateLock(tmp_path, 2)
    lock.release()
    lock.release()
    StateLock(tmp_path, 3).release()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"pid": "x", "started_ts": 1}', '{"pid": null}'])
def test_a_holder_that_has_not_written_its_name_is_another_process(tmp_path: Path, content: str) -> None:
    with StateLock(tmp_path, 1):
        (tmp_path / "lock").write_text(content)
        with pytest.raises(StateLocked, match="in use by another process"):
            StateLock(tmp_path, 2)


def test_directories_do_not_lock_each_other(tmp_path: Path) -> None:
    with StateLock(tmp_path / "one", 1), StateLock(tmp_path / "two", 1):
        pass


def test_a_directory_that_cannot_be_made_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        StateLock(tmp_path / "file", 1)


def test_who_holds_a_directory_can_be_asked_without_touching_it(tmp_path: Path) -> None:
    assert held_by(tmp_path / "none") is None
    assert held_by(tmp_path) is None
    assert list(tmp_path.iterdir()) == []
    with StateLock(tmp_path, 1_700_000_000_000):
        assert held_by(tmp_path) == (os.getpid(), 1_700_000_000_000)
        assert held_by(tmp_path) == (os.getpid(), 1_700_000_000_000)
    assert held_by(tmp_path) is None
    with StateLock(tmp_path, 1_700_000_000_001):
        (tmp_path / LOCK_NAME).write_text("half a")
        assert held_by(tmp_path) == (0, 0)


def test_somebody_who_only_looks_for_a_moment_does_not_keep_a_daemon_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    StateLock(tmp_path, 1).release()
    looking = os.open(tmp_path / LOCK_NAME, os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)
    monkeypatch.setattr("time.sleep", lambda _: fcntl.flock(looking, fcntl.LOCK_UN))
    with StateLock(tmp_path, 2):
        assert held_by(tmp_path) == (os.getpid(), 2)
    os.close(looking)
