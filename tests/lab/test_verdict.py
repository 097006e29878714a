"""The verdict: what is licensed, and that each single thing that speaks against it refuses."""

import json
from math import sqrt
from typing import Any

import numpy as np
import pytest
from scipy import stats

from drift_e3.lab.statistics import (
    deflated_sharpe,
    expected_max_sharpe,
    mean_correlation,
    sharpe_ratios,
    track,
)
from drift_e3.lab.verdict import (
    Check,
    Evidence,
    Standard,
    Stressed,
    TradeCosts,
    Verdict,
    judge,
    luck_variance,
    refused,
    stresses,
)
from tests.lab.evidence import AFTER, DAYS, days, good


def value(verdict: Verdict, name: str) -> float:
    return next(check.value for check in verdict.checks if check.name == name)


def needle() -> Evidence:
    """Trials that each shone in one stretch of time only, and the one that shone most."""
    returns = np.random.default_rng(6).standard_normal((DAYS, 16)) * 0.001 - 0.0001
    stretch = DAYS // 16
    for trial in range(16):
        returns[DAYS % 16 :][trial * stretch : (trial + 1) * stretch, trial] += 0.01
    returns[-stretch:, 15] += 0.002
    return good(returns=returns, winner=15)


def test_an_edge_that_holds_everywhere_is_licensed() -> None:
    verdict = judge(good())
    assert verdict.reasons == ()
    assert verdict.licensed
    assert verdict.figures["sharpe"] == pytest.approx(4.0)
    assert verdict.figures["sharpe_out_of_sample"] == pytest.approx(3.5)


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("confidence", {"out_of_sample": days(-1.0, AFTER, 3), "trials": 100_000}),
    ("deflated_sharpe", {"trials": 10**9, "winner": 3}),
    ("out_of_sample", {"out_of_sample": days(-0.1, AFTER, 3)}),
    ("overfitting", {"returns": needle().returns, "winner": 15}),
    ("min_track_days", {"winner": 3, "out_of_sample": days(0.1, AFTER, 3)}),
    ("neighbours", {"neighbours": (0.0, 0.1, 0.6)}),
    ("neighbours", {"neighbours": ()}),
    ("neighbours", {"score": 0.0}),
    ("bootstrap", {"winner": 3, "out_of_sample": days(0.1, AFTER, 3)}),
    ("trades", {"trades": 29}),
    ("out_of_sample_trades", {"out_of_sample": np.zeros(0), "out_of_sample_trades": 0}),
    ("fees x1.5", {"stresses": (Stressed("fees x1.5", -0.001),)}),
    ("overfitting", {"returns": good().returns[:, 17:18], "winner": 0}),
    ("overfitting", {"returns": good().returns[:3], "winner": 17}),
]


@pytest.mark.parametrize(("name", "changes"), REFUSED, ids=[f"{i}-{row[0]}" for i, row in enumerate(REFUSED)])
def test_each_thing_that_speaks_against_it_refuses_and_is_named(name: str, changes: dict[str, Any]) -> None:
    verdict = judge(good(**changes))
    assert not verdict.licensed
    failed = [check for check in verdict.checks if not check.holds]
    assert name in [check.name for check in failed]
    assert verdict.reasons == tuple(check.sentence() for check in failed)
    (reason,) = [text for text in verdict.reasons if text.startswith(f"{name}: ")]
    assert " is below " in reason or " is above " in reason


def test_what_is_not_a_number_never_gets_a_licence() -> None:
    evidence = good(stresses=(Stressed("fees x1.5", float("nan")),))
    assert [text.partition(":")[0] for text in judge(evidence).reasons] == ["fees x1.5"]


def test_the_confidence_is_the_deflated_record_and_the_time_after_it_weighted_by_their_lengths() -> None:
    evidence = good()
    verdict = judge(evidence)
    variance = luck_variance(evidence.returns)
    deflated = deflated_sharpe(track(evidence.returns[:, 17]), variance, 200)
    assert value(verdict, "deflated_sharpe") == pytest.approx(deflated)
    after = verdict.figures["probabilistic_sharpe_out_of_sample"]
    both = stats.combine_pvalues(
        [1 - deflated, 1 - after], method="stouffer", weights=[sqrt(DAYS), sqrt(AFTER)]
    )
    assert value(verdict, "confidence") == pytest.approx(1 - both.pvalue)


def test_trials_that_hang_together_leave_luck_less_to_choose_from() -> None:
    random = np.random.default_rng(8)
    apart = random.standard_normal((400, 30))
    together = apart + 2.0 * random.standard_normal((400, 1))
    assert luck_variance(apart) == pytest.approx(1 / 399, rel=0.05)
    assert luck_variance(together) == pytest.approx((1 - mean_correlation(together)) / 399)
    assert luck_variance(together) < 0.3 * luck_variance(apart)


@pytest.mark.parametrize("shared", [0.0, 1.0])
def test_the_luck_that_is_deflated_is_the_luck_there_is(shared: float) -> None:
    """The best of 50 worthless records, alike or not, over 300 searches, beside what was expected of it."""
    random = np.random.default_rng(9)
    best, expected = [], []
    for _ in range(300):
        returns = random.standard_normal((250, 50)) + shared * random.standard_normal((250, 1))
        best.append(float(sharpe_ratios(returns).max()))
        expected.append(expected_max_sharpe(luck_variance(returns), 50))
    assert np.mean(best) == pytest.approx(np.mean(expected), rel=0.08)


def test_more_trials_never_help() -> None:
    verdicts = [judge(good(trials=10**power)) for power in (0, 4, 8)]
    confidence = [value(verdict, "confidence") for verdict in verdicts]
    assert confidence == sorted(confidence, reverse=True)
    licensed = [verdict.licensed for verdict in verdicts]
    assert licensed == sorted(licensed, reverse=True)


def test_stricter_limits_refuse_and_the_same_evidence_gives_the_same_verdict() -> None:
    assert judge(good()) == judge(good())
    strict = judge(good(), Standard(trades_min=1_000, neighbours_min=0.99))
    assert [text.partition(":")[0] for text in strict.reasons] == ["neighbours", "trades"]


def test_worse_costs_are_taken_from_each_trade() -> None:
    trades = [TradeCosts(30.0, 2.0, 4.0, 1.0), TradeCosts(-10.0, -1.0, 2.0, -3.0)]
    found = stresses(trades, 100.0)
    assert [one.name for one in found] == ["fees x1.5", "slippage x2", "funding against us"]
    assert [one.net_frac for one in found] == pytest.approx([0.17, 0.18, 0.16])
    assert all(stressed.net_frac == 0.0 for stressed in stresses([], 100.0))


def test_the_verdict_is_a_document_without_infinities() -> None:
    verdict = judge(good(winner=3, out_of_sample=days(-9.0, AFTER, 3)))
    document = json.loads(json.dumps(verdict.document(), allow_nan=False))
    assert document["verdict"] == "refused"
    assert document["reasons"] == list(verdict.reasons)
    needed = next(check for check in document["checks"] if check["name"] == "min_track_days")
    assert needed["value"] is None
    assert needed["at_most"] == DAYS + AFTER


def test_without_a_scored_trial_there_is_nothing_to_license() -> None:
    verdict = refused("no trial has 10 trades in every period")
    assert not verdict.licensed
    assert verdict.document()["reasons"] == ["no trial has 10 trades in every period"]


def test_a_check_says_its_value_and_its_limit() -> None:
    assert Check("x", 0.25, 0.5, at_most=False, meaning="so").sentence() == "x: 0.25 is below 0.5 (so)"
    assert Check("x", 0.75, 0.5, at_most=True, meaning="so").sentence() == "x: 0.75 is above 0.5 (so)"
    assert Check("x", 0.5, 0.5, at_most=True, meaning="so").sentence() == "x: 0.5, at most 0.5 (so)"
