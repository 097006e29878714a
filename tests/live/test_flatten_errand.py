"""A daemon that is started for nothing but to close what is open."""

import asyncio
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from drift_e3.core.events import CandleClosed, FlattenRequested, OracleTick, Started, StopRequested
from drift_e3.core.terms import StopPolicy
from drift_e3.live.daemon import Ended, ForcedStop, Orders
from drift_e3.operating import Verb
from tests.live.attended import CHOSEN, STEPPED, attended, open_market
from tests.live.daemons import KeptLog, orders, run_on
from tests.live.journals import told
from tests.live.markets import tape_market


async def held(tmp_path: Path) -> Orders:
    """How to run the errand in a state directory whose daemon has left a position."""
    async with attended(tmp_path) as daemon:
        os.kill(os.getpid(), signal.SIGTERM)
        ended = await daemon.task
        assert ended.trader.state.trade is not None
    how = orders(tmp_path / "state", CHOSEN.trading(), speed=STEPPED, stop_timeout_s=30.0)
    return replace(how, flatten_by="ops")


async def test_it_asks_before_the_market_brings_anything_and_ends_when_flat(tmp_path: Path) -> None:
    how = await held(tmp_path)
    before = len(told(how.state_dir))
    market, _ = open_market()
    async with attended(tmp_path, market, lambda: True, how) as daemon:
        daemon.clock.let(100)
        ended = await daemon.task
    state = ended.trader.state
    assert (state.trade, state.orders.by_id, ended.stop.halted) == (None, {}, False)
    story = [event for event, _ in told(how.state_dir)[before:]]
    assert [type(event) for event in story[:3]] == [Started, FlattenRequested, StopRequested]
    assert sum(isinstance(event, OracleTick | CandleClosed) for event in story) < 10


async def test_where_the_market_brings_nothing_it_ends_at_its_time_limit(
    tmp_path: Path, kept_log: KeptLog
) -> None:
    how = await held(tmp_path)
    market, _ = open_market()
    async with attended(tmp_path, market, lambda: True, how) as daemon:
        answer = await daemon.ask(Verb.STATUS)
        assert answer.status is not None
        assert (answer.flat, answer.status.mode) == (False, "stopping")
        for limit in daemon.clock.limits:
            limit.set()
        ended: Ended = await daemon.task
    assert ended.trader.state.trade is not None
    assert kept_log.named("stop.overran") == [{"timeout_s": 30.0}]
    stops = [event for event, _ in told(how.state_dir) if isinstance(event, StopRequested)]
    assert [(stop.by, stop.policy, stop.at_once) for stop in stops[1:]] == [
        ("ops", StopPolicy.FLATTEN, False),
        ("time limit", StopPolicy.HOLD, True),
    ]


async def test_a_signal_ends_it_at_once(tmp_path: Path) -> None:
    how = await held(tmp_path)

    async def interrupted() -> None:
        async with attended(tmp_path, open_market()[0], lambda: True, how) as daemon:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.wait([daemon.task])

    with pytest.raises(ForcedStop):
        await interrupted()


def test_in_a_new_directory_there_is_nothing_to_close(tmp_path: Path) -> None:
    how = replace(orders(tmp_path / "state", CHOSEN.trading()), flatten_by="ops")
    ended = run_on(tape_market(CHOSEN, each=4), how)
    assert ended.stop.reason == "stop_asked"
    assert [type(event) for event, _ in told(how.state_dir)] == [Started, FlattenRequested, StopRequested]
