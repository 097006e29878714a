"""The larger worlds of a submission, and many more damages to its file than the suite has time for."""

from pathlib import Path

import pytest

from drift_e3.venues.solana.submission import Kind
from tests.venues.solana.sending_states import Scenario, Task
from tests.venues.solana.sending_walk import explore
from tests.venues.solana.test_outbox import damaged_and_refused
from tests.venues.solana.test_sending_explored import CANCEL, CHANGE, ENTRY, EXIT, LATER_ENTRY, STOP, short

pytestmark = pytest.mark.torture

SCENARIOS = {
    "two entries": (29_032, short(ENTRY, LATER_ENTRY)),
    "two entries, longer valid": (57_842, Scenario((ENTRY, LATER_ENTRY), foreign=False)),
    "an entry and an exit": (238_340, short(ENTRY, EXIT)),
    "an entry and its cancel": (162_981, short(Task(Kind.PLACE, 1, adds_exposure=True), CANCEL)),
    "a stop and its cancel": (183_623, short(STOP, CANCEL)),
    "a change and its cancel": (179_909, Scenario((CHANGE, CANCEL), 5, 1, foreign=False, held=(1,))),
    "an entry before lagging nodes": (47_518, Scenario((ENTRY,), heights=8, valid_blocks=3, lag=3)),
}
"""How many states a world has, and the world."""


@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_is_doubled_or_misreported_in_larger_worlds(name: str) -> None:
    states, scenario = SCENARIOS[name]
    assert explore(scenario).states == states


@pytest.mark.parametrize("seed", range(20, 24))
def test_thousands_of_damages_are_refused_or_have_hurt_nothing(tmp_path: Path, seed: int) -> None:
    assert damaged_and_refused(tmp_path, seed, 5_000) > 2_500
