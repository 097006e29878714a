"""An order takes another's place in one step: who stands there is told in order, and nothing twice."""

from drift_e3.core.events import Fill, OrderAccepted, OrderCancelled, OrderRejected
from drift_e3.core.terms import Intent, OrderKind, Reason, Side
from drift_e3.venues.solana.followed import Followed
from tests.venues.solana.account_model import an_intent
from tests.venues.solana.test_following import ONE, Following, kinds, long_position


def a_stop(price_usd: float = 147.0, size_base: float = 2.0, *, above: bool = False) -> Intent:
    return an_intent(
        Side.SELL,
        size_base,
        kind=OrderKind.TRIGGER_MARKET,
        price_usd=price_usd,
        reduce_only=True,
        reason=Reason.TAKE_PROFIT if above else Reason.STOP,
        triggers_above=above,
    )


def guarded() -> tuple[Following, Followed]:
    """A long of 2 with its stop and its target."""
    following = long_position()
    stop = following.rest(a_stop())
    following.rest(a_stop(155.0, above=True))
    return following, stop


def change(following: Following, old: Followed, price_usd: float = 148.0) -> Followed:
    """The core moves a stop, and the change is sent."""
    assert following.follower.replaced_by(a_stop(price_usd)) is old
    new = following.send(a_stop(price_usd))
    new.user_order_id, new.replaces = old.user_order_id, old.order_id
    new.first_id = following.chain.next_order_id
    return new


def lands(following: Following, new: Followed) -> None:
    following.chain.hold(new.user_order_id, new.intent)
    following.follower.landed(new.order_id, following.chain.slot)


def test_the_new_order_is_accepted_and_then_the_old_one_is_over_in_one_look() -> None:
    following, old = guarded()
    new = change(following, old)
    assert following.look() == [], "nothing has happened yet"
    lands(following, new)
    accepted, over = following.look()
    assert (type(accepted), accepted.order_id) == (OrderAccepted, new.order_id)  # type: ignore[union-attr]
    assert over == OrderCancelled(seen_ts=following.chain.slot, order_id=old.order_id, reason="replaced")
    assert following.look() == []
    again = change(following, new, 149.0)
    lands(following, again)
    assert kinds(following.look()) == [OrderAccepted, OrderCancelled]


def test_the_account_shows_the_change_before_the_sender_has_heard_of_it() -> None:
    following, old = guarded()
    new = change(following, old)
    following.chain.hold(new.user_order_id, new.intent)
    assert following.look() == [], "neither is told to be gone"
    following.follower.landed(new.order_id, following.chain.slot)
    assert kinds(following.look()) == [OrderAccepted, OrderCancelled]


def test_a_change_that_came_to_nothing_leaves_the_old_order_which_is_then_left_as_it_is() -> None:
    following, old = guarded()
    new = change(following, old)
    following.follower.died(new.order_id, following.chain.slot, "OrderNotOpen")
    [event] = following.look()
    assert isinstance(event, OrderRejected)
    assert next(iter(following.follower.orders.values())) is old
    assert following.follower.replaced_by(a_stop(148.0)) is None, "next time a new order is placed"


def test_a_change_of_which_nobody_knows_whether_it_landed_is_told_by_the_account() -> None:
    for landed in (False, True):
        following, old = guarded()
        new = change(following, old)
        if landed:
            following.chain.hold(new.user_order_id, new.intent)
        following.chain.slot += 1
        following.follower.landed(new.order_id, following.chain.slot)
        told = [OrderAccepted, OrderCancelled] if landed else [OrderRejected]
        assert kinds(following.look()) == told


def test_an_old_stop_that_fires_before_its_change_is_the_one_that_filled() -> None:
    following, old = guarded()
    new = change(following, old)
    following.chain.fire(old.user_order_id, 2 * ONE, 147.0)
    [fill] = following.look()
    assert isinstance(fill, Fill)
    assert fill.order_id == old.order_id
    following.follower.died(new.order_id, following.chain.slot, "OrderDoesNotExist")
    assert kinds(following.look()) == [OrderRejected]


def test_a_new_stop_that_fires_at_once_is_the_one_that_filled() -> None:
    following, old = guarded()
    new = change(following, old, 149.0)
    following.chain.hold(new.user_order_id, new.intent)
    following.chain.fire(new.user_order_id, 2 * ONE, 149.0)
    following.follower.landed(new.order_id, following.chain.slot)
    fill, *rest = following.look()
    assert isinstance(fill, Fill)
    assert fill.order_id == new.order_id, "the old one's price was not there"
    assert kinds(rest) == [OrderCancelled]


def test_an_exit_is_not_taken_for_the_order_whose_place_was_taken() -> None:
    following, old = guarded()
    new = change(following, old)
    leave = following.send(an_intent(Side.SELL, 2.0, reduce_only=True, reason=Reason.TIME))
    lands(following, new)
    following.chain.trade(Side.SELL, 2 * ONE, 146.0)
    following.follower.landed(leave.order_id, following.chain.slot)
    fills = [event for event in following.look() if isinstance(event, Fill)]
    assert [fill.order_id for fill in fills] == [leave.order_id]


def test_no_cancel_is_sent_for_the_old_order_while_the_new_one_may_have_its_number() -> None:
    following, old = guarded()
    new = change(following, old)
    old.cancel_wanted = True
    assert following.follower.wanted_cancels() == []
    new.cancel_wanted = True
    assert following.follower.wanted_cancels() == [old], "both are to go"
    new.cancel_wanted = False
    following.follower.died(new.order_id, following.chain.slot, "expired")
    following.look()
    assert following.follower.wanted_cancels() == [old]


def test_one_change_at_a_time_and_only_of_the_same_sort_of_order() -> None:
    following, old = guarded()
    assert following.follower.replaced_by(an_intent(Side.SELL, 2.0, reduce_only=True)) is None
    assert following.follower.replaced_by(an_intent(Side.BUY, kind=OrderKind.TRIGGER_MARKET)) is None
    target = following.follower.replaced_by(a_stop(156.0, above=True))
    assert target is not None
    assert target is not old
    change(following, old)
    assert following.follower.replaced_by(a_stop(149.0)) is None


def test_one_that_is_at_work_is_left_to_it() -> None:
    following, old = guarded()
    assert following.follower.replaced_by(a_stop(148.0), {old.user_order_id}) is None
    assert following.follower.numbers() == {old.user_order_id, old.user_order_id + 1}


def test_a_partly_filled_or_unwanted_order_is_left_as_it_is() -> None:
    following, old = guarded()
    old.cancel_wanted = True
    assert following.follower.replaced_by(a_stop(148.0)) is None
    old.cancel_wanted = False
    following.chain.fire(old.user_order_id, ONE, 147.0)
    following.look()
    assert following.follower.replaced_by(a_stop(148.0)) is None


def test_a_restart_between_the_two_words_tells_the_second() -> None:
    following, old = guarded()
    new = change(following, old)
    lands(following, new)
    accepted, over = following.look()
    assert kinds([accepted, over]) == [OrderAccepted, OrderCancelled]
    # As if the journal had kept the first alone.
    following.follower.follow(old)
    assert [event.reason for event in following.follower.look(following.chain.view(), 0)] == ["replaced"]  # type: ignore[union-attr]
