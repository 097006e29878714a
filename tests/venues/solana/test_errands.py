"""Under which number an order goes: one of its own, or that of the order whose place it takes."""

from collections.abc import Collection
from typing import cast

from drift_e3.core.terms import Intent, OrderKind, Reason, Side
from drift_e3.venues.solana.carrier import Carrier
from drift_e3.venues.solana.errands import follow
from drift_e3.venues.solana.followed import Followed, Stage
from drift_e3.venues.solana.sender import Sender
from drift_e3.venues.solana.user_ids import USER_IDS, free_user_id
from tests.venues.solana.account_model import an_intent
from tests.venues.solana.test_carrier import ENTRY, STOP, Carrying


class _Numbers:
    """A sender that only hands out numbers."""

    def free_user_id(self, open_ids: Collection[int]) -> int | None:
        return free_user_id(open_ids, ())


def with_a_stop(*capabilities: str) -> tuple[Carrying, Carrier]:
    """A stop that rests under number 9, on a program that can do so much."""
    carrying = Carrying()
    carrying.program.capabilities = frozenset(capabilities)
    carrying.chain.hold(9, STOP)
    carrier = carrying.carrier(ENTRY)
    carrier.follower.orders.clear()
    carrier.follower.follow(Followed(order_id="old", user_order_id=9, intent=STOP, stage=Stage.RESTING))
    return carrying, carrier


def followed(carrier: Carrier, intent: Intent) -> Followed:
    assert follow(carrier, cast("Sender", _Numbers()), "new", intent)
    return carrier.follower.orders["new"]


def higher() -> Intent:
    return an_intent(
        Side.SELL, kind=OrderKind.TRIGGER_MARKET, price_usd=148.0, reduce_only=True, reason=Reason.TRAILING
    )


def test_a_stop_takes_the_place_of_the_one_that_rests() -> None:
    _, carrier = with_a_stop("modify")
    new = followed(carrier, higher())
    assert (new.user_order_id, new.replaces) == (9, "old")


def test_a_program_that_cannot_change_orders_gets_new_ones() -> None:
    _, carrier = with_a_stop("trigger_orders")
    new = followed(carrier, higher())
    assert (new.user_order_id, new.replaces) == (1, "")


def test_a_stop_that_has_fired_is_not_called_back() -> None:
    carrying, carrier = with_a_stop("modify")
    carrying.chain.held[9].filled = 1
    carrier.saw(carrying.chain.view(), 0)
    assert followed(carrier, higher()).replaces == ""


def test_an_entry_has_a_number_that_no_order_has() -> None:
    carrying, carrier = with_a_stop("modify")
    carrying.chain.hold(1, higher())
    carrier.saw(carrying.chain.view(), 0)
    new = followed(carrier, ENTRY)
    assert (new.user_order_id, new.replaces) == (2, "")


def test_without_a_number_an_order_is_dead_at_once() -> None:
    _, carrier = with_a_stop()
    for number in USER_IDS:
        carrier.follower.follow(Followed(order_id=f"o{number}", user_order_id=number, intent=ENTRY))
    assert not follow(carrier, cast("Sender", _Numbers()), "new", ENTRY)
    assert carrier.follower.orders["new"].reason == "no_number_free"
