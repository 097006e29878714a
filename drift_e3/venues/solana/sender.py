"""Sends transactions at most once: writes them down, sends them, and watches until their end is known.

Here lives the waiting, and nothing else: which fact leads to which stage, what is to be done now and what
must wait is `sending`'s; what may leave is on `outbox`'s disk before the first byte does. Nothing that could
place an order is ever tried again: the same bytes are sent once more, or none.
"""

import asyncio
from collections import deque
from collections.abc import Collection, Sequence
from typing import Final, NamedTuple, Protocol

from solders.instruction import Instruction
from solders.signature import Signature

from drift_e3.core.terms import MS_PER_SECOND
from drift_e3.ports import Clock, OutcomeUnknown, VenueRefused, VenueUnavailable
from drift_e3.venues.solana.calls import Height, Status, Statuses
from drift_e3.venues.solana.outbox import Outbox
from drift_e3.venues.solana.preparing import Preparer
from drift_e3.venues.solana.sending import (
    DONE,
    AccountSeen,
    Blocked,
    Found,
    HeightSeen,
    Moment,
    Observation,
    Plan,
    Rules,
    Saved,
    StatusSeen,
    TurnedDown,
    advance,
    blocked,
    plan,
)
from drift_e3.venues.solana.submission import ORDERS, Kind, Stage, Submission, Verdict, Wanted, verdict
from drift_e3.venues.solana.user_ids import USER_IDS, free_user_id

SILENT_ROUNDS_MAX: Final = 10
"""By then the pause between questions is as long as it gets."""


class Network(Protocol):
    """What the sender asks of the chain, as `rpc.Rpc` answers it. Reads raise `VenueUnavailable` or
    `VenueRefused`."""

    async def height(self) -> Height: ...
    async def statuses(
        self, signatures: Sequence[Signature], *, history: bool = False, min_slot: int = 0
    ) -> Statuses: ...
    async def send(self, raw: bytes) -> None:
        """One attempt. Raises `VenueUnavailable` when certainly no byte has left this machine, `VenueRefused`
        when the server certainly did not pass it on, and `OutcomeUnknown` for everything else."""


class Pace(NamedTuple):
    """How often what is done."""

    poll_ms: int = 700
    resend_ms: int = 2_000
    """Also how often the block height is asked for."""
    pause_ms_max: int = 15_000
    """Between questions that stay unanswered, which come ever more rarely."""


class Sender:
    """One account's submissions. Made once per run, before anything else may be sent.

    Making it takes up what an earlier run left undecided; nothing of that is ever signed again. `run` must be
    running for anything to end. All calls are of one event loop.
    """

    def __init__(
        self,
        network: Network,
        preparer: Preparer,
        outbox: Outbox,
        clock: Clock,
        *,
        pace: Pace | None = None,
        rules: Rules | None = None,
    ) -> None:
        """Raises as `Outbox` does."""
        self._network = network
        self._preparer = preparer
        self._outbox = outbox
        self._clock = clock
        self._pace = pace or Pace()
        self._rules = rules or Rules()
        self._open = outbox.undecided()
        self._landed_slot = outbox.landed_slot()
        self._numbers = deque(outbox.numbers(), maxlen=4 * len(USER_IDS))
        self._decided = {seq: asyncio.Event() for seq in self._open}
        self._tried_ts: dict[int, int] = {}
        self._work = asyncio.Event()
        for seq in tuple(self._open):
            self._observe(seq, Moment.RESTARTED)
        if self._open:
            self._work.set()

    # -- for the venue ---------------------------------------------------------------------------------------

    def undecided(self) -> tuple[Submission, ...]:
        """What may still have an effect or is about to; nothing that adds exposure begins beside it."""
        return tuple(self._open.values())

    def blocked(self, wanted: Wanted) -> Blocked | None:
        """Why an intent would have to wait now, None if it would not."""
        return blocked(wanted, self._open.values(), self._landed_slot)

    def free_user_id(self, open_ids: Collection[int]) -> int | None:
        """A number for a new order beside those of the account's open orders; None if there is none."""
        undecided = {submission.wanted.user_order_id for submission in self._open.values()}
        return free_user_id(undecided.union(open_ids), self._numbers)

    async def submit(
        self, wanted: Wanted, instructions: Sequence[Instruction], *, simulate: bool = True
    ) -> Verdict | Blocked:
        """Carry out an intent and return how it ended. That may take minutes, and as long as nobody answers.

        An intent to place or to change an order that was begun before, in whatever run, is not begun again:
        its end is returned.
        Cancelling this call does not stop what has left. Raises `OutboxError` when nothing can be written,
        and ValueError for instructions that our key cannot sign for alone.
        """
        if wanted.kind in ORDERS:
            earlier = await self.fate(wanted.intent_id, wanted.kind)
            if earlier is not None:
                return earlier
        refusal = self.blocked(wanted)
        if refusal is not None:
            return refusal
        seq = self._begin(wanted)
        try:
            prepared = await self._preparer.prepare(instructions, simulate=simulate)
        except BaseException:
            # Nothing is signed yet, so nothing is undecided either.
            self._observe(seq, TurnedDown(None, "interrupted"))
            raise
        self._observe(seq, prepared)
        self._work.set()
        await self._act(seq)
        return await self._end(seq)

    async def fate(self, intent_id: str, kind: Kind = Kind.PLACE) -> Verdict | None:
        """How an intent ended, once it has; None for one that was never begun, in this run or an earlier."""
        last = self._outbox.last(intent_id, kind)
        return None if last is None else await self._end(last[0])

    def account_seen(self, account: AccountSeen) -> None:
        """Tell what a look at the account shows; it may decide what the network does not say."""
        for seq in tuple(self._open):
            self._observe(seq, account)

    async def run(self) -> None:
        """Watch over what has left until cancelled."""
        silent_rounds = 0
        while True:
            await self._work.wait()
            silent_rounds = 0 if await self._round() else min(silent_rounds + 1, SILENT_ROUNDS_MAX)
            if not self._open:
                self._work.clear()
                continue
            pause_ms = min(self._pace.poll_ms << silent_rounds, self._pace.pause_ms_max)
            await self._clock.sleep_until(self._clock.now_ms() + pause_ms)

    # -- what happens to an intent ---------------------------------------------------------------------------

    def _begin(self, wanted: Wanted) -> int:
        seq = self._outbox.begin(wanted, self._clock.now_ms())
        self._open[seq] = Submission(wanted)
        self._decided[seq] = asyncio.Event()
        self._numbers.append(wanted.user_order_id)
        return seq

    async def _round(self) -> bool:
        """Do for each submission what is due now; False if the network answered nothing."""
        plans = {seq: self._plan(seq) for seq in self._open}
        for seq in plans:
            await self._act(seq)
        answered = True
        for history in (False, True):
            asked = [seq for seq, todo in plans.items() if todo.ask_status and todo.history is history]
            answered &= await self._ask_statuses(asked, history=history)
        asked = [seq for seq, todo in plans.items() if todo.ask_height]
        return await self._ask_height(asked) and answered

    async def _act(self, seq: int) -> None:
        """Give up or send, where that is the plan at this very moment: while another's bytes were being sent,
        something may have begun beside which these must not be."""
        todo = self._plan(seq)
        if todo.give_up:
            self._observe(seq, TurnedDown(None, todo.give_up))
        if not todo.send:
            return
        self._observe(seq, Moment.SENDING)
        self._tried_ts[seq] = self._clock.now_ms()
        outcome: Observation = Moment.OUT
        try:
            await self._network.send(self._open[seq].raw)
        except OutcomeUnknown:
            pass
        except VenueUnavailable:
            outcome = Moment.KEPT
        except VenueRefused:
            outcome = TurnedDown(None, "rejected")
        finally:
            # Whatever else ends it here, cancelling included: it may have left.
            self._observe(seq, outcome)

    async def _ask_statuses(self, asked: Sequence[int], *, history: bool) -> bool:
        """Statuses of submissions, all with one call; False if there was no answer."""
        asked = [seq for seq in asked if seq in self._open]
        if not asked:
            return True
        signatures = [Signature.from_string(self._open[seq].signature) for seq in asked]
        past_slot = max(self._open[seq].past_slot for seq in asked)
        try:
            slot, found = await self._network.statuses(signatures, history=history, min_slot=past_slot)
        except (VenueUnavailable, VenueRefused):
            self._silence(asked)
            return False
        for seq, status in zip(asked, found, strict=True):
            self._observe(seq, StatusSeen(slot, history, self._found(status)))
        return True

    async def _ask_height(self, asked: Sequence[int]) -> bool:
        asked = [seq for seq in asked if seq in self._open]
        if not asked:
            return True
        self._tried_ts.update(dict.fromkeys(asked, self._clock.now_ms()))
        try:
            slot, height = await self._network.height()
        except (VenueUnavailable, VenueRefused):
            self._silence(asked)
            return False
        for seq in asked:
            self._observe(seq, HeightSeen(slot, height))
        return True

    def _silence(self, asked: Sequence[int]) -> None:
        for seq in asked:
            self._observe(seq, Moment.SILENCE)

    async def _end(self, seq: int) -> Verdict:
        """The verdict, once there is one."""
        if seq in self._open:
            await self._decided[seq].wait()
        ended = verdict(self._outbox.submission(seq))
        assert ended is not None
        return ended

    # -- what is known ---------------------------------------------------------------------------------------

    def _observe(self, seq: int, seen: Observation) -> None:
        """Take an observation; what must be on the disk is there before it counts."""
        if seq not in self._open:
            return
        after = advance(self._open[seq], seen, self._rules)
        if isinstance(seen, Saved) or after.stage in DONE:
            self._outbox.save(seq, after)
        if after.stage not in DONE:
            self._open[seq] = after
            return
        del self._open[seq]
        self._tried_ts.pop(seq, None)
        if after.stage is Stage.LANDED:
            self._landed_slot = max(self._landed_slot, after.slot)
        self._decided.pop(seq).set()

    def _plan(self, seq: int) -> Plan:
        """What to do about a submission; nothing about one that is decided."""
        submission = self._open.get(seq)
        if submission is None:
            return Plan()
        since_ms = self._clock.now_ms() - self._tried_ts.get(seq, 0)
        # A clock that was set back must not hold anything up.
        due = seq not in self._tried_ts or not 0 <= since_ms < self._pace.resend_ms
        alone = len(self._open) == 1
        late = 0 < submission.wanted.max_ts * MS_PER_SECOND < self._clock.now_ms()
        return plan(submission, self._rules, due=due, late=late, alone=alone)

    def _found(self, status: Status | None) -> Found | None:
        if status is None:
            return None
        failure = None if status.err is None else self._preparer.failure(status.err)
        return Found(status.slot, status.settled, failure)
