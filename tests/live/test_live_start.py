"""What a live start refuses: the journal of a paper run, of another account, and keys that may not sign."""

from pathlib import Path

import pytest

from drift_e3.config import ConfigError
from drift_e3.core.terms import StopPolicy
from drift_e3.drill.faults import FaultKind, Service
from drift_e3.ports import DataError, VenueRefused, VenueUnavailable
from tests.live.daemons import orders, run_on
from tests.live.live_stage import a_stage
from tests.live.markets import settings, tape_market
from tests.live.virtual_time import run_virtually


def test_the_journal_of_a_paper_run_is_no_live_accounts(tmp_path: Path) -> None:
    chosen = settings()
    run_on(tape_market(chosen), orders(tmp_path / "state", chosen.trading()))

    async def story() -> None:
        async with a_stage(tmp_path) as stage:
            await stage.start(trading=False)
            with pytest.raises(DataError, match="was begun on paper"):
                await stage.ended()

    run_virtually(story)


def test_the_journal_of_one_account_is_not_anothers(tmp_path: Path) -> None:
    async def story() -> None:
        async with a_stage(tmp_path, plan=(0,)) as stage:
            await stage.start()
            await stage.stop()
            local = stage.local
            second = local.open_account(local.keeper_key, 500.0, local.delegate.pubkey())
            await stage.start(trading=False, ACCOUNT__AUTHORITY=str(local.keeper_key.pubkey()))
            with pytest.raises(DataError, match=f"not {second.user}; use another --state"):
                await stage.ended()

    run_virtually(story)


def test_the_owners_key_signs_only_where_that_is_allowed(tmp_path: Path) -> None:
    async def story() -> None:
        async with a_stage(tmp_path, plan=(0,)) as stage:
            key = str(stage.local.owner_key_file)
            await stage.start(trading=False, KEY__FILE=key)
            with pytest.raises(VenueRefused, match="owner's key, which can withdraw"):
                await stage.ended()
            await stage.start(KEY__ALLOW_OWNER="true", KEY__FILE=key)
            await stage.stop()

    run_virtually(story)


def test_without_a_key_or_an_account_nothing_starts(tmp_path: Path) -> None:
    async def story() -> None:
        async with a_stage(tmp_path, plan=(0,)) as stage:
            await stage.start(trading=False, KEY__FILE=str(tmp_path / "none.json"))
            with pytest.raises(ConfigError, match="no key to sign with"):
                await stage.ended()

    run_virtually(story)


def test_a_position_is_guarded_and_closed_even_when_no_candles_can_be_had(tmp_path: Path) -> None:
    async def story() -> None:
        async with a_stage(tmp_path, plan=(1, 0, 0), variables={"STRATEGY__M_MAXHOLDHOURS": "10"}) as stage:
            await stage.start()
            await stage.until(lambda: stage.state.trade is not None, 70.0)
            await stage.until(
                lambda: stage.witness.stopped_base() == abs(stage.witness.user().totals.base) > 0, 5.0
            )
            await stage.kill()
            stage.local.faults.start(FaultKind.HTTP_ERROR, service=Service.DATA_API)
            await stage.start(StopPolicy.FLATTEN)
            await stage.seconds(3.0)
            assert stage.state.trade is not None
            missed_ts = stage.state.market.candle_close_ts
            stage.local.faults.stop()
            await stage.until(lambda: stage.state.market.candle_close_ts > missed_ts, 90.0)
            stage.local.faults.start(FaultKind.HTTP_ERROR, service=Service.DATA_API)
            await stage.stop()
            user = stage.witness.user()
            assert (user.totals.base, user.orders) == (0, ())

    run_virtually(story)


def test_without_candles_a_flat_account_is_not_traded(tmp_path: Path) -> None:
    async def story() -> None:
        async with a_stage(tmp_path, plan=(0,)) as stage:
            stage.local.faults.start(FaultKind.HTTP_ERROR, service=Service.DATA_API)
            await stage.start(trading=False)
            with pytest.raises(VenueUnavailable):
                await stage.ended()

    run_virtually(story)
