"""Hundreds of kills of a daemon that trades live, at chosen places and at any moment."""

from pathlib import Path

import pytest

from drift_e3.drill.local_chain import EngineName, VenueName
from tests.drill.stages import STAGES
from tests.live.live_child import PLACES
from tests.live.live_kills import LOOSE_S_MAX, run_kills

KILLS = {("velocity", "emulation"): 300}
"""Dozens do where the daemon is the same and only the program another one."""
FEWER = 60


@pytest.mark.torture
@pytest.mark.parametrize(("venue", "engine"), STAGES)
def test_hundreds_of_kills_leave_books_that_agree_and_no_order_twice(
    venue: VenueName, engine: EngineName, tmp_path: Path
) -> None:
    kills = KILLS.get((venue, engine), FEWER)
    done = run_kills(tmp_path, kills, 1, venue, engine)
    print(done)
    assert done.kills.total() == kills
    assert len(done.kills) > len(PLACES) // 2
    assert done.with_position > kills // 20
    assert done.orders > kills // 2
    assert done.loose_s <= LOOSE_S_MAX
