"""Kills a daemon that trades live, again and again, on a chain that lives on, and looks at what is left.

The chain, its market and its keeper are this process's, the daemon is `live_child`'s; both share one fast
time, which stands still while either works. After each restart the books must agree with the account and a
position must have its stop; at the end no order was placed twice.
"""

import asyncio
import json
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drift_e3.core.events import Fill
from drift_e3.core.terms import MS_PER_MINUTE, MS_PER_SECOND
from drift_e3.drill.chain import SLOT_MS
from drift_e3.drill.faults import FaultKind
from drift_e3.drill.local_chain import EngineName, VenueName
from drift_e3.drill.shared_time import SharedTimeLoop, TimeDoor, TimeGiver, giver
from drift_e3.drill.waves import EAGER
from drift_e3.journal.codec import KINDS
from drift_e3.journal.reader import open_journal
from drift_e3.journal.schema import JOURNAL_NAME
from drift_e3.journal.tail import verify
from drift_e3.live.recovery import recover
from drift_e3.venues.solana.books import Books, booked
from tests.live.journals import orders_sent_twice
from tests.live.live_checks import signed_by_intent
from tests.live.live_child import PLACES, UNAVAILABLE
from tests.live.live_stage import LiveStage, a_stage

SPEED = 30.0
LEAD_S = 10.0
"""A life begins so long (s of the chain) before a candle closes: time to start in."""
LIFE_S = 15.0
"""Who has not come to its place so long after the candle, or has none, is killed by then."""
GRACE_S = 60.0
"""Books agree and the stop stands within so much of the chain's time after a start."""
LOOSE_S_MAX = 12.0
"""How long a position may be without a stop while a daemon lives, its start included: some looks at the
account, a transaction, its landing."""
STARTS_MAX = 5
BASE_MAX = 8_000_000_000
"""One entry's size: whoever has more has entered twice."""


@dataclass(slots=True)
class Rounds:
    """What was done and seen. A life whose books agreed with the account before its end is among `agreed`;
    one that came to its place before that is among `early`: its successor is held to what it left. Starts
    that found no server are `unavailable`, and made again. `orders` were carried out by the program, `fills`
    are in the journal."""

    kills: Counter[str] = field(default_factory=Counter)
    agreed: int = 0
    early: int = 0
    unavailable: int = 0
    with_position: int = 0
    orders: int = 0
    fills: int = 0
    loose_s: float = 0.0


class Lives:
    """The daemon's lives on one stage, one after the other; their time is as fast as the stage's."""

    def __init__(self, stage: LiveStage, process: asyncio.subprocess.Process, door: TimeDoor) -> None:
        self.stage = stage
        self.books: list[int] | None = None
        self.opened: list[int] = [0, 0, 0]
        self.warmed = False
        self.pid = 0
        self.code: int | None = None
        self.loose_s = 0.0
        self._loose_since: float | None = None
        self._process = process
        self._door = door
        self._gone: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._started = asyncio.Event()

    async def hear(self) -> None:
        """Take the child's lines until it hangs up."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            match json.loads(line):
                case {"books": books, "opened": opened, "warmed": warmed}:
                    self.books, self.opened, self.warmed = books, opened, warmed
                case {"pid": pid}:
                    self.pid = pid
                    self._started.set()
                case {"ended": code}:
                    self.code = code
                    self._gone.set_result(code)
                case {"error": text}:
                    raise AssertionError(text)
                case _:
                    self._started.set()

    async def ready(self) -> None:
        """Wait until the child has loaded everything."""
        await self._started.wait()

    async def start(self, place: str = "", count: int = 0) -> None:
        """Begin a life; with a place, one that ends there."""
        stage = self.stage
        giver().wall_zero_s = stage.local.chain.now_ts / MS_PER_SECOND - asyncio.get_running_loop().time()
        self.books, self.warmed, self.code, self.pid = None, False, None, 0
        self._started.clear()
        stage.state_dir.mkdir(exist_ok=True)
        # After a jump of the price no other candle is large.
        variables = EAGER | {"STRATEGY__M_BODYOVERATR": "0"}
        environment = {f"DRIFT_E3_{name}": value for name, value in variables.items()}
        given = {
            "environment": environment | stage.local.settings,
            "overrides": {
                "venue": stage.local.venue,
                "state_dir": str(stage.state_dir),
                "stop_policy": "flatten",
            },
            "time": self._door.path,
            "place": place,
            "count": count,
        }
        assert self._process.stdin is not None
        self._process.stdin.write((json.dumps(given) + "\n").encode())
        self._gone = asyncio.get_running_loop().create_future()
        await self._door.admit(self._gone)
        await self._started.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send the daemon a signal, if it still lives."""
        if self.pid and self.code is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    async def ended(self, seconds: float) -> int | None:
        """The daemon's exit code, once it has ended; None if it does not in time."""
        await self.until(lambda: self.code is not None, seconds)
        return self.code

    async def until(self, holds: Any, seconds: float) -> bool:
        """Let time pass until something holds; False if it does not."""
        ends = asyncio.get_running_loop().time() + seconds
        while not holds():
            if asyncio.get_running_loop().time() > ends:
                return False
            await asyncio.sleep(0.4)
            self._watch()
        return True

    def agrees(self) -> bool:
        """Whether the living daemon's books are the account's, and a position has its stop."""
        if self.books is None or not self.warmed or self.code is not None:
            return False
        totals = self.stage.witness.user().totals
        ledger, funding, fees = self.opened
        account = Books(totals.base, totals.ledger - ledger, totals.funding - funding, totals.fees - fees)
        return Books(*self.books) == account and self.stage.witness.stopped_base() >= abs(totals.base)

    def _watch(self) -> None:
        base = abs(self.stage.witness.base())
        assert base <= BASE_MAX, f"entered twice: {base}"
        now = asyncio.get_running_loop().time()
        if self.pid == 0 or self.code is not None or not base or self.stage.witness.stopped_base() >= base:
            self._loose_since = None
            return
        self._loose_since = now if self._loose_since is None else self._loose_since
        self.loose_s = max(self.loose_s, now - self._loose_since)


@asynccontextmanager
async def some_lives(stage: LiveStage) -> AsyncGenerator[Lives]:
    """The child that daemons are forked from."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.live.live_child",
        stage.local.venue,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    door = TimeDoor(stage.folder)
    lives = Lives(stage, process, door)
    try:
        async with asyncio.TaskGroup() as tasks:
            hearing = tasks.create_task(lives.hear())
            giver().held = True
            await lives.ready()
            giver().held = False
            yield lives
            hearing.cancel()
    finally:
        lives.signal(signal.SIGKILL)
        door.close()
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


async def rounds(folder: Path, kills: int, seed: int, venue: VenueName, engine: EngineName) -> Rounds:
    """Kill so many daemons and check what each leaves to the next."""
    dice, done = random.Random(seed), Rounds()
    async with a_stage(folder, venue, engine, plan=(1, 1, -1, -1)) as stage, some_lives(stage) as lives:
        while done.kills.total() < kills:
            place = dice.choice(PLACES) if dice.random() < 0.6 else ""
            closes_ts = _skip(stage)
            await lives.start(place, dice.randint(1, 4))
            agreed = await lives.until(lambda: lives.agrees() or lives.code is not None, GRACE_S)
            assert agreed, _state(lives)
            if lives.code == UNAVAILABLE:
                done.unavailable += 1
                assert done.unavailable <= kills, "no life could begin"
                continue
            early = lives.code is not None
            done.early += early
            done.agreed += not early
            await _trade(stage, lives, dice, closes_ts)
            lives.signal(signal.SIGKILL)
            code = await lives.ended(GRACE_S)
            assert code == -signal.SIGKILL, code
            done.kills[place or "any moment"] += 1
            done.with_position += bool(stage.witness.base())
            await _meanwhile(stage, lives, dice)
        await _leave(stage, lives)
        done.orders = len(stage.witness.placed()) + len(stage.witness.changed())
        done.fills = _check_journal(stage)
        done.loose_s = lives.loose_s
        _check_orders(stage)
    return done


def _skip(stage: LiveStage) -> int:
    """Let time pass at once until a candle is about to close; when it will (UTC, ms)."""
    chain = stage.local.chain
    left_ms = MS_PER_MINUTE - chain.now_ts % MS_PER_MINUTE
    stage.local.step(max(int(left_ms - LEAD_S * MS_PER_SECOND), 0) // SLOT_MS)
    return chain.now_ts + MS_PER_MINUTE - chain.now_ts % MS_PER_MINUTE


async def _trade(stage: LiveStage, lives: Lives, dice: random.Random, closes_ts: int) -> None:
    """Live on over the candle, mostly; some also see the price at which the position is left."""

    def past(seconds: float) -> bool:
        return stage.local.chain.now_ts >= closes_ts + seconds * MS_PER_SECOND or lives.code is not None

    if dice.random() < 0.1:
        return
    if dice.random() < 0.4:
        jump_s = dice.uniform(3.5, 8.0)
        await lives.until(lambda: past(jump_s), GRACE_S)
        base = stage.witness.base()
        stage.local.oracle.jump(-0.012 if base > 0 else 0.012 if base else 0.0)
    ends_s = dice.uniform(1.0, LIFE_S)
    await lives.until(lambda: past(ends_s), GRACE_S)


async def _meanwhile(stage: LiveStage, lives: Lives, dice: random.Random) -> None:
    """While nobody is there: nothing, some time, a price at which the stop fires, or trouble for the next."""
    stage.local.faults.stop()
    match dice.randrange(8):
        case 0:
            base = stage.witness.base()
            stage.local.oracle.jump(-0.012 if base > 0 else 0.012)
            await lives.until(lambda: False, 20.0)
        case 1 | 2:
            await lives.until(lambda: False, dice.uniform(1.0, 30.0))
        case 3:
            stage.local.faults.start(FaultKind.LATE_LANDING, count=2, amount=dice.randint(5, 40))
        case 4:
            stage.local.faults.start(FaultKind.LOST_RESPONSE, count=2)
        case _:
            pass


async def _leave(stage: LiveStage, lives: Lives) -> None:
    """A last life, which ends in order: flat, with books that are the account's."""
    stage.local.faults.stop()
    for _ in range(STARTS_MAX):
        await lives.start()
        if await lives.until(lambda: lives.agrees() or lives.code == UNAVAILABLE, GRACE_S) and lives.agrees():
            break
    assert lives.agrees(), _state(lives)
    lives.signal(signal.SIGTERM)
    assert await lives.ended(GRACE_S) == 0
    user = stage.witness.user()
    assert (user.totals.base, user.orders) == (0, ())


def _check_orders(stage: LiveStage) -> None:
    """Every order on the chain is an intent's only one, and none was wanted twice."""
    assert orders_sent_twice(stage.state_dir) == []
    intents = signed_by_intent(stage.state_dir)
    landed = [str(one.signature) for one in (*stage.witness.placed(), *stage.witness.changed())]
    assert set(landed) <= set(intents.values())
    assert len(landed) == len(set(landed))


def _check_journal(stage: LiveStage) -> int:
    """What the journal on the disk has booked is what the account has done, to the last unit, so no fill is
    lost; and no fill is in it twice. How many there are."""
    with open_journal(stage.state_dir / JOURNAL_NAME) as reader:
        assert verify(reader).first_bad is None
        account = recover(reader, None).trader.state.account
        rows = [row for row, _ in reader.entries(after_seq=0) if row.kind == KINDS[Fill]]
        fills = [reader.event(row) for row in rows]
    totals, opened = stage.witness.user().totals, account.opened
    assert opened is not None
    assert booked(account) == Books(
        base=totals.base,
        ledger=totals.ledger - opened.ledger,
        funding=totals.funding - opened.funding,
        fees=totals.fees - opened.fees,
    )
    ids = [fill.fill_id for fill in fills if isinstance(fill, Fill)]
    assert len(set(ids)) == len(ids)
    return len(ids)


def _state(lives: Lives) -> str:
    user = lives.stage.witness.user()
    return f"books {lives.books}, opened {lives.opened}, account {user.totals}, orders {user.orders}"


def run_kills(folder: Path, kills: int, seed: int, venue: VenueName, engine: EngineName) -> Rounds:
    """`rounds` in fast time."""
    with asyncio.Runner(loop_factory=lambda: SharedTimeLoop(TimeGiver(SPEED))) as runner:
        return runner.run(rounds(folder, kills, seed, venue, engine))
