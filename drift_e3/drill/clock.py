"""The drill's time as a clock of the house: it goes on when slots pass, and in no other way."""

import asyncio
from heapq import heappop, heappush

from drift_e3.drill.chain import Chain


class DrillClock:
    """Implements `ports.Clock` on a chain's time, for a daemon that lives in the drill's own process."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._waiting: list[tuple[int, int, asyncio.Event]] = []
        self._asked = 0
        chain.after_landing.append(self._wake)

    def now_ms(self) -> int:
        """The chain's time (UTC, ms)."""
        return self._chain.now_ts

    async def sleep_until(self, ts_ms: int) -> None:
        """Return in the first slot at or after `ts_ms`, at once if that has passed."""
        if ts_ms <= self._chain.now_ts:
            await asyncio.sleep(0)
            return
        self._asked += 1
        due = asyncio.Event()
        heappush(self._waiting, (ts_ms, self._asked, due))
        await due.wait()

    def _wake(self, _: int) -> None:
        while self._waiting and self._waiting[0][0] <= self._chain.now_ts:
            heappop(self._waiting)[2].set()
