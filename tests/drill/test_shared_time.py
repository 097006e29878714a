"""One time for two: it passes while both wait, and stands still while one works."""

import asyncio
import hashlib
import socket
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from drift_e3.drill import shared_time
from drift_e3.drill.shared_time import SharedTimeLoop, TakenTime, TimeGiver, TimeTaker, giver

SPEED = 200.0
Story = Callable[[], Coroutine[Any, Any, Any]]


def work() -> None:
    """Something that takes a while of the machine's time and none of anybody else's."""
    hashlib.pbkdf2_hmac("sha256", b"", b"", 150_000)


class Taker:
    """A loop on a thread that takes its time from the test's."""

    def __init__(self, story: Callable[["Taker"], Coroutine[Any, Any, Any]]) -> None:
        self.words: list[int] = []
        self.told: list[Any] = []
        self.time: TakenTime | None = None
        ours, theirs = socket.socketpair()
        self.giver = ours
        self._story = story
        self._thread = threading.Thread(target=self._run, args=(theirs,))
        self._thread.start()

    def _run(self, theirs: socket.socket) -> None:
        taken = self.time = TakenTime(theirs, self.words.append)
        with asyncio.Runner(loop_factory=lambda: SharedTimeLoop(TimeTaker(taken))) as runner:
            runner.run(self._story(self))
        theirs.close()

    def join(self) -> None:
        self._thread.join(20.0)
        assert not self._thread.is_alive()


def run(story: Story, speed: float = SPEED) -> None:
    with asyncio.Runner(loop_factory=lambda: SharedTimeLoop(TimeGiver(speed))) as runner:
        runner.run(story())


def now() -> float:
    return asyncio.get_running_loop().time()


def test_both_wait_for_the_same_time() -> None:
    async def waits(taker: Taker) -> None:
        for _ in range(3):
            await asyncio.sleep(2.0)
            taker.told.append(now())

    async def story() -> None:
        taker = Taker(waits)
        giver().follow(taker.giver)
        await asyncio.sleep(7.0)
        assert [round(at, 1) for at in taker.told] == [2.0, 4.0, 6.0]
        taker.join()

    run(story)


def test_time_stands_still_while_the_other_works() -> None:
    async def works(taker: Taker) -> None:
        await asyncio.sleep(1.0)
        before = now()
        work()
        taker.told.append(now() - before)
        await asyncio.sleep(1.0)
        taker.told.append(now() - before)

    async def story() -> None:
        taker = Taker(works)
        giver().follow(taker.giver)
        await asyncio.sleep(2.5)
        worked, waited = taker.told
        assert worked == 0.0
        assert waited == pytest.approx(1.0, abs=0.1)
        taker.join()

    run(story)


def test_who_works_here_gives_no_time_there() -> None:
    async def waits(taker: Taker) -> None:
        await asyncio.sleep(1.0)
        taker.told.append(now())

    async def story() -> None:
        taker = Taker(waits)
        giver().follow(taker.giver)
        await asyncio.sleep(0.5)
        work()
        assert not taker.told
        await asyncio.sleep(1.0)
        assert taker.told
        taker.join()

    run(story)


def test_what_one_says_the_other_hears_at_that_time() -> None:
    async def echoes(taker: Taker) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", taker.told.pop())
        await asyncio.sleep(1.0)
        writer.write(b"one\n")
        taker.told.append((await reader.readline(), round(now(), 1)))
        writer.close()

    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard = await reader.readline()
        await asyncio.sleep(1.0)
        writer.write(heard)
        writer.close()

    async def story() -> None:
        server = await asyncio.start_server(answers, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]

        async def told(taker: Taker) -> None:
            taker.told.append(port)
            await echoes(taker)

        taker = Taker(told)
        giver().follow(taker.giver)
        await asyncio.sleep(3.0)
        assert taker.told == [(b"one\n", 2.0)]
        taker.join()
        server.close()

    run(story)


def test_time_goes_on_without_one_who_is_left_and_catches_up_with_him_later() -> None:
    async def waits(taker: Taker) -> None:
        await asyncio.sleep(1.0)
        taker.told.append(round(now(), 1))
        await asyncio.sleep(3.0)
        taker.told.append(round(now(), 1))

    async def story() -> None:
        taker = Taker(waits)
        giver().follow(taker.giver)
        await asyncio.sleep(1.5)
        assert giver().taken
        giver().leave()
        assert not giver().taken
        await asyncio.sleep(10.0)
        assert taker.told == [1.0]
        giver().follow(taker.giver)
        await asyncio.sleep(0.5)
        assert taker.told == [1.0, pytest.approx(11.5, abs=0.3)]
        taker.join()

    run(story)


def test_the_wall_clock_may_jump_and_words_are_told_once() -> None:
    async def looks(taker: Taker) -> None:
        assert taker.time is not None
        for _ in range(2):
            await asyncio.sleep(1.0)
            taker.told.append((round(taker.time.time()), taker.time.time_ns() // 10**9))
        assert taker.time.monotonic() == now()

    async def story() -> None:
        shared = giver()
        shared.wall_zero_s = 1_000.0
        taker = Taker(looks)
        shared.follow(taker.giver)
        await asyncio.sleep(1.5)
        shared.wall_zero_s += 60.0
        shared.word = 7
        await asyncio.sleep(1.0)
        assert taker.told == [(1_001, 1_001), (1_062, 1_062)]
        assert taker.words == [7]
        taker.join()

    run(story)


def test_held_time_does_not_pass() -> None:
    async def story() -> None:
        giver().held = True
        began = now()
        await asyncio.to_thread(work)
        assert now() == began
        giver().held = False
        await asyncio.sleep(1.0)
        assert now() == pytest.approx(began + 1.0)

    run(story)


def test_one_who_never_comes_to_an_end_is_told_of_and_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_time, "STUCK_S", 0.1)
    ours, theirs = socket.socketpair()

    async def story() -> None:
        giver().follow(ours)
        await asyncio.sleep(1.0)
        assert giver().stuck == 1

    with theirs, ours:
        run(story)
