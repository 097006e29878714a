"""One time for two processes: it passes some times faster than the machine's, and stands still while either
of them works.

The drill gives the time, a daemon in a process of its own takes it, each in its event loop's selector. The
giver tells the time; the taker answers, once nobody in it has anything to do, until when that holds. Only
then, and only while the giver has nothing to do either, time goes on. A busy machine makes a drill last
longer and changes nothing in it; only what threads do (the journal's commits) counts at the drill's speed.
"""

import asyncio
import os
import selectors
import socket
import struct
import time
from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Any, Final, cast

NS_PER_S: Final = 1_000_000_000
STRIDE_S: Final = 0.004
"""Of the machine's time that passed since the time was last moved, no more than this counts."""
STUCK_S: Final = 60.0
"""Of the machine's time: whoever has worked for so long will not come to an end."""
_TOLD: Final = struct.Struct("!QddB")
"""Giver to taker: a number, the loop's time, the wall clock's (both s), and a word."""
_ANSWERED: Final = struct.Struct("!Qd")
"""Taker to giver: the number, and when it next has something to do (s of the loop)."""
_Ready = list[tuple[selectors.SelectorKey, int]]


class TimeGiver(selectors.DefaultSelector):
    """The selector of the loop that gives the time, at most `speed` times the machine's."""

    def __init__(self, speed: float) -> None:
        super().__init__()
        self.now_s = 0.0
        self.wall_zero_s = 0.0
        """What the taker's wall clock shows (s since 1970) at the loop's 0."""
        self.held = False
        """Whether time stands still because somebody says so."""
        self.stuck = 0
        """How often the taker has worked for a minute without coming to an end, and was left."""
        self.word = 0
        """Told to the taker with every time: whatever its process makes of it."""
        self._speed = speed
        self._moved_s = time.monotonic()
        self._taker: socket.socket | None = None
        self._number = 0
        self._asked = self._stale = False
        self._idle_until_s = -inf

    def follow(self, taker: socket.socket) -> None:
        """Give the time to the process at the other end of this socket as well, until it hangs up."""
        taker.setblocking(False)
        self._taker = taker
        self.register(taker, selectors.EVENT_READ, self)
        self._tell()

    @property
    def taken(self) -> bool:
        """Whether somebody takes the time now."""
        return self._taker is not None

    def leave(self) -> None:
        """Let time pass without the taker: it is stopped, or about to die."""
        if self._taker is not None:
            self.unregister(self._taker)
            self._taker = None
        self._asked = False

    def select(self, timeout: float | None = None) -> _Ready:
        """As any selector's, in this time."""
        ready = self._look(0.0)
        until_s = inf if timeout is None else self.now_s + max(timeout, 0.0)
        while not ready and self.now_s < until_s:
            if self._taker is not None and self._stale and not self._asked:
                self._tell()
            if self._asked or self.held:
                began_s = time.monotonic()
                ready = self._look(STUCK_S)
                if self._asked and not ready and time.monotonic() - began_s >= STUCK_S:
                    self.stuck += 1
                    self.leave()
                continue
            ready = self._move(min(until_s, self._idle_until_s if self._taker is not None else inf))
        # Whatever the loop does now may give the taker something to do.
        self._stale = True
        return ready

    def _move(self, until_s: float) -> _Ready:
        """Let time pass towards that moment; whoever is ready meanwhile comes first."""
        now_s = time.monotonic()
        may_s = min(now_s - self._moved_s, STRIDE_S) * self._speed
        if self.now_s + may_s < until_s and may_s < STRIDE_S * self._speed:
            left_s = min((until_s - self.now_s - may_s) / self._speed, STRIDE_S)
            if ready := self._look(left_s):
                return ready
            if self._asked:
                return []
            may_s = min(time.monotonic() - self._moved_s, STRIDE_S) * self._speed
        self._moved_s = time.monotonic()
        self.now_s = min(self.now_s + may_s, until_s)
        if self._taker is not None:
            self._tell()
        return []

    def _tell(self) -> None:
        assert self._taker is not None, "somebody takes the time"
        self._number += 1
        self._asked, self._stale = True, False
        try:
            self._taker.send(_TOLD.pack(self._number, self.now_s, self.wall_zero_s + self.now_s, self.word))
        except OSError:
            self._lose()

    def _look(self, timeout: float) -> _Ready:
        ready = super().select(timeout)
        others = [one for one in ready if one[0].data is not self]
        if len(others) < len(ready):
            self._hear()
        return others

    def _hear(self) -> None:
        assert self._taker is not None, "somebody takes the time"
        try:
            heard = self._taker.recv(_ANSWERED.size * 64)
        except BlockingIOError:
            return
        except OSError:
            heard = b""
        if not heard:
            self._lose()
            return
        for number, idle_until_s in _ANSWERED.iter_unpack(heard):
            if number == self._number:
                self._asked, self._idle_until_s = False, idle_until_s

    def _lose(self) -> None:
        if self._taker is not None:
            taker = self._taker
            self.leave()
            taker.close()


class TakenTime:
    """The time as it is told over a socket; to be made before any loop. Raises `OSError` without a giver.
    `obey` is called with each new word."""

    def __init__(self, giver: socket.socket, obey: Callable[[int], None]) -> None:
        self.giver = giver
        self._obey = obey
        self._word = 0
        self.now_s = self.wall_s = 0.0
        self._number = 0
        self._asked = False
        giver.setblocking(True)
        self.hear()
        giver.setblocking(False)

    def hear(self) -> None:
        """Take what the giver has said. A process whose giver is gone has no time left."""
        try:
            heard = self.giver.recv(_TOLD.size * 64)
        except BlockingIOError:
            return
        if not heard:
            os._exit(0)
        for self._number, self.now_s, self.wall_s, word in _TOLD.iter_unpack(heard):
            self._asked = True
            if word != self._word:
                self._word = word
                self._obey(word)

    def idle(self, until_s: float) -> None:
        """Say that there is nothing to do before that, if somebody wants to know."""
        if self._asked:
            self._asked = False
            self.giver.send(_ANSWERED.pack(self._number, until_s))

    def monotonic(self) -> float:
        """In place of `time.monotonic`."""
        return self.now_s

    def time(self) -> float:
        """In place of `time.time`."""
        return self.wall_s

    def time_ns(self) -> int:
        """In place of `time.time_ns`."""
        return round(self.wall_s * NS_PER_S)


def take_time(door: str, obey: Callable[[int], None] | None = None) -> TakenTime:
    """Let this process, which has no loop yet, take its time from the one that listens at `door`: the clocks
    of the module `time` and every loop that is made from now on. Raises as `TakenTime`."""
    giver = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    giver.connect(door)
    taken = TakenTime(giver, obey or (lambda _: None))
    time.time, time.time_ns, time.monotonic = taken.time, taken.time_ns, taken.monotonic
    asyncio.set_event_loop_policy(_Policy(taken))  # type: ignore[deprecated]  # what 3.16 lacks, 3.13 has
    return taken


class TimeTaker(selectors.DefaultSelector):
    """The selector of a loop that takes its time from another process."""

    def __init__(self, time_taken: TakenTime) -> None:
        super().__init__()
        self._time = time_taken
        self.register(time_taken.giver, selectors.EVENT_READ, self)

    @property
    def now_s(self) -> float:
        return self._time.now_s

    def select(self, timeout: float | None = None) -> _Ready:
        """As any selector's, in this time."""
        ready = self._look(0.0)
        until_s = inf if timeout is None else self.now_s + max(timeout, 0.0)
        while not ready and self.now_s < until_s:
            self._time.idle(until_s)
            ready = self._look(None)
        return ready

    def _look(self, timeout: float | None) -> _Ready:
        ready = super().select(timeout)
        others = [one for one in ready if one[0].data is not self]
        if len(others) < len(ready):
            self._time.hear()
        return others


class SharedTimeLoop(asyncio.SelectorEventLoop):
    """A loop whose time is its selector's."""

    def __init__(self, selector: TimeGiver | TimeTaker) -> None:
        self.shared = selector
        super().__init__(selector)

    def time(self) -> float:
        return self.shared.now_s


class _Policy(asyncio.DefaultEventLoopPolicy):
    """Whatever makes a loop gets one on another process's time."""

    def __init__(self, taken: TakenTime) -> None:
        super().__init__()
        self._taken = taken

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        return SharedTimeLoop(TimeTaker(self._taken))


class TimeDoor:
    """Where processes come to take the time of the running loop, one at a time."""

    def __init__(self, folder: Path) -> None:
        self.path = str(folder / "time.sock")
        self.taker: socket.socket | None = None
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.setblocking(False)
        self._listener.bind(self.path)
        self._listener.listen(1)

    async def admit(self, gone: "asyncio.Future[Any]") -> None:
        """Give the time to the next one that comes, unless it is `gone` before; until then time is held."""
        shared, loop = giver(), asyncio.get_running_loop()
        shared.held = True
        coming = asyncio.ensure_future(loop.sock_accept(self._listener))
        first: set[asyncio.Future[Any]] = {coming, gone}
        try:
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
            if coming.done():
                self.taker, _ = coming.result()
                shared.follow(self.taker)
        finally:
            coming.cancel()
            shared.held = False

    def close(self) -> None:
        """Let nobody in any more, and whoever came pass the time without."""
        giver().leave()
        self._listener.close()
        if self.taker is not None:
            self.taker.close()


def giver() -> TimeGiver:
    """The selector of the running loop, which gives the time."""
    return cast("TimeGiver", cast("SharedTimeLoop", asyncio.get_running_loop()).shared)
