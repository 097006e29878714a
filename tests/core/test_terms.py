"""The words of the trade."""

from math import inf, isnan, nan

import pytest

from drift_e3.core.terms import (
    REGIMES,
    STRATEGIES,
    UNKNOWN,
    Direction,
    Reason,
    Refused,
    Regime,
    Side,
    Strategy,
    clamp,
)


@pytest.mark.parametrize(
    ("x", "held"), [(-1.0, 0.0), (0.0, 0.0), (0.25, 0.25), (1.0, 1.0), (inf, 1.0), (-inf, 0.0), (nan, 0.0)]
)
def test_a_clamped_number_is_within_and_an_unknown_one_counts_least(x: float, held: float) -> None:
    assert clamp(x, 0.0, 1.0) == held


def test_nothing_is_true_of_the_unknown() -> None:
    assert isnan(UNKNOWN)
    assert not UNKNOWN <= 0.0
    assert not UNKNOWN >= 0.0


def test_terms_have_words_for_people() -> None:
    assert Reason.TAKE_PROFIT.label == "take_profit"
    assert Regime.BULL_TREND.label == "bull_trend"


def test_the_opposite_of_a_position_is_the_side_that_closes_it() -> None:
    assert Side(-Direction.LONG) is Side.SELL
    assert Side(-Direction.SHORT) is Side.BUY


def test_members_stand_at_their_number() -> None:
    assert all(REGIMES[regime] is regime for regime in Regime)
    assert all(STRATEGIES[strategy] is strategy for strategy in Strategy)


def test_a_refusal_names_limit_and_value_where_it_has_them() -> None:
    assert Refused(code="equity_unknown").text == "equity_unknown"
    assert Refused(code="min_confidence", limit=0.5, value=0.42).text == "min_confidence: 0.42 against 0.5"
