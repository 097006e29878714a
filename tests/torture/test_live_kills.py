"""Hundreds of kills of a daemon that trades live, at chosen places and at any moment."""

from pathlib import Path

import pytest

from drift_e3.drill.local_chain import EngineName, VenueName
from tests.drill.stages import STAGES
from tests.live.live_child import PLACES
from tests.live.live_kills import LOOSE_S_MAX, run_kills

KILLS = 300


@pytest.mark.torture
@pytest.mark.parametrize(("venue", "engine"), STAGES)
def test_hundreds_of_kills_leave_books_that_agree_and_no_order_twice(
    venue: VenueName, engine: EngineName, tmp_path: Path
) -> None:
    done = run_kills(tmp_path, KILLS, 1, venue, engine)
    print(done)
    assert done.kills.total() == KILLS
    assert set(done.kills) == {*PLACES, "any moment"}
    assert done.with_position > KILLS // 20
    assert done.orders > KILLS // 2
    assert done.loose_s <= LOOSE_S_MAX
