"""The live venue on Solana: looks at the account become events, commands become transactions.

One look a second is the whole reconciliation: the start, every minute and every reconnect are the same path.
What became of an order only the account says (see `following`); transactions are the carrier's.
"""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import structlog

from drift_e3.core.commands import CancelOrder, Command, SubmitOrder
from drift_e3.core.events import EntriesBarred, Event, Feed, OracleTick
from drift_e3.core.state import TraderState
from drift_e3.core.terms import MS_PER_SECOND, Instrument
from drift_e3.ports import Clock, DataError, Put, VenueRefused, VenueUnavailable
from drift_e3.status import ServerStatus
from drift_e3.venues.live_paper import HistorySource, last_candle_ts
from drift_e3.venues.solana.barring import bars
from drift_e3.venues.solana.books import Books, booked, opening
from drift_e3.venues.solana.carrier import SIGHT_MS, Carrier
from drift_e3.venues.solana.deployment import DeploymentPin
from drift_e3.venues.solana.errands import Errands, follow
from drift_e3.venues.solana.following import Follower
from drift_e3.venues.solana.keys import KeyRefused, check_role
from drift_e3.venues.solana.lookout import Lookout, Unseen
from drift_e3.venues.solana.outbox import Outbox
from drift_e3.venues.solana.program import AccountRefused, Trading
from drift_e3.venues.solana.sender import Sender
from drift_e3.venues.solana.sending import AccountSeen
from drift_e3.venues.solana.submission import Kind
from drift_e3.venues.solana.taking_up import take_up
from drift_e3.venues.solana.views import BASE_UNITS, ChainView, UserSeen

log = structlog.get_logger()

HISTORY_RETRY_MS = 10_000
"""A history that a start had to do without is asked for this often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveOptions:
    """How the account is traded. `pin` knows the deployment of the program that may be sent to; an IOC is
    not placed later than `order_valid_s` after it was decided; `adopts`: a position that the daemon did not
    open is guarded and closed, not refused; `allow_owner`: the owner's key may sign."""

    pin: DeploymentPin
    order_valid_s: int
    adopts: bool
    allow_owner: bool


class ChainMarket:
    """Implements `ports.LiveMarket` for one account on one program. `source` brings candles and book."""

    proves = False
    begins_ts = 0

    def __init__(
        self,
        lookout: Lookout,
        sender: Sender,
        outbox: Outbox,
        source: HistorySource,
        clock: Clock,
        options: LiveOptions,
    ) -> None:
        self._lookout = lookout
        self._sender = sender
        self._outbox = outbox
        self._source = source
        self._clock = clock
        self._options = options
        self._waiting: deque[Event] = deque()
        self._commands: asyncio.Queue[SubmitOrder | CancelOrder] = asyncio.Queue()
        self._barred: tuple[str, ...] = ()
        self._oracle_ts = 0
        self._approved_slot = 0
        self._carrier: Carrier | None = None
        self._resumed: list[tuple[str, Kind]] = []
        self._candle_ts: int | None = None
        self._history_missed = False

    # -- as the loop sees it ---------------------------------------------------------------------------------

    @property
    def instrument(self) -> Instrument:
        """What is traded, as the program says now."""
        return self._opened().view.perp.instrument

    @property
    def feed(self) -> Feed:
        """What comes in; the oracle's price is read from the chain."""
        return replace(self._source.feed, oracle_ticks=True)

    def push(self, events: Sequence[Event]) -> None:
        """Let events wait for `advance`."""
        self._waiting.extend(events)

    def next_ts(self) -> int | None:
        """When the first event that waits was seen (UTC, ms)."""
        return self._waiting[0].seen_ts if self._waiting else None

    def advance(self) -> list[Event]:
        """The first event that waits."""
        return [self._waiting.popleft()]

    def execute(self, command: SubmitOrder | Command, now_ts: int) -> None:
        """Have an order or a cancel carried out; it is followed from this moment on."""
        del now_ts
        carrier = self._opened()
        match command:
            case SubmitOrder():
                if follow(carrier, self._sender, command.order_id, command.approved.intent):
                    self._commands.put_nowait(command)
            case CancelOrder() if command.order_id in carrier.follower.orders:
                carrier.follower.orders[command.order_id].cancel_wanted = True
                self._commands.put_nowait(command)
            case _:
                pass

    def checkpoint(self) -> bytes:
        """Nothing: the chain is its own memory."""
        return b""

    def restore(self, state: bytes) -> None:
        """Nothing to go back to."""

    # -- the start -------------------------------------------------------------------------------------------

    async def open(self, state: TraderState | None, not_before_ts: int) -> list[Event]:
        """Look at program and account, take up what an earlier run left, and say what it has missed.

        Raises `VenueRefused` for a program or account that must not be traded, `VenueUnavailable` when it
        cannot be seen, `DataError` for a journal of another account or of paper.
        """
        try:
            view = await self._lookout.open()
        except AccountRefused as refusal:
            raise VenueRefused(str(refusal)) from refusal
        self._candle_ts = last_candle_ts(state)
        events = await self._history(view, not_before_ts)
        now_ts = max(self._clock.now_ms(), not_before_ts, *(event.seen_ts for event in events[-1:]))
        user = _user(view)
        self._check_signer(user)
        self._approved_slot = self._options.pin.pin(self._lookout.deployment_slot)
        books, moved_usd = Books(), 0.0
        opened = state.account.opened if state is not None else None
        if state is None or opened is None:
            if state is not None and state.tally.fills:
                raise DataError("the journal was begun on paper; use another --state")
            opened = opening(user, now_ts)
            events.append(opened)
        else:
            if opened.account != user.address:
                raise DataError(
                    f"the journal is of account {opened.account}, not {user.address}; use another --state"
                )
            books, moved_usd = booked(state.account), state.account.moved_usd
        step = round(view.perp.instrument.step_base * BASE_UNITS)
        follower = Follower(opened, books, moved_usd, step, adopts=self._options.adopts)
        self._carrier = Carrier(
            program=self._lookout.program,
            trading=self._trading,
            sender=self._sender,
            follower=follower,
            clock=self._clock,
            view=view,
            moved_ts=now_ts,
            order_valid_s=self._options.order_valid_s,
        )
        if state is not None:
            self._take_up(state, view)
        missed = self._look(view, now_ts)
        if follower.foreign_base and (state is None or state.trade is None):
            # Beside a position of ours it only bars entries: ours must be guarded.
            raise VenueRefused(
                f"the account holds {follower.foreign_base / BASE_UNITS:+g} that the daemon did not trade: "
                "close it, or set DRIFT_E3_ACCOUNT__FOREIGN=adopt"
            )
        return events + missed

    async def _history(self, view: ChainView, not_before_ts: int) -> list[Event]:
        """The candles to warm on. A position must be guarded, or closed, without them as well; they are asked
        for again later."""
        try:
            return [*await self._source.history(after_ts=self._candle_ts, not_before_ts=not_before_ts)]
        except (VenueUnavailable, VenueRefused) as failure:
            if not _user(view).totals.base:
                raise
            log.warning("history.missed", reason=str(failure))
            self._history_missed = True
            return []

    def _check_signer(self, user: UserSeen) -> None:
        trading = self._trading
        try:
            check_role(
                str(trading.signer), user.authority, user.delegate, allow_owner=self._options.allow_owner
            )
        except KeyRefused as refusal:
            raise VenueRefused(str(refusal)) from refusal

    @property
    def _trading(self) -> Trading:
        assert self._lookout.trading is not None, "a live venue has an account"
        return self._lookout.trading

    def _take_up(self, state: TraderState, view: ChainView) -> None:
        """Follow the orders of an earlier run."""
        self._barred = state.barred
        for followed, awaited in take_up(state.orders.by_id.values(), self._outbox, view):
            self._opened().follower.follow(followed)
            if awaited is not None:
                self._resumed.append((followed.order_id, awaited))

    def troubles(self) -> tuple[str, ...]:
        """Which of its sources are silent now, the chain among them."""
        silent_ms = self._clock.now_ms() - self._opened().moved_ts
        chain = (f"chain: nothing new for {silent_ms / MS_PER_SECOND:.0f} s",) if silent_ms > SIGHT_MS else ()
        return (*chain, *self._source.troubles())

    def merged(self) -> Mapping[str, int]:
        """What the source of candles and books merged; each look at the chain is told."""
        return self._source.merged()

    def servers(self) -> tuple[ServerStatus, ...]:
        """The chain's RPC servers."""
        return self._lookout.servers()

    # -- running ---------------------------------------------------------------------------------------------

    async def run(self, put: Put) -> None:
        """Watch, carry out, bring events, until cancelled."""
        carrier = self._opened()
        async with asyncio.TaskGroup() as tasks:
            errands = Errands(carrier, self._sender, self._lookout, self._clock, tasks, put)
            tasks.create_task(self._bring(put), name="feed")
            tasks.create_task(self._sender.run(), name="sender")
            tasks.create_task(self._watch(put, errands), name="lookout")
            tasks.create_task(self._lookout.watch_code(), name="deployment")
            tasks.create_task(self._lookout.notices(carrier.user.address).run(), name="notices")
            for order_id, kind in self._resumed:
                errands.resume(order_id, kind)
            while True:
                errands.carry_out(await self._commands.get())

    async def _bring(self, put: Put) -> None:
        """What the source brings; first the history that a start had to do without."""
        while self._history_missed:
            await self._clock.sleep_until(self._clock.now_ms() + HISTORY_RETRY_MS)
            with suppress(VenueUnavailable, VenueRefused):
                now_ts = self._clock.now_ms()
                await put(await self._source.history(after_ts=self._candle_ts, not_before_ts=now_ts))
                self._history_missed = False
        await self._source.run(put)

    async def _watch(self, put: Put, errands: Errands) -> None:
        async for seen in self._lookout.views():
            now_ts = self._clock.now_ms()
            if isinstance(seen, ChainView):
                self._sender.account_seen(_account_seen(seen))
                await put(self._look(seen, now_ts))
                errands.take_back()
                errands.sweep(seen)
            else:
                await put(self._unseen(seen, now_ts))

    def _look(self, view: ChainView, now_ts: int) -> list[Event]:
        """Everything that one look has to tell: price, account, bars."""
        carrier = self._opened()
        carrier.saw(view, now_ts)
        events: list[Event] = []
        if view.oracle.publish_ts > self._oracle_ts:
            self._oracle_ts = view.oracle.publish_ts
            price_usd = view.oracle.price_usd
            events.append(OracleTick(seen_ts=now_ts, publish_ts=self._oracle_ts, price_usd=price_usd))
        events += carrier.follower.look(view, now_ts)
        deployed = self._lookout.deployment_slot
        redeployed = deployed if deployed != self._approved_slot else 0
        carrier.read_only = "program_redeployed" if redeployed else ""
        foreign_base = carrier.follower.foreign_base
        events += self._bar(bars(view, carrier.follower.numbers(), foreign_base, redeployed), now_ts)
        return events

    def _unseen(self, failure: Unseen, now_ts: int) -> list[Event]:
        """A look that failed: an account that is not what it must be bars entries; silence is the core's
        business, which sees the oracle's price grow old."""
        if isinstance(failure, AccountRefused):
            return self._bar((str(failure),), now_ts)
        return []

    def _bar(self, reasons: tuple[str, ...], now_ts: int) -> list[Event]:
        if reasons == self._barred:
            return []
        self._barred = reasons
        return [EntriesBarred(seen_ts=now_ts, reasons=reasons)]

    def _opened(self) -> Carrier:
        assert self._carrier is not None, "opened first"
        return self._carrier


def _user(view: ChainView) -> UserSeen:
    assert view.user is not None, "a live venue looks at an account"
    return view.user


def _account_seen(view: ChainView) -> AccountSeen:
    user = _user(view)
    return AccountSeen(view.slot, view.chain_ts, user.next_order_id, user.orders)
