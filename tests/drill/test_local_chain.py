"""The drill in one block: all is there, points at itself, runs the same every time, and meets driftpy."""

import asyncio
import json
import os
import stat
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from anchorpy import Wallet
from driftpy.account_subscription_config import AccountSubscriptionConfig
from driftpy.drift_client import DriftClient
from driftpy.types import (
    MarketType,
    OrderParams,
    OrderParamsBitFlag,
    OrderType,
    PositionDirection,
)
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed, Processed
from solana.rpc.types import TxOpts
from solders.keypair import Keypair

from drift_e3.core.terms import MS_PER_MINUTE
from drift_e3.drill.emulation.engine import EmulatedEngine
from drift_e3.drill.engines import ProgramEngine
from drift_e3.drill.faults import FaultKind, Service
from drift_e3.drill.local_chain import PROGRAMS_VARIABLE, LocalChain, make_engine
from drift_e3.drill.paths import START_TS, PathFeed, stepping
from drift_e3.venues.synthetic import SyntheticFeed
from tests.drill.feeds import CANDLE_SUBSCRIPTION, Reader


@asynccontextmanager
async def a_drill(**options: Any) -> AsyncGenerator[LocalChain]:
    async with LocalChain(**{"engine": "emulation", **options}) as local:
        yield local


async def fetched(url: str) -> Any:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return await response.json()


async def test_everything_listens_and_the_settings_point_at_it() -> None:
    async with a_drill() as local:
        settings = local.settings
        async with AsyncClient(settings["DRIFT_E3_RPC__URLS"]) as client:
            assert (await client.get_slot(Processed)).value == local.chain.slot
        candles = await fetched(settings["DRIFT_E3_DATA_API__URL"] + "/market/SOL-PERP/candles/1?limit=5")
        assert len(candles["records"]) == 5
        book = await fetched(settings["DRIFT_E3_DLOB__URL"] + "/l2?marketName=SOL-PERP&depth=1")
        assert int(book["bids"][0]["price"]) < 150_000_000 < int(book["asks"][0]["price"])
        assert settings["DRIFT_E3_ACCOUNT__AUTHORITY"] == str(local.owner.pubkey())
        assert key_in(settings["DRIFT_E3_KEY__FILE"]) == local.delegate
        assert key_in(str(local.owner_key_file)) == local.owner
    assert not is_there(settings["DRIFT_E3_KEY__FILE"])


def is_there(path: str) -> bool:
    return Path(path).exists()


def key_in(path: str) -> Keypair:
    """The key in a file that only its owner may read."""
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o400
    return Keypair.from_bytes(bytes(json.loads(Path(path).read_text())))


async def test_chain_data_api_and_book_tell_the_same_price() -> None:
    feed = PathFeed(stepping((0, 150.0), (START_TS + 30_000, 153.0)))
    async with a_drill(feed=feed) as local:
        local.pass_seconds(40)
        oracle = local.chain.get_account(local.stage.oracles[0])
        assert oracle is not None
        assert int.from_bytes(oracle.data[8:16], "little") == 153 * 10**8
        candle = (await fetched(local.data_api_url + "/market/SOL-PERP/candles/1?limit=1"))["records"][0]
        assert (candle["oracleOpen"], candle["oracleClose"]) == (150.0, 153.0)
        assert (await fetched(local.dlob_url + "/l2?marketName=SOL-PERP"))["oracle"] == 153_000_000
        local.oracle.jump(-0.1)
        local.step()
        assert local.price_usd == pytest.approx(137.7)
        local.pass_seconds(60)
        assert local.market.bars[-2].fill[2] == pytest.approx(137.7)


async def test_candles_are_streamed_while_slots_pass() -> None:
    async with (
        a_drill(feed=SyntheticFeed()) as local,
        aiohttp.ClientSession() as session,
        session.ws_connect(local.data_api.ws_url) as socket,
    ):
        reader = Reader(socket)
        await reader.send(CANDLE_SUBSCRIPTION)
        await reader.next()
        local.pass_seconds(70)
        updates = await reader.some(60)
        stamps = sorted({update["candle"]["ts"] for update in updates})
        assert stamps[-1] - stamps[0] in {0, 60}
        assert updates[-1]["candle"]["oracleClose"] > 0


def play_through(seed: int) -> list[object]:
    """A run with chances in it, told by what it left behind."""
    local = LocalChain("velocity", "emulation", feed=SyntheticFeed(), seed=seed)
    local.open()
    local.faults.start(FaultKind.LOST_TRANSACTION, chance=0.5)
    signatures = []
    for number in range(1, 21):
        order = local.account.limit(1, 10_000_000, 100_000_000, number)  # type: ignore[arg-type]
        signatures.append(local.chain.submit(local.stage.signed([order], local.owner)))
        local.step(3)
    data, user = local.stage.record("User", local.account.user)
    landed = [local.chain.landed(signature) is not None for signature in signatures]
    assert user["open_orders"] == sum(landed)
    return [bytes(data), landed, signatures, str(local.chain.blockhash(local.chain.slot)[0]), local.price_usd]


def test_the_same_seed_makes_the_same_run() -> None:
    first = play_through(1)
    assert first == play_through(1)
    assert first[1] != play_through(2)[1]


async def test_its_clock_wakes_sleepers_when_slots_pass() -> None:
    local = LocalChain("velocity", "emulation")
    clock, woken = local.clock, list[int]()

    async def sleeper(ts: int) -> None:
        await clock.sleep_until(ts)
        woken.append(clock.now_ms() - START_TS)

    async with asyncio.timeout(5.0), asyncio.TaskGroup() as tasks:
        for seconds in (2, 1, 0):
            tasks.create_task(sleeper(START_TS + seconds * 1_000))
        for _ in range(10):
            await asyncio.sleep(0)
            local.step()
    assert woken == [400, 1_200, 2_000]


async def test_a_paced_chain_moves_by_itself() -> None:
    async with a_drill(pace=200.0) as local:
        slot = local.chain.slot
        async with asyncio.timeout(10.0):
            while local.chain.slot < slot + 100:  # noqa: ASYNC110  (nobody would set an event)
                await asyncio.sleep(0)
        assert local.chain.now_ts - START_TS >= 100 * 400


def test_a_chain_can_begin_in_the_middle_of_its_feed() -> None:
    feed = SyntheticFeed()
    local = LocalChain("velocity", "emulation", feed=feed, start_ts=feed.begins_ts + 37 * MS_PER_MINUTE)
    local.open()
    assert local.market.bars[-1].ts == feed.begins_ts + 37 * MS_PER_MINUTE
    assert local.chain.now_ts - local.market.now_ts < 1_000


def test_a_stale_oracle_does_not_silence_the_data_api() -> None:
    local = LocalChain(
        "velocity", "emulation", feed=PathFeed(stepping((0, 150.0), (START_TS + 20_000, 160.0)))
    )
    local.open()
    local.faults.start(FaultKind.ORACLE_STALE)
    local.pass_seconds(30)
    oracle = local.chain.get_account(local.stage.oracles[0])
    assert oracle is not None
    assert int.from_bytes(oracle.data[8:16], "little") == 150 * 10**8
    assert local.market.bars[-1].oracle[3] == 160.0


def test_the_engine_is_the_program_where_its_binary_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(PROGRAMS_VARIABLE, str(tmp_path))
    assert isinstance(make_engine("velocity"), EmulatedEngine)
    with pytest.raises(FileNotFoundError):
        make_engine("velocity", "program")
    monkeypatch.delenv(PROGRAMS_VARIABLE)
    with pytest.raises(FileNotFoundError, match=r"velocity\.so"):
        make_engine("velocity", "program")


@pytest.mark.skipif(
    not (Path(os.environ.get(PROGRAMS_VARIABLE, "")) / "velocity.so").is_file(),
    reason=f"no velocity.so in {PROGRAMS_VARIABLE}",
)
def test_the_real_program_is_taken_where_it_is() -> None:
    assert isinstance(make_engine("velocity"), ProgramEngine)


@pytest.mark.parametrize("engine", ["emulation", "auto"])
async def test_the_real_driftpy_client_trades_on_it(engine: str, capsys: pytest.CaptureFixture[str]) -> None:
    async with LocalChain("drift", engine) as local, AsyncClient(local.rpc_url, commitment=Confirmed) as rpc:  # type: ignore[arg-type]
        client = DriftClient(
            rpc,
            Wallet(local.delegate),
            "mainnet",
            account_subscription=AccountSubscriptionConfig("cached"),
            authority=local.authority,
        )
        params = OrderParams(
            order_type=OrderType.Limit(),
            market_type=MarketType.Perp(),
            direction=PositionDirection.Long(),
            user_order_id=3,
            base_asset_amount=1_000_000_000,
            price=152_000_000,
            market_index=0,
            bit_flags=OrderParamsBitFlag.IMMEDIATE_OR_CANCEL,
        )
        await client.account_subscriber.update_cache()
        await client.add_user(0)
        take = client.get_place_and_take_perp_order_ix(params)
        signed = local.stage.signed([take], local.delegate)
        opts = TxOpts(preflight_commitment=Processed)
        signature = (await rpc.send_transaction(signed, opts=opts)).value
        local.step(2)
        status = (await rpc.get_signature_statuses([signature])).value[0]
        assert status is not None
        assert status.err is None
        user = client.get_user(0)
        await user.account_subscriber.update_cache()
        held = user.get_user_account().perp_positions[0]
        assert held.base_asset_amount == 1_000_000_000
        assert user.get_user_account().delegate == local.delegate.pubkey()
    capsys.readouterr()


async def test_faults_reach_every_service() -> None:
    async with a_drill() as local:
        for service, url in (
            (Service.DATA_API, local.data_api_url + "/stats/markets"),
            (Service.DLOB, local.dlob_url + "/health"),
        ):
            local.faults.start(FaultKind.HTTP_ERROR, service=service, amount=503, count=1)
            async with aiohttp.ClientSession() as session, session.get(url) as response:
                assert response.status == 503
            async with aiohttp.ClientSession() as session, session.get(url) as response:
                assert response.status == 200
