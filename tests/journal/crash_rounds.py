"""Kill a writer again and again and look at what it leaves; run by `test_crash` in a process of its own.

    python -m tests.journal.crash_rounds DIRECTORY SEED ROUNDS [rotating]

With `rotating` there are snapshots, and at each at which none is going on a rotation begins.
A process without threads, so that it may fork its victims instead of starting an interpreter for each.
"""

import asyncio
import os
import random
import signal
import sys
import time
from pathlib import Path

import structlog

from drift_e3.journal import archiver, rotation
from drift_e3.journal import writer as writers
from drift_e3.journal.reader import open_journal
from drift_e3.journal.rotation import Keeping
from drift_e3.journal.tail import verify
from drift_e3.journal.writer import JournalWriter
from tests.journal.journal_builders import CODE, ToyTrader, append, candle, outputs_of
from tests.journal.rotating import ALWAYS


async def write_until_killed(writer: JournalWriter, told: int, dice: random.Random) -> None:
    """Append for ever; after each awaited commit tell the last seq."""
    trader = ToyTrader(writer.last_seq)
    while True:
        append(writer, trader, dice.randint(1, 40))
        if dice.random() < 0.2:
            writer.append_snapshot(b"trader", b"market")
        if dice.random() < 0.3:
            await writer.drain()
        else:
            await writer.commit()
            os.write(told, writer.last_seq.to_bytes(8, "little"))


def victim(path: Path, told: int, seed: int, keeping: Keeping | None) -> None:
    """Start up as a daemon does: complete the last outcome if the kill came before it, then go on."""
    lacks_outcome = False
    if path.exists():
        with open_journal(path) as reader:
            last_seq = reader.last_seq
            lacks_outcome = not reader.outputs(last_seq) and outputs_of(last_seq) > 0
    # Small transactions, so that a kill falls between two of them.
    writers.GROUP_ITEMS = 3
    # Short steps, so that some rotations are through before the kill and it falls into others.
    rotation.PAUSE_S, archiver.STEP_EVENTS = 0.0005, 500  # type: ignore[misc]
    writer = JournalWriter(path, CODE, linger_s=0.001, keeping=keeping)
    if lacks_outcome:
        writer.append_outcome(last_seq, *ToyTrader(last_seq - 1).process(candle(last_seq)))
    asyncio.run(write_until_killed(writer, told, random.Random(seed)))


def kill_one(path: Path, dice: random.Random, keeping: Keeping | None) -> int:
    """The last seq that a victim was told is committed before it was killed at a random moment."""
    hear, tell = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(hear)
        victim(path, tell, dice.getrandbits(32), keeping)
    os.close(tell)
    awaited = 0
    for _ in range(dice.randint(1, 12 if keeping is None else 60)):
        awaited = int.from_bytes(os.read(hear, 8), "little")
    until = time.perf_counter() + dice.random() * 0.004
    while time.perf_counter() < until:
        pass
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while rest := os.read(hear, 8):
        awaited = int.from_bytes(rest, "little")
    os.close(hear)
    return awaited


def look(path: Path, awaited: int) -> str:
    """Everything awaited is there, nothing is torn; the finding in one line."""
    with open_journal(path) as reader:
        report = verify(reader, whole=True)
        assert report.intact, report.text
        assert report.last_seq >= awaited, f"{report.last_seq} of {awaited} awaited"
        assert not report.clean_stop
        for entry in reader.entries():
            seq, found = entry.event.seq, len(entry.outputs)
            assert reader.event(entry.event) == candle(seq)
            assert found == outputs_of(seq) or (seq == report.last_seq and found == 0), (
                f"torn outcome of {seq}"
            )
        return f"awaited {awaited}, {report.text}"


def main() -> None:
    path, dice = Path(sys.argv[1]) / "journal.db", random.Random(int(sys.argv[2]))
    keeping = ALWAYS if sys.argv[4:] == ["rotating"] else None
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    for _ in range(int(sys.argv[3])):
        print(look(path, kill_one(path, dice, keeping)), flush=True)
    if keeping is not None:
        with open_journal(path) as reader:
            assert reader.segments, "not one rotation got through"


if __name__ == "__main__":
    main()
