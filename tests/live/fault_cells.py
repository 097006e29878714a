"""A fault meets the daemon while it is flat, while its order is on the way, or in a position: what happens.

A cell is one story: get there, switch the fault on for a while, switch it off, and see the daemon trade on,
or why it does not. What it came to is one of the states of `End`; what must hold in all of them is checked
here: books exact, no order twice, a position without a stop no longer than the row allows.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from drift_e3.core.commands import Command, SubmitOrder
from drift_e3.core.events import Fill
from drift_e3.core.terms import MS_PER_SECOND, Reason
from drift_e3.core.turn import Outcome
from drift_e3.drill.faults import FaultKind, Service
from drift_e3.drill.local_chain import EngineName, VenueName
from tests.live.live_checks import check
from tests.live.live_stage import STEP_S, LiveStage, Overdue, a_stage
from tests.live.virtual_time import run_virtually

UNPROTECTED_MAX_S = 10
AGAIN_S = 230.0
"""By then a new trade has come and gone: two candles, a hold, and some patience."""
OVERDUE_MS = 45_000
"""A position is held for 36 s: one that is older could not be left."""


class When(StrEnum):
    """What the daemon is about when the fault begins."""

    FLAT = "flat"
    PENDING = "order pending"
    POSITION = "in position"


class End(StrEnum):
    """The safe states that a fault leads to while it lasts. All but the last lead back to trading."""

    TRADES = "trades on: entries and exits get through"
    NO_WAY = "no order gets through, none is held"
    NO_ENTRIES = "entries are refused; a position is left in time"
    KEPT = "no order gets through; the position stands under its stop"
    BLIND = "the position cannot be seen; its stop follows when it can"
    TAKEN = "the venue took the position; entries are refused while it says so"
    READ_ONLY = "entries and exits are refused until a person approves; the position stands under its stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A fault, how it strikes, and what it leads to from each `When`. `loose_s`: for how long a position may
    stand without a stop because of it, by the chain. `drift_amount` and `drift_ends` hold on Drift where it
    numbers or means its states differently."""

    kind: FaultKind
    ends: tuple[End, End, End]
    name: str = ""
    service: Service | None = None
    method: str = ""
    amount: float | None = None
    count: int | None = None
    seconds: float = 65.0
    loose_s: float = UNPROTECTED_MAX_S
    drift_amount: float | None = None
    drift_ends: tuple[End, End, End] | None = None
    also: End | None = None
    """Where it may lead as well: the real programs bear a fault a little longer than the emulation."""

    @property
    def title(self) -> str:
        return self.name or str(self.kind)

    def on(self, venue: VenueName) -> "Row":
        """The row as it is on that venue."""
        if venue != "drift":
            return self
        amount = self.amount if self.drift_amount is None else self.drift_amount
        return replace(self, amount=amount, ends=self.drift_ends or self.ends)

    def end(self, when: When) -> End:
        """Where it leads to."""
        return self.ends[list(When).index(when)]


@dataclass(slots=True, kw_only=True)
class Seen:
    """What a cell came to. `orders` were sent while the fault was on; `again`: it traded afterwards;
    `loose_ms` is the longest time that the chain showed a position without a stop."""

    end: End
    orders: int
    again: bool
    loose_ms: int
    refused: frozenset[str]


class _Cell:
    def __init__(self, stage: LiveStage, row: Row, when: When) -> None:
        self.stage = stage
        self.row = row
        self.when = when
        self.begun = False
        self.sent = self.told = 0
        self.opened_ts: int | None = None
        stage.listeners.append(self._hear)

    def _begin(self) -> None:
        stage, row = self.stage, self.row
        self.begun = True
        self.sent, self.told = len(stage.submitted), len(stage.events)
        stage.local.faults.start(
            row.kind, service=row.service, method=row.method, amount=row.amount, count=row.count
        )

    def _hear(self, outcome: Outcome) -> None:
        """Begin when an entry is decided on, before it is carried out."""
        if self.when is When.PENDING and not self.begun and any(map(_is_entry, outcome.commands)):
            self._begin()

    async def get_there(self) -> None:
        """Come to where the fault begins."""
        stage = self.stage
        await stage.start()
        if self.when is When.PENDING:
            await stage.until(lambda: self.begun, 70.0)
            return
        if self.when is When.POSITION:
            await stage.until(lambda: stage.state.trade is not None, 70.0)
            await stage.until(lambda: stage.witness.stopped_base() == abs(stage.witness.base()) > 0, 5.0)
        await stage.seconds(1.0)
        self._begin()

    async def suffer(self) -> frozenset[str]:
        """Let the fault last; why entries were refused meanwhile."""
        refused: set[str] = set()
        ends_ts = self.stage.clock.now_ms() + self.row.seconds * MS_PER_SECOND
        while self.stage.clock.now_ms() < ends_ts:
            await self.stage.seconds(STEP_S)
            refused.update(self.stage.state.barred, {self.stage.state.stale} - {""})
            if not self.stage.witness.base():
                self.opened_ts = None
            elif self.opened_ts is None:
                self.opened_ts = self.stage.clock.now_ms()
        return frozenset(refused)

    async def recover(self) -> bool:
        """End the fault; whether another trade comes and goes."""
        stage = self.stage
        stage.local.faults.stop()
        sent, trades = len(stage.submitted), stage.state.tally.trades

        def traded() -> bool:
            flat = stage.state.trade is None and not stage.state.orders.by_id
            return any(map(_is_entry, stage.submitted[sent:])) and stage.state.tally.trades > trades and flat

        try:
            await stage.until(traded, AGAIN_S)
        except Overdue:
            return False
        return True

    def end(self, refused: frozenset[str]) -> End:
        """What the fault has led to, in a word."""
        stage = self.stage
        fills = [event for event in stage.events[self.told :] if isinstance(event, Fill)]
        entries = {one.order_id for one in stage.submitted[self.sent :] if _is_entry(one)}
        if any("deployed anew" in reason for reason in refused):
            return End.READ_ONLY
        if any(fill.reason is Reason.LIQUIDATION for fill in fills):
            return End.TAKEN
        if self.opened_ts is not None and stage.clock.now_ms() - self.opened_ts > OVERDUE_MS:
            return End.KEPT if stage.state.trade is not None else End.BLIND
        if any(fill.order_id in entries for fill in fills):
            return End.TRADES
        if refused:
            return End.NO_ENTRIES
        return End.TRADES if fills else End.NO_WAY


def _is_entry(command: Command) -> bool:
    return isinstance(command, SubmitOrder) and not command.approved.intent.reduce_only


async def run_cell(folder: Path, row: Row, when: When, venue: VenueName, engine: EngineName) -> Seen:
    """Play a cell and check what must hold in each; what else was seen."""
    variables = {"RISK__UNPROTECTED_MAX_S": str(UNPROTECTED_MAX_S)}
    async with a_stage(folder, venue, engine, plan=(1,), variables=variables) as stage:
        cell = _Cell(stage, row, when)
        await cell.get_there()
        refused = await cell.suffer()
        end = cell.end(refused)
        orders = len(stage.submitted) - cell.sent
        again = await cell.recover()
        await stage.seconds(2.0)
        check(stage)
        return Seen(end=end, orders=orders, again=again, loose_ms=stage.loose_ms, refused=refused)


def check_cell(folder: Path, row: Row, when: When, venue: VenueName, engine: EngineName) -> None:
    """Play a cell and hold it to its row."""
    row = row.on(venue)
    seen = run_virtually(lambda: run_cell(folder, row, when, venue, engine))
    assert seen.end in {row.end(when), row.also}, (row.end(when), seen)
    assert seen.again is (seen.end is not End.READ_ONLY), "it must trade on when the fault is over"
    assert seen.loose_ms <= row.loose_s * MS_PER_SECOND
    assert seen.orders <= row.seconds, "no more than one order a second"
