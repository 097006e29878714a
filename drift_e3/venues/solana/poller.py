"""The chain watched: all accounts of the venue in one call a second, each look of one slot, never an older.

Here live the pace and the order of looks. What accounts mean is the program's, what is done about a failure
the venue's; a websocket may make a look come earlier and does nothing else (`wakeups`).
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Final, NamedTuple

from solders.pubkey import Pubkey

from drift_e3.venues.solana.calls import Look
from drift_e3.venues.solana.failures import Fault, RpcRejected, RpcUnavailable
from drift_e3.venues.solana.rpc import Rpc

INTERVAL_S: Final = 1.0
GAP_S: Final = 0.4
"""Looks come no closer than this, whoever calls for them: a slot takes as long."""
LEAP_SLOTS: Final = 100_000
"""A slot so far ahead (half a day) is believed when asking for the slot alone confirms it: one wrong number
must not make all later looks old."""


STALL_S: Final = 5.0
"""When the slot has stood still for so long, its successor is the least that will do: a server that has come
to a stop is passed over while another one goes on."""


class PollerStats(NamedTuple):
    """Looks taken, failed, and refused because they were older than one before; the last slot (-1: none).
    Ages in seconds, infinite before the first look: since a server answered, and since the slot moved."""

    looks: int
    failures: int
    behind: int
    slot: int
    answered_s: float
    advanced_s: float


class Poller:
    """Looks at a fixed set of accounts, at most 100."""

    def __init__(
        self,
        rpc: Rpc,
        addresses: Sequence[Pubkey],
        *,
        interval_s: float = INTERVAL_S,
        gap_s: float = GAP_S,
    ) -> None:
        self._rpc = rpc
        self._addresses = tuple(addresses)
        self._interval_s = interval_s
        self._gap_s = min(gap_s, interval_s)
        self._hurried = asyncio.Event()
        self._slot = -1
        self._answered = self._advanced = float("-inf")
        self._looks = self._failures = self._behind = 0

    def hurry(self) -> None:
        """Let the next look come as soon as the gap allows."""
        self._hurried.set()

    def stats(self) -> PollerStats:
        now = asyncio.get_running_loop().time()
        return PollerStats(
            self._looks,
            self._failures,
            self._behind,
            self._slot,
            now - self._answered,
            now - self._advanced,
        )

    async def look(self) -> Look:
        """One look now. Raises `RpcUnavailable`, also for a look that is older than one before, and
        `RpcRejected`."""
        stalled = asyncio.get_running_loop().time() - self._advanced > STALL_S
        try:
            look = await self._rpc.accounts(self._addresses, max(self._slot + stalled, 0))
            await self._accept(look.slot)
        except (RpcUnavailable, RpcRejected) as failure:
            self._failures += 1
            self._behind += isinstance(failure, RpcUnavailable) and failure.fault is Fault.BEHIND
            raise
        return look

    async def looks(self) -> AsyncGenerator[Look | RpcUnavailable | RpcRejected]:
        """One look after the other for ever, a second apart or earlier when hurried; or why there is none.

        The pace is counted from look to look: a slow consumer gets fewer, and none that waited for it.
        """
        now = asyncio.get_running_loop().time
        while True:
            began = now()
            # From here on a call for haste may mean something that this look does not see yet.
            self._hurried.clear()
            seen: Look | RpcUnavailable | RpcRejected
            try:
                seen = await self.look()
            except (RpcUnavailable, RpcRejected) as failure:
                seen = failure
            yield seen
            await self._pause(began)

    async def _accept(self, slot: int) -> None:
        """Note a look's slot. Raises `RpcUnavailable` for one that went back, or leapt ahead alone."""
        if slot > self._slot + LEAP_SLOTS:
            said = await self._rpc.slot()
            if slot > said + LEAP_SLOTS:
                raise RpcUnavailable(Fault.BAD_RESULT, f"slot {slot} of accounts, slot {said} alone")
        if slot < self._slot:
            # Another look was faster.
            raise RpcUnavailable(Fault.BEHIND, f"slot {slot} before {self._slot}")
        now = asyncio.get_running_loop().time()
        self._looks += 1
        self._answered = now
        if slot > self._slot:
            self._advanced = now
        self._slot = slot

    async def _pause(self, began: float) -> None:
        try:
            async with asyncio.timeout_at(began + self._interval_s):
                await self._hurried.wait()
                await asyncio.sleep(began + self._gap_s - asyncio.get_running_loop().time())
        except TimeoutError:
            pass
