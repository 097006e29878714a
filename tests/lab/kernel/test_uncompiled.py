"""The loop as plain Python: the same to the bit, so that what is compiled is what is written."""

import pytest

from drift_e3.lab.kernel import compiling, entry_points, preparing, running
from tests.lab.kernel.comparing import compiled, differences, played
from tests.lab.kernel.worlds import world


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is compiled here."""
    functions = compiling.Loops(entry_points.fill_columns, entry_points.play_sets)
    for module in (preparing, running):
        monkeypatch.setattr(module, "loops", lambda: functions)


@pytest.mark.parametrize("seed", [0, 3, 11, 17, 24])
def test_worlds_of_all_sorts_differ_in_nothing(seed: int) -> None:
    one = world(seed, count=150)
    assert differences(compiled(one), played(one)) == []
