"""The stop of a live position moves in one step: never without, never twice, whatever comes of a change."""

from pathlib import Path

import pytest

from drift_e3.core.events import OrderCancelled, OrderRejected
from drift_e3.core.terms import Reason
from drift_e3.drill.faults import FaultKind
from drift_e3.drill.local_chain import EngineName, VenueName
from tests.drill.stages import EMULATED, STAGES
from tests.live.live_checks import books_agree, check, fills
from tests.live.live_stage import LiveStage, a_stage
from tests.live.virtual_time import run_virtually

everywhere = pytest.mark.parametrize(("venue", "engine"), STAGES)
emulated = pytest.mark.parametrize(("venue", "engine"), EMULATED)
LONG_HOLD = {"STRATEGY__M_MAXHOLDHOURS": "10"}


async def in_position(stage: LiveStage) -> None:
    """Wait until a position is open and both its orders rest, as the daemon knows."""
    await stage.until(lambda: stage.state.trade is not None, 70.0)
    await stage.until(lambda: len(stage.witness.user().orders) == 2, 5.0)
    await stage.until(lambda: stage.state.unprotected_since_ts < 0 and books_agree(stage), 5.0)


async def rises(stage: LiveStage) -> None:
    """The price moves so far that the stop follows at the next candle."""
    stage.local.oracle.jump(0.012)
    await stage.minute(58)


def ends(stage: LiveStage) -> list[str]:
    """Why orders ended that did not trade, in order."""
    return [event.reason for event in stage.events if isinstance(event, OrderCancelled | OrderRejected)]


@everywhere
@pytest.mark.parametrize("direction", [1, -1])
def test_the_stop_follows_the_price_and_is_never_missing(
    venue: VenueName, engine: EngineName, direction: int, tmp_path: Path
) -> None:
    async def story() -> None:
        async with a_stage(tmp_path, venue, engine, plan=(direction, 0, 0), variables=LONG_HOLD) as stage:
            await stage.start()
            await in_position(stage)
            loose_ms, stops, placed = stage.loose_ms, {stage.witness.stop_usd()}, len(stage.witness.placed())
            for _ in range(4):
                stage.local.oracle.jump(0.004 * direction)
                await stage.seconds(60.0)
                assert len(stage.witness.user().orders) == 2, "the old stop is gone"
                stops.add(stage.witness.stop_usd())
            assert len(stops) >= 3
            assert stage.loose_ms == loose_ms
            assert len(stage.witness.changed()) == len(stops) - 1, "one transaction a move"
            assert len(stage.witness.placed()) == placed
            assert set(ends(stage)) <= {"replaced", "unfilled"}
            stage.local.oracle.jump(-0.006 * direction)
            await stage.until(lambda: stage.state.trade is None and not stage.state.orders.by_id, 30.0)
            assert (stage.witness.base(), stage.witness.user().orders) == (0, ())
            assert fills(stage)[-1].reason is Reason.TRAILING
            check(stage)

    run_virtually(story)


@emulated
def test_a_change_that_the_program_refuses_leaves_the_old_stop_until_a_new_one_stands(
    venue: VenueName, engine: EngineName, tmp_path: Path
) -> None:
    async def story() -> None:
        async with a_stage(tmp_path, venue, engine, plan=(1, 0, 0), variables=LONG_HOLD) as stage:
            await stage.start()
            await in_position(stage)
            loose_ms, first_usd = stage.loose_ms, stage.witness.stop_usd()
            await rises(stage)
            stage.local.faults.start(FaultKind.ON_CHAIN_FAILURE, count=1)
            await stage.until(lambda: stage.witness.stop_usd_max() > first_usd, 20.0)
            await stage.until(lambda: len(stage.witness.user().orders) == 2, 10.0)
            assert stage.witness.changed() == []
            assert stage.loose_ms == loose_ms
            await stage.until(lambda: len(stage.state.orders.by_id) == 2, 5.0)
            assert ends(stage)[-1] == "requested"
            check(stage)

    run_virtually(story)


@emulated
@pytest.mark.parametrize(
    "kind", [FaultKind.LOST_RESPONSE, FaultKind.LATE_LANDING, FaultKind.LOST_TRANSACTION]
)
@pytest.mark.parametrize("killed", [False, True])
def test_a_change_whose_fate_is_unknown_is_made_once(
    venue: VenueName, engine: EngineName, kind: FaultKind, killed: bool, tmp_path: Path
) -> None:
    async def story() -> None:
        async with a_stage(tmp_path, venue, engine, plan=(1, 0, 0), variables=LONG_HOLD) as stage:
            await stage.start()
            await in_position(stage)
            loose_ms, first_usd, orders = stage.loose_ms, stage.witness.stop_usd(), len(stage.submitted)
            await rises(stage)
            stage.local.faults.start(kind, count=2)
            await stage.until(lambda: len(stage.submitted) > orders, 10.0)
            if killed:
                await stage.seconds(0.6)
                await stage.kill()
                await stage.seconds(5.0)
                await stage.start()
            await stage.until(lambda: stage.witness.stop_usd() > first_usd, 100.0)
            await stage.until(lambda: len(stage.state.orders.by_id) == 2, 100.0)
            assert len(stage.witness.user().orders) == 2
            assert stage.loose_ms == loose_ms
            check(stage)

    run_virtually(story)
