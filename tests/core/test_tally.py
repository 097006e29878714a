"""Counts for the summary."""

import pytest

from drift_e3.core.tally import Tally
from drift_e3.core.terms import Regime, Verdict


def test_nothing_is_counted_at_first() -> None:
    tally = Tally()
    assert [len(row) for row in tally.decisions] == [len(Verdict)] * len(Regime)
    assert not any(any(row) for row in tally.decisions)


def test_each_tally_counts_for_itself() -> None:
    Tally().decisions[Regime.CHOP][Verdict.APPROVED] += 1
    assert Tally().decisions[Regime.CHOP][Verdict.APPROVED] == 0


def test_the_deepest_fall_is_measured_from_the_highest_equity_before_it() -> None:
    tally = Tally()
    for equity_usd in (1_000.0, 900.0, 950.0, 2_000.0, 1_900.0):
        tally.mark(equity_usd)
    assert tally.drawdown_frac_max == pytest.approx(0.1)
    tally.mark(1_500.0)
    assert (tally.peak_usd, tally.drawdown_frac_max) == (2_000.0, 0.25)


@pytest.mark.parametrize("equity_usd", [0.0, -5.0, float("nan")])
def test_without_a_peak_there_is_no_fall(equity_usd: float) -> None:
    tally = Tally()
    tally.mark(equity_usd)
    assert (tally.peak_usd, tally.drawdown_frac_max) == (0.0, 0.0)
