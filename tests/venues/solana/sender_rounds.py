"""Kill a sender again and again, and hold what it sent against what it says; run in a process of its own.

    python -m tests.venues.solana.sender_rounds FOLDER SEED KILLS

The chain, its clock and what the core has heard are files, so that they outlive the victims. Each victim is
a fork that takes up what it finds, then carries out intents, several at a time, until it dies: at a certain
step, or at a random moment. A line for each kill is printed, and one when all has come to an end.
"""

import asyncio
import hashlib
import json
import os
import random
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from solders.hash import Hash
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from drift_e3.ports import OutcomeUnknown, VenueUnavailable
from drift_e3.venues.solana.calls import (
    Blockhash,
    ChainError,
    Confirmation,
    Height,
    Simulated,
    Status,
    Statuses,
)
from drift_e3.venues.solana.outbox import Outbox
from drift_e3.venues.solana.preparing import Preparer
from drift_e3.venues.solana.sender import Sender
from drift_e3.venues.solana.sending import Blocked, Rules
from drift_e3.venues.solana.submission import Basis, Expired, Kind, Stage, Submission, Verdict, Wanted
from tests.venues.solana.scripted_chain import TRADER, order
from tests.venues.solana.sending_builders import cancel, entry, stop

SLOT_MS = 400
VALID_SLOTS = 20
LATE_SLOTS = 12
AT_A_TIME = 3
KILLS_A_HOUSE = 35
RULES = Rules(height_margin=4)
STEPS = ("begun", "signed", "reached", "passed_on", "answered", "ended")
"""Where a victim may die: after the intent's row, after the signed row, before and after the bytes have left,
after an answer to a question, after the row of its end."""


@lru_cache(maxsize=4_096)
def transaction(raw: bytes) -> VersionedTransaction:
    return VersionedTransaction.from_bytes(raw)


class Attempt(NamedTuple):
    """Bytes that were sent at a slot; `delivered` or lost."""

    slot: int
    delivered: bool
    raw: bytes

    @property
    def intent(self) -> str:
        """What the transaction is for: kind and intent id, its last instruction's data."""
        return transaction(self.raw).message.instructions[-1].data.decode()

    @property
    def last_slot(self) -> int:
        """The last slot that can hold it."""
        return (
            int.from_bytes(bytes(transaction(self.raw).message.recent_blockhash)[:8], "little") + VALID_SLOTS
        )


class Fate(NamedTuple):
    """Where a transaction lands, or would, and whether it fails."""

    slot: int | None
    failed: bool


class FileChain:
    """A chain in a folder: a clock, and everything that was ever sent. Slots are heights here.

    What becomes of a transaction is in its bytes: it lands at once, or late, or at the second attempt, or
    fails, or never lands.
    """

    def __init__(self, folder: Path, reach: Callable[[str], None]) -> None:
        self._clock = os.open(folder / "clock", os.O_RDWR | os.O_CREAT)
        self._sent = os.open(folder / "sent", os.O_RDWR | os.O_CREAT | os.O_APPEND)
        self._read = 0
        self._attempts: list[Attempt] = []
        self._reach = reach
        self.dice = random.Random(self.now_ms())

    def now_ms(self) -> int:
        return int.from_bytes(os.pread(self._clock, 8, 0), "little") or 1_000_000

    async def sleep_until(self, ts_ms: int) -> None:
        os.pwrite(self._clock, max(ts_ms, self.now_ms()).to_bytes(8, "little"), 0)
        await asyncio.sleep(0)

    @property
    def slot(self) -> int:
        return self.now_ms() // SLOT_MS

    def attempts(self) -> list[Attempt]:
        """All so far, in their order."""
        content = os.pread(self._sent, 1 << 30, self._read)
        self._read += len(content)
        while content:
            size, slot = int.from_bytes(content[:2], "little"), int.from_bytes(content[3:11], "little")
            self._attempts.append(Attempt(slot, bool(content[2]), content[11 : 11 + size]))
            content = content[11 + size :]
        return self._attempts

    def fate(self, raw: bytes) -> Fate:
        """By the attempts so far."""
        delivered = [each for each in self.attempts() if each.raw == raw and each.delivered]
        luck = hashlib.sha256(raw).digest()[0] % 6
        needed = 2 if luck == 4 else 1
        if luck == 5 or len(delivered) < needed:
            return Fate(None, False)
        slot = delivered[needed - 1].slot + (LATE_SLOTS if luck in {2, 3} else 1)
        return Fate(slot if slot <= delivered[0].last_slot else None, luck in {1, 2})

    async def latest_blockhash(self) -> Blockhash:
        slot = self.slot - 2
        return Blockhash(Hash(slot.to_bytes(32, "little")), slot + VALID_SLOTS, slot)

    async def height(self) -> Height:
        self._fails()
        return Height(self.slot - 1, self.slot - 1)

    async def simulate(self, tx: VersionedTransaction, min_slot: int = 0) -> Simulated:
        return Simulated(None, (), 100_000)

    async def recent_fees(self, addresses: Sequence[Pubkey]) -> list[int]:
        return []

    async def statuses(
        self, signatures: Sequence[Signature], *, history: bool = False, min_slot: int = 0
    ) -> Statuses:
        self._fails()
        node = self.slot - self.dice.choice((0, 0, 1, 8))
        if node < min_slot:
            raise VenueUnavailable("behind")
        raws = {each.raw[1:65]: each.raw for each in self.attempts()}
        found: list[Status | None] = []
        for signature in signatures:
            slot, failed = self.fate(raws.get(bytes(signature), b""))
            if slot is None or slot > node:
                found.append(None)
                continue
            level = Confirmation.PROCESSED if slot == node else Confirmation.CONFIRMED
            found.append(Status(slot, ChainError("", 2, 6000) if failed else None, level))
        self._reach("answered")
        return Statuses(node, tuple(found))

    async def send(self, raw: bytes) -> None:
        self._reach("reached")
        delivered = self.dice.random() < 0.7
        head = len(raw).to_bytes(2, "little") + bytes([delivered]) + self.slot.to_bytes(8, "little")
        os.write(self._sent, head + raw)
        self._reach("passed_on")
        if not delivered or self.dice.random() < 0.3:
            raise OutcomeUnknown("timeout")

    def _fails(self) -> None:
        if self.dice.random() < 0.1:
            raise VenueUnavailable("timeout")


class Core:
    """What the core wants, and what it has heard of it: lines of a file."""

    def __init__(self, folder: Path) -> None:
        self._file = os.open(folder / "core", os.O_RDWR | os.O_CREAT | os.O_APPEND)

    def lines(self) -> list[list[str]]:
        return [json.loads(line) for line in os.pread(self._file, 1 << 30, 0).splitlines()]

    def write(self, *line: str) -> None:
        os.write(self._file, json.dumps(line).encode() + b"\n")

    def heard(self) -> set[int]:
        """The intents of which an end was heard."""
        return {int(number) for word, number, *_ in self.lines() if word == "heard"}


def wanted_for(number: int, chain: FileChain) -> Wanted:
    """Entries, stops and cancels of the stops in turn; what adds exposure is decided on the latest slot."""
    match number % 3:
        case 1:
            basis = Basis(chain.slot, 0)
            return entry(f"i{number}", number % 250 + 1, basis=basis, max_ts=chain.now_ms() // 1_000 + 20)
        case 2:
            return stop(f"i{number}", number % 250 + 1)
        case _:
            return cancel(f"i{number - 1}", (number - 1) % 250 + 1)


def name_of(wanted: Wanted) -> str:
    return f"{wanted.kind.label} {wanted.intent_id}"


def sender_of(folder: Path, chain: FileChain, reach: Callable[[str], None]) -> tuple[Sender, Outbox]:
    outbox = Outbox(folder / "outbox.db")
    begin, save = outbox.begin, outbox.save

    def begun(wanted: Wanted, now_ms: int) -> int:
        seq = begin(wanted, now_ms)
        reach("begun")
        return seq

    def saved(seq: int, submission: Submission) -> None:
        save(seq, submission)
        reach("signed" if submission.stage is Stage.SIGNED else "ended")

    outbox.begin, outbox.save = begun, saved  # type: ignore[method-assign]
    preparer = Preparer(chain, TRADER, chain, lambda code: f"custom_{code}")
    return Sender(chain, preparer, outbox, chain, rules=RULES), outbox


async def live(folder: Path, intents: int, reach: Callable[[str], None]) -> None:
    """A run: take up what was left, then go on until so many intents have ended, several at a time."""
    chain, core = FileChain(folder, reach), Core(folder)
    sender, outbox = sender_of(folder, chain, reach)
    to_do = iter(number for number in range(1, intents + 1) if number not in core.heard())

    async def work() -> None:
        for number in to_do:
            await carry_out(number, sender, chain, core)

    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(sender.run())
        async with asyncio.TaskGroup() as at_work:
            for _ in range(AT_A_TIME):
                at_work.create_task(work())
        running.cancel()
    outbox.close()


async def carry_out(number: int, sender: Sender, chain: FileChain, core: Core) -> None:
    """Bring one intent to its end; a cancel that does not come to pass is wanted again."""
    core.write("wants", str(number))
    wanted = wanted_for(number, chain)
    came: Verdict | Blocked | None = await sender.fate(wanted.intent_id, wanted.kind)
    while came is None or isinstance(came, Blocked):
        wanted = wanted_for(number, chain)
        came = await sender.submit(wanted, order(name_of(wanted).encode()))
        if isinstance(came, Blocked) or (wanted.kind is Kind.CANCEL and isinstance(came, Expired)):
            came = None
            await chain.sleep_until(chain.now_ms() + SLOT_MS)
    core.write("heard", str(number), name_of(wanted), type(came).__name__)


def victim(folder: Path, step: str, count: int) -> None:
    """Live until the step is reached for the count-th time; an empty step is none."""
    left = count

    def reach(at: str) -> None:
        nonlocal left
        if at == step:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    asyncio.run(live(folder, 10**9, reach))


def kill_one(folder: Path, dice: random.Random, step: str) -> None:
    child = os.fork()
    if child == 0:
        victim(folder, step, dice.randint(1, 4))
    if not step:
        until = time.perf_counter() + dice.random() * 0.05
        while time.perf_counter() < until:
            pass
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL


def look(folder: Path) -> str:
    """Hold the chain against the promises."""
    chain = FileChain(folder, lambda _: None)
    attempts = chain.attempts()
    firsts = list({each.raw: each for each in reversed(attempts)}.values())
    by_intent: dict[str, list[Attempt]] = {}
    for first in sorted(firsts, key=lambda each: each.slot):
        earlier = by_intent.setdefault(first.intent, [])
        for before in earlier:
            assert first.intent.startswith("cancel"), f"{first.intent} was signed twice"
            assert gone(chain, before, first.slot), f"{first.intent} was signed beside its predecessor"
        earlier.append(first)
    Outbox(folder / "outbox.db").close()
    rows = sqlite3.connect(folder / "outbox.db")
    written = set(rows.execute("SELECT kind || ' ' || intent_id, signature FROM submissions").fetchall())
    ((undecided,),) = rows.execute("SELECT count(*) FROM submissions WHERE stage IN ('intended', 'signed')")
    rows.close()
    for intent, sent in by_intent.items():
        for each in sent:
            signature = str(Signature.from_bytes(each.raw[1:65]))
            assert (intent, signature) in written, f"{intent} left before it was written down"
    return f"{len(attempts)} attempts for {len(by_intent)} intents, {undecided} undecided"


def gone(chain: FileChain, attempt: Attempt, slot: int) -> bool:
    """Whether a transaction could do nothing more at a slot: over, or landed."""
    landed = chain.fate(attempt.raw).slot
    return attempt.last_slot < slot or (landed is not None and landed <= slot)


def judge(folder: Path) -> str:
    """What was reported is what happened, and no entry left while anything else could still land."""
    chain = FileChain(folder, lambda _: None)
    attempts = chain.attempts()
    firsts: dict[bytes, Attempt] = {}
    for each in attempts:
        firsts.setdefault(each.raw, each)
    fates: dict[str, Fate] = {}
    for first in firsts.values():
        # Of a cancel that was signed more than once the last one counts.
        fates[first.intent] = chain.fate(first.raw)
    in_order = list(firsts.values())
    for at, mine in enumerate(in_order):
        if mine.intent.startswith("place") and int(mine.intent.split(" i")[1]) % 3 == 1:
            for other in in_order[:at]:
                assert gone(chain, other, mine.slot), f"{mine.intent} left beside {other.intent}"
    counts: dict[str, int] = {}
    for word, _, *rest in Core(folder).lines():
        if word != "heard":
            continue
        name, ended = rest
        counts[ended] = counts.get(ended, 0) + 1
        slot, failed = fates.get(name, Fate(None, False))
        truth = "Expired" if slot is None else "FailedOnChain" if failed else "Landed"
        # A cancel may have been refused after an earlier one of the same order had expired.
        refused = ended == "Refused" and (name not in fates or (name.startswith("cancel") and slot is None))
        assert ended == truth or refused, f"{name}: {ended}, is {truth}"
    return json.dumps(counts, sort_keys=True)


def main() -> None:
    folder, dice, kills = Path(sys.argv[1]), random.Random(int(sys.argv[2])), int(sys.argv[3])
    for number in range(kills):
        house = folder / f"house{number // KILLS_A_HOUSE}"
        house.mkdir(exist_ok=True)
        step = (*STEPS, "")[number % 7]
        kill_one(house, dice, step)
        print(f"killed {step or 'somewhere'}: {look(house)}", flush=True)
        if number == kills - 1 or (number + 1) % KILLS_A_HOUSE == 0:
            asyncio.run(live(house, max(Core(house).heard(), default=0) + 3, lambda _: None))
            look(house)
            print(f"ended {judge(house)}", flush=True)


if __name__ == "__main__":
    main()
