"""The daemon trades live on both venues: in at once, guarded by a stop on the chain, out, its books exact."""

from pathlib import Path

import pytest

from drift_e3.core.events import FundingPaid
from drift_e3.core.terms import OrderKind, Reason, StopPolicy
from drift_e3.drill.faults import FaultKind
from drift_e3.drill.local_chain import EngineName, VenueName
from drift_e3.drill.waves import START_TS
from drift_e3.venues.solana.outbox import Outbox, OutboxError
from tests.drill.stages import STAGES
from tests.live.live_checks import check, fills
from tests.live.live_stage import LiveStage, a_stage
from tests.live.virtual_time import VirtualClock, run_virtually

everywhere = pytest.mark.parametrize(("venue", "engine"), STAGES)
LOOSE_MS_MAX = 2_000
"""From a fill on the chain to its stop there: one look to see it, and the stop's way."""
TOLD_MS_MAX = 3_500
"""The same as the daemon tells it: until a look has shown the stop."""
HOUR_MS = 3_600_000
LONG_HOLD = {"STRATEGY__M_MAXHOLDHOURS": "10"}


async def in_position(stage: LiveStage) -> None:
    """Wait until a position is open and its stop is on the chain, for all of it."""
    await stage.until(lambda: stage.state.trade is not None, 70.0)
    await stage.until(lambda: stage.witness.stopped_base() == abs(stage.witness.user().totals.base) > 0, 5.0)


async def flat(stage: LiveStage) -> None:
    """Wait until nothing is left on the chain and the journal knows."""
    await stage.until(lambda: stage.state.trade is None and not stage.state.orders.by_id, 30.0)
    user = stage.witness.user()
    assert (user.totals.base, user.orders) == (0, ())


@everywhere
def test_it_trades_both_ways_by_time_and_the_books_are_exact(
    venue: VenueName, engine: EngineName, tmp_path: Path
) -> None:
    async def story() -> None:
        async with a_stage(tmp_path, venue, engine, plan=(1, -1)) as stage:
            await stage.start(StopPolicy.FLATTEN)
            await stage.until(lambda: stage.state.tally.trades == 2, 200.0)
            await stage.until(lambda: stage.state.trade is not None, 70.0)
            ended = await stage.stop()
            assert (ended.stop.reason, ended.stop.halted) == ("stop_asked", False)
            check(stage)
            told = fills(stage)
            assert [fill.side for fill in told] == [1, -1, -1, 1, 1, -1]
            exits = [Reason.TIME, Reason.TIME, Reason.FLATTEN]
            assert [fill.reason for fill in told] == [r for leave in exits for r in (Reason.ENTRY, leave)]
            user = stage.witness.user()
            assert (user.totals.base, user.orders) == (0, ())
            assert user.totals.fees > 0
            assert 0 < stage.loose_ms <= LOOSE_MS_MAX
            assert stage.state.tally.unprotected_ms_max <= TOLD_MS_MAX
            signers = {one.transaction.message.account_keys[0] for one in stage.witness.placed()}
            assert signers == {stage.local.delegate.pubkey()}

    run_virtually(story)


@everywhere
@pytest.mark.parametrize("direction", [1, -1])
def test_a_stop_is_left_by_ourselves_where_no_keeper_fires_it(
    venue: VenueName, engine: EngineName, direction: int, tmp_path: Path
) -> None:
    async def story() -> None:
        async with a_stage(tmp_path, venue, engine, plan=(direction, 0, 0), variables=LONG_HOLD) as stage:
            await stage.start()
            stage.local.faults.start(FaultKind.KEEPER_ASLEEP)
            await in_position(stage)
            stage.local.oracle.jump(-0.012 * direction)
            await flat(stage)
            assert fills(stage)[-1].reason is Reason.STOP
            leaving = [one.approved.intent for one in stage.submitted if one.order_id.endswith("-stop-3")]
            assert [(intent.kind, intent.reduce_only) for intent in leaving] == [(OrderKind.IOC, True)]
            check(stage)

    run_virtually(story)


@everywhere
@pytest.mark.parametrize("direction", [1, -1])
def test_the_keeper_fires_the_stop_while_the_daemon_is_away(
    venue: VenueName, engine: EngineName, direction: int, tmp_path: Path
) -> None:
    async def story() -> None:
        async with a_stage(tmp_path, venue, engine, plan=(direction, 0, 0), variables=LONG_HOLD) as stage:
            await stage.start()
            await in_position(stage)
            await stage.kill()
            stage.local.oracle.jump(-0.012 * direction)
            await stage.seconds(60.0)
            assert stage.witness.user().totals.base == 0
            await stage.start()
            await flat(stage)
            last = fills(stage)[-1]
            assert last.reason is Reason.STOP
            kinds = {one.order_id: one.approved.intent.kind for one in stage.submitted}
            assert kinds[last.order_id] is OrderKind.TRIGGER_MARKET
            check(stage)

    run_virtually(story)


@everywhere
def test_the_target_is_taken(venue: VenueName, engine: EngineName, tmp_path: Path) -> None:
    async def story() -> None:
        async with a_stage(tmp_path, venue, engine, plan=(1, 0, 0), variables=LONG_HOLD) as stage:
            await stage.start()
            await in_position(stage)
            stage.local.oracle.jump(0.025)
            await flat(stage)
            assert fills(stage)[-1].reason is Reason.TAKE_PROFIT
            assert stage.state.tally.wins == 1
            check(stage)

    run_virtually(story)


@everywhere
def test_funding_and_settling_leave_the_books_exact(
    venue: VenueName, engine: EngineName, tmp_path: Path
) -> None:
    async def story() -> None:
        at = START_TS + HOUR_MS - 80_000
        async with a_stage(
            tmp_path, venue, engine, plan=(1, 0, 0, 0, 0, 0), start_ts=at, variables=LONG_HOLD
        ) as stage:
            market = stage.local.stage.dialect.perp_market
            stage.local.stage.edit("PerpMarket", market, {"last_funding_rate_ts": START_TS // 1_000})
            await stage.start(StopPolicy.FLATTEN)
            await in_position(stage)
            await stage.until(lambda: stage.clock.now_ms() > START_TS + HOUR_MS + 62_000, 200.0)
            settling = stage.witness.program.settle(stage.witness.trading)
            before = stage.witness.user().totals
            stage.local.chain.submit(stage.local.stage.signed(settling, stage.local.delegate), spared=True)
            await stage.until(lambda: stage.witness.user().totals.settled != before.settled, 10.0)
            await stage.seconds(3.0)
            assert any(isinstance(event, FundingPaid) for event in stage.events)
            assert stage.state.account.total.funding_usd != 0.0
            check(stage)
            await stage.stop()
            assert stage.witness.user().totals.base == 0
            check(stage)

    run_virtually(story)


def test_a_server_that_is_not_there_is_passed_over(tmp_path: Path) -> None:
    async def story() -> None:
        async with a_stage(tmp_path) as stage:
            urls = f"http://127.0.0.1:9,{stage.local.rpc_url}"
            await stage.start(StopPolicy.FLATTEN, RPC__URLS=urls)
            await in_position(stage)
            await stage.stop()
            assert stage.witness.base() == 0
            assert stage.loose_ms <= LOOSE_MS_MAX
            check(stage)

    run_virtually(story)


@pytest.mark.parametrize("fast_ms", [45_000, -45_000])
def test_a_clock_that_is_wrong_holds_up_no_exit(fast_ms: int, tmp_path: Path) -> None:
    async def story() -> None:
        async with a_stage(tmp_path, plan=(1, 0, 0), variables=LONG_HOLD) as stage:
            await stage.start()
            await in_position(stage)
            await stage.kill()
            wrong = VirtualClock(stage.clock.now_ms() + fast_ms)
            stage.clock = wrong
            await stage.start(StopPolicy.FLATTEN)
            await stage.stop()
            assert stage.witness.base() == 0
            check(stage)

    run_virtually(story)


def test_nothing_is_sent_that_cannot_be_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with a_stage(tmp_path) as stage:
            await stage.start()
            monkeypatch.setattr(Outbox, "begin", full_disk)
            with pytest.raises(OutboxError, match="disk is full"):
                await stage.ended()
            assert stage.witness.placed() == []
            monkeypatch.undo()
            await stage.start()
            await stage.until(lambda: stage.state.tally.trades == 1, 150.0)
            check(stage)

    def full_disk(*_: object) -> int:
        raise OutboxError("the disk is full")

    run_virtually(story)
