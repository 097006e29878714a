"""A taste of the fuzzing that `make torture` does at length."""

import pytest

from tests.venues.solana.fuzz_rounds import fuzz_bodies, fuzz_frames


async def test_a_few_hundred_spoiled_bodies_break_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = await fuzz_bodies(600, 1, monkeypatch)
    assert min(ends["answer"], ends["RpcUnavailable"], ends["RpcRejected"], ends["SendUndecided"]) > 5


async def test_a_few_thousand_spoiled_frames_break_nothing() -> None:
    heard = await fuzz_frames(3_000, 1)
    assert heard.odd_frames > 1_000
    assert heard.notices > 100
