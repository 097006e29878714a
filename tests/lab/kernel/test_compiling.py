"""What is not in the cache is compiled with the core's rules known; what is there does without."""

from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

from drift_e3.core.grid import round_down
from drift_e3.core.terms import Regime
from drift_e3.core.windows import count_below
from drift_e3.lab.kernel import compiling


def ruled(values: Any, value: float) -> float:
    """Calls rules of the core, a bisection and an enumeration's number among them."""
    below = count_below(values, len(values), value)
    return round_down(value, 0.5) + below + int(Regime.CHOP)


def test_rules_are_known_to_what_is_compiled_and_not_asked_for_where_it_is_cached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    values = np.array([1.0, 2.0, 3.0])
    assert compiling.compiled(ruled)(values, 2.75) == ruled(values, 2.75) == 4.5 + Regime.CHOP

    def ask() -> None:
        raise AssertionError("the rules were asked for")

    monkeypatch.setattr(compiling, "_make_known", ask)
    again = compiling.compiled(ruled)
    assert again(values, 2.75) == 4.5 + Regime.CHOP
    assert sum(again.stats.cache_hits.values()) == 1  # type: ignore[attr-defined]  # numba's
