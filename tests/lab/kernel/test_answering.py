"""Recorded answers count in the compiled loop as in the backtest: at their time, or not at all."""

from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from drift_e3.core.terms import Instrument
from tests.lab.kernel.advised_worlds import advised, compare
from tests.lab.kernel.worlds import LIVELY, LOOSE


def test_advised_worlds_of_all_sorts_differ_in_nothing() -> None:
    told: Counter[str] = Counter()
    for seed in range(25):
        told += compare(*advised(seed))
    expected = {"", "entry", "vetoed_by_advice", "superseded", "not_asked", "timeout", "late", "overdue"}
    assert expected <= set(told)
    assert {"truncated", "not_recorded", "not_weighed"} <= set(told)


def test_advice_expires_once_nobody_asks_any_more() -> None:
    one, archive = advised(8)
    halting = replace(one.settings, params=LIVELY, limits=LOOSE._replace(drawdown_max=0.005))
    told = compare(replace(one, settings=halting, instrument=Instrument(), equity_usd=1_000.0), archive)
    assert told["expired"] > 10
    assert told["mode_halted"] > 0


@given(seed=st.integers(100, 10**9), count=st.integers(70, 250))
@settings(max_examples=15)
def test_no_advised_world_differs(seed: int, count: int) -> None:
    compare(*advised(seed, count))
