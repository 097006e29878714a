"""Counting licences: the rates, their aims, the length that is needed; a real search on a small scale."""

from itertools import pairwise
from statistics import NormalDist

import numpy as np
import pytest

from drift_e3.lab.luck.calibration import calibrated
from drift_e3.lab.luck.market import made_shapes
from drift_e3.lab.luck.operating import Crew, Job, Row, days_needed, measure
from drift_e3.lab.luck.searching import FULL_COSTS, ZERO_COSTS, Span, market, reference_sharpe, search
from drift_e3.lab.statistics import combined_z, expected_max_sharpe, sharpe_z, track
from drift_e3.lab.verdict import luck_variance
from tests.lab.luck.outcomes import settle

SOURCE = made_shapes(3)
SHORT = Span(120, 30)


def row(sharpe: float, licensed: int) -> Row:
    return Row("a market", sharpe, 100, licensed, {}, 0.0, 0.0)


@pytest.mark.parametrize(
    ("sharpe", "licensed", "aim", "holds"),
    [
        (0.0, 5, "at most 5%", True),
        (0.0, 6, "at most 5%", False),
        (3.0, 80, "at least 80%", True),
        (3.0, 79, "at least 80%", False),
        (1.0, 0, "", True),
        (2.0, 100, "", True),
    ],
)
def test_luck_must_seldom_be_licensed_and_the_strongest_edge_mostly(
    sharpe: float, licensed: int, aim: str, holds: bool
) -> None:
    assert (row(sharpe, licensed).aim, row(sharpe, licensed).holds) == (aim, holds)
    low, high = row(sharpe, licensed).interval
    assert low - 1e-9 <= licensed / 100 <= high + 1e-9


def test_each_sort_of_market_is_counted_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    settle(monkeypatch, lambda drift, free, number: number < (drift * 100 if drift else 3 * free))
    told: list[tuple[int, int]] = []
    found = measure(SOURCE, SHORT, 40, 20, 1, 1, lambda done, total: told.append((done, total)))
    assert [(one.name, one.licensed, one.searches) for one in found.rows] == [
        ("luck, full costs", 0, 40),
        ("luck, no costs", 3, 40),
        ("edge of net Sharpe 1", 10, 20),
        ("edge of net Sharpe 2", 20, 20),
        ("edge of net Sharpe 3", 20, 20),
    ]
    assert found.rows[0].failed == {"confidence": 40, "trades": 40}
    assert [one.holds for one in found.rows] == [True, False, True, True, True]
    assert not found.holds
    assert (found.trials, found.correlation) == (64, 0.5)
    assert told == [(done, 140) for done in range(1, 141)]
    document = found.document()
    assert (document["holds"], document["rows"][1]["rate"]) == (False, 0.075)
    assert [edge["drift"] for edge in document["planted"]] == [0.1, 0.2, 0.3]
    assert document["needed_days"]["3"] == found.needed_days(3.0, 64) == days_needed(3.0, 64, 0.5)


def test_more_trials_and_weaker_edges_need_more_days() -> None:
    lengths = [days_needed(sharpe, 64, 0.5) for sharpe in (3.0, 2.0, 1.0)]
    assert None not in lengths
    assert all(one < other for one, other in pairwise(length or 0 for length in lengths))
    assert (days_needed(3.0, 2_500, 0.5) or 0) > (days_needed(3.0, 64, 0.5) or 0)
    assert (days_needed(3.0, 64, 0.0) or 0) > (days_needed(3.0, 64, 0.9) or 0)
    assert days_needed(0.1, 64, 0.5) is None
    assert days_needed(0.0, 64, 0.5) is None


def test_the_length_by_theory_is_the_one_that_is_needed() -> None:
    """An edge of 3 among 63 worthless trials, alike by half, over that length: 80 % are confident enough."""
    days = days_needed(3.0, 64, 0.5)
    assert days is not None
    random = np.random.default_rng(1)
    confident = 0
    for _ in range(300):
        returns = random.standard_normal((days, 64)) + random.standard_normal((days, 1))
        returns[:, 0] += np.sqrt(2.0) * 3.0 / np.sqrt(365.0)
        after = random.standard_normal(days // 4) + 3.0 / np.sqrt(365.0)
        deflated_z = sharpe_z(track(returns[:, 0]), expected_max_sharpe(luck_variance(returns), 64))
        together = combined_z(((deflated_z, 2.0), (sharpe_z(track(after), 0.0), 1.0)))
        confident += deflated_z > 0.0 and together > NormalDist().inv_cdf(0.95)
    assert confident / 300 == pytest.approx(0.8, abs=0.07)


# -- with the real search ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_search_over_luck_runs_as_the_real_one_does_and_is_refused() -> None:
    found = search(market(SOURCE, SHORT, 0.0, (1,)), SHORT, FULL_COSTS, 1)
    assert not found.licensed
    assert "confidence" in found.failed
    assert found.figures["trials"] == 64
    assert found.figures["days"] == 120
    assert found.figures["out_of_sample_days"] == 30
    assert found == search(market(SOURCE, SHORT, 0.0, (1,)), SHORT, FULL_COSTS, 1)


@pytest.mark.slow
def test_an_overwhelming_edge_is_licensed() -> None:
    found = search(market(SOURCE, SHORT, 0.4, (1,)), SHORT, FULL_COSTS, 1)
    assert found.licensed, found.failed


@pytest.mark.slow
def test_trading_that_costs_nothing_is_worth_what_it_earns() -> None:
    shapes = [market(SOURCE, Span(300, 60), 0.0, (2, number)) for number in range(6)]
    free = [reference_sharpe(one, Span(300, 60), ZERO_COSTS) for one in shapes]
    dear = [reference_sharpe(one, Span(300, 60), FULL_COSTS) for one in shapes]
    assert np.mean(dear) < np.mean(free) - 0.5
    assert abs(np.mean(free)) < 1.5


@pytest.mark.slow
def test_a_planted_edge_is_as_strong_as_it_should_be() -> None:
    found = calibrated(SOURCE, Span(250, 60), 3.0, 4)
    assert found.found == pytest.approx(3.0, abs=0.4)
    assert 0.0 < found.drift < 0.5


@pytest.mark.torture
def test_workers_make_no_difference() -> None:
    jobs = [Job(SHORT, 0.2, free=False, seed=1, number=number) for number in range(3)]
    with Crew(SOURCE, 1) as alone:
        expected = list(alone.search(jobs))
    with Crew(SOURCE, 2) as two:
        assert list(two.search(jobs)) == expected
