"""Kill a rotation at one line of its code after the other and look at what it leaves; run by `test_crash`.

    python -m tests.journal.rotation_kills DIRECTORY FIRST EVERY

Victims are forks that kill themselves when the journal's code has come to its FIRST line, to the FIRST +
EVERY-th and so on, until one gets through. One line for each goes to standard output.
"""

import os
import shutil
import signal
import sys
import threading
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import structlog

from drift_e3.journal import archiver, commits, retention, rotation
from drift_e3.journal.reader import open_journal
from drift_e3.journal.rotation import Keeping
from drift_e3.journal.segments import folder_of
from drift_e3.journal.tail import verify
from drift_e3.journal.writer import JournalWriter
from tests.journal.journal_builders import CODE, ToyTrader, append, candle, outputs_of
from tests.journal.rotating import append_with_snapshot, rotate

EVENTS = 90
PACKAGE = str(Path(archiver.__file__).parent)
DELETING = Keeping(rotate_bytes=1, keep_ms=1, backup_first=False)


def kill_at(line: int) -> None:
    """Let this process be killed when one of its threads comes to the so-many-th line of the journal's code.

    Of a line in a loop the first two times count, so that waiting for the other thread does not.
    """
    visits: Counter[tuple[str, int]] = Counter()
    left = line

    def trace(frame: FrameType, what: str, _: object) -> Any:
        nonlocal left
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        place = (frame.f_code.co_filename, frame.f_lineno)
        visits[place] += 1
        if what == "line" and visits[place] <= 2:
            left -= 1
            if left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    threading.settrace(trace)
    sys.settrace(trace)


def is_killed(path: Path, line: int) -> bool:
    """Whether a fork that rotates the journal was killed at this line; where there are fewer, it was not."""
    child = os.fork()
    if child == 0:
        kill_at(line)
        rotate(path, DELETING)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in {0, -signal.SIGKILL}, code
    return code != 0


def look(path: Path, events: int) -> str:
    """Every event and outcome is there once, in order; gives where they lie."""
    with open_journal(path) as reader:
        report = verify(reader, whole=True)
        assert (report.first_bad, report.wal.reason) == (None, ""), report.text
        seen = 0
        for seen, entry in enumerate(reader.entries(), reader.first_seq):
            assert entry.event.seq == seen
            assert reader.event(entry.event) == candle(seen)
            assert len(entry.outputs) == outputs_of(seen)
        assert seen == events, f"{seen} of {events}"
        assert [row.seq for row in reader.rows_of({"candle_closed"})] == list(
            range(reader.first_seq, events + 1)
        )
        (held,) = reader.query("SELECT count(*) FROM events")[0]
        return f"{len(reader.segments)} segments, {held} events in the live file"


def main() -> None:
    folder, line, every = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    # What the toy trader remembers is nothing that could be open.
    retention._at_rest = lambda _: True  # type: ignore[assignment]
    # Many small steps, so that there are many places to be killed at.
    archiver.STEP_EVENTS, commits.TRIM_EVENTS, rotation.STEP_S = 40, 30, 0.0  # type: ignore[misc]
    begun = folder / "begun" / "journal.db"
    begun.parent.mkdir()
    append_with_snapshot(begun, EVENTS // 3)
    rotate(begun)
    append_with_snapshot(begun, EVENTS - EVENTS // 3)
    killed = True
    while killed:
        path = folder / str(line) / "journal.db"
        shutil.copytree(begun.parent, path.parent)
        killed = is_killed(path, line)
        found = look(path, EVENTS)
        # As a restart would: what was cut off is swept away, what was begun is finished, and it goes on.
        with JournalWriter(path, CODE, keeping=DELETING) as writer:
            append(writer, ToyTrader(EVENTS), 2)
        rotate(path)
        look(path, EVENTS + 2)
        with open_journal(path) as reader:
            recorded = [segment.name for segment in reader.segments]
        assert sorted(os.listdir(folder_of(path))) == recorded
        shutil.rmtree(path.parent)
        print(f"line {line}: {'killed' if killed else 'through'}, {found}", flush=True)
        line += every


if __name__ == "__main__":
    main()
