"""What the real program does with our instructions, and that our reading of its accounts is right.

Each test says a fact that the live venue relies on.
"""

from dataclasses import replace

import pytest
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from drift_e3.core.terms import OrderKind, Side
from drift_e3.drill.velocity_world import error_code
from drift_e3.venues.solana.program import RawAccount
from drift_e3.venues.velocity.addresses import (
    PROGRAM_ID,
    oracle_address,
    perp_market_address,
    spot_market_address,
    state_address,
)
from drift_e3.venues.velocity.codes import Direction, OrderType, PostOnly
from drift_e3.venues.velocity.instructions import OrderParams
from drift_e3.venues.velocity.layouts import PERP_MARKET, SPOT_MARKET, STATE, USER, USER_STATS
from drift_e3.venues.velocity.wire import AccountLayout
from tests.venues.velocity.trading_floor import Floor, actions

KEEPERS_PAY = 10_000
"""What a keeper takes for firing a stop (1e-6 USD): State's flat filler fee."""


# -- entries and exits -------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", list(Side))
def test_an_entry_and_an_exit_change_the_ledger_by_cash_and_fees_to_the_unit(
    floor: Floor, side: Side
) -> None:
    before = floor.totals()
    assert (before.base, before.ledger) == (0, 0)
    entry = floor.take(side, 0.57)
    held = floor.user()
    assert entry.error is None
    assert held.totals.base == side * 570_000_000
    assert held.totals.ledger == floor.cash(entry)
    assert held.orders == ()
    assert held.entry_usd == pytest.approx(floor.price_usd, rel=0.005)
    expected_fee_usd = 0.57 * held.entry_usd * floor.view().perp.instrument.taker_fee_bps * 1e-4
    assert held.totals.fees == pytest.approx(expected_fee_usd * 1e6, abs=1.5)
    floor.world.price_usd *= 1.002
    leaving = floor.take(Side(-side), 0.57, reduce_only=True)
    after = floor.totals()
    assert leaving.error is None
    assert after.base == 0
    assert after.ledger == floor.cash(entry) + floor.cash(leaving)
    assert (after.collateral, after.deposits, after.settled) == (before.collateral, before.deposits, 0)


def test_an_exit_larger_than_the_position_never_turns_it(floor: Floor) -> None:
    floor.take(Side.BUY, 0.5)
    assert floor.take(Side.SELL, 2.0, reduce_only=True).error is None
    assert floor.totals().base == 0


def test_settling_moves_the_loss_into_the_tokens_and_not_the_ledger(floor: Floor) -> None:
    floor.take(Side.BUY, 1.0)
    floor.take(Side.SELL, 1.0, reduce_only=True)
    before = floor.totals()
    landed = floor.land(*floor.program.settle(floor.trading))
    after = floor.totals()
    assert landed.error is None
    assert after.ledger == before.ledger == after.settled
    assert after.collateral == pytest.approx(before.collateral + after.settled, abs=1)


def test_funding_is_booked_when_the_position_is_touched_and_not_before(floor: Floor) -> None:
    floor.take(Side.SELL, 2.0)
    before = floor.totals()
    keeper = floor.world.open_account(floor.keeper, 0)
    floor.chain.now_ts += 3_700_000
    floor.chain.step(5)
    assert floor.failing(keeper.update_funding_rate(), by=floor.keeper) is None
    assert floor.totals() == before
    rate, price_usd = floor.view().perp.funding_frac_1h, floor.price_usd
    landed = floor.land(*floor.program.settle(floor.trading))
    after = floor.totals()
    assert after.funding == floor.cash(landed) != 0
    assert after.funding == pytest.approx(2.0 * price_usd * rate * 1e6, rel=0.02)
    assert after.ledger - before.ledger == after.funding


# -- stops -------------------------------------------------------------------------------------------------


def test_entry_and_stop_fit_into_one_transaction(floor: Floor) -> None:
    landed = floor.place(floor.ticket(Side.BUY, 0.57), floor.stop(0.57))
    assert landed.error is None
    assert landed.units < 250_000
    (stop,) = floor.user().orders
    assert (stop.user_order_id, stop.kind, stop.side) == (2, OrderKind.TRIGGER_MARKET, Side.SELL)
    assert (stop.size_base, stop.reduce_only, stop.fired, stop.triggers_above) == (0.57, True, False, False)
    assert stop.trigger_usd == pytest.approx(floor.price_usd * 0.99, abs=0.001)
    assert stop.trigger_usd >= floor.price_usd * 0.99


def test_a_stop_is_changed_in_one_step_and_keeps_our_number(floor: Floor) -> None:
    floor.place(floor.ticket(Side.BUY, 0.57), floor.stop(0.57))
    (old,) = floor.user().orders
    landed = floor.land(*floor.program.modify(floor.stop(0.3, below_frac=0.02), floor.trading))
    (new,) = floor.user().orders
    assert landed.error is None
    assert actions(landed) == ["Cancel", "Place"]
    assert (new.user_order_id, new.size_base, new.reduce_only) == (2, 0.3, True)
    assert new.order_id == old.order_id + 1
    assert new.trigger_usd < old.trigger_usd


def test_a_change_of_a_stop_that_is_gone_fails(floor: Floor) -> None:
    floor.take(Side.BUY, 0.57)
    assert floor.failing(*floor.program.modify(floor.stop(0.57), floor.trading)) == 6061


def test_a_cancelled_stop_is_gone_and_cancelling_again_changes_nothing(floor: Floor) -> None:
    floor.place(floor.ticket(Side.BUY, 0.57), floor.stop(0.57))
    assert floor.failing(*floor.program.cancel(2, floor.trading)) is None
    assert floor.user().orders == ()
    assert floor.failing(*floor.program.cancel(2, floor.trading)) in {None, 6062}
    assert floor.failing(*floor.program.cancel(99, floor.trading)) is None


def test_the_program_takes_reduce_only_orders_away_when_the_position_closes(floor: Floor) -> None:
    floor.place(floor.ticket(Side.BUY, 0.57), floor.stop(0.57))
    floor.take(Side.SELL, 0.57, reduce_only=True)
    assert floor.user().orders == ()


def test_a_stop_may_be_placed_while_flat(floor: Floor) -> None:
    assert floor.place(floor.stop(0.57)).error is None
    assert len(floor.user().orders) == 1


def test_a_keeper_fires_a_stop_for_a_cent_and_then_fills_it(floor: Floor) -> None:
    floor.place(floor.ticket(Side.BUY, 1.0), floor.stop(1.0))
    keeper = floor.world.open_account(floor.keeper, 100)
    (stop,) = floor.user().orders
    early = floor.failing(keeper.trigger(stop.order_id, floor.desk), by=floor.keeper)
    assert early == 6112
    floor.world.price_usd *= 0.985
    floor.chain.step(3)
    before = floor.totals()
    fired = floor.land(keeper.trigger(stop.order_id, floor.desk), by=floor.keeper)
    paid = floor.totals()
    assert actions(fired) == ["Trigger"]
    assert [order.fired for order in floor.user().orders] == [True]
    # The one thing that moves the ledger and stands in no other total.
    assert paid == before._replace(ledger=before.ledger - KEEPERS_PAY)
    filled = floor.land(keeper.fill(stop.order_id, floor.desk), by=floor.keeper)
    after = floor.user()
    assert after.orders == ()
    assert after.totals.base == 0
    assert after.totals.ledger == paid.ledger + floor.cash(filled)


# -- no fills and refusals ---------------------------------------------------------------------------------


def test_an_ioc_that_cannot_fill_succeeds_and_leaves_nothing(floor: Floor) -> None:
    before = floor.user()
    landed = floor.place(floor.ticket(Side.BUY, 0.57, away_frac=-0.01))
    after = floor.user()
    assert landed.error is None
    assert actions(landed) == ["Place", "Cancel"]
    assert after == before._replace(next_order_id=before.next_order_id + 1)


def test_an_oracle_one_slot_late_fills_nothing(floor: Floor) -> None:
    floor.world.late_slots = 1
    assert floor.take(Side.BUY, 0.57).error is None
    assert floor.totals().base == 0


def test_an_expired_ioc_fails_as_an_order_that_does_not_exist(floor: Floor) -> None:
    expired = floor.ticket(Side.BUY, 0.57)._replace(max_ts=floor.chain.now_ts // 1_000 - 1)
    before = floor.user()
    assert error_code(floor.place(expired).error) == 6061
    assert floor.user() == before


def test_an_expired_stop_is_not_placed_and_nothing_fails(floor: Floor) -> None:
    expired = floor.stop(0.57)._replace(max_ts=floor.chain.now_ts // 1_000 - 1)
    before = floor.user()
    assert floor.place(expired).error is None
    assert floor.user() == before


def test_a_number_is_refused_while_its_order_is_open_and_only_then(floor: Floor) -> None:
    floor.place(floor.ticket(Side.BUY, 0.57), floor.stop(0.57, number=7))
    assert error_code(floor.place(floor.stop(0.57, number=7)).error) == 6071
    assert error_code(floor.place(floor.ticket(Side.BUY, 0.1, number=7)).error) == 6071
    floor.land(*floor.program.cancel(7, floor.trading))
    assert floor.place(floor.stop(0.57, number=7)).error is None


def test_post_only_rests_and_does_not_cross(floor: Floor) -> None:
    resting = floor.ticket(Side.BUY, 0.1, 5, OrderKind.POST_ONLY, away_frac=-0.01)
    assert floor.place(resting).error is None
    (order,) = floor.user().orders
    assert (order.kind, order.size_base, order.user_order_id) == (OrderKind.POST_ONLY, 0.1, 5)
    assert order.price_usd <= resting.price_usd
    crossing = floor.ticket(Side.BUY, 0.1, 6, OrderKind.POST_ONLY, away_frac=0.01)
    assert error_code(floor.place(crossing).error) == 6057


def test_more_than_the_collateral_bears_is_refused(floor: Floor) -> None:
    size = 10_000 / floor.price_usd * 25
    assert error_code(floor.take(Side.BUY, size).error) == 6003
    assert floor.totals().base == 0


def test_the_refusals_have_the_published_codes(floor: Floor) -> None:
    ioc = OrderParams(
        order_type=OrderType.LIMIT,
        direction=Direction.LONG,
        user_order_id=1,
        base_asset_amount=10**9,
        price=round(floor.price_usd * 1.02) * 1_000_000,
        bit_flags=1,
    )
    market, tiny = replace(ioc, order_type=OrderType.MARKET), replace(ioc, base_asset_amount=5 * 10**6)
    both = replace(ioc, post_only=PostOnly.MUST)
    desk = floor.desk
    assert floor.failing(desk.place_and_take(market)) == 6050
    assert floor.failing(desk.place_and_take(tiny)) == 6059
    assert floor.failing(desk.place(ioc)) == 6050
    assert floor.failing(desk.place_and_take(both)) in {6051, 6052}


def test_an_order_shaped_as_drift_has_it_is_not_understood(floor: Floor) -> None:
    (ours,) = floor.program.place(floor.ticket(Side.BUY, 0.1), floor.trading)
    data = bytes(ours.data)
    drifts = Instruction(ours.program_id, data[:-3] + data[-1:], ours.accounts)
    assert floor.failing(drifts) == 102


def test_no_more_than_32_orders_are_taken(made_floor: Floor) -> None:
    floor = made_floor
    for number in range(1, 33, 8):
        landed = floor.place(*(floor.stop(0.01, number + place) for place in range(8)))
        assert landed.error is None
    assert len(floor.user().orders) == 32
    assert error_code(floor.place(floor.stop(0.01, 33)).error) == 6060


def test_a_delegate_trades_and_cannot_withdraw(floor: Floor) -> None:
    purse = floor.world.purse(floor.owner.pubkey())
    assert floor.user().delegate == str(floor.trading.signer)
    assert floor.failing(floor.desk.withdraw(1_000_000, purse)) == 2001
    owners = floor.world.desk(floor.owner.pubkey())
    assert floor.failing(owners.withdraw(1_000_000, purse), by=floor.owner) is None


def test_a_stranger_cannot_trade(floor: Floor) -> None:
    floor.world.pay(floor.keeper.pubkey())
    strangers = floor.trading._replace(signer=floor.keeper.pubkey())
    instructions = floor.program.place(floor.ticket(Side.BUY, 0.1), strangers)
    assert floor.failing(*instructions, by=floor.keeper) == 2003
    assert floor.totals().base == 0


def test_what_else_the_account_holds_must_be_named(made_floor: Floor) -> None:
    floor, world = made_floor, made_floor.world
    perp, spot = perp_market_address(PROGRAM_ID, 1), spot_market_address(PROGRAM_ID, 1)
    oracle = oracle_address(PROGRAM_ID, 77)

    def publish(_: int) -> None:
        world.put(oracle, RawAccount(PROGRAM_ID, world.data(world.quote_oracle)))

    floor.chain.before_landing.append(publish)
    world.put(perp, RawAccount(PROGRAM_ID, world.data(world.perp_market)))
    world.edit(perp, PERP_MARKET, {"pubkey": bytes(perp), "market_index": 1})
    world.put(spot, RawAccount(PROGRAM_ID, world.data(world.spot_market)))
    world.edit(spot, SPOT_MARKET, {"pubkey": bytes(spot), "market_index": 1, "oracle": bytes(oracle)})
    world.edit(
        floor.desk.user,
        USER,
        {
            "spot_positions.1.market_index": 1,
            "spot_positions.1.scaled_balance": 5_000_000_000,
            "perp_positions.3.market_index": 1,
            "perp_positions.3.base_asset_amount": 100_000_000,
            "perp_positions.3.quote_asset_amount": -15_000_000,
            "perp_positions.3.quote_entry_amount": -15_000_000,
            "perp_positions.3.quote_break_even_amount": -15_000_000,
        },
    )
    assert error_code(floor.take(Side.BUY, 0.5).error) == 6087
    addresses: tuple[Pubkey, ...] = (*floor.program.addresses(floor.trading), perp, spot)
    floor.program.learn_companions({at: world.account(at) for at in addresses}, floor.trading)
    assert floor.place(floor.ticket(Side.BUY, 0.5), floor.stop(0.5)).error is None
    assert floor.failing(*floor.program.settle(floor.trading)) is None
    assert floor.take(Side.SELL, 0.5, reduce_only=True).error is None
    after = floor.user()
    assert (after.totals.base, after.orders) == (0, ())
    assert len(after.foreign) == 2


# -- pauses ------------------------------------------------------------------------------------------------

LAYERS = [
    *((STATE, "exchange_status", 1 << bit) for bit in range(8)),
    (STATE, "exchange_status", 255),
    *((PERP_MARKET, "paused_operations", 1 << bit) for bit in range(8)),
    *((PERP_MARKET, "status", status) for status in range(5)),
    *((SPOT_MARKET, "paused_operations", 1 << bit) for bit in range(5)),
    *((USER_STATS, "paused_operations", 1 << bit) for bit in range(3)),
    (USER_STATS, "equity_breaker_tripped", 1),
    (USER, "status", 4),
]


@pytest.mark.parametrize(("layout", "field", "value"), LAYERS)
def test_the_program_stops_what_our_pauses_say(
    made_floor: Floor, layout: AccountLayout, field: str, value: int
) -> None:
    floor, world = made_floor, made_floor.world
    floor.place(floor.ticket(Side.BUY, 1.0), floor.stop(1.0))
    addresses = {
        STATE.name: state_address(PROGRAM_ID),
        PERP_MARKET.name: world.perp_market,
        SPOT_MARKET.name: world.spot_market,
        USER.name: floor.desk.user,
        USER_STATS.name: floor.desk.user_stats,
    }
    world.edit(addresses[layout.name], layout, {field: value})
    told = floor.view().pauses
    fills = not (told.place or told.fill or told.amm_fill)
    entered = _moves(floor, Side.BUY, reduce_only=False)
    assert entered == (fills and not told.increase)
    assert _moves(floor, Side.SELL, reduce_only=True) == fills
    assert (floor.place(floor.stop(0.3, number=3)).error is None) == (not told.place)
    assert (floor.failing(*floor.program.cancel(2, floor.trading)) is None) == (not told.cancel)
    assert (floor.failing(*floor.program.settle(floor.trading)) is None) == (not told.settle_pnl)


def _moves(floor: Floor, side: Side, *, reduce_only: bool) -> bool:
    before = floor.totals().base
    floor.take(side, 0.25, reduce_only=reduce_only)
    return floor.totals().base != before
