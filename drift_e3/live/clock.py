"""Time for the shell: the wall clock, and the pace at which a recorded or synthetic market is played."""

import asyncio
import time

from drift_e3.ports import Clock


class WallClock:
    """UTC from the operating system."""

    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        return time.time_ns() // 1_000_000

    async def sleep_until(self, ts_ms: int) -> None:
        """Return at `ts_ms`, at once if that has passed."""
        await asyncio.sleep(max(ts_ms - self.now_ms(), 0) / 1_000.0)


class Pacer:
    """Maps event time to wall time at `speed` (None: as fast as it goes)."""

    def __init__(self, clock: Clock, speed: float | None) -> None:
        self._clock = clock
        self._speed = speed
        self._event_ts = self._wall_ts = -1

    @property
    def real_time(self) -> bool:
        """Whether event time runs no faster than the wall, so that an advisor needs no waiting for."""
        return self._speed is not None and self._speed <= 1.0

    @property
    def unlimited(self) -> bool:
        """Whether nothing limits the speed."""
        return self._speed is None

    def rebase(self, event_ts: int) -> None:
        """Let event time `event_ts` be now: after a start, and after event time has waited."""
        self._event_ts, self._wall_ts = event_ts, self._clock.now_ms()

    async def until(self, event_ts: int) -> None:
        """Return when event time `event_ts` is due."""
        if self._speed is None:
            # One turn of the loop, so that signals and other tasks are heard.
            await asyncio.sleep(0)
            return
        if self._wall_ts < 0:
            self.rebase(event_ts)
        await self._clock.sleep_until(self._wall_ts + int((event_ts - self._event_ts) / self._speed))
