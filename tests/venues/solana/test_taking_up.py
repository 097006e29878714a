"""What an earlier run left on its way is followed on, also where its row was lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from drift_e3.core.orders import Order, OrderState
from drift_e3.core.terms import Intent, OrderKind, Reason, Side
from drift_e3.venues.solana.followed import Stage
from drift_e3.venues.solana.outbox import Outbox
from drift_e3.venues.solana.submission import Basis, Kind, Wanted
from drift_e3.venues.solana.taking_up import TakenUp, take_up
from tests.venues.solana.account_model import AccountModel, an_intent


def a_stop(price_usd: float = 147.0, size_base: float = 2.0) -> Intent:
    return an_intent(
        Side.SELL,
        size_base,
        kind=OrderKind.TRIGGER_MARKET,
        price_usd=price_usd,
        reduce_only=True,
        reason=Reason.STOP,
    )


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    one = Outbox(tmp_path / "outbox.db")
    yield one
    one.close()


def begun(outbox: Outbox, order_id: str, kind: Kind, number: int, next_order_id: int = 0) -> None:
    outbox.begin(Wanted(order_id, kind, number, Basis(1, next_order_id), Side.SELL), 0)


def order(
    order_id: str, intent: Intent, state: OrderState = OrderState.SENT, filled_base: float = 0.0
) -> Order:
    return Order(order_id=order_id, intent=intent, state=state, filled_base=filled_base)


def one(taken: list[TakenUp]) -> TakenUp:
    (only,) = taken
    return only


def test_an_order_on_its_way_is_followed_and_its_fate_asked_for(outbox: Outbox) -> None:
    begun(outbox, "o1", Kind.PLACE, 7)
    followed, awaited = one(
        take_up([order("o1", an_intent(), filled_base=0.25)], outbox, AccountModel().view())
    )
    assert (followed.user_order_id, followed.stage, awaited) == (7, Stage.SENDING, Kind.PLACE)
    assert (followed.filled, followed.cancel_wanted) == (250_000_000, False)


def test_what_rests_needs_no_fate(outbox: Outbox) -> None:
    begun(outbox, "o1", Kind.PLACE, 7)
    taken = one(take_up([order("o1", a_stop(), OrderState.RESTING)], outbox, AccountModel().view()))
    assert (taken.followed.stage, taken.awaited) == (Stage.RESTING, None)


def test_what_is_to_be_taken_back_still_is(outbox: Outbox) -> None:
    begun(outbox, "o1", Kind.PLACE, 7)
    taken = one(take_up([order("o1", a_stop(), OrderState.CANCELLING)], outbox, AccountModel().view()))
    assert (taken.followed.cancel_wanted, taken.awaited) == (True, Kind.PLACE)


def test_who_takes_anothers_place_knows_whose(outbox: Outbox) -> None:
    begun(outbox, "o1", Kind.PLACE, 7)
    begun(outbox, "o2", Kind.PLACE, 8)
    begun(outbox, "o3", Kind.MODIFY, 7, next_order_id=1_004)
    orders = [
        order("o1", a_stop(), OrderState.RESTING),
        order("o2", a_stop(155.0), OrderState.RESTING),
        order("o3", a_stop(148.0)),
    ]
    old, other, heir = take_up(orders, outbox, AccountModel().view())
    assert (heir.followed.user_order_id, heir.followed.replaces, heir.followed.first_id) == (7, "o1", 1_004)
    assert heir.awaited is Kind.MODIFY
    assert (old.followed.replaces, other.followed.replaces) == ("", "")


class TestLostRows:
    def test_one_that_never_left_is_dead(self, outbox: Outbox) -> None:
        taken = one(take_up([order("o1", an_intent())], outbox, AccountModel().view()))
        assert (taken.followed.stage, taken.followed.reason) == (Stage.DEAD, "never_sent")
        assert taken.awaited is None

    @pytest.mark.parametrize(
        ("state", "stage"),
        [
            (OrderState.SENT, Stage.LANDED),
            (OrderState.RESTING, Stage.RESTING),
            (OrderState.CANCELLING, Stage.RESTING),
        ],
    )
    def test_one_that_the_account_holds_is_known_by_its_terms(
        self, state: OrderState, stage: Stage, outbox: Outbox
    ) -> None:
        chain = AccountModel()
        chain.hold(6, a_stop(155.0))
        chain.hold(7, a_stop())
        followed, awaited = one(take_up([order("o1", a_stop(), state)], outbox, chain.view()))
        assert (followed.user_order_id, followed.stage, awaited) == (7, stage, None)
        assert followed.cancel_wanted is (state is OrderState.CANCELLING)

    def test_two_alike_are_two(self, outbox: Outbox) -> None:
        chain = AccountModel()
        chain.hold(6, a_stop())
        chain.hold(7, a_stop())
        orders = [order(f"o{n}", a_stop(), OrderState.RESTING) for n in range(3)]
        taken = take_up(orders, outbox, chain.view())
        assert [taken_up.followed.user_order_id for taken_up in taken] == [6, 7, 0]

    def test_what_another_row_has_is_not_taken_for_it(self, outbox: Outbox) -> None:
        chain = AccountModel()
        chain.hold(7, a_stop())
        begun(outbox, "o2", Kind.PLACE, 7)
        orders = [order("o1", a_stop(), OrderState.SENT), order("o2", a_stop(), OrderState.RESTING)]
        lost, known = take_up(orders, outbox, chain.view())
        assert (lost.followed.stage, known.followed.user_order_id) == (Stage.DEAD, 7)

    def test_one_that_rested_and_is_not_there_is_left_to_the_look(self, outbox: Outbox) -> None:
        taken = one(take_up([order("o1", a_stop(), OrderState.RESTING)], outbox, AccountModel().view()))
        assert (taken.followed.stage, taken.followed.user_order_id) == (Stage.RESTING, 0)
