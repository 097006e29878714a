"""Carries out the core's orders and cancels: number and ticket, transaction, word of what became of it.

Each has a task of its own, so that an exit never waits for something else; what must wait, the sender holds
back. Nothing is concluded here: the follower concludes, from the account.
"""

import asyncio
from dataclasses import dataclass, field
from typing import assert_never

import structlog

from drift_e3.core.commands import SubmitOrder
from drift_e3.core.terms import MS_PER_SECOND, Intent, OrderKind
from drift_e3.ports import Clock, VenueRefused
from drift_e3.venues.solana.followed import Followed
from drift_e3.venues.solana.following import Follower
from drift_e3.venues.solana.program import Program, Ticket, Trading
from drift_e3.venues.solana.sender import Sender
from drift_e3.venues.solana.sending import Blocked
from drift_e3.venues.solana.submission import (
    Basis,
    Expired,
    FailedOnChain,
    Forgotten,
    Kind,
    Landed,
    Refused,
    Verdict,
    Wanted,
)
from drift_e3.venues.solana.views import BASE_UNITS, ChainView, OrderSeen, UserSeen

log = structlog.get_logger()

CANCEL_RETRY_S = 2.0
"""A cancel that came to nothing is tried again after this, as long as the order rests."""
SIGHT_MS = 3_000
"""No entry is sent when the chain's latest slot was first seen longer ago: what it does would not be seen.
What the sender holds back is tried again at each look for so long."""


@dataclass(slots=True, kw_only=True)
class Carrier:
    """`view` is the latest look, `moved_ts` (UTC, ms) when its slot was first seen.

    `read_only` says why nothing may be sent (empty: it may). A position that stands without a stop is worse
    than what a new program may do: it gets its stop, or an exit, all the same.
    """

    program: Program
    trading: Trading
    sender: Sender
    follower: Follower
    clock: Clock
    view: ChainView
    moved_ts: int
    order_valid_s: int
    read_only: str = ""
    _looked: asyncio.Event = field(default_factory=asyncio.Event)

    def saw(self, view: ChainView, now_ts: int) -> None:
        """Take the latest look; what was held back is tried again."""
        if view.slot > self.view.slot:
            self.moved_ts = now_ts
        self.view = view
        self._looked.set()
        self._looked = asyncio.Event()

    async def place(self, command: SubmitOrder) -> None:
        """Place an order; the follower has known of it since before this was called.

        What the sender holds back (an account older than what has landed, a number that is still in use) is
        tried again at the next looks, and told as refused after that: whoever wants an exit asks for another.
        """
        followed = self.follower.orders.get(command.order_id)
        if followed is None:
            return
        intent = command.approved.intent
        ticket = Ticket(
            user_order_id=followed.user_order_id,
            side=intent.side,
            kind=intent.kind,
            size_base=intent.size_base,
            price_usd=intent.price_usd,
            triggers_above=intent.triggers_above,
            reduce_only=intent.reduce_only,
            max_ts=self._max_ts(intent) if intent.kind is OrderKind.IOC else 0,
        )
        until_s = asyncio.get_running_loop().time() + SIGHT_MS / MS_PER_SECOND
        came = await self._submit(followed, ticket)
        while isinstance(came, Blocked) and await self._next_look(until_s):
            came = await self._submit(followed, ticket)
        self.tell(command.order_id, came)

    async def _submit(self, followed: Followed, ticket: Ticket) -> Verdict | Blocked:
        """Place an order, or put it in another's place, if that may be done now."""
        intent = followed.intent
        refusal = self._refusal(followed)
        if refusal:
            return Refused(code=None, name=refusal)
        wanted = Wanted(
            intent_id=followed.order_id,
            kind=Kind.MODIFY if followed.replaces else Kind.PLACE,
            user_order_id=followed.user_order_id,
            basis=self._basis(),
            side=intent.side,
            adds_exposure=not intent.reduce_only,
            max_ts=ticket.max_ts,
        )
        build = self.program.modify if followed.replaces else self.program.place
        try:
            instructions = build(ticket, self.trading)
        except VenueRefused as refused:
            return Refused(code=None, name=str(refused))
        followed.first_id = wanted.basis.next_order_id
        return await self.sender.submit(wanted, instructions)

    def _refusal(self, followed: Followed) -> str:
        """Why an order must not be sent now, empty if it may."""
        intent = followed.intent
        if self.read_only and not (intent.reduce_only and self._stands_open()):
            return self.read_only
        if intent.reduce_only:
            return ""
        if followed.cancel_wanted:
            return "taken_back"
        return "out_of_sight" if self.clock.now_ms() - self.moved_ts > SIGHT_MS else ""

    async def _next_look(self, until_s: float) -> bool:
        """Wait for the next look; False if none comes in time."""
        try:
            async with asyncio.timeout_at(until_s):
                await self._looked.wait()
        except TimeoutError:
            return False
        return True

    def tell(self, order_id: str, came: Verdict | Blocked) -> None:
        """Tell the follower what became of an order's transaction."""
        follower, since_slot = self.follower, self.view.slot + 1
        match came:
            case Landed():
                follower.landed(order_id, came.slot)
            case Forgotten():
                # It may have landed: from the next look on the account says whether it holds anything of it.
                follower.landed(order_id, since_slot)
            case FailedOnChain():
                follower.died(order_id, came.slot, came.name)
            case Expired():
                follower.died(order_id, since_slot, "expired")
            case Refused():
                follower.died(order_id, 0, came.name)
            case Blocked():
                follower.died(order_id, 0, came.reason)
            case _:
                assert_never(came)

    async def cancel(self, order: Followed) -> None:
        """Take back an order that rests; try again as long as it does."""
        wanted = Wanted(
            intent_id=order.order_id,
            kind=Kind.CANCEL,
            user_order_id=order.user_order_id,
            basis=self._basis(),
        )
        while order.order_id in self.follower.orders and not self.read_only:
            instructions = self.program.cancel(order.user_order_id, self.trading)
            came = await self.sender.submit(wanted, instructions)
            if not isinstance(came, Landed):
                log.warning("cancel.failed", order_id=order.order_id, reason=reason_of(came))
            await asyncio.sleep(CANCEL_RETRY_S)

    async def sweep(self, order: OrderSeen) -> None:
        """Take back, once, an order of ours that nobody follows."""
        wanted = Wanted(
            intent_id=f"stray-{order.order_id}",
            kind=Kind.CANCEL,
            user_order_id=order.user_order_id,
            basis=self._basis(),
        )
        if self.read_only:
            return
        came = await self.sender.submit(wanted, self.program.cancel(order.user_order_id, self.trading))
        log.warning(
            "stray.swept",
            order_id=order.order_id,
            trigger_usd=order.trigger_usd,
            size_base=order.size_base,
            outcome=reason_of(came),
        )
        await asyncio.sleep(CANCEL_RETRY_S)

    def _stands_open(self) -> bool:
        """Whether the account shows a position and no stop of its size."""
        base = self.user.totals.base
        stopped = (
            round((order.size_base - order.filled_base) * BASE_UNITS)
            for order in self.user.orders
            if order.kind is OrderKind.TRIGGER_MARKET
            and order.reduce_only
            and order.side * base < 0
            and order.triggers_above == (base < 0)
        )
        return max(stopped, default=0) < abs(base)

    def _basis(self) -> Basis:
        return Basis(self.view.slot, self.user.next_order_id)

    def _max_ts(self, intent: Intent) -> int:
        """By the chain's clock as it was seen. An exit must not fail because that was long ago, or because
        our own clock is fast: for it the later of the two counts."""
        now_ts = self.view.chain_ts
        if intent.reduce_only:
            now_ts = max(now_ts, self.clock.now_ms())
        return now_ts // MS_PER_SECOND + self.order_valid_s

    @property
    def user(self) -> UserSeen:
        """The account in the latest look."""
        assert self.view.user is not None, "a live venue looks at an account"
        return self.view.user


def reason_of(came: Verdict | Blocked) -> str:
    """A verdict in a word."""
    match came:
        case FailedOnChain() | Refused():
            return came.name
        case Blocked():
            return came.reason
        case _:
            return type(came).__name__.lower()
