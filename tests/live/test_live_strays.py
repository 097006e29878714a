"""Orders of ours whose rows or whose journal were lost: known again, guarded by, and swept when flat."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from drift_e3.core.events import OrderRejected
from drift_e3.core.terms import OrderKind, Side, StopPolicy
from drift_e3.drill.local_chain import EngineName, VenueName
from drift_e3.venues.solana.outbox import OUTBOX_NAME
from drift_e3.venues.solana.program import Ticket
from tests.drill.stages import STAGES
from tests.live.live_checks import books_agree, check_books
from tests.live.live_stage import LiveStage, a_stage
from tests.live.virtual_time import run_virtually

everywhere = pytest.mark.parametrize(("venue", "engine"), STAGES)
HOLDING = {"STRATEGY__M_MAXHOLDHOURS": "10"}


async def in_position(stage: LiveStage) -> None:
    await stage.until(lambda: stage.state.trade is not None, 70.0)
    await stage.until(lambda: len(stage.witness.user().orders) == 2, 5.0)
    await stage.until(lambda: stage.state.unprotected_since_ts < 0 and books_agree(stage), 5.0)


@everywhere
def test_with_the_outbox_lost_the_stop_that_rests_is_still_ours(
    venue: VenueName, engine: EngineName, tmp_path: Path
) -> None:
    async def story() -> None:
        async with a_stage(tmp_path, venue, engine, plan=(1, 0, 0), variables=HOLDING) as stage:
            await stage.start()
            await in_position(stage)
            orders = stage.witness.user().orders
            await stage.kill()
            for file in stage.state_dir.glob(f"{OUTBOX_NAME}*"):
                file.unlink()
            await stage.start(StopPolicy.FLATTEN)
            await stage.seconds(5.0)
            assert stage.witness.user().orders == orders, "nothing was placed anew or taken away"
            assert stage.state.barred == ()
            await stage.stop()
            assert (stage.witness.base(), stage.witness.user().orders) == (0, ())
            check_books(stage)

    run_virtually(story)


@everywhere
def test_with_one_row_lost_the_others_are_not_mistaken(
    venue: VenueName, engine: EngineName, tmp_path: Path
) -> None:
    async def story() -> None:
        async with a_stage(tmp_path, venue, engine, plan=(1, 0, 0), variables=HOLDING) as stage:
            await stage.start(StopPolicy.FLATTEN)
            await in_position(stage)
            orders = stage.witness.user().orders
            await stage.kill()
            with sqlite3.connect(stage.state_dir / OUTBOX_NAME) as outbox:
                outbox.execute("DELETE FROM submissions WHERE intent_id LIKE '%stop%'")
            outbox.close()
            await stage.start(StopPolicy.FLATTEN)
            await stage.seconds(5.0)
            assert stage.witness.user().orders == orders
            assert not any(isinstance(event, OrderRejected) for event in stage.events)
            await stage.stop()
            assert (stage.witness.base(), stage.witness.user().orders) == (0, ())

    run_virtually(story)


@everywhere
def test_with_everything_lost_what_is_ours_guards_until_flat_and_is_swept_then(
    venue: VenueName, engine: EngineName, tmp_path: Path
) -> None:
    async def story() -> None:
        async with a_stage(tmp_path, venue, engine, plan=(1,), variables=HOLDING) as stage:
            await stage.start()
            await in_position(stage)
            await stage.kill()
            shutil.rmtree(stage.state_dir)
            await stage.start(ACCOUNT__FOREIGN="adopt", STRATEGY__M_MAXHOLDHOURS="0.01")
            assert len(stage.witness.user().orders) >= 2
            assert any("lost sight of" in reason for reason in stage.state.barred)
            await stage.until(lambda: stage.witness.base() == 0, 90.0)
            await stage.until(lambda: stage.witness.user().orders == (), 30.0)
            await stage.until(lambda: stage.state.barred == (), 10.0)
            await stage.until(lambda: stage.state.tally.trades == 2, 150.0)
            check_books(stage)

    run_virtually(story)


@everywhere
def test_on_a_flat_account_a_stop_of_ours_is_swept_and_an_order_of_others_is_left(
    venue: VenueName, engine: EngineName, tmp_path: Path
) -> None:
    async def story() -> None:
        async with a_stage(tmp_path, venue, engine, plan=(1,), variables=HOLDING) as stage:
            price_usd = stage.local.price_usd
            for number, kind, price, reduce_only in (
                (44, OrderKind.TRIGGER_MARKET, price_usd * 0.98, True),
                (45, OrderKind.POST_ONLY, price_usd * 0.9, False),
            ):
                side = Side.SELL if reduce_only else Side.BUY
                ticket = Ticket(number, side, kind, 1.0, price, False, reduce_only, 0)
                placing = stage.witness.program.place(ticket, stage.witness.trading)
                stage.local.chain.submit(stage.local.stage.signed(placing, stage.local.delegate), spared=True)
            await stage.until(lambda: len(stage.witness.user().orders) == 2, 5.0)
            await stage.start()
            await stage.until(
                lambda: [one.user_order_id for one in stage.witness.user().orders] == [45], 30.0
            )
            await stage.seconds(90.0)
            assert [one.user_order_id for one in stage.witness.user().orders] == [45]
            assert stage.state.barred == ("the account has open orders that are not the daemon's",)
            assert stage.submitted == []

    run_virtually(story)
