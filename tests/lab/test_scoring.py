"""Proper scores: worked examples by hand, their identities, and the limits of each."""

from math import log, nextafter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_e3.lab.scoring import (
    LOG_CLIP,
    Forecast,
    brier,
    brier_parts,
    calibration_error,
    calibration_noise,
    log_loss,
    reliability_bins,
    skill,
)

RAIN = [
    Forecast(probability, happened)
    for probability, happened in ((0.9, True), (0.9, True), (0.9, False), (0.3, False), (0.3, True))
]
"""Three times 0.9 with two hits, twice 0.3 with one."""

forecasts = st.lists(st.builds(Forecast, st.floats(0.0, 1.0), st.booleans()), min_size=1, max_size=60)


def test_the_brier_score_of_a_worked_example() -> None:
    # (0.01 + 0.01 + 0.81 + 0.09 + 0.49) / 5
    assert brier(RAIN) == pytest.approx(1.41 / 5)


def test_the_log_loss_of_a_worked_example() -> None:
    by_hand = -(2 * log(0.9) + log(0.1) + log(0.7) + log(0.3)) / 5
    assert log_loss(RAIN) == pytest.approx(by_hand)


def test_murphys_parts_of_a_worked_example() -> None:
    parts = brier_parts(RAIN)
    # base rate 3/5; bin 0.9: 3 forecasts, 2/3 true; bin 0.3: 2 forecasts, 1/2 true
    assert parts.reliability == pytest.approx((3 * (0.9 - 2 / 3) ** 2 + 2 * (0.3 - 0.5) ** 2) / 5)
    assert parts.resolution == pytest.approx((3 * (2 / 3 - 0.6) ** 2 + 2 * (0.5 - 0.6) ** 2) / 5)
    assert parts.uncertainty == pytest.approx(0.24)
    assert parts.within == pytest.approx(0.0, abs=1e-15)
    assert parts.score == pytest.approx(parts.reliability - parts.resolution + parts.uncertainty)


@given(forecasts, st.integers(1, 20))
def test_the_four_parts_always_add_up_to_the_score(given_ones: list[Forecast], bins: int) -> None:
    parts = brier_parts(given_ones, bins)
    assert parts.reliability - parts.resolution + parts.uncertainty + parts.within == pytest.approx(
        parts.score, abs=1e-12
    )
    assert min(parts.reliability, parts.resolution, parts.uncertainty) >= 0.0


def test_what_forecasts_of_one_bin_differ_among_themselves_is_told_apart() -> None:
    # One bin, mean 0.55: those who said more were right.
    told = [Forecast(0.51, False), Forecast(0.59, True)]
    parts = brier_parts(told)
    # variance 0.04^2 less twice the covariance 0.04 * 0.5
    assert parts.within == pytest.approx(0.0016 - 2 * 0.02)
    assert parts.reliability == pytest.approx(0.05**2)
    assert parts.resolution == 0.0


def test_the_calibration_error_of_a_worked_example() -> None:
    assert calibration_error(RAIN) == pytest.approx((3 * (0.9 - 2 / 3) + 2 * (0.5 - 0.3)) / 5)


@given(forecasts)
def test_the_scores_are_those_of_an_independent_computation(given_ones: list[Forecast]) -> None:
    said = np.array([forecast.probability for forecast in given_ones])
    came = np.array([forecast.happened for forecast in given_ones], dtype=float)
    assert brier(given_ones) == pytest.approx(float(np.mean((said - came) ** 2)))
    held = np.clip(said, LOG_CLIP, 1 - LOG_CLIP)
    assert log_loss(given_ones) == pytest.approx(
        float(-np.mean(came * np.log(held) + (1 - came) * np.log1p(-held)))
    )
    places = np.minimum(np.floor(said * 10 + 1e-9), 9)
    gaps = [
        abs(said[places == place].mean() - came[places == place].mean()) * np.mean(places == place)
        for place in range(10)
        if np.any(places == place)
    ]
    assert calibration_error(given_ones) == pytest.approx(float(np.sum(gaps)), abs=1e-12)


def test_a_certain_mistake_costs_much_and_not_everything() -> None:
    assert log_loss([Forecast(1.0, False)]) == pytest.approx(-log(LOG_CLIP))
    assert log_loss([Forecast(0.0, True)]) == pytest.approx(-log(LOG_CLIP))
    assert log_loss([Forecast(1.0, True)]) == pytest.approx(0.0, abs=2 * LOG_CLIP)


@pytest.mark.parametrize("tenth", range(11))
def test_tenths_fall_into_their_own_bin(tenth: int) -> None:
    (only,) = reliability_bins([Forecast(tenth / 10, True), Forecast(nextafter(tenth / 10, 2), True)])
    assert only.low == min(tenth, 9) / 10
    assert only.total == 2


def test_empty_bins_are_left_out() -> None:
    assert [(part.low, part.high, part.total, part.happened) for part in reliability_bins(RAIN)] == [
        (0.3, 0.4, 2, 1),
        (0.9, 1.0, 3, 2),
    ]


def test_honest_forecasts_err_by_what_chance_allows_and_a_liar_by_far_more() -> None:
    rng = np.random.default_rng(3)
    errors, noises, lies = [], [], []
    for _ in range(60):
        said = rng.choice([0.55, 0.65, 0.75], 400)
        honest = [Forecast(float(p), bool(u < p)) for p, u in zip(said, rng.random(400), strict=True)]
        lying = [Forecast(0.95, forecast.happened) for forecast in honest]
        errors.append(calibration_error(honest))
        noises.append(calibration_noise(honest))
        lies.append(calibration_error(lying))
    assert np.mean(errors) == pytest.approx(np.mean(noises), rel=0.1)
    assert min(lies) > 3 * max(noises)


def test_skill_is_one_for_perfection_zero_for_the_reference_and_negative_below_it() -> None:
    assert skill(0.0, 0.25) == 1.0
    assert skill(0.25, 0.25) == 0.0
    assert skill(0.5, 0.25) == -1.0
    assert skill(0.1, 0.0) is None
