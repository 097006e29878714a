"""The loop as plain Python: the same to the bit, so that what is compiled is what is written."""

import pytest

from drift_e3.lab.kernel import compiling, entry_points, preparing, running
from tests.lab.kernel.advised_worlds import advised, compare
from tests.lab.kernel.comparing import compiled, differences, played
from tests.lab.kernel.test_retold import slow_world
from tests.lab.kernel.worlds import world


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is compiled here."""
    functions = compiling.Loops(entry_points.fill_columns, entry_points.play_sets)
    for module in (preparing, running):
        monkeypatch.setattr(module, "loops", lambda: functions)


@pytest.mark.parametrize("seed", [9, 12, 20, 30, 31, 32])
def test_worlds_of_all_sorts_differ_in_nothing(seed: int) -> None:
    one = world(seed)
    assert differences(compiled(one), played(one)) == []


@pytest.mark.parametrize("seed", [8, 11])
def test_advised_worlds_differ_in_nothing(seed: int) -> None:
    compare(*advised(seed))


@pytest.mark.parametrize("unprotected_max_s", [1_000.0, 5.0])
def test_positions_without_a_stop_differ_in_nothing(unprotected_max_s: float) -> None:
    one = slow_world(unprotected_max_s)
    assert differences(compiled(one), played(one)) == []
