"""Kill the daemon again and again and look at what it leaves; run by the tests in a process of its own.

    python -m tests.torture.kill_rounds FOLDER SEED KILLS

FOLDER holds `arguments.json`: the options of `drift-e3 run`. The program is loaded once and each daemon is a
fork of it that runs the real command line, so that a kill costs no start of an interpreter. A line for each
kill and one for the end go to standard output.
"""

import io
import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import NamedTuple

import drift_e3.cli.launch
import drift_e3.venues.tape.reading  # noqa: F401  (loaded before the first fork, as is the launcher)
from drift_e3.cli import main as drift_e3_main
from drift_e3.journal import rotation
from drift_e3.journal.errors import JournalEmpty
from drift_e3.journal.schema import JOURNAL_NAME
from drift_e3.journal.tail import verify
from tests.live.journals import opened, orders_sent_twice, rebuilt

LINES_BEFORE = 150
"""A daemon is killed after so many lines of its log at most, which is what its pipe does not hold back."""


class Ended(NamedTuple):
    """How a daemon ended: its exit code, negative for a signal, and its last words on standard error."""

    code: int
    error: str


def daemon(arguments: list[str], out: int, errors: Path) -> None:
    """Be the daemon; does not return."""
    os.dup2(out, 1)
    os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    sys.stdout = io.TextIOWrapper(os.fdopen(1, "wb"), "utf-8", write_through=True)
    sys.argv = ["drift-e3", "run", *arguments]
    code = 70
    try:
        drift_e3_main()
    except SystemExit as ended:
        code = int(ended.code or 0)
    finally:
        os._exit(code)


def run(arguments: list[str], folder: Path, dice: random.Random | None) -> Ended:
    """Run a daemon to its end or, with dice, to a random moment."""
    hear, tell = os.pipe()
    errors = folder / "errors.txt"
    child = os.fork()
    if child == 0:
        os.close(hear)
        daemon(arguments, tell, errors)
    os.close(tell)
    with os.fdopen(hear, "rb") as lines:
        if dice is not None:
            for _ in range(dice.randint(0, LINES_BEFORE)):
                if not lines.readline():
                    break
            until = time.perf_counter() + dice.random() ** 3 * 0.05
            while time.perf_counter() < until:
                pass
            os.kill(child, signal.SIGKILL)
        lines.read()
    _, status = os.waitpid(child, 0)
    return Ended(os.waitstatus_to_exitcode(status), errors.read_text() if errors.exists() else "")


def look(state: Path) -> str:
    """Nothing is torn, nothing was sent twice, and the trader is the same from a snapshot and from the first
    event."""
    if not (state / JOURNAL_NAME).exists():
        return "killed before there was a journal"
    try:
        reader = opened(state)
    except JournalEmpty:
        return "killed while the journal was made"
    with reader:
        report = verify(reader, whole=True)
        last_seq = reader.last_seq
    assert report.intact, report.text
    if last_seq == 0:
        return "killed before the first event"
    assert orders_sent_twice(state) == []
    from_snapshot, from_start = rebuilt(state)
    assert from_snapshot == from_start
    return report.text


def main() -> None:
    folder, dice, kills = Path(sys.argv[1]), random.Random(int(sys.argv[2])), int(sys.argv[3])
    given = json.loads((folder / "arguments.json").read_text())
    killed = through = 0
    # A market that is played this fast has little time for rotations, where they are asked for.
    rotation.PAUSE_S = 0.001  # type: ignore[misc]
    state = folder / "state0"
    while killed < kills:
        ended = run([*given, "--state", str(state)], folder, dice)
        if ended.code == 0:
            # Through the tape before its time had come: the next state directory has the other kills.
            through += 1
            print(f"through {state.name}", flush=True)
            state = folder / f"state{through}"
            continue
        assert ended == (-signal.SIGKILL, ""), ended
        killed += 1
        print(f"killed {look(state)}", flush=True)
    ended = run([*given, "--state", str(state)], folder, None)
    assert ended == (0, ""), ended
    look(state)
    print(f"through {state.name}", flush=True)


if __name__ == "__main__":
    main()
