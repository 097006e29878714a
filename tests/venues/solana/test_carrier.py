"""The carrier: what an order becomes on its way to the sender, and what is not sent at all."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from solders.pubkey import Pubkey

from drift_e3.core.commands import SubmitOrder
from drift_e3.core.terms import Approved, Intent, OrderKind, Reason, Side
from drift_e3.venues.solana.books import Books, opening
from drift_e3.venues.solana.carrier import SIGHT_MS, Carrier
from drift_e3.venues.solana.followed import Followed, Stage
from drift_e3.venues.solana.following import Follower
from drift_e3.venues.solana.program import Program, Ticket, Trading
from drift_e3.venues.solana.sender import Sender
from drift_e3.venues.solana.sending import Blocked
from drift_e3.venues.solana.submission import Kind, Landed, Wanted
from tests.live.virtual_time import run_virtually
from tests.venues.solana.account_model import STEP, AccountModel, an_intent

ONE = 1_000_000_000
VALID_S = 20


class _Program:
    """Builds nothing and remembers what it was asked for."""

    def __init__(self) -> None:
        self.tickets: list[Ticket] = []
        self.changes: list[Ticket] = []
        self.cancelled: list[int] = []
        self.capabilities: frozenset[str] = frozenset()

    def place(self, ticket: Ticket, trading: Trading) -> Sequence[Any]:
        del trading
        self.tickets.append(ticket)
        return []

    def modify(self, ticket: Ticket, trading: Trading) -> Sequence[Any]:
        del trading
        self.changes.append(ticket)
        return []

    def cancel(self, user_order_id: int, trading: Trading) -> Sequence[Any]:
        del trading
        self.cancelled.append(user_order_id)
        return []


@dataclass(slots=True)
class _Sender:
    """Everything lands, once it has been held back as often as `held_back` says."""

    held_back: list[Blocked] = field(default_factory=list)
    wanted: list[Wanted] = field(default_factory=list)

    async def submit(self, wanted: Wanted, instructions: Sequence[Any]) -> Landed | Blocked:
        del instructions
        self.wanted.append(wanted)
        return self.held_back.pop(0) if self.held_back else Landed(slot=1, signature="s")


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
    sender: _Sender = field(default_factory=_Sender)

    def carrier(self, intent: Intent, *, unseen_ms: int = 0) -> Carrier:
        """A carrier whose follower knows of one order."""
        view = self.chain.view()
        assert view.user is not None
        follower = Follower(opening(view.user, 0), Books(), 0.0, STEP, adopts=False)
        follower.follow(Followed(order_id="o1", user_order_id=1, intent=intent))
        now_ts = view.chain_ts + self.fast_ms
        return Carrier(
            program=cast("Program", self.program),
            trading=Trading(Pubkey.default(), 0, Pubkey.default()),
            sender=cast("Sender", self.sender),
            follower=follower,
            clock=_Clock(now_ts),
            view=view,
            moved_ts=now_ts - unseen_ms,
            order_valid_s=VALID_S,
            read_only=self.read_only,
        )

    async def place(self, intent: Intent, *, unseen_ms: int = 0) -> str:
        """Place an order; why it was rejected, empty if it was sent."""
        carrier = self.carrier(intent, unseen_ms=unseen_ms)
        await carrier.place(submitted(intent))
        return carrier.follower.orders["o1"].reason


def submitted(intent: Intent) -> SubmitOrder:
    return SubmitOrder(order_id="o1", approved=Approved(intent=intent, leverage_x_max=1.0))


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


class TestHeldBack:
    """The sender holds an order back: the account is older than what has landed, say."""

    @pytest.mark.parametrize("intent", [ENTRY, EXIT, STOP], ids=["entry", "exit", "stop"])
    async def test_it_goes_at_the_next_look_and_knows_of_that(self, intent: Intent) -> None:
        carrying = Carrying(sender=_Sender([Blocked("stale_account"), Blocked("stale_account")]))
        carrier = carrying.carrier(intent)
        begun_slot, max_ts = carrier.view.slot, carrying.chain.view().chain_ts // 1_000 + VALID_S
        placing = asyncio.create_task(carrier.place(submitted(intent)))
        for _ in range(2):
            await asyncio.sleep(0)
            assert carrier.follower.orders["o1"].stage is Stage.SENDING
            carrying.chain.trade(Side.BUY, ONE, 150.0)
            carrier.saw(carrying.chain.view(), carrier.moved_ts)
        await placing
        assert [wanted.basis.slot - begun_slot for wanted in carrying.sender.wanted] == [0, 1, 2]
        assert {wanted.max_ts for wanted in carrying.sender.wanted} <= {0, max_ts}, "decided then"
        assert carrier.follower.orders["o1"].stage is Stage.LANDED

    def test_it_is_refused_with_the_reason_when_no_look_helps_in_time(self) -> None:
        async def story() -> None:
            carrying = Carrying(sender=_Sender([Blocked("undecided", ("o0",))]))
            assert await carrying.place(ENTRY) == "undecided"
            assert asyncio.get_running_loop().time() == pytest.approx(SIGHT_MS / 1_000)

        run_virtually(story)

    async def test_an_entry_that_is_taken_back_meanwhile_is_not_sent(self) -> None:
        carrying = Carrying(sender=_Sender([Blocked("stale_account")]))
        carrier = carrying.carrier(ENTRY)
        placing = asyncio.create_task(carrier.place(submitted(ENTRY)))
        await asyncio.sleep(0)
        carrier.follower.orders["o1"].cancel_wanted = True
        carrier.saw(carrying.chain.view(), carrier.moved_ts)
        await placing
        assert len(carrying.sender.wanted) == 1
        assert carrier.follower.orders["o1"].reason == "taken_back"


async def test_what_takes_anothers_place_changes_it_and_knows_the_numbers_before() -> None:
    carrying = Carrying()
    carrying.chain.hold(1, STOP)
    carrier = carrying.carrier(STOP)
    moved = carrier.follower.orders["o1"]
    moved.replaces = "o0"
    await carrier.place(submitted(STOP))
    assert (carrying.program.tickets, [ticket.user_order_id for ticket in carrying.program.changes]) == (
        [],
        [1],
    )
    (wanted,) = carrying.sender.wanted
    assert (wanted.kind, wanted.user_order_id, wanted.adds_exposure) == (Kind.MODIFY, 1, False)
    assert moved.first_id == wanted.basis.next_order_id == carrying.chain.next_order_id


class TestSweeping:
    def test_a_stray_is_taken_back_once(self) -> None:
        async def story() -> None:
            carrying = Carrying()
            carrying.chain.hold(9, STOP)
            (stray,) = carrying.chain.view().user.orders  # type: ignore[union-attr]
            await carrying.carrier(ENTRY).sweep(stray)
            assert carrying.program.cancelled == [9]
            (wanted,) = carrying.sender.wanted
            assert (wanted.intent_id, wanted.kind) == (f"stray-{stray.order_id}", Kind.CANCEL)

        run_virtually(story)

    async def test_nothing_is_taken_back_on_a_program_that_nobody_approved(self) -> None:
        carrying = Carrying(read_only="program_redeployed")
        carrying.chain.hold(9, STOP)
        (stray,) = carrying.chain.view().user.orders  # type: ignore[union-attr]
        await carrying.carrier(ENTRY).sweep(stray)
        assert carrying.program.cancelled == []


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
