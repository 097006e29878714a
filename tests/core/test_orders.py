"""The life of an order, as a table."""

from itertools import product
from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_e3.core.events import Fill, OrderAccepted, OrderCancelled, OrderRejected
from drift_e3.core.orders import DONE, TRANSITIONS, IllegalTransition, OpenOrders, OrderFact, OrderState
from drift_e3.core.terms import Approved, OrderKind, Reason, Side
from tests.core.builders import START_TS, a_fill, an_intent, an_order


def open_orders(size_base: float = 1.0, state: OrderState = OrderState.SENT) -> OpenOrders:
    orders = OpenOrders(step_base=0.01)
    orders.send("a", an_order(size_base))
    orders.by_id["a"].state = state
    return orders


def fact_event(fact: OrderFact) -> OrderAccepted | OrderRejected | OrderCancelled | Fill:
    match fact:
        case OrderFact.ACCEPTED:
            return OrderAccepted(seen_ts=START_TS, order_id="a")
        case OrderFact.REJECTED:
            return OrderRejected(seen_ts=START_TS, order_id="a", reason="busy")
        case OrderFact.CANCELLED:
            return OrderCancelled(seen_ts=START_TS, order_id="a", reason="requested")
        case OrderFact.PARTLY_FILLED:
            return a_fill("a", size_base=0.4)
        case _:
            return a_fill("a")


LIVE = [state for state in OrderState if state not in DONE]
FACTS = [fact for fact in OrderFact if fact is not OrderFact.CANCEL_ASKED]


@pytest.mark.parametrize(("state", "fact"), list(product(LIVE, FACTS)))
def test_a_fact_leads_where_the_table_says_or_raises_and_changes_nothing(
    state: OrderState, fact: OrderFact
) -> None:
    orders = open_orders(state=state)
    expected = TRANSITIONS.get((state, fact))
    if expected is None:
        with pytest.raises(IllegalTransition, match="order a is"):
            orders.apply(fact_event(fact))
        assert orders == open_orders(state=state)
        return
    order = orders.apply(fact_event(fact))
    assert order is not None
    assert order.state is expected
    assert ("a" in orders.by_id) is (expected not in DONE)


def test_nothing_follows_what_is_done() -> None:
    for state, _ in TRANSITIONS:
        assert state not in DONE


def test_an_id_is_not_open_twice() -> None:
    orders = open_orders()
    with pytest.raises(IllegalTransition, match="already open"):
        orders.send("a", an_order(5.0))
    assert orders == open_orders()


@pytest.mark.parametrize(
    "event",
    [
        OrderAccepted(seen_ts=START_TS, order_id="b"),
        OrderRejected(seen_ts=START_TS, order_id="b", reason="busy"),
        OrderCancelled(seen_ts=START_TS, order_id="b", reason="requested"),
        a_fill("b"),
    ],
)
def test_a_fact_about_an_order_that_is_not_open_raises(
    event: OrderAccepted | OrderRejected | OrderCancelled | Fill,
) -> None:
    orders = open_orders()
    with pytest.raises(IllegalTransition, match="not open"):
        orders.apply(event)
    assert orders == open_orders()


def test_a_liquidation_is_no_order_of_ours() -> None:
    orders = open_orders()
    assert orders.apply(a_fill("venue-1", reason=Reason.LIQUIDATION)) is None
    assert orders == open_orders()


@pytest.mark.parametrize(
    "fill",
    [
        a_fill("a", size_base=1.01),
        a_fill("a", side=Side.SELL),
        a_fill("a", size_base=0.0),
        a_fill("a", size_base=-0.5),
        a_fill("a", size_base=0.004),
        a_fill("a", size_base=nan),
    ],
)
def test_a_fill_beyond_the_size_of_the_other_side_or_of_nothing_raises(fill: Fill) -> None:
    orders = open_orders()
    with pytest.raises(IllegalTransition):
        orders.apply(fill)
    assert orders == open_orders()


def test_partial_fills_leave_the_rest_until_all_has_traded() -> None:
    orders = open_orders(0.3)
    for rest in (0.2, 0.1):
        order = orders.apply(a_fill("a", size_base=0.1))
        assert order is not None
        assert order.remaining_base == pytest.approx(rest)
    orders.apply(a_fill("a", size_base=0.1))
    assert not orders.by_id


def test_a_cancel_is_asked_once() -> None:
    orders = open_orders()
    assert orders.ask_cancel("a")
    assert not orders.ask_cancel("a")
    assert orders.by_id["a"].state is OrderState.CANCELLING


def test_only_orders_that_may_grow_the_position_count_as_growing() -> None:
    orders = open_orders(2.0)
    orders.send("b", an_order(3.0))
    orders.send("c", an_order(5.0, Side.SELL))
    orders.send("d", Approved(intent=an_intent(size_base=7.0, reduce_only=True), leverage_x_max=3.0))
    orders.apply(a_fill("a", size_base=0.5))
    assert orders.growing_base(Side.BUY) == 4.5
    assert orders.growing_base(Side.SELL) == 5.0


def test_only_what_acts_at_once_counts_as_closing() -> None:
    orders = open_orders(2.0)
    for order_id, kind in (("b", OrderKind.TRIGGER_MARKET), ("c", OrderKind.IOC)):
        intent = an_intent(Side.SELL, 1.5, kind=kind, reduce_only=True)
        orders.send(order_id, Approved(intent=intent, leverage_x_max=3.0))
    orders.apply(a_fill("c", side=Side.SELL, size_base=0.5))
    assert orders.closing_base() == 1.0


@given(st.lists(st.integers(1, 60), min_size=1, max_size=20))
def test_an_order_never_fills_by_more_than_its_size(steps: list[int]) -> None:
    orders = open_orders()
    filled = 0
    for size in steps:
        if "a" not in orders.by_id:
            break
        try:
            orders.apply(a_fill("a", size_base=size / 100))
        except IllegalTransition:
            assert filled + size > 100
        else:
            filled += size
    assert filled <= 100
    assert ("a" in orders.by_id) is (filled < 100)
