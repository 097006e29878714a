"""What trades come to on the weighted account, what that is worth, and the rules."""

from array import array
from math import inf, sqrt
from statistics import stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_e3.lab.search.plan import EarlyStop, Period, Scoring
from drift_e3.lab.search.score import Metrics, broken_rule, measure, period_score, terms, total_score
from tests.lab.search.made_search import day

GOOD = Metrics(
    trades=20.0,
    profit_factor=1.5,
    sharpe=1.5,
    drawdown_frac=0.15,
    win_rate=0.6,
    trade_return_frac=0.0025,
    trades_per_day=2.0,
    volatility=0.5,
)


def measured(trades: list[tuple[int, float]], days: int = 5, equity_usd: float = 1_000.0) -> Metrics:
    return measure(
        array("q", (day for day, _ in trades)),
        array("d", (usd for _, usd in trades)),
        equity_usd,
        float(days),
        array("d", [0.0]) * days,
    )


def test_a_worked_example() -> None:
    """1000 -> 1100 -> 1045 on day 0, -> 1097.25 on day 3; days 1, 2 and 4 without a trade count."""
    found = measured([(0, 100.0), (0, -55.0), (3, 52.25)])
    assert found.trades == 3.0
    assert found.profit_factor == pytest.approx(152.25 / 55.0)
    assert found.drawdown_frac == pytest.approx(0.05)
    assert found.win_rate == pytest.approx(2 / 3)
    assert found.trade_return_frac == pytest.approx((0.1 - 0.05 + 0.05) / 3)
    assert found.trades_per_day == pytest.approx(0.6)
    returns = [0.045, 0.0, 0.0, 0.05, 0.0]
    assert found.volatility == pytest.approx(stdev(returns) * sqrt(365.0))
    assert found.sharpe == pytest.approx(0.019 / stdev(returns) * sqrt(365.0))


def test_no_trade_measures_nothing() -> None:
    assert measured([]) == Metrics()


def test_without_a_loss_the_profit_factor_is_infinite_and_without_a_gain_zero() -> None:
    assert measured([(0, 1.0)]).profit_factor == inf
    assert measured([(0, 0.0)]).profit_factor == 0.0


def test_one_day_has_no_deviation() -> None:
    found = measured([(0, 10.0), (0, 10.0)], days=1)
    assert (found.sharpe, found.volatility) == (0.0, 0.0)


def test_a_lost_account_stays_lost() -> None:
    found = measured([(0, 100.0), (1, -1_200.0), (2, 500.0)])
    assert found.drawdown_frac == 1.0
    assert found.trade_return_frac == pytest.approx((0.1 - 1_200.0 / 1_100.0) / 3)


def test_the_terms_and_their_sum() -> None:
    assert terms(GOOD) == pytest.approx((0.5, 0.5, 0.5, 0.6, 0.5, 0.0, 0.0))
    assert period_score(GOOD, Scoring()) == pytest.approx(0.15 + 0.125 + 0.10 + 0.09 + 0.05)


@pytest.mark.parametrize(
    ("changes", "less"),
    [
        ({"trades_per_day": 75.0}, 0.05),
        ({"trades_per_day": 500.0}, 0.10),
        ({"volatility": 1.5}, 0.025),
        ({"volatility": 9.0}, 0.05),
    ],
)
def test_penalties_are_taken_off(changes: dict[str, float], less: float) -> None:
    penalised = period_score(GOOD._replace(**changes), Scoring())
    assert penalised == pytest.approx((period_score(GOOD, Scoring()) or 0.0) - less)


def test_under_ten_trades_there_is_no_score() -> None:
    assert period_score(GOOD._replace(trades=9.0), Scoring()) is None
    assert period_score(GOOD._replace(trades=10.0), Scoring()) is not None


@given(st.lists(st.floats(-1e9, 1e9), min_size=7, max_size=7))
def test_a_score_is_within_0_and_1(values: list[float]) -> None:
    score = period_score(Metrics(50.0, *values), Scoring())
    assert score is not None
    assert 0.0 <= score <= 1.0


def test_periods_are_averaged_by_weight_and_none_may_be_missing() -> None:
    periods = (Period("a", day(0), day(1), 1.5), Period("b", day(1), day(2), 1.0))
    bad = Metrics(trades=20.0)
    whole = total_score([GOOD, bad], periods, Scoring())
    assert whole == pytest.approx((1.5 * 0.515 + 1.0 * 0.2) / 2.5)
    assert total_score([GOOD, bad._replace(trades=3.0)], periods, Scoring()) is None


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({}, ""),
        ({"profit_factor": 0.99}, "minProfitFactor"),
        ({"drawdown_frac": 0.31}, "maxDrawdownPct"),
        ({"trades_per_day": 50.1}, "maxTradesPerDay"),
        ({"win_rate": 0.149}, "minWinRate"),
        ({"profit_factor": 0.0, "trades": 9.0}, ""),
    ],
)
def test_rules_are_applied_to_periods_with_enough_trades(changes: dict[str, float], rule: str) -> None:
    assert broken_rule([GOOD, GOOD._replace(**changes)], EarlyStop()) == rule
