"""Websockets that close, break, fall silent or babble: each begins again, and content alone is life."""

import asyncio
from math import isnan

import pytest
import structlog

from drift_e3.venues.dataapi.client import open_session
from drift_e3.venues.dataapi.stream import FRAME_BYTES_MAX, Channel, Patience, Socket
from tests.venues.dataapi.scripted_socket import (
    QUICK,
    Ear,
    Line,
    Play,
    listening,
    raw_server,
    scripted_socket,
)


def says(*texts: str | bytes) -> Play:
    """Hears the subscription, speaks, and stays."""

    async def play(line: Line) -> None:
        assert await line.hear() == "hello"
        await line.say(*texts)
        await line.stay()

    return play


def says_and_closes(*texts: str | bytes, code: int = 1000) -> Play:
    async def play(line: Line) -> None:
        await line.say(*texts)
        await line.socket.close(code=code)

    return play


def says_and_cuts(*texts: str | bytes) -> Play:
    async def play(line: Line) -> None:
        await line.say(*texts)
        line.cut()

    return play


def babbles(raw: bytes) -> Play:
    async def play(line: Line) -> None:
        line.babble(raw)
        await line.stay()

    return play


async def test_content_is_heard_and_counted() -> None:
    ear = Ear()
    async with scripted_socket(says("one", "~beat", b"two", "!no", "end")) as (server, session):
        socket = ear.socket(server, session)
        assert not socket.connected
        await listening(socket, ear.hears("end"))
    assert ear.heard == ["one", "~beat", b"two", "!no", "end"]
    assert ear.channel.contents == 3
    assert (socket.errors, socket.last_error, socket.reconnects) == (1, "nonsense", 0)


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        (says_and_closes("one"), "closed by the server (1000)"),
        (says_and_closes("one", code=1001), "closed by the server (1001)"),
        (says_and_closes("one", code=1008), "closed by the server (1008)"),
        (says_and_cuts("one"), "closed by the server (1006)"),
        (babbles(b"\xff" * 40), "broken frame"),
        (babbles(b"\x81\x02\xff\xfe"), "broken frame"),
        (babbles(b"\x81\x7f" + (FRAME_BYTES_MAX + 1).to_bytes(8, "big")), "broken frame"),
        (babbles(b"HTTP/1.1 500 Oops\r\n\r\n"), "broken frame"),
    ],
)
async def test_a_connection_that_ends_is_made_anew_and_subscribed_again(first: Play, reason: str) -> None:
    ear = Ear()
    async with scripted_socket(first, says("again")) as (server, session):
        socket = ear.socket(server, session)
        await listening(socket, ear.hears("again"))
    assert server.opened == 2
    assert socket.reconnects == 1
    assert socket.last_error.startswith(reason)


async def test_silence_is_noticed_although_heartbeats_and_garbage_come() -> None:
    async def chatters(line: Line) -> None:
        await line.say("one")
        while True:
            await line.say("~beat", "!garbage")
            await asyncio.sleep(0.005)

    ear = Ear(silence_ms=60)
    async with scripted_socket(chatters, says("again")) as (server, session):
        socket = ear.socket(server, session)
        await listening(socket, ear.hears("again"))
    assert socket.last_error == "words is silent"
    assert ear.heard.count("~beat") > 0


async def test_a_server_that_does_not_stop_talking_is_left_all_the_same() -> None:
    async def deaf(line: Line) -> None:
        while True:
            await line.say("~beat" * 1_000)
            await asyncio.sleep(0)

    ear = Ear(silence_ms=30)
    async with scripted_socket(deaf, says("again")) as (server, session):
        await listening(ear.socket(server, session), ear.hears("again"))
    assert server.opened == 2


async def test_a_connection_without_a_word_is_silent_too() -> None:
    ear = Ear(silence_ms=40)
    async with scripted_socket(says(), says("again")) as (server, session):
        await listening(ear.socket(server, session), ear.hears("again"))
    assert server.opened == 2


async def test_content_keeps_a_connection_alive() -> None:
    async def drips(line: Line) -> None:
        for _ in range(35):
            await line.say("drop")
            await asyncio.sleep(0.02)
        await line.say("end")
        await line.stay()

    ear = Ear(silence_ms=400)
    async with scripted_socket(drips) as (server, session):
        await listening(ear.socket(server, session), ear.hears("end"))
    assert server.opened == 1


async def test_one_silent_channel_of_two_is_enough_to_begin_again() -> None:
    async def half_dead(line: Line) -> None:
        while True:
            await line.say("word")
            await asyncio.sleep(0.005)

    ear = Ear(silence_ms=1_000)
    other = Channel(name="book", silence_ms=50)
    async with scripted_socket(half_dead, says("again")) as (server, session):
        socket = Socket(server.url, session, ["hello"], [other, ear.channel], ear.take, QUICK)
        await listening(socket, ear.hears("again"))
    assert socket.names == "book+words"
    assert (server.opened, socket.last_error) == (2, "book is silent")


async def test_a_channel_without_a_limit_may_be_silent() -> None:
    ear = Ear(silence_ms=None)
    async with scripted_socket(says("one")) as (server, session):
        socket = ear.socket(server, session)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await socket.run()
    assert server.opened == 1


async def test_refused_handshakes_and_dead_hosts_are_tried_again() -> None:
    ear = Ear()
    async with scripted_socket(says("end"), refuse=3) as (server, session):
        socket = ear.socket(server, session)
        await listening(socket, ear.hears("end"))
    assert (server.opened, socket.reconnects) == (4, 3)
    assert socket.last_error == "no websocket: status 503"
    async with open_session() as session:
        dead = Socket("http://127.0.0.1:1/ws", session, [], [ear.channel], ear.take, QUICK)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await dead.run()
    assert dead.reconnects > 2
    assert dead.last_error.startswith("unreachable")


async def test_a_handshake_that_hangs_is_given_up() -> None:
    ear = Ear()
    async with raw_server(None) as url, open_session() as session:
        patience = Patience(connect_s=0.03, pause_s=0.001, pause_max_s=0.001)
        socket = Socket(f"{url}/ws", session, [], [ear.channel], ear.take, patience)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await socket.run()
    assert socket.reconnects > 2
    assert socket.last_error == "no connection in time"


def pauses(socket: Socket, count: int) -> list[float]:
    return [socket._pause(tries) for tries in range(count)]


async def test_pauses_double_jitter_and_are_bounded() -> None:
    async with open_session() as session:

        def made(jitter: float) -> Socket:
            return Socket(
                "http://h", session, [], [], str, Patience(pause_s=1.0, pause_max_s=30.0), lambda: jitter
            )

        assert pauses(made(0.0), 7) == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0]
        assert pauses(made(1.0), 7) == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
        assert made(1.0)._pause(10_000) == 30.0


async def test_pauses_begin_anew_only_after_content() -> None:
    """A server that accepts and closes at once is not hammered."""
    tries: list[int] = []

    class Watched(Socket):
        def _pause(self, tries_so_far: int) -> float:
            tries.append(tries_so_far)
            return 0.0

    ear = Ear()
    empty, full = says_and_closes(), says_and_closes("word")
    async with scripted_socket(empty, empty, full, empty, says("end")) as (server, session):
        socket = Watched(server.url, session, ["hello"], [ear.channel], ear.take, QUICK)
        await listening(socket, ear.hears("end"))
    assert tries == [0, 1, 0, 1]


async def test_people_are_told_once_that_a_channel_is_lost_and_once_that_it_is_back() -> None:
    ear = Ear()
    empty = says_and_closes("~beat")
    with structlog.testing.capture_logs() as lines:
        async with scripted_socket(says_and_closes("one"), empty, empty, says("more", "end")) as (
            server,
            session,
        ):
            await listening(ear.socket(server, session), ear.hears("end"))
    assert [line["event"] for line in lines] == ["feed.lost", "feed.restored"]
    assert lines[0]["reason"] == "closed by the server (1000)"
    assert lines[1]["away_s"] > 0.0


async def test_before_any_content_a_channel_has_no_age() -> None:
    assert isnan(Channel(name="words").heard_s)


async def test_a_socket_leaves_at_once_when_it_is_told_to() -> None:
    """Also where the server does not answer the closing handshake."""

    async def deaf(line: Line) -> None:
        await line.say("one")
        await asyncio.Event().wait()

    ear = Ear()
    async with scripted_socket(deaf) as (server, session):
        await listening(ear.socket(server, session), ear.hears("one"))
        loop = asyncio.get_running_loop()
        left_s = loop.time()
    assert loop.time() - left_s < 2.0
