"""The websocket that wakes: whatever it does, it only ever calls `wake`, and a new connection follows."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import pytest
from solders.pubkey import Pubkey

from drift_e3.venues.solana.transport import ServerUrl
from drift_e3.venues.solana.wakeups import PAUSE_S, PAUSE_S_MAX, Wakeups
from tests.venues.solana.planting import everything_logged
from tests.venues.solana.rpc_doors import ONE, TWO
from tests.venues.solana.scripted_rpc import scripted_rpc
from tests.venues.solana.scripted_socket import Line, Talk, scripted_socket

DEADLINE_S = 10.0
"""Nothing here takes long; this is when a test gives up."""


class Sleeper:
    """Counts the wakes, and the pauses between connections, which take no time."""

    def __init__(self) -> None:
        self.wakes = 0
        self.pauses: list[float] = []
        self._changed = asyncio.Event()

    def wake(self) -> None:
        self.wakes += 1
        self._changed.set()

    async def sleep(self, pause_s: float) -> None:
        self.pauses.append(pause_s)
        self._changed.set()
        await asyncio.sleep(0)

    async def until(self, wakes: int = 0, pauses: int = 0) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while self.wakes < wakes or len(self.pauses) < pauses:
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def listening(
    *urls: ServerUrl, addresses: Sequence[Pubkey] = (ONE,), silence_s: float = 300.0
) -> AsyncGenerator[tuple[Wakeups, Sleeper]]:
    """Wakeups that run until the block ends, and end only because they are cancelled."""
    sleeper = Sleeper()
    wakeups = Wakeups(urls, addresses, sleeper.wake, silence_s=silence_s, sleep=sleeper.sleep)
    running = asyncio.create_task(wakeups.run())
    try:
        yield wakeups, sleeper
        assert not running.done(), running
    finally:
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


async def good(line: Line) -> None:
    """Subscribes, tells of one change and stays."""
    await line.subscribe()
    await line.notify()
    await line.linger()


async def test_a_change_wakes() -> None:
    async with scripted_socket(good) as server, listening(server.url) as (wakeups, sleeper):
        await sleeper.until(wakes=2)
        assert wakeups.stats() == (1, 1, 1, 0)
        (asked,) = server.lines[0].asked
    config = {"encoding": "base64", "commitment": "confirmed"}
    assert asked == {"jsonrpc": "2.0", "id": 0, "method": "accountSubscribe", "params": [str(ONE), config]}


async def test_each_account_is_subscribed_to() -> None:
    async def talk(line: Line) -> None:
        line.last = 1
        await line.subscribe()
        await line.notify(501)
        await line.notify(500)
        await line.linger()

    async with scripted_socket(talk) as server, listening(server.url, addresses=(ONE, TWO)) as (_, sleeper):
        await sleeper.until(wakes=4)
        assert [asked["params"][0] for asked in server.lines[0].asked] == [str(ONE), str(TWO)]


async def test_a_subscription_alone_wakes_because_what_came_before_it_was_not_told() -> None:
    async def talk(line: Line) -> None:
        await line.subscribe()
        await line.linger()

    async with scripted_socket(talk) as server, listening(server.url) as (_, sleeper):
        await sleeper.until(wakes=1)


async def closes(line: Line) -> None:
    await line.subscribe()


async def closes_going_away(line: Line) -> None:
    await line.subscribe()
    await line.socket.close(code=1001)


async def aborts(line: Line) -> None:
    await line.subscribe()
    line.abort()


async def aborts_in_a_frame(line: Line) -> None:
    await line.subscribe()
    line.raw(b"\x81\x7e\x01\x00half")
    line.abort()


async def aborts_at_once(line: Line) -> None:
    line.abort()


async def closes_at_once(_: Line) -> None:
    pass


async def refuses(line: Line) -> None:
    await line.say({"jsonrpc": "2.0", "id": 0, "error": {"code": -32602, "message": "no"}})
    await line.linger()


async def sends_no_frame(line: Line) -> None:
    line.raw(b"HTTP/1.1 500 Oops\r\n\r\n")
    await line.linger()


async def sends_half_text(line: Line) -> None:
    line.raw(b"\x81\x02\xff\xfe")
    await line.linger()


async def sends_too_much(line: Line) -> None:
    await line.socket.send_str("x" * (2 * 1_024 * 1_024))
    await line.linger()


ENDS: dict[str, Talk] = {
    "a clean close": closes,
    "a server that goes away": closes_going_away,
    "an abort": aborts,
    "an abort in a frame": aborts_in_a_frame,
    "an abort at once": aborts_at_once,
    "a close at once": closes_at_once,
    "a refusal": refuses,
    "no frame": sends_no_frame,
    "no text": sends_half_text,
    "a frame that is too long": sends_too_much,
}


@pytest.mark.parametrize("end", ENDS)
async def test_after_every_end_there_is_a_new_connection(end: str) -> None:
    async with scripted_socket(ENDS[end], good) as server, listening(server.url) as (wakeups, sleeper):
        await sleeper.until(pauses=1)
        while wakeups.stats().notices < 1:
            await sleeper.until(wakes=sleeper.wakes + 1)
        assert wakeups.stats().subscribed == 1
        assert len(server.lines) == 2


async def test_silence_ends_a_subscription_that_is_one_only_in_name() -> None:
    async def silent(line: Line) -> None:
        await line.subscribe()
        while not line.socket.closed:
            await line.socket.ping()
            await line.say({"method": "somethingElse"})
            await asyncio.sleep(0.01)

    async with scripted_socket(silent, good) as server, listening(server.url, silence_s=0.3) as (_, sleeper):
        await sleeper.until(wakes=3)
        assert len(server.lines) >= 2


async def test_a_server_that_never_answers_a_subscription_is_left() -> None:
    async def mute(line: Line) -> None:
        await line.linger()

    async with scripted_socket(mute, good) as server, listening(server.url, silence_s=0.3) as (_, sleeper):
        await sleeper.until(wakes=2)


ODD: list[object] = [
    None, 0, "x", [], {}, {"id": 0}, {"id": 7, "result": 1}, {"id": "0", "result": 1},
    {"id": 0, "result": "1"}, {"id": 0, "result": -1}, {"id": True, "result": 1},
    {"method": "accountNotification"}, {"method": "accountNotification", "params": {}},
    {"method": "accountNotification", "params": {"subscription": "500"}},
    {"method": "accountNotification", "params": {"subscription": 499}},
    {"method": "slotNotification", "params": {"subscription": 500}}, {"id": 0, "result": 2**80},
]  # fmt: skip


async def test_odd_frames_are_counted_and_wake_nobody() -> None:
    async def talk(line: Line) -> None:
        for frame in ODD:
            await line.say(frame)
        await line.socket.send_str("{")
        await line.socket.send_str('{"id":' + "[" * 5_000)
        await line.socket.send_bytes(b"{}")
        await good(line)

    async with scripted_socket(talk) as server, listening(server.url) as (wakeups, sleeper):
        await sleeper.until(wakes=2)
        assert wakeups.stats().odd_frames == len(ODD) + 3
        assert wakeups.stats().connections == 1
        assert sleeper.wakes == 2


async def test_a_subscription_is_confirmed_once() -> None:
    async def talk(line: Line) -> None:
        await line.subscribe()
        for number in range(1_000, 2_000):
            await line.say({"id": 0, "result": number})
        await line.notify()
        await line.linger()

    async with scripted_socket(talk) as server, listening(server.url) as (wakeups, sleeper):
        await sleeper.until(wakes=2)
        assert wakeups.stats() == (1, 1, 1, 1_000)


async def test_duplicates_wake_as_often_as_they_come_and_are_harmless() -> None:
    async def talk(line: Line) -> None:
        await line.subscribe()
        for slot in (5, 5, 3, 9, 1):
            await line.notify(slot=slot)
        await line.linger()

    async with scripted_socket(talk) as server, listening(server.url) as (wakeups, sleeper):
        await sleeper.until(wakes=6)
        assert wakeups.stats().notices == 5


async def test_old_subscriptions_mean_nothing_on_a_new_connection() -> None:
    async def stale(line: Line) -> None:
        await line.notify(500)
        await line.subscribe(first=900)
        await line.notify(500)
        await line.notify(900)
        await line.linger()

    async with scripted_socket(closes, stale) as server, listening(server.url) as (wakeups, sleeper):
        await sleeper.until(wakes=3)
        assert (wakeups.stats().notices, wakeups.stats().odd_frames) == (1, 2)


async def test_pauses_grow_while_nothing_is_heard_and_start_anew_after_a_notice() -> None:
    async def tells(line: Line) -> None:
        await line.subscribe()
        await line.notify()

    talks = [closes] * 10 + [tells, closes]
    async with scripted_socket(*talks) as server, listening(server.url) as (_, sleeper):
        await sleeper.until(pauses=12)
    grown = sleeper.pauses[:10]
    for number, pause_s in enumerate(grown, start=1):
        full_s = min(PAUSE_S * 2.0**number, PAUSE_S_MAX)
        assert 0.5 * full_s <= pause_s <= full_s
    assert sleeper.pauses[10] <= PAUSE_S
    assert sleeper.pauses[11] <= 2.0 * PAUSE_S


async def test_the_next_server_is_tried_after_one_that_is_not_there() -> None:
    absent = ServerUrl("http://127.0.0.1:1")
    async with scripted_socket(good) as server, listening(absent, absent, server.url) as (_, sleeper):
        await sleeper.until(wakes=2)
        assert len(sleeper.pauses) == 2


async def test_a_server_that_speaks_http_only_is_survived_and_its_key_not_shown() -> None:
    key = "k3yk3yk3yk3y"
    with everything_logged() as lines:
        async with scripted_rpc() as server:
            plain = ServerUrl(f"http://127.0.0.1:{server.port - 1}/?api-key={key}")
            secured = ServerUrl(f"https://127.0.0.1:{server.port - 1}/{key}")
            async with listening(plain, secured) as (_, sleeper):
                await sleeper.until(pauses=4)
    assert key not in "\n".join(lines)


async def test_the_key_of_the_address_reaches_the_websocket() -> None:
    paths: list[str] = []

    async def talk(line: Line) -> None:
        paths.append(line.path)
        await good(line)

    async with scripted_socket(talk) as server:
        url = ServerUrl(f"http://127.0.0.1:{server.port - 1}/v2/k3y?api-key=s3cret")
        async with listening(url) as (_, sleeper):
            await sleeper.until(wakes=2)
    assert paths == ["/v2/k3y?api-key=s3cret"]
