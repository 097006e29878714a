"""A live account that others touch as well: its owner trades, cancels, pays in; the daemon reconciles."""

from pathlib import Path

import pytest

from drift_e3.core.events import CollateralMoved, OrderCancelled
from drift_e3.core.terms import MS_PER_HOUR, OrderKind, Reason, Side, StopPolicy
from drift_e3.drill.drift_accounts import token_account
from drift_e3.drill.faults import FaultKind
from drift_e3.drill.local_chain import EngineName, VenueName
from drift_e3.drill.waves import START_TS
from drift_e3.ports import VenueRefused
from drift_e3.venues.solana.program import Ticket, Trading
from tests.drill.stages import STAGES
from tests.live.live_checks import books_agree, check, check_orders, fills
from tests.live.live_stage import LiveStage, a_stage
from tests.live.virtual_time import run_virtually

everywhere = pytest.mark.parametrize(("venue", "engine"), STAGES)
HOLDING = {"STRATEGY__M_MAXHOLDHOURS": "10"}
LOOSE_MS_MAX = 5_000


def by_owner(stage: LiveStage) -> Trading:
    return Trading(stage.local.authority, 0, stage.local.authority)


async def trade_by_hand(stage: LiveStage, side: Side, size_base: float, *, reduce_only: bool = False) -> None:
    """The owner trades on the account, around the daemon."""
    price_usd = stage.local.price_usd * (1.0 + 0.01 * side)
    ticket = Ticket(99, side, OrderKind.IOC, size_base, price_usd, False, reduce_only, 0)
    before = stage.witness.base()
    instructions = stage.witness.program.place(ticket, by_owner(stage))
    stage.local.chain.submit(stage.local.stage.signed(instructions, stage.local.owner), spared=True)
    await stage.until(lambda: stage.witness.base() != before, 5.0)


async def cancel_by_hand(stage: LiveStage, user_order_id: int) -> None:
    """The owner takes an order back."""
    instructions = stage.witness.program.cancel(user_order_id, by_owner(stage))
    stage.local.chain.submit(stage.local.stage.signed(instructions, stage.local.owner), spared=True)
    await stage.until(
        lambda: user_order_id not in {o.user_order_id for o in stage.witness.user().orders}, 5.0
    )


def pay_in(stage: LiveStage, amount: int) -> None:
    """The owner deposits quote tokens (1e-6)."""
    local = stage.local
    purse = local.stage.purse(local.authority)
    local.stage._put(purse, token_account(local.authority, amount, local.stage.quote_mint))
    deposit = local.account.deposit(amount, purse)
    local.chain.submit(local.stage.signed([deposit], local.owner), spared=True)


async def in_position(stage: LiveStage) -> None:
    await stage.until(lambda: stage.state.trade is not None, 70.0)
    await stage.until(lambda: len(stage.witness.user().orders) == 2, 5.0)
    await stage.until(lambda: stage.state.unprotected_since_ts < 0 and books_agree(stage), 5.0)


def stop_number(stage: LiveStage) -> int:
    """Our number of the resting stop of a long position."""
    (number,) = (order.user_order_id for order in stage.witness.user().orders if not order.triggers_above)
    return number


@everywhere
def test_a_position_that_was_there_before_is_refused_or_adopted_and_guarded(
    venue: VenueName, engine: EngineName, tmp_path: Path
) -> None:
    async def story() -> None:
        async with a_stage(tmp_path, venue, engine, plan=(0,), variables=HOLDING) as stage:
            await trade_by_hand(stage, Side.BUY, 2.0)
            await stage.seconds(2.0)
            await stage.start(trading=False)
            with pytest.raises(VenueRefused, match="that the daemon did not trade"):
                await stage.ended()
            await stage.start(StopPolicy.FLATTEN, ACCOUNT__FOREIGN="adopt")
            await in_position(stage)
            assert fills(stage)[0].reason is Reason.ADOPTED
            assert stage.witness.stopped_base() == 2_000_000_000
            await stage.stop()
            assert (stage.witness.base(), stage.witness.user().orders) == (0, ())
            check(stage)

    run_virtually(story)


@everywhere
def test_a_position_that_its_owner_closes_is_closed_and_its_orders_are_swept(
    venue: VenueName, engine: EngineName, tmp_path: Path
) -> None:
    async def story() -> None:
        async with a_stage(tmp_path, venue, engine, plan=(1, 0, 0), variables=HOLDING) as stage:
            await stage.start()
            await in_position(stage)
            size_base = stage.witness.base() / 1e9
            await trade_by_hand(stage, Side.SELL, size_base / 2, reduce_only=True)
            await stage.until(lambda: stage.witness.stopped_base() == stage.witness.base() > 0, 10.0)
            await stage.until(lambda: len(stage.witness.user().orders) == 2, 10.0)
            await trade_by_hand(stage, Side.SELL, size_base, reduce_only=True)
            await stage.until(lambda: stage.state.trade is None and not stage.state.orders.by_id, 20.0)
            assert stage.witness.user().orders == ()
            assert fills(stage)[1].reason is Reason.FOREIGN
            check(stage)

    run_virtually(story)


@everywhere
def test_a_stop_that_is_taken_away_is_there_again_in_a_moment(
    venue: VenueName, engine: EngineName, tmp_path: Path
) -> None:
    async def story() -> None:
        async with a_stage(tmp_path, venue, engine, plan=(1, 0, 0), variables=HOLDING) as stage:
            await stage.start()
            await in_position(stage)
            await cancel_by_hand(stage, stop_number(stage))
            await stage.until(lambda: stage.witness.stopped_base() == stage.witness.base(), 10.0)
            assert any(isinstance(event, OrderCancelled) and event.reason == "gone" for event in stage.events)
            await stage.kill()
            await cancel_by_hand(stage, stop_number(stage))
            await stage.start()
            await stage.until(lambda: stage.witness.stopped_base() == stage.witness.base(), 10.0)
            await in_position(stage)
            assert stage.loose_ms <= LOOSE_MS_MAX
            check(stage)

    run_virtually(story)


@everywhere
def test_what_is_paid_in_is_no_profit(venue: VenueName, engine: EngineName, tmp_path: Path) -> None:
    async def story() -> None:
        async with a_stage(tmp_path, venue, engine, plan=(1, 0, 0), variables=HOLDING) as stage:
            await stage.start(StopPolicy.FLATTEN)
            await in_position(stage)
            pay_in(stage, 250_000_000)
            await stage.seconds(5.0)
            moves = [event for event in stage.events if isinstance(event, CollateralMoved)]
            assert [round(move.amount_usd, 2) for move in moves] == [250.0]
            assert stage.state.tally.drawdown_frac_max < 0.01
            await stage.stop()
            check(stage)
            assert abs(stage.state.account.total.net_usd(0.0, 0.0)) < 5.0

    run_virtually(story)


@everywhere
def test_beside_a_foreign_position_ours_is_guarded_and_left_alone_otherwise(
    venue: VenueName, engine: EngineName, tmp_path: Path
) -> None:
    async def story() -> None:
        async with a_stage(tmp_path, venue, engine, plan=(1,), variables=HOLDING) as stage:
            await stage.start()
            await in_position(stage)
            ours = stage.witness.base()
            await trade_by_hand(stage, Side.BUY, 1.0)
            await stage.until(lambda: stage.state.barred, 5.0)
            assert "that the daemon did not trade" in stage.state.barred[0]
            await stage.kill()
            await stage.start(StopPolicy.FLATTEN, STRATEGY__M_MAXHOLDHOURS="0.01")
            await stage.until(lambda: stage.state.trade is None and not stage.state.orders.by_id, 60.0)
            assert stage.witness.base() == 1_000_000_000
            assert fills(stage)[-1].size_base == pytest.approx(ours / 1e9)
            sent = len(stage.submitted)
            await stage.seconds(65.0)
            assert len(stage.submitted) == sent, "no entry beside what is not ours"
            check_orders(stage)

    run_virtually(story)


@everywhere
def test_a_level_that_was_passed_while_away_is_left_at_once(
    venue: VenueName, engine: EngineName, tmp_path: Path
) -> None:
    async def story() -> None:
        async with a_stage(tmp_path, venue, engine, plan=(1, 0, 0), variables=HOLDING) as stage:
            await stage.start()
            await in_position(stage)
            await stage.kill()
            stage.local.faults.start(FaultKind.KEEPER_ASLEEP)
            stage.local.oracle.jump(-0.02)
            await stage.seconds(30.0)
            assert stage.witness.base() > 0
            await stage.start()
            await stage.until(lambda: stage.witness.base() == 0, 5.0)
            await stage.until(lambda: stage.state.trade is None and not stage.state.orders.by_id, 20.0)
            assert fills(stage)[-1].reason is Reason.STOP
            check(stage)

    run_virtually(story)


@everywhere
def test_a_liquidation_while_away_is_booked_as_one(
    venue: VenueName, engine: EngineName, tmp_path: Path
) -> None:
    async def story() -> None:
        async with a_stage(tmp_path, venue, engine, plan=(1, 0, 0), variables=HOLDING) as stage:
            await stage.start()
            await in_position(stage)
            await stage.kill()
            stage.local.faults.start(FaultKind.LIQUIDATION)
            await stage.seconds(30.0)
            await stage.start()
            await stage.until(lambda: stage.state.trade is None and not stage.state.orders.by_id, 20.0)
            assert fills(stage)[-1].reason is Reason.LIQUIDATION
            assert any("liquidated" in reason for reason in stage.state.barred)
            check(stage)

    run_virtually(story)


@everywhere
def test_funding_paid_while_away_is_booked(venue: VenueName, engine: EngineName, tmp_path: Path) -> None:
    async def story() -> None:
        at = START_TS + MS_PER_HOUR - 80_000
        async with a_stage(
            tmp_path, venue, engine, plan=(1, 0, 0, 0, 0), start_ts=at, variables=HOLDING
        ) as stage:
            market = stage.local.stage.dialect.perp_market
            stage.local.stage.edit("PerpMarket", market, {"last_funding_rate_ts": START_TS // 1_000})
            await stage.start()
            await in_position(stage)
            await stage.kill()
            await stage.until(lambda: stage.clock.now_ms() > START_TS + MS_PER_HOUR + 62_000, 200.0)
            settle = stage.witness.program.settle(stage.witness.trading)
            stage.local.chain.submit(stage.local.stage.signed(settle, stage.local.delegate), spared=True)
            await stage.until(lambda: stage.witness.user().totals.funding, 5.0)
            await stage.seconds(2.0)
            paid = stage.state.account.total.funding_usd
            await stage.start()
            assert stage.state.account.total.funding_usd != paid == 0.0
            check(stage)

    run_virtually(story)
