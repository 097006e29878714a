"""The carrier: what an order becomes on its way to the sender, and what is not sent at all."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from solders.pubkey import Pubkey

from drift_e3.core.commands import SubmitOrder
from drift_e3.core.terms import Approved, Intent, OrderKind, Reason, Side
from drift_e3.venues.solana.books import Books, opening
from drift_e3.venues.solana.carrier import SIGHT_MS, Carrier
from drift_e3.venues.solana.following import Followed, Follower
from drift_e3.venues.solana.program import Program, Ticket, Trading
from drift_e3.venues.solana.sender import Sender
from drift_e3.venues.solana.submission import Landed, Wanted
from tests.venues.solana.account_model import STEP, AccountModel, an_intent

ONE = 1_000_000_000
VALID_S = 20


class _Program:
    """Builds nothing and remembers what it was asked for."""

    def __init__(self) -> None:
        self.tickets: list[Ticket] = []

    def place(self, ticket: Ticket, trading: Trading) -> Sequence[Any]:
        del trading
        self.tickets.append(ticket)
        return []


class _Sender:
    """Everything lands."""

    async def submit(self, wanted: Wanted, instructions: Sequence[Any]) -> Landed:
        del wanted, instructions
        return Landed(slot=1, signature="s")


class _Clock:
    def __init__(self, now_ts: int) -> None:
        self.now_ts = now_ts

    def now_ms(self) -> int:
        return self.now_ts

    async def sleep_until(self, ts_ms: int) -> None:
        raise NotImplementedError


@dataclass(slots=True)
class Carrying:
    """A carrier on a made account; its own clock is `fast_ms` before the chain's."""

    chain: AccountModel = field(default_factory=AccountModel)
    fast_ms: int = 0
    read_only: str = ""
    program: _Program = field(default_factory=_Program)

    async def place(self, intent: Intent, *, unseen_ms: int = 0) -> str:
        """Place an order; why it was rejected, empty if it was sent."""
        view = self.chain.view()
        assert view.user is not None
        follower = Follower(opening(view.user, 0), Books(), 0.0, STEP, adopts=False)
        follower.follow(Followed(order_id="o1", user_order_id=1, intent=intent))
        now_ts = view.chain_ts + self.fast_ms
        carrier = Carrier(
            program=cast("Program", self.program),
            trading=Trading(Pubkey.default(), 0, Pubkey.default()),
            sender=cast("Sender", _Sender()),
            follower=follower,
            clock=_Clock(now_ts),
            view=view,
            moved_ts=now_ts - unseen_ms,
            order_valid_s=VALID_S,
            read_only=self.read_only,
        )
        await carrier.place(SubmitOrder(order_id="o1", approved=Approved(intent=intent, leverage_x_max=1.0)))
        return follower.orders["o1"].reason


ENTRY = an_intent()
EXIT = an_intent(Side.SELL, reduce_only=True, reason=Reason.TIME)
STOP = an_intent(
    Side.SELL, kind=OrderKind.TRIGGER_MARKET, price_usd=147.0, reduce_only=True, reason=Reason.STOP
)


@pytest.mark.parametrize(("fast_ms", "later_s"), [(0, 0), (40_000, 40), (-40_000, 0)])
async def test_an_exit_has_its_time_by_the_chains_clock_and_by_ours(fast_ms: int, later_s: int) -> None:
    carrying = Carrying(fast_ms=fast_ms)
    assert await carrying.place(EXIT) == ""
    chain_s = carrying.chain.view().chain_ts // 1_000
    assert carrying.program.tickets[0].max_ts == chain_s + VALID_S + later_s


@pytest.mark.parametrize("fast_ms", [0, 40_000, -40_000])
async def test_an_entry_has_its_time_by_the_chains_clock_alone(fast_ms: int) -> None:
    carrying = Carrying(fast_ms=fast_ms)
    assert await carrying.place(ENTRY) == ""
    assert carrying.program.tickets[0].max_ts == carrying.chain.view().chain_ts // 1_000 + VALID_S


async def test_what_rests_has_no_last_moment() -> None:
    carrying = Carrying()
    await carrying.place(STOP)
    assert carrying.program.tickets[0].max_ts == 0


async def test_no_entry_is_sent_while_the_chain_is_out_of_sight() -> None:
    carrying = Carrying()
    assert await carrying.place(ENTRY, unseen_ms=SIGHT_MS + 1) == "out_of_sight"
    assert carrying.program.tickets == []
    assert await carrying.place(ENTRY, unseen_ms=SIGHT_MS) == ""
    assert await carrying.place(EXIT, unseen_ms=60_000) == ""


class TestReadOnly:
    async def test_nothing_is_sent_for_a_flat_account_or_one_with_its_stop(self) -> None:
        carrying = Carrying(read_only="program_redeployed")
        for intent in (ENTRY, EXIT, STOP):
            assert await carrying.place(intent) == "program_redeployed"
        carrying.chain.trade(Side.BUY, ONE, 150.0)
        carrying.chain.hold(7, STOP)
        for intent in (ENTRY, EXIT, STOP):
            assert await carrying.place(intent) == "program_redeployed"
        assert carrying.program.tickets == []

    async def test_a_position_without_a_stop_gets_one_or_is_left(self) -> None:
        carrying = Carrying(read_only="program_redeployed")
        carrying.chain.trade(Side.BUY, 2 * ONE, 150.0)
        carrying.chain.hold(7, STOP)  # of half the size
        target = an_intent(
            Side.SELL, kind=OrderKind.POST_ONLY, reduce_only=True, price_usd=153.0, reason=Reason.TAKE_PROFIT
        )
        carrying.chain.hold(8, target)
        assert await carrying.place(STOP) == ""
        assert await carrying.place(EXIT) == ""
        assert await carrying.place(ENTRY) == "program_redeployed"
        assert [ticket.reduce_only for ticket in carrying.program.tickets] == [True, True]
