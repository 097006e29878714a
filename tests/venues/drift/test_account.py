"""The trading account in the words of the trade, to the last unit."""

from pathlib import Path
from typing import Any

import pytest
from driftpy.math.spot_market import get_token_amount
from driftpy.types import (
    MarketType,
    OrderStatus,
    OrderTriggerCondition,
    OrderType,
    PositionDirection,
    SpotBalanceType,
)
from hypothesis import given
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from drift_e3.core.terms import OrderKind, Side
from drift_e3.drill import drift_accounts
from drift_e3.venues.drift.account import other_markets, token_amount, user_seen
from drift_e3.venues.drift.decoding import MarketKey, read_user
from drift_e3.venues.solana.program import Trading
from drift_e3.venues.solana.views import OrderSeen, Totals, UserSeen
from tests.venues.drift.looks import (
    DELEGATE,
    DEPOSIT_USD,
    MARKET,
    OWNER,
    TRADING,
    Change,
    seen,
    with_quote,
    with_stats,
    with_user,
)
from tests.venues.drift.recorded import records


def an_account(change: Change) -> UserSeen:
    user = seen(with_user(change)).user
    assert user is not None
    return user


def untouched(_: Any) -> None:
    """Leave the account as it is."""


def in_position(user: Any) -> None:
    position = user.perp_positions[2]
    position.market_index = 0
    position.base_asset_amount = -1_500_000_000
    position.quote_asset_amount = 127_600_000
    position.quote_entry_amount = 127_500_000
    user.settled_perp_pnl = -3_000_001
    user.cumulative_perp_funding = 12_345
    user.total_withdraws = 40_000_000


# -- totals -----------------------------------------------------------------------------------------------


def test_a_new_account_has_its_deposit_and_nothing_else() -> None:
    user = an_account(untouched)
    units = round(DEPOSIT_USD * 1e6)
    assert user.totals == Totals(0, 0, 0, 0, units, units, 0)
    assert (user.entry_usd, user.orders, user.foreign) == (0.0, (), ())
    assert (user.authority, user.delegate) == (str(OWNER), str(DELEGATE))
    assert user.address == str(MARKET.user_address(TRADING))


def test_the_ledger_is_the_positions_quote_and_what_was_settled_of_it() -> None:
    user = an_account(in_position)
    assert user.totals == Totals(
        base=-1_500_000_000,
        ledger=127_600_000 - 3_000_001,
        funding=12_345,
        fees=0,
        deposits=960_000_000,
        collateral=1_000_000_000,
        settled=-3_000_001,
    )
    assert user.entry_usd == 85.0


def test_fees_are_those_paid_less_the_rebates() -> None:
    def traded(stats: Any) -> None:
        stats.fees.total_fee_paid, stats.fees.total_fee_rebate = 170_078, 34_015

    user = seen(with_stats(traded)).user
    assert user is not None
    assert user.totals.fees == 136_063


def test_a_borrow_of_the_quote_asset_counts_against_the_account_and_is_rounded_up() -> None:
    def borrowed(user: Any) -> None:
        user.spot_positions[0].balance_type = SpotBalanceType.Borrow()
        user.spot_positions[0].scaled_balance = 1_000_000_001

    user = an_account(borrowed)
    assert user.totals.collateral == -1_000_001


def test_interest_is_part_of_the_tokens() -> None:
    def earned(quote: Any) -> None:
        quote.cumulative_deposit_interest = 11_232_791_567

    user = seen(with_quote(earned)).user
    assert user is not None
    assert user.totals.collateral == 1_123_279_156


@given(st.integers(0, 2**63), st.integers(10**10, 10**11))
def test_tokens_are_rounded_against_the_holder_and_exactly(scaled: int, interest: int) -> None:
    quote = drift_accounts.spot_market()
    quote.cumulative_deposit_interest = quote.cumulative_borrow_interest = interest
    held, owed = token_amount(scaled, True, quote), -token_amount(scaled, False, quote)
    assert held * 10**13 <= scaled * interest < (held + 1) * 10**13
    assert (owed - 1) * 10**13 < scaled * interest <= owed * 10**13


def test_driftpys_own_sum_is_a_unit_off_for_a_large_balance_and_ours_is_not() -> None:
    quote = drift_accounts.spot_market()
    quote.cumulative_deposit_interest = 11_232_791_567
    scaled = 678_041_656_578_528
    exact = scaled * 11_232_791_567 // 10**13
    assert get_token_amount(scaled, quote, SpotBalanceType.Deposit()) == exact + 1
    assert token_amount(scaled, True, quote) == exact


# -- orders -----------------------------------------------------------------------------------------------


def an_order(place: int, **fields: Any) -> Change:
    """One open order in that place."""

    def change(user: Any) -> None:
        order = user.orders[place]
        order.status, order.market_type = OrderStatus.Open(), MarketType.Perp()
        for name, value in fields.items():
            setattr(order, name, value)

    return change


def test_a_stop_is_seen_with_its_trigger() -> None:
    user = an_account(
        an_order(
            5,
            order_id=112,
            user_order_id=9,
            order_type=OrderType.TriggerMarket(),
            direction=PositionDirection.Short(),
            trigger_condition=OrderTriggerCondition.Below(),
            base_asset_amount=1_230_000_000,
            base_asset_amount_filled=230_000_000,
            trigger_price=80_123_400,
            reduce_only=True,
            max_ts=1_773_000_000,
        )
    )
    assert user.orders == (
        OrderSeen(
            order_id=112,
            user_order_id=9,
            market_index=0,
            side=Side.SELL,
            kind=OrderKind.TRIGGER_MARKET,
            size_base=1.23,
            filled_base=0.23,
            price_usd=0.0,
            trigger_usd=80.1234,
            triggers_above=False,
            fired=False,
            reduce_only=True,
            max_ts=1_773_000_000,
        ),
    )


@pytest.mark.parametrize(
    ("condition", "above", "fired"),
    [
        (OrderTriggerCondition.Above(), True, False),
        (OrderTriggerCondition.Below(), False, False),
        (OrderTriggerCondition.TriggeredAbove(), True, True),
        (OrderTriggerCondition.TriggeredBelow(), False, True),
    ],
)
def test_a_trigger_says_its_side_and_whether_it_has_fired(condition: Any, above: bool, fired: bool) -> None:
    change = an_order(0, order_type=OrderType.TriggerMarket(), trigger_condition=condition)
    (order,) = an_account(change).orders
    assert (order.triggers_above, order.fired) == (above, fired)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"order_type": OrderType.Limit(), "post_only": True}, OrderKind.POST_ONLY),
        ({"order_type": OrderType.Limit(), "immediate_or_cancel": True}, OrderKind.IOC),
        ({"order_type": OrderType.Limit()}, None),
        ({"order_type": OrderType.Market()}, None),
        ({"order_type": OrderType.Oracle()}, None),
        ({"order_type": OrderType.TriggerLimit()}, None),
        ({"order_type": OrderType.Limit(), "post_only": True, "market_type": MarketType.Spot()}, None),
    ],
)
def test_only_the_kinds_that_the_daemon_places_have_a_name(
    fields: dict[str, Any], kind: OrderKind | None
) -> None:
    (order,) = an_account(an_order(0, **fields)).orders
    assert order.kind is kind


def test_a_long_order_buys() -> None:
    (order,) = an_account(
        an_order(0, order_type=OrderType.Limit(), direction=PositionDirection.Long())
    ).orders
    assert order.side is Side.BUY


# -- flags and what is not ours ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "flags"),
    [
        (0, (False, False, False)),
        (1, (True, False, False)),
        (2, (False, True, False)),
        (4, (False, False, True)),
        (7, (True, True, True)),
        (24, (False, False, False)),
    ],
)
def test_flags_of_the_account_are_told(status: int, flags: tuple[bool, bool, bool]) -> None:
    def flagged(user: Any) -> None:
        user.status = status

    user = an_account(flagged)
    assert (user.being_liquidated, user.bankrupt, user.reduce_only) == flags


def with_others(user: Any) -> None:
    other = user.perp_positions[0]
    other.market_index, other.base_asset_amount = 24, 20_000_000_000
    liquidity = user.perp_positions[1]
    liquidity.market_index, liquidity.lp_shares = 0, 28_500_000_000
    for place, (index, kind) in enumerate(
        ((1, SpotBalanceType.Deposit()), (3, SpotBalanceType.Borrow())), start=1
    ):
        balance = user.spot_positions[place]
        balance.market_index, balance.balance_type, balance.scaled_balance = index, kind, 5
    an_order(0, order_id=7, order_type=OrderType.Limit(), market_index=24)(user)
    an_order(1, order_id=8, order_type=OrderType.Limit(), market_type=MarketType.Spot(), market_index=1)(user)


def test_what_is_not_the_daemons_is_named() -> None:
    assert an_account(with_others).foreign == (
        "position of +20 in perpetual market 24",
        "28.5 liquidity shares in perpetual market 0",
        "deposit in spot market 1",
        "borrow in spot market 3",
        "order 7 in perp market 24",
        "order 8 in spot market 1",
    )


def test_the_other_markets_that_margin_depends_on_are_known() -> None:
    user = read_user(with_user(with_others), MARKET, TRADING)
    others = {MarketKey("PerpMarket", 24), MarketKey("SpotMarket", 1), MarketKey("SpotMarket", 3)}
    assert other_markets(user, 0) == others
    assert other_markets(user, 24) == others - {MarketKey("PerpMarket", 24)} | {MarketKey("PerpMarket", 0)}


# -- accounts recorded on chain ---------------------------------------------------------------------------


def test_recorded_users_have_the_totals_that_were_recorded(shared_data: Path) -> None:
    stats, quote = drift_accounts.user_stats(OWNER), drift_accounts.spot_market()
    traders = 0
    for record in records(shared_data, "drift_v2_users", "User"):
        said = record.summary
        authority = Pubkey.from_string(said["authority"])
        trading = Trading(authority, said["sub_account_id"], authority)
        address = MARKET.user_address(trading)
        user = read_user({address: record.account}, MARKET, trading)
        mine = [held for held in said["perp_positions"] if held["market_index"] == 0]
        told = user_seen(address, user, stats, 0, quote)
        held = mine[0] if mine else {}
        assert told.totals.base == held.get("base_asset_amount", 0)
        assert told.totals.ledger == held.get("quote_asset_amount", 0) + said["settled_perp_pnl"]
        assert told.totals.funding == said["cumulative_perp_funding"]
        assert told.totals.deposits == said["total_deposits"] - said["total_withdraws"]
        assert (told.next_order_id, len(told.orders)) == (said["next_order_id"], len(said["open_orders"]))
        others = [one for one in said["perp_positions"] if one["market_index"] != 0]
        others += [one for one in said["spot_positions"] if one["market_index"] != 0]
        assert len(told.foreign) >= len(others)
        traders += bool(mine)
    assert traders > 10
