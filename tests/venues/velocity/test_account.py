"""The trading account: totals to the last unit, orders, and what is not the daemon's."""

from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_e3.core.terms import OrderKind, Side
from drift_e3.venues.solana.views import OrderSeen, Totals, UserSeen
from drift_e3.venues.velocity.account import token_amount
from drift_e3.venues.velocity.layouts import SPOT_MARKET
from tests.venues.velocity.accounts import (
    DELEGATE,
    OWNER,
    SPOT_AT,
    USER_AT,
    Values,
    changed,
    look,
    order,
    position,
    the_accounts,
)


def account(user: Values, stats: Values | None = None) -> UserSeen:
    seen = look(the_accounts(user, stats)).user
    assert seen is not None
    return seen


def test_an_account_is_named_with_its_owner_and_delegate() -> None:
    seen = account({"next_order_id": 41})
    assert (seen.address, seen.authority, seen.delegate) == (str(USER_AT), str(OWNER), str(DELEGATE))
    assert (seen.sub_account, seen.next_order_id) == (0, 41)
    assert seen.totals == Totals(base=0, ledger=0, funding=0, fees=0, deposits=0, collateral=0, settled=0)
    assert (seen.entry_usd, seen.orders, seen.foreign) == (0.0, (), ())
    assert (seen.being_liquidated, seen.bankrupt, seen.reduce_only) == (False, False, False)


def test_totals_are_the_programs_own_integers() -> None:
    held = position(
        base_asset_amount=-1_500_000_000, quote_asset_amount=224_000_000, quote_entry_amount=225_000_000
    )
    seen = account(
        {
            **held,
            "settled_perp_pnl": -7_000_001,
            "cumulative_perp_funding": 12_345,
            "total_deposits": 1_000_000_000,
            "total_withdraws": 250_000_000,
            "spot_positions.0.scaled_balance": 743_000_000_000,
        },
        {"fees.total_fee_paid": 90_000, "fees.total_fee_rebate": 1_000},
    )
    assert seen.totals == Totals(
        base=-1_500_000_000,
        ledger=224_000_000 - 7_000_001,
        funding=12_345,
        fees=89_000,
        deposits=750_000_000,
        collateral=743_000_000,
        settled=-7_000_001,
    )
    assert seen.entry_usd == 150.0


def test_settling_moves_quote_to_tokens_and_not_the_ledger() -> None:
    before = account(
        position(quote_asset_amount=5_000_000) | {"spot_positions.0.scaled_balance": 10_000_000_000}
    )
    after = account({"settled_perp_pnl": 5_000_000, "spot_positions.0.scaled_balance": 15_000_000_000})
    assert before.totals.ledger == after.totals.ledger
    assert after.totals.collateral - before.totals.collateral == after.totals.settled == 5_000_000


def test_tokens_grow_with_interest_and_are_rounded_as_the_program_rounds() -> None:
    held = {"spot_positions.0.scaled_balance": 999_999_947_400}
    accounts = changed(
        the_accounts(held), SPOT_AT, SPOT_MARKET, {"cumulative_deposit_interest": 10_000_000_526}
    )
    seen = look(accounts).user
    assert seen is not None
    assert seen.totals.collateral == 999_999_999


def test_a_debt_is_negative_and_rounded_up() -> None:
    owed = {"spot_positions.0.scaled_balance": 1_000_000_001, "spot_positions.0.balance_type": 1}
    assert account(owed).totals.collateral == -1_000_001


@given(st.integers(0, 2**64 - 1), st.integers(10**10, 10**13), st.integers(0, 18))
def test_rounding_is_always_for_the_house(scaled: int, interest: int, decimals: int) -> None:
    exact = Fraction(scaled * interest, 10 ** (19 - decimals))
    assert token_amount(scaled, interest, decimals, borrow=False) == floor(exact)
    assert token_amount(scaled, interest, decimals, borrow=True) == ceil(exact)


def test_an_open_stop_is_seen_as_it_was_placed() -> None:
    values = order(
        31,
        order_type=2,
        order_id=12,
        user_order_id=200,
        direction=1,
        base_asset_amount=570_000_000,
        base_asset_amount_filled=70_000_000,
        trigger_price=75_578_000,
        trigger_condition=1,
        reduce_only=1,
        max_ts=99,
    )
    assert account(values).orders == (
        OrderSeen(
            order_id=12,
            user_order_id=200,
            market_index=0,
            side=Side.SELL,
            kind=OrderKind.TRIGGER_MARKET,
            size_base=0.57,
            filled_base=0.07,
            price_usd=0.0,
            trigger_usd=75.578,
            triggers_above=False,
            fired=False,
            reduce_only=True,
            max_ts=99,
        ),
    )


@pytest.mark.parametrize(
    ("condition", "above", "fired"), [(0, True, False), (1, False, False), (2, True, True), (3, False, True)]
)
def test_a_trigger_says_on_which_side_it_fires_and_whether_it_has(
    condition: int, above: bool, fired: bool
) -> None:
    (seen,) = account(order(order_type=2, trigger_condition=condition)).orders
    assert (seen.triggers_above, seen.fired) == (above, fired)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"order_type": 1, "immediate_or_cancel": 1}, OrderKind.IOC),
        ({"order_type": 1, "post_only": 1}, OrderKind.POST_ONLY),
        ({"order_type": 1}, None),
        ({"order_type": 0}, None),
        ({"order_type": 3}, None),
        ({"order_type": 4}, None),
        ({"order_type": 77}, None),
        ({"order_type": 2, "market_type": 0}, None),
    ],
)
def test_a_kind_that_the_daemon_never_places_has_no_name(
    values: dict[str, int], kind: OrderKind | None
) -> None:
    (seen,) = account(order(**values)).orders
    assert seen.kind is kind


@pytest.mark.parametrize("status", [0, 2, 3, 9])
def test_places_of_orders_that_are_over_are_not_orders(status: int) -> None:
    assert account(order(status=status)).orders == ()


@pytest.mark.parametrize(
    ("user", "flags"),
    [
        ({"status": 1}, (True, False, False)),
        ({"status": 2}, (False, True, False)),
        ({"status": 4}, (False, False, True)),
        ({"status": 32}, (False, False, False)),
        (position(position_flag=2, base_asset_amount=1), (True, False, False)),
        (position(position_flag=4, base_asset_amount=1), (False, True, False)),
    ],
)
def test_liquidation_bankruptcy_and_reduce_only_are_told(
    user: Values, flags: tuple[bool, bool, bool]
) -> None:
    seen = account(user)
    assert (seen.being_liquidated, seen.bankrupt, seen.reduce_only) == flags


@pytest.mark.parametrize(
    ("user", "words"),
    [
        (
            position(market_index=2, base_asset_amount=-500_000_000, quote_asset_amount=1_250_000),
            "perp market 2: -0.5 base, 1.250000 USD unsettled",
        ),
        (
            {"spot_positions.3.market_index": 1, "spot_positions.3.scaled_balance": 1},
            "spot market 1: a deposit",
        ),
        (
            {
                "spot_positions.3.market_index": 1,
                "spot_positions.3.scaled_balance": 1,
                "spot_positions.3.balance_type": 1,
            },
            "spot market 1: a debt",
        ),
        (order(market_index=3, order_id=9), "perp market 3: order 9"),
        (order(market_index=0, market_type=0, order_id=9), "spot market 0: order 9"),
        (
            position(isolated_position_scaled_balance=5, position_flag=1),
            "isolated margin in perp market 0",
        ),
    ],
)
def test_what_is_not_the_daemons_is_named_in_words(user: Values, words: str) -> None:
    assert account(user).foreign == (words,)


def test_an_empty_place_of_another_market_is_not_foreign() -> None:
    assert account(position(market_index=2, settled_pnl=77, last_cumulative_funding_rate=5)).foreign == ()
