"""The follower: looks at an account become events that the core can book, to the last unit."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_e3.core.account import Account
from drift_e3.core.events import (
    CollateralMoved,
    Event,
    Fill,
    FundingPaid,
    OrderAccepted,
    OrderCancelled,
    OrderRejected,
)
from drift_e3.core.orders import OpenOrders
from drift_e3.core.terms import Approved, Intent, OrderKind, Reason, Side
from drift_e3.venues.solana.books import booked, opening
from drift_e3.venues.solana.followed import Followed
from drift_e3.venues.solana.following import Follower
from tests.venues.solana.account_model import INSTRUMENT, STEP, AccountModel, an_intent

ONE = 1_000_000_000


@dataclass(slots=True)
class Following:
    """A follower with the core's own account and orders behind it: an event that cannot be raises there."""

    adopts: bool = False
    chain: AccountModel = field(default_factory=AccountModel)
    sent: int = 0
    follower: Follower = field(init=False)
    account: Account = field(init=False)
    orders: OpenOrders = field(init=False)

    def __post_init__(self) -> None:
        opened = opening(self.chain.view().user, 0)  # type: ignore[arg-type]
        self.account = Account(initial_usd=0.0, step_base=INSTRUMENT.step_base)
        self.account.book_opening(opened)
        self.orders = OpenOrders(step_base=INSTRUMENT.step_base)
        self.restart()

    def restart(self) -> None:
        """A new follower from what the core has booked; orders are followed on."""
        known = dict(self.follower.orders) if self.sent else {}
        assert self.account.opened is not None
        self.follower = Follower(
            self.account.opened, booked(self.account), self.account.moved_usd, STEP, adopts=self.adopts
        )
        for order in known.values():
            self.follower.follow(order)

    def send(self, intent: Intent) -> Followed:
        """The core sends an order."""
        self.sent += 1
        order = Followed(order_id=f"o{self.sent}", user_order_id=self.sent, intent=intent)
        self.orders.send(order.order_id, Approved(intent=intent, leverage_x_max=1.0))
        self.follower.follow(order)
        return order

    def rest(self, intent: Intent) -> Followed:
        """An order that rests, and is known to."""
        order = self.send(intent)
        self.chain.hold(order.user_order_id, intent)
        self.follower.landed(order.order_id, self.chain.slot)
        assert kinds(self.look()) == [OrderAccepted]
        return order

    def look(self) -> list[Event]:
        """A look, booked by the core."""
        events = self.follower.look(self.chain.view(), seen_ts=self.chain.slot)
        for event in events:
            self.book(event)
        self.check()
        return events

    def book(self, event: Event) -> None:
        match event:
            case Fill():
                self.orders.apply(event)
                self.account.book_fill(event)
            case OrderAccepted() | OrderRejected() | OrderCancelled():
                self.orders.apply(event)
            case FundingPaid():
                self.account.book_funding(event)
            case CollateralMoved():
                self.account.book_move(event)
            case _:
                raise AssertionError(event)

    def check(self) -> None:
        """The books agree with the chain to the last unit, save what belongs to somebody else."""
        assert self.account.opened is not None
        books, totals = booked(self.account), self.chain.totals
        assert books.base == totals.base - self.follower.foreign_base
        if not self.follower.foreign_base:
            assert books.ledger == totals.ledger - self.account.opened.ledger
        assert books.funding == totals.funding - self.account.opened.funding
        assert {order.order_id for order in self.follower.orders.values()} == set(self.orders.by_id)


def kinds(events: Sequence[Event]) -> list[type]:
    return [type(event) for event in events]


def long_position(adopts: bool = False) -> Following:
    """A long of 2, bought by an entry that filled whole."""
    following = Following(adopts)
    entry = following.send(an_intent(Side.BUY, 2.0))
    following.chain.trade(Side.BUY, 2 * ONE, 150.01, 120_000)
    following.follower.landed(entry.order_id, following.chain.slot)
    assert kinds(following.look()) == [Fill]
    return following


class TestImmediateOrders:
    def test_a_fill_is_what_the_account_shows_and_not_what_the_transaction_said(self) -> None:
        following = Following()
        order = following.send(an_intent(Side.BUY, 1.0))
        following.chain.slot += 1
        following.follower.landed(order.order_id, following.chain.slot)
        [event] = following.look()
        assert event == OrderCancelled(seen_ts=following.chain.slot, order_id="o1", reason="unfilled")

    def test_the_rest_of_a_partial_fill_is_over(self) -> None:
        following = Following()
        order = following.send(an_intent(Side.SELL, 1.0))
        following.chain.trade(Side.SELL, ONE // 4, 149.9, 15_000)
        following.follower.landed(order.order_id, following.chain.slot)
        fill, rest = following.look()
        assert isinstance(fill, Fill)
        assert (fill.size_base, fill.fee_usd, fill.order_id) == (0.25, 0.015, "o1")
        assert fill.price_usd == pytest.approx(149.9)
        assert kinds([rest]) == [OrderCancelled]

    def test_nothing_is_concluded_from_a_look_that_is_older_than_the_transaction(self) -> None:
        following = Following()
        order = following.send(an_intent())
        following.follower.landed(order.order_id, following.chain.slot + 1)
        assert following.look() == []
        following.chain.slot += 1
        assert kinds(following.look()) == [OrderCancelled]

    def test_a_fill_is_seen_before_the_sender_has_heard_of_the_transaction(self) -> None:
        following = Following()
        order = following.send(an_intent())
        following.chain.trade(Side.BUY, ONE, 150.0)
        assert kinds(following.look()) == [Fill]
        following.follower.landed(order.order_id, following.chain.slot)
        assert following.look() == []

    def test_a_dead_order_is_rejected_with_its_reason(self) -> None:
        following = Following()
        order = following.send(an_intent())
        following.follower.died(order.order_id, following.chain.slot, "expired")
        [event] = following.look()
        assert event == OrderRejected(seen_ts=following.chain.slot, order_id="o1", reason="expired")


class TestRestingOrders:
    def test_an_order_that_never_left_is_rejected_without_a_look(self) -> None:
        following = Following()
        never, gone = following.send(an_intent()), following.send(an_intent())
        following.follower.died(never.order_id, 0, "unavailable")
        following.follower.died(gone.order_id, following.chain.slot, "expired")
        [event] = following.follower.never_left(7)
        assert event == OrderRejected(seen_ts=7, order_id=never.order_id, reason="unavailable")
        assert following.follower.never_left(8) == []
        following.book(event)
        [event] = following.look()
        assert isinstance(event, OrderRejected)
        assert (event.order_id, event.reason) == (gone.order_id, "expired")

    def test_a_stop_is_accepted_when_the_account_holds_it_and_not_before(self) -> None:
        following = long_position()
        stop = following.send(an_intent(Side.SELL, 2.0, kind=OrderKind.TRIGGER_MARKET, reason=Reason.STOP))
        assert following.look() == []
        following.chain.hold(stop.user_order_id, stop.intent)
        assert following.look() == []
        following.follower.landed(stop.order_id, following.chain.slot)
        assert kinds(following.look()) == [OrderAccepted]

    def test_a_stop_that_was_not_placed_is_rejected_although_its_transaction_succeeded(self) -> None:
        following = long_position()
        stop = following.send(an_intent(Side.SELL, 2.0, kind=OrderKind.TRIGGER_MARKET, reason=Reason.STOP))
        following.follower.landed(stop.order_id, following.chain.slot)
        [event] = following.look()
        assert isinstance(event, OrderRejected)
        assert event.reason == "not_placed"

    def test_a_fired_stop_is_its_fill(self) -> None:
        following = long_position()
        intent = an_intent(Side.SELL, 2.0, kind=OrderKind.TRIGGER_MARKET, reason=Reason.STOP)
        stop = following.rest(intent)
        following.chain.fire(stop.user_order_id, 2 * ONE, 147.0, 100_000)
        [fill] = following.look()
        assert isinstance(fill, Fill)
        assert (fill.order_id, fill.reason, fill.size_base) == (stop.order_id, Reason.STOP, 2.0)

    def test_a_stop_that_the_program_took_away_with_the_position_did_not_fill(self) -> None:
        following = long_position()
        stop = following.rest(
            an_intent(Side.SELL, 2.0, kind=OrderKind.TRIGGER_MARKET, price_usd=147.0, reason=Reason.STOP)
        )
        leave = following.send(an_intent(Side.SELL, 2.0, reduce_only=True, reason=Reason.TIME))
        following.chain.trade(Side.SELL, 2 * ONE, 150.0)
        del following.chain.held[stop.user_order_id]
        fill, swept = following.look()
        assert isinstance(fill, Fill)
        assert (fill.order_id, fill.reason) == (leave.order_id, Reason.TIME)
        assert swept == OrderCancelled(seen_ts=following.chain.slot, order_id=stop.order_id, reason="gone")

    @pytest.mark.parametrize("known", [False, True])
    def test_nor_did_one_that_was_never_seen_to_rest(self, known: bool) -> None:
        following = long_position()
        stop = following.send(
            an_intent(Side.SELL, 2.0, kind=OrderKind.TRIGGER_MARKET, price_usd=147.0, reason=Reason.STOP)
        )
        leave = following.send(an_intent(Side.SELL, 2.0, reduce_only=True, reason=Reason.FLATTEN))
        following.chain.trade(Side.SELL, 2 * ONE, 150.0)
        if known:
            following.follower.landed(stop.order_id, following.chain.slot)
        fill, *_ = following.look()
        assert isinstance(fill, Fill)
        assert (fill.order_id, fill.reason) == (leave.order_id, Reason.FLATTEN)

    def test_a_stop_that_somebody_took_away_is_cancelled(self) -> None:
        following = long_position()
        intent = an_intent(Side.SELL, 2.0, kind=OrderKind.TRIGGER_MARKET, reason=Reason.STOP)
        stop = following.rest(intent)
        del following.chain.held[stop.user_order_id]
        [event] = following.look()
        assert isinstance(event, OrderCancelled)
        assert event.reason == "gone"

    def test_the_fills_of_a_stop_and_of_an_exit_in_one_look_are_told_apart(self) -> None:
        following = long_position()
        stop = following.rest(an_intent(Side.SELL, 1.5, kind=OrderKind.TRIGGER_MARKET, reason=Reason.STOP))
        leave = following.send(an_intent(Side.SELL, 2.0, reduce_only=True, reason=Reason.TIME))
        following.chain.fire(stop.user_order_id, 3 * ONE // 2, 148.0, 7)
        following.chain.trade(Side.SELL, ONE // 2, 147.5, 5)
        following.follower.landed(leave.order_id, following.chain.slot)
        fills = [event for event in following.look() if isinstance(event, Fill)]
        assert [(fill.order_id, fill.size_base) for fill in fills] == [("o2", 1.5), ("o3", 0.5)]
        assert sum(fill.fee_usd for fill in fills) == pytest.approx(12e-6)

    def test_a_wanted_cancel_waits_until_the_order_rests(self) -> None:
        following = long_position()
        intent = an_intent(Side.SELL, 2.0, kind=OrderKind.TRIGGER_MARKET, reason=Reason.STOP)
        stop = following.send(intent)
        stop.cancel_wanted = True
        assert following.follower.wanted_cancels() == []
        following.chain.hold(stop.user_order_id, intent)
        following.follower.landed(stop.order_id, following.chain.slot)
        following.look()
        assert following.follower.wanted_cancels() == [stop]
        stop.cancel_sent = True
        assert following.follower.wanted_cancels() == []
        del following.chain.held[stop.user_order_id]
        [event] = following.look()
        assert isinstance(event, OrderCancelled)
        assert event.reason == "requested"


class TestOthers:
    def test_a_position_that_its_owner_closed_is_closed(self) -> None:
        following = long_position()
        following.chain.trade(Side.SELL, 2 * ONE, 151.0, 90_000)
        [fill] = following.look()
        assert isinstance(fill, Fill)
        assert fill.reason is Reason.FOREIGN

    def test_a_liquidation_is_named(self) -> None:
        following = long_position()
        following.chain.being_liquidated = True
        following.chain.trade(Side.SELL, ONE, 120.0)
        [fill] = following.look()
        assert isinstance(fill, Fill)
        assert fill.reason is Reason.LIQUIDATION

    def test_a_stop_that_a_liquidation_called_off_did_not_fill(self) -> None:
        following = long_position()
        stop = following.rest(
            an_intent(Side.SELL, 2.0, kind=OrderKind.TRIGGER_MARKET, price_usd=147.0, reason=Reason.STOP)
        )
        following.chain.trade(Side.SELL, 2 * ONE, 145.0)
        following.chain.being_liquidated = True
        del following.chain.held[stop.user_order_id]
        fill, swept = following.look()
        assert isinstance(fill, Fill)
        assert fill.reason is Reason.LIQUIDATION
        assert isinstance(swept, OrderCancelled)

    def test_a_foreign_position_is_left_alone_and_counted(self) -> None:
        following = long_position()
        following.chain.trade(Side.BUY, 3 * ONE, 151.0, 10)
        assert following.look() == []
        assert following.follower.foreign_base == 3 * ONE
        following.chain.pay_funding(-40)
        assert kinds(following.look()) == [FundingPaid]
        leave = following.send(an_intent(Side.SELL, 2.0, reduce_only=True, reason=Reason.STOP))
        following.chain.trade(Side.SELL, 2 * ONE, 149.0, 10)
        following.follower.landed(leave.order_id, following.chain.slot)
        assert kinds(following.look()) == [Fill]

    def test_a_foreign_position_is_adopted_where_that_is_wanted(self) -> None:
        following = Following(adopts=True)
        following.chain.trade(Side.SELL, 3 * ONE, 151.0)
        [fill] = following.look()
        assert isinstance(fill, Fill)
        assert (fill.reason, fill.side, fill.size_base) == (Reason.ADOPTED, Side.SELL, 3.0)

    def test_a_trade_that_turns_the_position_is_two_fills(self) -> None:
        following = long_position(adopts=True)
        following.chain.trade(Side.SELL, 5 * ONE, 149.0, 33)
        first, second = following.look()
        assert isinstance(first, Fill)
        assert isinstance(second, Fill)
        assert (first.reason, first.size_base) == (Reason.FOREIGN, 2.0)
        assert (second.reason, second.size_base) == (Reason.ADOPTED, 3.0)

    def test_the_result_of_trades_that_nobody_saw_is_booked_as_such(self) -> None:
        following = Following()
        following.chain.trade(Side.BUY, ONE, 150.0, 50)
        following.chain.trade(Side.SELL, ONE, 149.0, 50)
        [event] = following.look()
        assert isinstance(event, CollateralMoved)
        assert (event.traded, event.amount_usd) == (True, -1.0001)

    def test_a_position_that_was_there_before_the_books_is_missing_at_its_entry_price(self) -> None:
        chain = AccountModel()
        chain.trade(Side.BUY, 2 * ONE, 150.0)
        following = Following(adopts=True, chain=chain)
        [fill] = following.look()
        assert isinstance(fill, Fill)
        assert (fill.size_base, fill.price_usd, fill.fee_usd) == (2.0, 150.0, 0.0)


class TestCollateral:
    def test_a_deposit_is_told_once(self) -> None:
        following = Following()
        following.chain.deposits += 5_000_000
        following.chain.slot += 1
        [event] = following.look()
        assert event == CollateralMoved(seen_ts=following.chain.slot, amount_usd=5.0)
        assert following.look() == []

    def test_interest_is_told_when_it_has_come_to_a_cent(self) -> None:
        following = Following()
        following.chain.interest += 9_999
        assert following.look() == []
        following.chain.interest += 1
        assert kinds(following.look()) == [CollateralMoved]

    def test_settling_profit_into_tokens_moves_nothing(self) -> None:
        following = long_position()
        following.chain.settle()
        assert following.look() == []


STEPS = st.integers(1, 300)
PRICES = st.floats(10.0, 300.0, allow_nan=False)
FEES = st.integers(-20, 50_000)


@given(st.data())
def test_whatever_happens_the_books_agree_after_each_look_and_after_a_restart(data: st.DataObject) -> None:
    following = Following(adopts=True)
    chain = following.chain
    for _ in range(data.draw(st.integers(1, 25))):
        what = data.draw(
            st.sampled_from(
                ["send", "land", "lose", "fire", "vanish", "fund", "foreign", "settle", "restart"]
            )
        )
        sending = [
            order for order in following.follower.orders.values() if order.stage == 0 and not order.filled
        ]
        match what:
            case "send":
                kind = data.draw(st.sampled_from([OrderKind.IOC, OrderKind.TRIGGER_MARKET]))
                side, size = data.draw(st.sampled_from(Side)), data.draw(STEPS) / 100
                following.send(an_intent(side, size, kind=kind, reason=Reason.STOP))
            case "land" if sending:
                order = data.draw(st.sampled_from(sending))
                if order.intent.kind is OrderKind.IOC:
                    size = data.draw(st.integers(0, round(order.intent.size_base * 100))) * STEP
                    if size:
                        chain.trade(order.intent.side, size, data.draw(PRICES), data.draw(FEES))
                else:
                    chain.hold(order.user_order_id, order.intent)
                following.follower.landed(order.order_id, chain.slot)
                following.look()
            case "lose" if sending:
                order = data.draw(st.sampled_from(sending))
                following.follower.died(order.order_id, chain.slot, "expired")
                following.look()
            case "fire" if chain.held:
                user_order_id = data.draw(st.sampled_from(sorted(chain.held)))
                chain.fire(user_order_id, data.draw(STEPS) * STEP, data.draw(PRICES), data.draw(FEES))
            case "vanish" if chain.held:
                del chain.held[data.draw(st.sampled_from(sorted(chain.held)))]
                chain.slot += 1
            case "fund":
                chain.pay_funding(data.draw(st.integers(-10_000, 10_000)))
            case "foreign" if not sending:
                following.look()
                side = data.draw(st.sampled_from(Side))
                chain.trade(side, data.draw(STEPS) * STEP, data.draw(PRICES), data.draw(FEES))
            case "settle":
                chain.settle()
            case "restart":
                following.look()
                following.restart()
            case _:
                pass
        if data.draw(st.booleans()):
            following.look()
    following.look()
    following.restart()
    assert following.look() == []
