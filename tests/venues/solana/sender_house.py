"""A state directory, a chain that outlives the senders on it, and waiting without time."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from drift_e3.venues.solana.outbox import Outbox
from drift_e3.venues.solana.preparing import Preparer
from drift_e3.venues.solana.sender import Sender
from tests.venues.solana.scripted_chain import (
    TRADER,
    ScriptedChain,
    VirtualClock,
)

TIME_LIMIT_S = 20.0


@dataclass
class House:
    """A state directory, and a chain that outlives the senders."""

    path: Path
    clock: VirtualClock = field(default_factory=VirtualClock)

    def __post_init__(self) -> None:
        self.chain = ScriptedChain(self.clock)

    @asynccontextmanager
    async def life(self) -> AsyncIterator[Sender]:
        """A run of the daemon; at its end it is gone without a word."""
        outbox = Outbox(self.path)
        preparer = Preparer(self.chain, TRADER, self.clock, {6003: "InsufficientCollateral"}.__getitem__)
        sender = Sender(self.chain, preparer, outbox, self.clock)
        running = asyncio.create_task(sender.run())
        try:
            async with asyncio.timeout(TIME_LIMIT_S):
                yield sender
        finally:
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            outbox.close()

    def stages(self) -> list[tuple[str, str]]:
        """What is on the disk, read by somebody else."""
        reader = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)
        rows = reader.execute("SELECT intent_id, stage FROM submissions ORDER BY seq").fetchall()
        reader.close()
        return rows


async def turns(count: int = 20) -> None:
    """Let others have their turn."""
    for _ in range(count):
        await asyncio.sleep(0)


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(100_000):
        if holds():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came to that")
