"""What the live venue has under way on the chain: each placing, cancel and sweep is a task of its own.

Here is decided under which number an order goes, and when a task begins. How it is carried out is the
carrier's, and what came of it is concluded by the follower, from the account.
"""

import asyncio

from drift_e3.core.commands import CancelOrder, SubmitOrder
from drift_e3.core.terms import Intent
from drift_e3.ports import Clock, Put
from drift_e3.venues.solana.carrier import Carrier
from drift_e3.venues.solana.followed import Followed
from drift_e3.venues.solana.lookout import Lookout
from drift_e3.venues.solana.sender import Sender
from drift_e3.venues.solana.submission import Kind
from drift_e3.venues.solana.sweeping import Sweeper
from drift_e3.venues.solana.views import ChainView, OrderSeen


def follow(carrier: Carrier, sender: Sender, order_id: str, intent: Intent) -> bool:
    """Follow a new order: under a number of its own, or under that of the order whose place it takes in one
    step. False if all numbers are in use."""
    follower, orders = carrier.follower, carrier.user.orders
    old = None
    if "modify" in carrier.program.capabilities:
        # One that has fired is at work: changing it would call it back.
        fired = {order.user_order_id for order in orders if order.fired}
        old = follower.replaced_by(intent, fired)
    if old is not None:
        number: int | None = old.user_order_id
    else:
        number = sender.free_user_id({order.user_order_id for order in orders} | follower.numbers())
    replaces = "" if old is None else old.order_id
    follower.follow(Followed(order_id=order_id, user_order_id=number or 0, intent=intent, replaces=replaces))
    if number is None:
        follower.died(order_id, 0, "no_number_free")
    return number is not None


class Errands:
    """The tasks of one run, in its task group."""

    def __init__(
        self,
        carrier: Carrier,
        sender: Sender,
        lookout: Lookout,
        clock: Clock,
        tasks: asyncio.TaskGroup,
        put: Put,
    ) -> None:
        self._carrier = carrier
        self._sender = sender
        self._lookout = lookout
        self._clock = clock
        self._tasks = tasks
        self._put = put
        self._sweeper = Sweeper()
        self._swept: set[int] = set()

    def carry_out(self, command: SubmitOrder | CancelOrder) -> None:
        """Begin what the core wants."""
        match command:
            case SubmitOrder():
                self._tasks.create_task(self._place(command), name=f"place {command.order_id}")
            case CancelOrder():
                self.take_back()

    def resume(self, order_id: str, kind: Kind) -> None:
        """Hear what becomes of what an earlier run sent."""
        self._tasks.create_task(self._resume(order_id, kind), name=f"resume {order_id}")

    def take_back(self) -> None:
        """Begin the cancels that are wanted."""
        for order in self._carrier.follower.wanted_cancels():
            order.cancel_sent = True
            self._tasks.create_task(self._carrier.cancel(order), name=f"cancel {order.order_id}")

    def sweep(self, view: ChainView) -> None:
        """Take back what is ours and nobody follows, once the account is flat and nothing is on its way."""
        for order in self._sweeper.due(view, self._carrier.follower.numbers(), self._clock.now_ms()):
            if order.order_id not in self._swept and not self._sender.undecided():
                self._swept.add(order.order_id)
                self._tasks.create_task(self._sweep(order), name=f"sweep {order.order_id}")

    async def _place(self, command: SubmitOrder) -> None:
        await self._carrier.place(command)
        await self._put(self._carrier.follower.never_left(self._clock.now_ms()))
        self._lookout.hurry()

    async def _resume(self, order_id: str, kind: Kind) -> None:
        fate = await self._sender.fate(order_id, kind)
        assert fate is not None, "it has a row"
        self._carrier.tell(order_id, fate)
        self._lookout.hurry()

    async def _sweep(self, order: OrderSeen) -> None:
        await self._carrier.sweep(order)
        self._swept.remove(order.order_id)
