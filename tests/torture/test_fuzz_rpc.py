"""Tens of thousands of spoiled bodies and frames from servers: no crash, and no call without an end."""

import pytest

from tests.venues.solana.fuzz_rounds import fuzz_bodies, fuzz_frames

pytestmark = pytest.mark.torture


@pytest.mark.parametrize("seed", [11, 12, 13, 14])
async def test_twenty_thousand_spoiled_bodies_break_nothing(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = await fuzz_bodies(5_000, seed, monkeypatch)
    assert ends["bodies"] >= 5_000
    assert min(ends["answer"], ends["RpcUnavailable"], ends["RpcRejected"], ends["SendUndecided"]) > 50


@pytest.mark.parametrize("seed", [21, 22, 23, 24, 25])
async def test_fifty_thousand_spoiled_frames_break_nothing(seed: int) -> None:
    heard = await fuzz_frames(10_000, seed)
    assert heard.odd_frames > 4_000
    assert heard.notices > 500
