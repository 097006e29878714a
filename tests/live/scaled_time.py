"""An event loop whose time runs some times faster than the machine's, the same in every process.

For a daemon in a process of its own, which no loop can make wait: what takes time takes more of it here, as
on a slow machine.
"""

import asyncio
import selectors
import time


class _Selector(selectors.DefaultSelector):
    speed = 1.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(None if timeout is None else timeout / self.speed)


class ScaledLoop(asyncio.SelectorEventLoop):
    """`speed` seconds of the loop pass in one of the machine."""

    def __init__(self, speed: float) -> None:
        self.speed = speed
        selector = _Selector()
        selector.speed = speed
        super().__init__(selector)

    def time(self) -> float:
        return time.monotonic() * self.speed


class ScaledClock:
    """Implements `ports.Clock`: it was `ts_ms` (UTC) when the loop's time was `loop_s`."""

    def __init__(self, ts_ms: int, loop_s: float, speed: float) -> None:
        self._ts_ms = ts_ms
        self._loop_s = loop_s
        self._speed = speed

    def now_ms(self) -> int:
        return int(self._ts_ms + (time.monotonic() * self._speed - self._loop_s) * 1_000.0)

    async def sleep_until(self, ts_ms: int) -> None:
        await asyncio.sleep(max(ts_ms - self.now_ms(), 0) / 1_000.0)
