"""Both venues trade on the drill by the daemon's own programs and a delegate's key, on either engine."""

import pytest

from drift_e3.core.terms import OrderKind, Side
from drift_e3.drill.faults import FaultKind
from drift_e3.drill.local_chain import EngineName, VenueName
from drift_e3.venues.solana.program import AccountRefused
from drift_e3.venues.solana.sysvars import programdata_address, read_deployment, read_program
from tests.drill.stages import EMULATED, STAGES, a_trader

everywhere = pytest.mark.parametrize(("venue", "engine"), STAGES)
emulated = pytest.mark.parametrize(("venue", "engine"), EMULATED)


@everywhere
def test_an_account_is_open_with_its_deposit_and_delegate(venue: VenueName, engine: EngineName) -> None:
    trader = a_trader(venue, engine)
    view = trader.look()
    assert view.user is not None
    assert abs(view.user.totals.collateral - 1_000_000_000) <= 1
    assert view.user.totals.deposits == 1_000_000_000
    assert view.user.delegate == str(trader.local.delegate.pubkey())
    assert view.user.orders == ()
    assert view.oracle.price_usd == pytest.approx(150.0)
    assert view.oracle.posted_slot == view.slot
    assert view.perp.mark_usd == pytest.approx(150.0, rel=1e-3)
    assert view.pauses.reasons == ()


@everywhere
def test_an_entry_fills_pays_its_fee_and_an_exit_undoes_it(venue: VenueName, engine: EngineName) -> None:
    trader = a_trader(venue, engine)
    trader.place(Side.BUY, 2.0, 151.5)
    held = trader.look().user
    assert held is not None
    assert held.totals.base == 2_000_000_000
    assert held.entry_usd == pytest.approx(150.0, rel=3e-3)
    assert 0 < held.totals.fees < 0.002 * 300e6
    assert held.totals.ledger == pytest.approx(-300e6, rel=5e-3)
    trader.place(Side.SELL, 2.0, 148.0, reduce_only=True)
    flat = trader.look().user
    assert flat is not None
    assert (flat.totals.base, flat.orders) == (0, ())
    assert -2_000_000 < flat.totals.ledger < 0


@everywhere
def test_a_stop_rests_fires_and_closes(venue: VenueName, engine: EngineName) -> None:
    trader = a_trader(venue, engine)
    trader.place(Side.BUY, 1.0, 151.5)
    trader.stop(1.0, 149.0)
    view = trader.look()
    assert view.user is not None
    (stop,) = view.user.orders
    assert (stop.user_order_id, stop.kind, stop.reduce_only) == (20, OrderKind.TRIGGER_MARKET, True)
    assert (stop.trigger_usd, stop.triggers_above, stop.fired) == (149.0, False, False)
    keeper = trader.local.keeper_key.pubkey()
    kept = len(trader.local.chain.signatures_of(keeper))
    trader.local.step(10)
    assert len(trader.local.chain.signatures_of(keeper)) == kept, "nothing to do yet"
    trader.local.oracle.jump(-0.01)
    trader.local.step(120)
    closed = trader.look().user
    assert closed is not None
    assert (closed.totals.base, closed.orders) == (0, ())


@everywhere
def test_without_a_keeper_the_stop_stays(venue: VenueName, engine: EngineName) -> None:
    trader = a_trader(venue, engine)
    trader.place(Side.BUY, 1.0, 151.5)
    trader.stop(1.0, 149.0)
    trader.local.faults.start(FaultKind.KEEPER_ASLEEP)
    trader.local.oracle.jump(-0.01)
    trader.local.step(120)
    held = trader.look().user
    assert held is not None
    assert (held.totals.base, len(held.orders)) == (1_000_000_000, 1)
    trader.local.faults.stop()
    trader.local.step(120)
    closed = trader.look().user
    assert closed is not None
    assert closed.totals.base == 0


@everywhere
def test_orders_are_cancelled_by_our_own_number(venue: VenueName, engine: EngineName) -> None:
    trader = a_trader(venue, engine)
    trader.place(Side.BUY, 1.0, 140.0, 7, kind=OrderKind.POST_ONLY)
    user = trader.look().user
    assert user is not None
    assert [(order.user_order_id, order.price_usd) for order in user.orders] == [(7, 140.0)]
    trader.send(trader.program.cancel(7, trader.trading))
    user = trader.look().user
    assert user is not None
    assert user.orders == ()


@everywhere
def test_a_resting_limit_is_filled_when_the_price_comes(venue: VenueName, engine: EngineName) -> None:
    trader = a_trader(venue, engine)
    trader.place(Side.BUY, 1.0, 149.0, 7, kind=OrderKind.POST_ONLY)
    trader.local.oracle.jump(-0.02)
    trader.local.step(60)
    user = trader.look().user
    assert user is not None
    assert (user.totals.base, user.orders) == (1_000_000_000, ())
    assert user.entry_usd <= 149.0


@everywhere
def test_a_stale_oracle_fills_nothing_and_fails_nothing(venue: VenueName, engine: EngineName) -> None:
    trader = a_trader(venue, engine)
    trader.local.faults.start(FaultKind.ORACLE_STALE)
    trader.local.step(20)
    assert trader.look().slot - trader.look().oracle.posted_slot == 20
    landed = trader.place(Side.BUY, 1.0, 151.5)
    assert landed is not None
    assert landed.error is None
    user = trader.look().user
    assert user is not None
    assert (user.totals.base, user.orders) == (0, ())


@emulated
def test_funding_is_paid_by_who_holds(venue: VenueName, engine: EngineName) -> None:
    trader = a_trader(venue, engine)
    trader.place(Side.BUY, 2.0, 151.5)
    before = trader.look()
    trader.local.pass_seconds(3_800)
    trader.place(Side.BUY, 0.1, 151.5)
    after = trader.look()
    assert before.user is not None
    assert after.user is not None
    assert after.perp.funding_ts > before.perp.funding_ts
    assert after.perp.funding_frac_1h > 0.0
    paid = -after.user.totals.funding
    assert paid == pytest.approx(after.perp.funding_frac_1h * 2.0 * 150.0 * 1e6, rel=0.01, abs=2)


@emulated
def test_the_ledger_changes_by_cash_fees_and_funding_alone(venue: VenueName, engine: EngineName) -> None:
    trader = a_trader(venue, engine)
    trader.place(Side.BUY, 2.0, 151.5)
    held = trader.look().user
    assert held is not None
    trader.local.pass_seconds(3_800)
    trader.local.oracle.jump(0.03)
    trader.place(Side.SELL, 2.0, 150.0, reduce_only=True)
    trader.send(trader.program.settle(trader.trading))
    flat = trader.look().user
    assert flat is not None
    assert flat.totals.collateral == pytest.approx(1_000_000_000 + flat.totals.ledger, abs=2)
    assert flat.totals.funding != 0


# -- faults ------------------------------------------------------------------------------------------------


@everywhere
def test_the_exchange_is_paused_and_goes_on(venue: VenueName, engine: EngineName) -> None:
    trader = a_trader(venue, engine)
    trader.local.faults.start(FaultKind.PAUSE_EXCHANGE, amount=8)
    assert trader.look().pauses.fill
    landed = trader.place(Side.BUY, 1.0, 151.5)
    assert landed is not None
    assert landed.error == {"InstructionError": [1, {"Custom": 6024}]}
    trader.local.faults.stop()
    assert not trader.look().pauses.reasons
    landed = trader.place(Side.BUY, 1.0, 151.5)
    assert landed is not None
    assert landed.error is None


@everywhere
def test_the_market_is_paused_and_goes_on(venue: VenueName, engine: EngineName) -> None:
    trader = a_trader(venue, engine)
    trader.local.faults.start(FaultKind.PAUSE_MARKET, amount=4)
    landed = trader.place(Side.BUY, 1.0, 151.5)
    assert landed is not None
    assert landed.error == {"InstructionError": [1, {"Custom": 6148}]}
    assert trader.look().pauses.fill
    trader.local.faults.stop()
    assert not trader.look().pauses.reasons


@emulated
def test_a_market_that_only_reduces_refuses_entries(venue: VenueName, engine: EngineName) -> None:
    trader = a_trader(venue, engine)
    trader.place(Side.BUY, 1.0, 151.5)
    trader.local.faults.start(FaultKind.MARKET_STATUS, amount=trader.local.stage.dialect.reduce_only)
    refused = trader.place(Side.BUY, 1.0, 151.5)
    reduced = trader.place(Side.SELL, 1.0, 148.0, reduce_only=True)
    assert refused is not None
    assert reduced is not None
    assert refused.error == {"InstructionError": [1, {"Custom": 6046}]}
    assert reduced.error is None


@everywhere
def test_an_account_is_paused(venue: VenueName, engine: EngineName) -> None:
    trader = a_trader(venue, engine)
    trader.local.faults.start(FaultKind.PAUSE_USER)
    trader.place(Side.BUY, 1.0, 151.5)
    view = trader.look()
    assert view.user is not None
    assert view.user.totals.base == 0
    assert view.pauses.reasons or view.user.reduce_only
    trader.local.faults.stop()
    assert not trader.look().pauses.reasons


@everywhere
def test_a_thin_amm_fills_in_part(venue: VenueName, engine: EngineName) -> None:
    trader = a_trader(venue, engine)
    trader.local.faults.start(FaultKind.PARTIAL_FILL, amount=2.0)
    trader.place(Side.BUY, 5.0, 151.5)
    user = trader.look().user
    assert user is not None
    assert user.totals.base == pytest.approx(2e9, rel=0.01)
    assert user.orders == ()


@everywhere
def test_a_stranger_places_and_takes_back_an_order(venue: VenueName, engine: EngineName) -> None:
    trader = a_trader(venue, engine)
    trader.local.faults.start(FaultKind.FOREIGN_ORDER, amount=0.7)
    trader.local.step()
    user = trader.look().user
    assert user is not None
    assert [(o.user_order_id, o.size_base, o.price_usd) for o in user.orders] == [(200, 0.7, 120.0)]
    trader.local.faults.stop()
    trader.local.step()
    user = trader.look().user
    assert user is not None
    assert user.orders == ()


@everywhere
def test_a_new_deployment_is_seen_in_the_programs_code(venue: VenueName, engine: EngineName) -> None:
    trader = a_trader(venue, engine)
    code = programdata_address(trader.program.program_id)
    before = read_deployment(trader.raw([code]), code)
    trader.local.faults.start(FaultKind.REDEPLOYED)
    trader.local.faults.stop()
    after = read_deployment(trader.raw([code]), code)
    assert (before.slot, after.slot) == (trader.local.chain.first_slot, trader.local.chain.slot)
    assert read_program(trader.raw([trader.program.program_id]), trader.program.program_id) == code


@everywhere
def test_a_wrong_mint_is_refused(venue: VenueName, engine: EngineName) -> None:
    trader = a_trader(venue, engine)
    trader.local.faults.start(FaultKind.WRONG_MINT)
    with pytest.raises(AccountRefused, match="mint"):
        trader.look()
    trader.local.faults.stop()
    assert trader.look().user is not None


@everywhere
def test_a_liquidated_account_has_lost_its_position(venue: VenueName, engine: EngineName) -> None:
    trader = a_trader(venue, engine)
    trader.place(Side.BUY, 2.0, 151.5)
    trader.stop(2.0, 140.0)
    trader.local.faults.start(FaultKind.LIQUIDATION)
    user = trader.look().user
    assert user is not None
    assert user.being_liquidated
    assert (user.totals.base, user.orders) == (0, ())
    assert user.totals.ledger == pytest.approx(-7.5e6, abs=1e6), "the liquidator's fee"
    trader.local.faults.stop()
    user = trader.look().user
    assert user is not None
    assert not user.being_liquidated
    landed = trader.place(Side.BUY, 1.0, 151.5)
    assert landed is not None
    assert landed.error is None
