"""Halt and flatten of a live account, with a daemon and without: what counts is what the chain shows."""

import asyncio
from functools import partial
from pathlib import Path

import pytest

from drift_e3.core.events import FlattenRequested, HaltRequested
from drift_e3.core.terms import Reason
from drift_e3.drill.faults import FaultKind, Service
from drift_e3.drill.local_chain import EngineName, VenueName
from drift_e3.live import at_rest
from drift_e3.live.control_socket import SOCKET_NAME
from drift_e3.live.control_wire import Request, decode_answer, encode
from drift_e3.live.daemon import Orders
from drift_e3.operating import Answer, Verb
from tests.drill.stages import STAGES
from tests.live import live_stage
from tests.live.live_checks import check, fills
from tests.live.live_stage import LiveStage, a_stage
from tests.live.virtual_time import run_virtually

everywhere = pytest.mark.parametrize(("venue", "engine"), STAGES)
LONG_HOLD = {"STRATEGY__M_MAXHOLDHOURS": "10"}
PLAN = (1, 0, 0, 0)


async def ask(stage: LiveStage, verb: Verb, wait_s: float = 30.0) -> Answer:
    reader, writer = await asyncio.open_unix_connection(stage.state_dir / SOCKET_NAME, limit=1 << 20)
    writer.write(encode(Request(verb=verb, by="ops", wait_s=wait_s)) + b"\n")
    answer = decode_answer(await reader.readline())
    writer.close()
    return answer


async def in_position(stage: LiveStage) -> None:
    await stage.until(lambda: stage.state.trade is not None, 70.0)
    await stage.until(lambda: stage.witness.stopped_base() == abs(stage.witness.base()) > 0, 5.0)


def is_flat_on_chain(stage: LiveStage) -> bool:
    user = stage.witness.user()
    return (user.totals.base, user.orders) == (0, ())


async def leaves_halted(stage: LiveStage) -> None:
    """A start after a halt ends by itself, and a person has to look."""
    await stage.start(trading=False)
    ended = await stage.ended()
    assert (ended.stop.halted, ended.trader.state.started_halted) == (True, True)
    assert is_flat_on_chain(stage)


@everywhere
def test_a_halt_closes_on_the_chain_before_it_is_answered_and_latches(
    venue: VenueName, engine: EngineName, tmp_path: Path
) -> None:
    async def story() -> None:
        async with a_stage(tmp_path, venue, engine, plan=PLAN, variables=LONG_HOLD) as stage:
            await stage.start()
            await in_position(stage)
            await stage.seconds(2.0)
            before = (await ask(stage, Verb.STATUS)).status
            assert before is not None
            assert before.position is not None
            assert (before.account, before.live_feed, before.position.stop_rests) == ("live", True, True)
            answer = await ask(stage, Verb.HALT)
            assert (answer.error, answer.flat) == ("", True)
            assert is_flat_on_chain(stage)
            assert fills(stage)[-1].reason is Reason.FLATTEN
            trades = stage.state.tally.trades
            await stage.seconds(130.0)
            assert stage.state.tally.trades == trades
            await stage.kill()
            await leaves_halted(stage)
            check(stage)

    run_virtually(story)


@everywhere
def test_a_flatten_of_a_position_whose_daemon_is_away_starts_one_that_only_closes(
    venue: VenueName, engine: EngineName, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        async with a_stage(tmp_path, venue, engine, plan=PLAN, variables=LONG_HOLD) as stage:
            await stage.start()
            await in_position(stage)
            await stage.kill()
            await stage.seconds(20.0)
            monkeypatch.setattr(live_stage, "Orders", partial(Orders, flatten_by="ops"))
            await stage.start(trading=False)
            ended = await stage.ended()
            assert (ended.stop.halted, ended.stop.reason) == (False, "stop_asked")
            assert is_flat_on_chain(stage)
            assert fills(stage)[-1].reason is Reason.FLATTEN
            assert any(isinstance(event, FlattenRequested) for event in stage.events)
            check(stage)
            monkeypatch.undo()

    run_virtually(story)


@everywhere
def test_a_halt_of_a_daemon_that_is_away_is_carried_out_by_its_next_start(
    venue: VenueName, engine: EngineName, tmp_path: Path
) -> None:
    async def story() -> None:
        async with a_stage(tmp_path, venue, engine, plan=PLAN, variables=LONG_HOLD) as stage:
            await stage.start()
            await in_position(stage)
            await stage.kill()
            answer = at_rest.book(stage.state_dir, HaltRequested, "ops")
            assert not answer.flat
            assert answer.status is not None
            assert at_rest.NOT_ASKED in answer.status.notes
            assert answer.status.halted
            assert stage.witness.base()
            await leaves_halted(stage)
            assert fills(stage)[-1].reason is Reason.FLATTEN
            check(stage)

    run_virtually(story)


@pytest.mark.parametrize("verb", [Verb.HALT, Verb.FLATTEN])
def test_an_entry_on_its_way_is_waited_for_and_closed_as_well(verb: Verb, tmp_path: Path) -> None:
    async def story() -> None:
        async with a_stage(tmp_path, plan=PLAN, variables=LONG_HOLD) as stage:
            await stage.start()
            await stage.until(lambda: stage.submitted, 70.0)
            answer = await ask(stage, verb)
            assert (answer.error, answer.flat) == ("", True)
            assert is_flat_on_chain(stage)
            check(stage)

    run_virtually(story)


def test_the_status_says_which_source_is_silent_and_why(tmp_path: Path) -> None:
    async def story() -> None:
        async with a_stage(tmp_path, plan=(1, 0), variables=LONG_HOLD) as stage:
            await stage.start()
            await stage.seconds(3.0)
            status = (await ask(stage, Verb.STATUS)).status
            assert status is not None
            assert status.notes == ()
            (server,) = status.rpc
            assert server.host.startswith("127.0.0.1:")
            assert server.outcomes["getMultipleAccounts"]["answered"] > 1
            assert (server.errors, server.resting) == (0, False)
            stage.local.faults.start(FaultKind.SOCKET_SILENCE, service=Service.DLOB)
            stage.local.faults.start(FaultKind.HTTP_ERROR, service=Service.RPC)
            await stage.seconds(40.0)
            status = (await ask(stage, Verb.STATUS)).status
            assert status is not None
            assert {note.partition(":")[0] for note in status.notes} == {"chain", "book"}
            assert status.rpc[0].errors > 0
            assert status.stale, "what is too old to enter on is waited for"

    run_virtually(story)
