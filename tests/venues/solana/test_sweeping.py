"""What is ours and followed by nobody is swept from a flat account, and from no other."""

from drift_e3.core.terms import OrderKind, Reason, Side
from drift_e3.venues.solana.sweeping import SETTLED_MS, Sweeper, strays
from tests.venues.solana.account_model import AccountModel, an_intent

STOP = an_intent(Side.SELL, kind=OrderKind.TRIGGER_MARKET, reduce_only=True, reason=Reason.STOP)


def left_behind() -> AccountModel:
    """A flat account on which two stops of ours and an order of somebody's rest."""
    chain = AccountModel()
    chain.hold(7, STOP)
    chain.hold(8, STOP)
    chain.hold(9, an_intent(Side.SELL, kind=OrderKind.TRIGGER_MARKET))
    return chain


def test_a_stray_looks_ours_and_is_not_followed() -> None:
    view = left_behind().view()
    assert [order.user_order_id for order in strays(view, {8})] == [7]
    assert strays(view._replace(user=None), ()) == []


def test_strays_are_swept_when_they_have_been_seen_for_a_while() -> None:
    sweeper, view = Sweeper(), left_behind().view()
    assert sweeper.due(view, (), 1_000) == []
    assert sweeper.due(view, (), 1_000 + SETTLED_MS - 1) == []
    assert [order.user_order_id for order in sweeper.due(view, (), 1_000 + SETTLED_MS)] == [7, 8]


def test_beside_a_position_or_an_order_on_its_way_nothing_is_swept_and_the_while_begins_anew() -> None:
    sweeper, chain = Sweeper(), left_behind()
    sweeper.due(chain.view(), (), 0)
    assert sweeper.due(chain.view(), {5}, SETTLED_MS) == []
    assert sweeper.due(chain.view(), (), SETTLED_MS + 1) == []
    chain.trade(Side.BUY, 1_000_000_000, 150.0)
    assert sweeper.due(chain.view(), (), 2 * SETTLED_MS + 1) == []
    chain.trade(Side.SELL, 1_000_000_000, 150.0)
    assert sweeper.due(chain.view(), (), 2 * SETTLED_MS + 2) == []
    assert len(sweeper.due(chain.view(), (), 3 * SETTLED_MS + 2)) == 2


def test_one_that_came_later_has_its_own_while() -> None:
    sweeper, chain = Sweeper(), left_behind()
    sweeper.due(chain.view(), (), 0)
    chain.hold(6, STOP)
    assert [order.user_order_id for order in sweeper.due(chain.view(), (), SETTLED_MS)] == [7, 8]
