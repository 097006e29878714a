"""50,000 broken frames on the websockets of a live feed: none of them brings it down or stays in it."""

import asyncio
import os
from pathlib import Path
from random import Random

import pytest

from tests.venues.dataapi.flood import flooded
from tests.venues.dataapi.scripted_socket import Ear, Line, listening, scripted_socket

pytestmark = pytest.mark.torture

FRAMES = 25_000
"""On each of the two sockets."""
GROWTH_BYTES_MAX = 32 * 2**20


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def test_fifty_thousand_broken_frames_leave_the_feed_as_it_was() -> None:
    await flooded(1_000, seed=1)
    before = resident_bytes()
    stage = await flooded(FRAMES, seed=2)
    assert resident_bytes() - before < GROWTH_BYTES_MAX
    health = {one.name: one for one in stage.feed.health()}
    assert health["candles"].errors + health["book"].errors > FRAMES


async def test_bytes_past_the_protocol_end_a_connection_and_nothing_else() -> None:
    rng = Random(4)

    async def babble(line: Line) -> None:
        line.babble(rng.randbytes(rng.randrange(1, 400)))
        await asyncio.sleep(0.002)
        line.cut()

    async def speak(line: Line) -> None:
        await line.say("end")
        await line.stay()

    ear = Ear()
    async with scripted_socket(*[babble] * 500, speak) as (server, session):
        socket = ear.socket(server, session)
        await listening(socket, ear.hears("end"))
    assert server.opened == 501
    assert socket.errors >= 500
