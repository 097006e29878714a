"""Hundreds of kills of a daemon that trades live, at chosen places and at any moment.

What must be true of all of them is asserted on the way (`tests.live.live_kills`): after each restart the
daemon's books are the account's to the last unit and a position has its stop; never is there more than one
entry's size; at the end every order on the chain is its intent's only one, and the journal on the disk is
what the account has done.
"""

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
    assert done.agreed + done.early == kills, "each life agreed with the account, or its successor did"
    assert done.early < kills // 10
    # The real programs want an oracle of the moment: after the jumps of time between lives they fill little.
    real = engine == "program"
    assert done.fills > (0 if real else kills // 5)
    assert len(done.kills) > len(PLACES) // 2
    assert done.with_position > (0 if real else kills // 20)
    assert done.orders > kills // 2
    assert done.loose_s <= LOOSE_S_MAX
