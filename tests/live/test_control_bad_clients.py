"""Clients of the control socket that talk nonsense, stall, flood or leave: none holds up the daemon."""

import asyncio
import random
from pathlib import Path

import pytest

from drift_e3.core.events import HaltRequested
from drift_e3.live import control
from drift_e3.live.control import CLIENTS_MAX
from drift_e3.live.control_client import DaemonUnavailable, ask
from drift_e3.live.control_wire import Request, decode_answer, encode
from drift_e3.operating import Verb
from tests.live.attended import CHOSEN, STEPPED, attended, requests
from tests.live.daemons import orders, turns
from tests.live.markets import tape_market

GARBAGE = [
    b"\n",
    b"hello\n",
    b"\xff\xfe\x00\n",
    b"{}\n",
    b"[]\n",
    b"null\n",
    b'{"verb":"sell"}\n',
    b'{"verb":"halt","by":7}\n',
    b'{"verb":"halt","by":"\xff"}\n',
    b'{"verb":"halt","by":"a\\nb"}\n',
    b'{"verb":"halt","by":"' + b"x" * 65 + b'"}\n',
    b'{"verb":"halt","wait_s":1e9}\n',
    b'{"verb":"halt","wait_s":-1}\n',
    b'{"verb":"halt","wait_s":null}\n',
    b'{"verb":"status","x":' + b"[" * 900 + b"]" * 50 + b"}\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"x" * 1_000_000,
    b"x" * 5_000 + b"\n",
]


@pytest.mark.parametrize("garbage", GARBAGE, ids=range(len(GARBAGE)))
async def test_nonsense_is_said_to_be_nonsense_and_does_nothing(tmp_path: Path, garbage: bytes) -> None:
    state = tmp_path / "state"
    how = orders(state, CHOSEN.trading(), speed=STEPPED)
    async with attended(tmp_path, tape_market(CHOSEN, each=4), lambda: True, how) as daemon:
        try:
            said = await daemon.raw(garbage)
        except ConnectionError:
            # The rest of a flood finds nobody there.
            said = b""
        if said:
            answer = decode_answer(said)
            assert answer.error
            assert answer.status is None
        assert requests(state) == []
        assert (await daemon.ask(Verb.STATUS)).error == ""


async def test_random_bytes_are_survived(tmp_path: Path) -> None:
    dice = random.Random(7)
    whole = encode(Request(verb=Verb.HALT, by="dice"))
    async with attended(tmp_path, tape_market(CHOSEN, each=4), lambda: True) as daemon:
        for _ in range(150):
            cut = bytearray(whole)
            for _ in range(dice.randrange(1, 6)):
                cut[dice.randrange(len(cut))] = dice.randrange(256)
            data = bytes(cut[: dice.randrange(len(cut))]) if dice.random() < 0.3 else bytes(cut) + b"\n"
            await daemon.raw(data)
        assert all(isinstance(event, HaltRequested) for event in requests(daemon.state))
        assert (await daemon.ask(Verb.STATUS)).error == ""


async def test_half_a_request_and_a_client_that_leaves_do_nothing(tmp_path: Path) -> None:
    async with attended(tmp_path, tape_market(CHOSEN, each=4), lambda: True) as daemon:
        assert await daemon.raw(b'{"verb":"halt"') == b""
        assert await daemon.raw(b"") == b""
        _, writer = await daemon.connect()
        writer.write(encode(Request(verb=Verb.STATUS)) + b"\n")
        writer.transport.abort()
        status = (await daemon.ask(Verb.STATUS)).status
        assert status is not None
        assert not status.halted


async def test_a_client_that_leaves_while_it_waits_has_asked_all_the_same(tmp_path: Path) -> None:
    async with attended(tmp_path) as daemon:
        _, writer = await daemon.connect()
        writer.write(encode(Request(verb=Verb.HALT, by="gone", wait_s=60.0)) + b"\n")
        await daemon.taken(HaltRequested)
        writer.transport.abort()
        await daemon.step(10)
        status = (await daemon.ask(Verb.STATUS)).status
        assert status is not None
        assert (status.mode, status.position) == ("halted", None)


async def test_a_client_that_says_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "LINE_S", 0.02)
    async with attended(tmp_path, tape_market(CHOSEN, each=4), lambda: True) as daemon:
        reader, _ = await daemon.connect()
        assert await reader.read() == b""


async def flood(writer: asyncio.StreamWriter, line: bytes) -> None:
    while True:
        writer.write(line * 64)
        await writer.drain()


async def test_a_client_that_does_not_read_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "LINE_S", 0.05)
    async with attended(tmp_path, tape_market(CHOSEN, each=4), lambda: True) as daemon:
        _, writer = await daemon.connect()
        reader_transport: asyncio.ReadTransport = writer.transport  # type: ignore[assignment]
        reader_transport.pause_reading()
        line = encode(Request(verb=Verb.STATUS)) + b"\n"
        with pytest.raises(ConnectionError):
            await flood(writer, line)
        assert (await daemon.ask(Verb.STATUS)).error == ""


async def test_no_more_than_a_few_are_served_at_a_time(tmp_path: Path) -> None:
    async with attended(tmp_path, tape_market(CHOSEN, each=4), lambda: True) as daemon:
        idle = [await daemon.connect() for _ in range(CLIENTS_MAX)]
        await turns()
        refused = decode_answer(await daemon.raw(b""))
        assert refused.error == f"{CLIENTS_MAX} others are being served: try again"
        idle[0][1].close()
        await turns()
        assert (await daemon.ask(Verb.STATUS)).error == ""


async def test_somebody_elses_process_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with attended(tmp_path, tape_market(CHOSEN, each=4), lambda: True) as daemon:
        monkeypatch.setattr(control, "is_trusted", lambda _: False)
        with pytest.raises(DaemonUnavailable, match="you are not the daemon's user"):
            await asyncio.to_thread(ask, daemon.state, Request(verb=Verb.HALT), 0.0)
        assert requests(daemon.state) == []
