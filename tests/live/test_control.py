"""The control socket of a running daemon: every verb in every mode, many clients, bad ones, and its ends."""

import asyncio
import os
import signal
import socket
import stat
from itertools import product
from pathlib import Path

import pytest

from drift_e3.core.breakers import UNTIL_RESUMED_TS
from drift_e3.core.events import FlattenRequested, HaltRequested, ReduceRequested, ResumeRequested
from drift_e3.core.notes import PositionClosed
from drift_e3.core.terms import Mode, Reason, StopPolicy
from drift_e3.live import operating
from drift_e3.live.control_socket import SOCKET_NAME
from drift_e3.live.control_wire import Request, decode_answer, encode
from drift_e3.live.inbox import Inbox
from drift_e3.operating import Answer, Verb
from tests.live.attended import CHOSEN, STEPPED, Asked, Attended, attended, open_market
from tests.live.daemons import KeptLog, orders, turns
from tests.live.journals import told
from tests.live.markets import settings, tape_market

ACTS: dict[Verb, type[Asked]] = {
    Verb.HALT: HaltRequested,
    Verb.FLATTEN: FlattenRequested,
    Verb.REDUCE: ReduceRequested,
    Verb.RESUME: ResumeRequested,
}


def journaled(state: Path, answer: Answer) -> Asked:
    """The request that an answer is about, which must be on the disk by now."""
    event = told(state)[answer.seq - 1][0]
    assert isinstance(event, Asked)
    return event


def exits(state: Path) -> list[Reason]:
    """Why positions ended."""
    return [note.reason for _, led_to in told(state) for note in led_to if isinstance(note, PositionClosed)]


class InMode:
    """A daemon that is held in a mode."""

    def __init__(self, mode: Mode, tmp_path: Path, kept_log: KeptLog) -> None:
        self.mode = mode
        chosen = (
            settings(RISK__LOSS_STREAK_MAX="1", RISK__PAUSE_MINUTES="100000")
            if mode is Mode.REDUCING
            else CHOSEN
        )
        market = tape_market(chosen, each=4)

        def free_until() -> bool:
            if mode is Mode.WARMING:
                return True
            if mode is Mode.REDUCING:
                return [line["after"] for line in kept_log.named("mode.changed")][-1:] == ["reducing"]
            return bool(market.venue.state.position_base)

        how = orders(
            tmp_path / "state",
            chosen.trading(),
            speed=STEPPED,
            stop_policy=StopPolicy.REDUCE,
            stop_timeout_s=3_600,
        )
        self.daemon = attended(tmp_path, market, free_until, how)

    async def __aenter__(self) -> Attended:
        one = await self.daemon.__aenter__()
        if self.mode is Mode.HALTED:
            await one.ask(Verb.HALT, by="before")
        if self.mode is Mode.STOPPING:
            os.kill(os.getpid(), signal.SIGTERM)
            await turns()
            assert (await one.ask(Verb.STATUS)).status is not None
        return one

    async def __aexit__(self, *error: object) -> None:
        await self.daemon.__aexit__(*error)  # type: ignore[arg-type]


@pytest.mark.parametrize(("mode", "verb"), list(product(Mode, Verb)), ids=lambda value: value.name.lower())
async def test_every_verb_is_answered_in_every_mode(
    mode: Mode, verb: Verb, tmp_path: Path, kept_log: KeptLog
) -> None:
    async with InMode(mode, tmp_path, kept_log) as daemon:
        before = (await daemon.ask(Verb.STATUS)).status
        assert before is not None
        assert before.mode == mode.label
        answer = await daemon.answered(asyncio.create_task(daemon.ask(verb, wait_s=60.0)))
        status = answer.status
        assert answer.error == ""
        assert status is not None
        if verb is Verb.STATUS:
            assert answer.seq == before.seq
            assert answer.flat == (before.position is None and not before.orders)
            assert status == before
            return
        event = journaled(daemon.state, answer)
        assert isinstance(event, ACTS[verb])
        assert event.by == "ops"
        assert event.seen_ts == before.event_ts
        lifted = {Mode.HALTED: "halt", Mode.REDUCING: "pause"}
        match verb:
            case Verb.HALT:
                assert answer.flat
                assert (status.halted, status.halt_cause) == (True, "halt_asked")
                assert status.mode == (mode if mode is Mode.STOPPING else Mode.HALTED).label
                assert (status.position, status.orders) == (None, ())
            case Verb.FLATTEN:
                assert answer.flat
                assert (status.mode, status.halted) == (mode.label, mode is Mode.HALTED)
            case Verb.REDUCE:
                reduced = {Mode.TRADING: Mode.REDUCING}
                assert (status.mode, status.halted) == (reduced.get(mode, mode).label, before.halted)
                assert mode is not Mode.TRADING or (status.position is None) is (before.position is None)
                assert status.limits.paused_until_ts == UNTIL_RESUMED_TS
            case _:
                assert answer.lifted == lifted.get(mode, "")
                assert not status.halted
                after = {Mode.HALTED: Mode.TRADING, Mode.REDUCING: Mode.TRADING}
                assert status.mode == after.get(mode, mode).label
        assert mode is Mode.STOPPING or not answer.ending
        if mode is Mode.STOPPING and verb in {Verb.HALT, Verb.FLATTEN}:
            assert (await daemon.task).stop.halted == (verb is Verb.HALT)


async def test_a_halt_is_answered_when_flat_and_latches(tmp_path: Path) -> None:
    async with attended(tmp_path) as daemon:
        asking = asyncio.create_task(daemon.ask(Verb.HALT, wait_s=60.0))
        await turns()
        assert not asking.done()
        answer = await daemon.answered(asking)
        assert exits(daemon.state) == [Reason.FLATTEN]
        await daemon.step(20)
        later = (await daemon.ask(Verb.STATUS)).status
        assert answer.status is not None
        assert later is not None
        assert (later.mode, later.position) == ("halted", None)
        assert later.seq > answer.status.seq


async def test_flat_is_told_even_if_the_next_position_is_open_by_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operating, "is_flat", lambda _: False)
    async with attended(tmp_path) as daemon:
        answer = await daemon.answered(asyncio.create_task(daemon.ask(Verb.FLATTEN, wait_s=60.0)))
        assert answer.flat


async def test_who_does_not_want_to_wait_is_told_how_it_stands(tmp_path: Path) -> None:
    async with attended(tmp_path) as daemon:
        answer = await daemon.ask(Verb.FLATTEN, wait_s=0.0)
        assert not answer.flat
        assert answer.status is not None
        assert answer.status.position is not None
        assert {order.reason for order in answer.status.orders} >= {"flatten"}


async def test_after_a_flatten_trading_goes_on(tmp_path: Path, kept_log: KeptLog) -> None:
    market = tape_market(CHOSEN, each=4, count=480)
    async with attended(tmp_path, market, lambda: bool(market.venue.state.position_base)) as daemon:
        answer = await daemon.answered(asyncio.create_task(daemon.ask(Verb.FLATTEN, wait_s=60.0)))
        assert answer.flat
        daemon.clock.let(10_000)
        await daemon.task
    assert len(kept_log.named("position.opened")) > 1


async def test_many_clients_at_once_are_all_answered_and_their_requests_journaled_in_order(
    tmp_path: Path,
) -> None:
    async with attended(tmp_path) as daemon:
        verbs = [Verb.FLATTEN, Verb.HALT, Verb.FLATTEN, Verb.RESUME, Verb.STATUS, Verb.HALT]
        asking = [
            asyncio.create_task(daemon.ask(verb, by=f"client {number}", wait_s=60.0))
            for number, verb in enumerate(verbs)
        ]
        answers = [await daemon.answered(task) for task in asking]
        assert [answer.error for answer in answers] == [""] * len(verbs)
        for number, (verb, answer) in enumerate(zip(verbs, answers, strict=True)):
            if verb is not Verb.STATUS:
                event = journaled(daemon.state, answer)
                assert isinstance(event, ACTS[verb])
                assert event.by == f"client {number}"
        assert len({answer.seq for answer in answers}) == len(verbs)
        assert all(answer.flat for answer, verb in zip(answers, verbs, strict=True) if verb is Verb.HALT)


async def test_a_halt_during_a_flatten_makes_one_exit_and_answers_both(tmp_path: Path) -> None:
    async with attended(tmp_path) as daemon:
        flatten = asyncio.create_task(daemon.ask(Verb.FLATTEN, wait_s=60.0))
        await daemon.taken(FlattenRequested)
        halt = asyncio.create_task(daemon.ask(Verb.HALT, wait_s=60.0))
        answers = [await daemon.answered(task) for task in (flatten, halt)]
        assert [(answer.error, answer.flat) for answer in answers] == [("", True), ("", True)]
        assert exits(daemon.state) == [Reason.FLATTEN]
        status = (await daemon.ask(Verb.STATUS)).status
        assert status is not None
        assert status.mode == "halted"


async def test_several_requests_go_over_one_connection(tmp_path: Path) -> None:
    async with attended(tmp_path) as daemon:
        reader, writer = await daemon.connect()
        for verb in (Verb.STATUS, Verb.RESUME, Verb.STATUS):
            writer.write(encode(Request(verb=verb)) + b"\n")
        answers = [decode_answer(await reader.readline()) for _ in range(3)]
        assert [answer.error for answer in answers] == [""] * 3
        assert answers[2].seq == answers[0].seq + 1


# -- a busy daemon, and its end ------------------------------------------------------------------------------


@pytest.mark.parametrize("full", [False, True])
async def test_a_request_that_is_not_taken_in_time_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: bool
) -> None:
    monkeypatch.setattr(operating, "TAKING_S", 0.02)
    async with attended(tmp_path, tape_market(CHOSEN, each=4), lambda: True) as daemon:

        async def never(*_: object) -> None:
            await asyncio.Event().wait()

        if full:
            monkeypatch.setattr(Inbox, "put", never)
        else:
            monkeypatch.setattr(Inbox, "get", never)
            await daemon.ask(Verb.RESUME)
        answer = await daemon.ask(Verb.HALT)
        assert answer.error.startswith("the daemon is too busy" if full else "the daemon is busy and will")
        assert not answer.ending


async def test_whoever_waits_is_told_that_the_daemon_ends(tmp_path: Path) -> None:
    async with attended(tmp_path) as daemon:
        waiting = asyncio.create_task(daemon.ask(Verb.FLATTEN, wait_s=60.0))
        idle, _ = await daemon.connect()
        await daemon.taken(FlattenRequested)
        os.kill(os.getpid(), signal.SIGTERM)
        ended = await daemon.task
        answer = await waiting
        assert (answer.error, answer.flat, answer.ending) == ("", False, True)
        assert ended.trader.state.account.position_base != 0.0
        assert await idle.read() == b""
        assert not (daemon.state / SOCKET_NAME).exists()


async def test_a_request_that_the_end_overtakes_is_said_not_to_be_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with attended(tmp_path) as daemon:

        async def never(*_: object) -> None:
            await asyncio.Event().wait()

        monkeypatch.setattr(Inbox, "put", never)
        waiting = asyncio.create_task(daemon.ask(Verb.HALT, wait_s=60.0))
        await turns(100)
        daemon.task.cancel()
        answer = await waiting
        assert (answer.error, answer.ending, answer.status) == ("the daemon ended meanwhile", True, None)


# -- the socket ----------------------------------------------------------------------------------------------


async def test_the_socket_is_its_owners_alone_and_gone_afterwards(tmp_path: Path) -> None:
    async with attended(tmp_path, tape_market(CHOSEN, each=4), lambda: True) as daemon:
        mode = (daemon.state / SOCKET_NAME).stat().st_mode
        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) == 0o600
    assert [path.name for path in (tmp_path / "state").glob("control*")] == []


async def test_a_socket_that_a_killed_daemon_left_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    for name in (SOCKET_NAME, f"{SOCKET_NAME}.new"):
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(tmp_path / "state" / name))
    async with attended(tmp_path, tape_market(CHOSEN, each=4), lambda: True) as daemon:
        assert (await daemon.ask(Verb.STATUS)).error == ""


async def test_a_long_path_will_do(tmp_path: Path) -> None:
    deep = tmp_path / ("deep" * 30)
    deep.mkdir()
    how = orders(deep / "state", CHOSEN.trading(), speed=STEPPED)
    async with attended(tmp_path, tape_market(CHOSEN, each=4), lambda: True, how):
        assert (deep / "state" / SOCKET_NAME).is_socket()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda state: state.chmod(0o777), "anybody may write to the state directory, and so"),
        (lambda state: (state / SOCKET_NAME).touch(), "control.sock is there and is no socket"),
        (lambda state: (state / SOCKET_NAME).mkdir(), "control.sock is there and is no socket"),
        (lambda state: (state / f"{SOCKET_NAME}.new").mkdir(), "Is a directory"),
    ],
)
async def test_a_socket_that_cannot_be_is_a_warning_and_the_daemon_trades(
    tmp_path: Path, spoil: "object", reason: str, kept_log: KeptLog
) -> None:
    market, is_open = open_market()
    how = orders(tmp_path / "state", CHOSEN.trading(), speed=STEPPED)
    assert callable(spoil)
    spoil(tmp_path / "state")
    async with attended(tmp_path, market, is_open, how):
        (warned,) = kept_log.named("control.refused")
        assert str(warned["reason"]).startswith(reason)
        assert is_open()
