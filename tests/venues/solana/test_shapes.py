"""Orders recognised by what they look like: ours, and not those of anybody else."""

from typing import Any

import pytest

from drift_e3.core.terms import OrderKind, Reason, Side
from drift_e3.venues.solana.shapes import has_terms_of, looks_ours
from drift_e3.venues.solana.views import OrderSeen
from tests.venues.solana.account_model import INSTRUMENT, AccountModel, an_intent

STOP = an_intent(
    Side.SELL, 2.0, kind=OrderKind.TRIGGER_MARKET, price_usd=147.0, reduce_only=True, reason=Reason.STOP
)


def shown(**changes: Any) -> OrderSeen:
    chain = AccountModel()
    chain.hold(7, STOP)
    user = chain.view().user
    assert user is not None
    return user.orders[0]._replace(**changes)


def test_a_stop_with_a_number_in_our_market_looks_ours() -> None:
    assert looks_ours(shown(), 0)
    assert looks_ours(shown(side=Side.BUY, triggers_above=True, fired=True), 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"user_order_id": 0},
        {"reduce_only": False},
        {"kind": OrderKind.POST_ONLY},
        {"kind": None},
        {"market_index": 1},
    ],
)
def test_what_the_daemon_never_leaves_resting_is_not_ours(changes: dict[str, Any]) -> None:
    assert not looks_ours(shown(**changes), 0)


def test_an_intent_is_known_again_to_the_tick_and_the_step() -> None:
    assert has_terms_of(shown(), STOP, INSTRUMENT)
    assert has_terms_of(shown(trigger_usd=147.0 + INSTRUMENT.tick_usd * 0.9), STOP, INSTRUMENT)
    assert has_terms_of(shown(size_base=2.0 - INSTRUMENT.step_base * 0.9), STOP, INSTRUMENT)


@pytest.mark.parametrize(
    "changes",
    [
        {"side": Side.BUY},
        {"kind": OrderKind.POST_ONLY},
        {"triggers_above": True},
        {"trigger_usd": 147.0 + 2.0 * INSTRUMENT.tick_usd},
        {"size_base": 2.0 - 2.0 * INSTRUMENT.step_base},
    ],
)
def test_other_terms_are_another_order(changes: dict[str, Any]) -> None:
    assert not has_terms_of(shown(**changes), STOP, INSTRUMENT)
