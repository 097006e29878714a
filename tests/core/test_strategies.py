"""The entries of E3 and FundingFade: filters at their thresholds, confidences, skipping and abstaining."""

from math import inf, nan, nextafter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_e3.core.features import Features
from drift_e3.core.params import Params
from drift_e3.core.strategies import (
    SKIPPED_IMBALANCE,
    SKIPPED_PREMIUM,
    SKIPPED_SPREAD,
    Leg,
    Needs,
    Signal,
    e3_signal,
    fade_signal,
    skipped_legs,
)
from tests.core.feature_builders import SIGNED, some_features, upside_down

P = Params()
LIVE = Needs(book=True, premium=True)
TAPE = Needs(book=False, premium=False)
BURST = some_features(
    body_over_atr=0.5,
    volume_z=2.0,
    rv_1h=0.01,
    rv_rank=0.60,
    spread_bps=30.0,
    premium_frac=0.001,
    imbalance=0.1,
)
"""The least that E3 enters on: every filter exactly at its threshold."""
CROWDED = some_features(
    funding_z=2.0, funding_frac_1h=2e-5, premium_frac=0.00051, spread_bps=40.0, volume_z=1.0
)
"""The least that FundingFade enters on."""


def below(x: float) -> float:
    return nextafter(x, -inf)


def above(x: float) -> float:
    return nextafter(x, inf)


class TestE3:
    """Momentum."""

    def test_every_filter_at_its_threshold_enters_long_with_060(self) -> None:
        assert e3_signal(BURST, P, LIVE) == Signal(1, 0.60, Leg.NONE, 0)

    def test_a_falling_body_enters_short(self) -> None:
        assert e3_signal(upside_down(BURST), P, LIVE) == Signal(-1, 0.60, Leg.NONE, 0)

    @pytest.mark.parametrize(
        ("change", "leg"),
        [
            ({"body_over_atr": below(0.5)}, Leg.BODY),
            ({"body_over_atr": above(-0.5)}, Leg.BODY),
            ({"volume_z": below(2.0)}, Leg.VOLUME),
            ({"rv_rank": below(0.60)}, Leg.REALISED_VOL),
            ({"spread_bps": above(30.0)}, Leg.SPREAD),
            ({"premium_frac": above(0.002)}, Leg.PREMIUM),
            ({"premium_frac": below(-0.002)}, Leg.PREMIUM),
            ({"imbalance": below(0.1)}, Leg.IMBALANCE),
            ({"imbalance": -0.5}, Leg.IMBALANCE),
            ({"body_over_atr": -0.5}, Leg.IMBALANCE),
            ({"body_over_atr": nan}, Leg.BODY),
            ({"volume_z": nan}, Leg.VOLUME),
            ({"rv_rank": nan}, Leg.REALISED_VOL),
            ({"spread_bps": nan}, Leg.INPUTS),
            ({"premium_frac": nan}, Leg.INPUTS),
            ({"imbalance": nan}, Leg.INPUTS),
        ],
    )
    def test_what_is_short_of_a_threshold_stops_it(self, change: dict[str, float], leg: Leg) -> None:
        assert e3_signal(BURST._replace(**change), P, LIVE) == Signal(0, 0.0, leg, 0)

    def test_a_premium_at_its_limit_is_let_through(self) -> None:
        assert e3_signal(BURST._replace(premium_frac=-0.002), P, LIVE).direction == 1

    def test_the_hourly_volatility_filter_is_off_at_zero(self) -> None:
        quiet = BURST._replace(rv_1h=nan)
        assert e3_signal(quiet, P, LIVE).direction == 1
        assert e3_signal(quiet, Params(m_rv1hMin=0.003), LIVE).failed == Leg.RV_1H

    def test_the_hourly_volatility_filter_lets_its_threshold_through(self) -> None:
        p = Params(m_rv1hMin=0.003)
        assert e3_signal(BURST._replace(rv_1h=0.003), p, LIVE).direction == 1
        assert e3_signal(BURST._replace(rv_1h=below(0.003)), p, LIVE).failed == Leg.RV_1H

    def test_it_can_be_disabled(self) -> None:
        assert e3_signal(BURST, Params(m_enabled=False), LIVE) == Signal(0, 0.0, Leg.DISABLED, 0)

    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            ({}, 0.60),
            ({"volume_z": 2.5}, 0.75),
            ({"volume_z": below(2.5)}, 0.60),
            ({"body_over_atr": 0.8}, 0.70),
            ({"body_over_atr": below(0.8)}, 0.60),
            ({"premium_frac": above(0.001)}, 0.65),
            ({"premium_frac": -0.0015}, 0.65),
            ({"imbalance": above(0.8)}, 0.70),
            ({"imbalance": 0.8}, 0.60),
            ({"volume_z": 2.5, "body_over_atr": 0.8}, 0.85),
            ({"volume_z": 3.0, "body_over_atr": 0.9, "premium_frac": 0.0015}, 0.90),
            ({"volume_z": 3.0, "body_over_atr": 0.9, "premium_frac": 0.0015, "imbalance": 0.9}, 1.0),
        ],
    )
    def test_confidence_adds_up(self, change: dict[str, float], expected: float) -> None:
        assert e3_signal(BURST._replace(**change), P, LIVE).confidence == pytest.approx(expected, abs=1e-15)

    def test_confidence_is_added_in_a_fixed_order(self) -> None:
        best = BURST._replace(volume_z=3.0, body_over_atr=0.9, premium_frac=0.0015)
        assert e3_signal(best, P, LIVE).confidence == 0.60 + 0.15 + 0.10 + 0.05

    @pytest.mark.parametrize(("multiplier", "expected"), [(0.8, 0.48), (1.2, 0.72), (5.0, 1.0), (0.0, 0.0)])
    def test_the_multiplier_scales_and_is_clamped(self, multiplier: float, expected: float) -> None:
        signal = e3_signal(BURST, Params(m_confidenceMultiplier=multiplier), LIVE)
        assert signal.confidence == pytest.approx(expected, abs=1e-15)

    def test_a_tape_without_book_and_premium_skips_their_filters_and_says_so(self) -> None:
        bare = BURST._replace(spread_bps=nan, premium_frac=nan, imbalance=nan)
        signal = e3_signal(bare, P, TAPE)
        assert signal == Signal(1, 0.60, Leg.NONE, SKIPPED_SPREAD | SKIPPED_PREMIUM | SKIPPED_IMBALANCE)
        assert skipped_legs(signal.skipped) == (Leg.SPREAD, Leg.PREMIUM, Leg.IMBALANCE)

    def test_what_a_tape_does_know_is_used(self) -> None:
        assert e3_signal(BURST._replace(imbalance=-0.3), P, TAPE).failed == Leg.IMBALANCE
        assert e3_signal(BURST, P, TAPE) == Signal(1, 0.60, Leg.NONE, 0)

    def test_a_flat_signal_says_what_was_skipped_as_well(self) -> None:
        assert e3_signal(some_features(), P, Needs(book=False, premium=True)).skipped == (
            SKIPPED_SPREAD | SKIPPED_IMBALANCE
        )

    def test_a_body_without_direction_never_enters(self) -> None:
        p = Params(m_bodyOverAtr=0.0)
        assert e3_signal(BURST._replace(body_over_atr=0.0), p, LIVE).failed == Leg.BODY

    def test_an_imbalance_of_nothing_agrees_with_no_side(self) -> None:
        p = Params(m_imbalance=0.0)
        assert e3_signal(BURST._replace(imbalance=0.0), p, LIVE).failed == Leg.IMBALANCE
        assert e3_signal(BURST._replace(imbalance=0.01), p, LIVE).direction == 1


class TestFade:
    """FundingFade."""

    def test_crowded_longs_and_a_dear_mark_are_sold_with_06(self) -> None:
        assert fade_signal(CROWDED, P, LIVE) == Signal(-1, 0.6, Leg.NONE, 0)

    def test_crowded_shorts_and_a_cheap_mark_are_bought(self) -> None:
        assert fade_signal(upside_down(CROWDED), P, LIVE) == Signal(1, 0.6, Leg.NONE, 0)

    @pytest.mark.parametrize(
        ("change", "leg"),
        [
            ({"funding_z": below(2.0)}, Leg.FUNDING),
            ({"funding_z": nan}, Leg.FUNDING),
            ({"premium_frac": 0.0005}, Leg.PREMIUM),
            ({"premium_frac": -0.001}, Leg.PREMIUM),
            ({"funding_z": -2.0}, Leg.PREMIUM),
            ({"premium_frac": nan}, Leg.INPUTS),
            ({"spread_bps": above(40.0)}, Leg.SPREAD),
            ({"spread_bps": nan}, Leg.INPUTS),
            ({"volume_z": below(1.0)}, Leg.VOLUME),
            ({"volume_z": nan}, Leg.VOLUME),
        ],
    )
    def test_what_is_short_of_a_threshold_stops_it(self, change: dict[str, float], leg: Leg) -> None:
        assert fade_signal(CROWDED._replace(**change), P, LIVE) == Signal(0, 0.0, leg, 0)

    def test_it_can_be_disabled(self) -> None:
        assert fade_signal(CROWDED, Params(f_enabled=False), LIVE) == Signal(0, 0.0, Leg.DISABLED, 0)

    def test_without_premium_data_that_leg_is_skipped_and_said(self) -> None:
        signal = fade_signal(CROWDED._replace(premium_frac=nan, spread_bps=nan), P, TAPE)
        assert signal == Signal(-1, 0.6, Leg.NONE, SKIPPED_PREMIUM | SKIPPED_SPREAD)

    @pytest.mark.parametrize(
        ("z", "premium", "expected"),
        [
            (4.0, 0.001, 0.6),
            (4.1, 0.001, 0.7),
            (4.0, 0.0011, 0.7),
            (4.1, 0.0011, 0.9),
            (6.1, 0.0006, 0.8),
            (2.0, 0.0016, 0.8),
            (6.1, 0.0011, 1.0),
            (6.0, 0.0015, 0.9),
            (6.1, 0.0016, 1.0),
            (6.1, nan, 0.8),
        ],
    )
    def test_confidence_adds_up_and_is_clamped(self, z: float, premium: float, expected: float) -> None:
        f = CROWDED._replace(funding_z=z, premium_frac=premium)
        assert fade_signal(f, P, TAPE).confidence == pytest.approx(expected, abs=1e-15)

    def test_raw_mode_judges_the_hourly_rate_instead_of_the_z_score(self) -> None:
        p = Params(f_fundingRateMin=0.0005)
        rich = CROWDED._replace(funding_z=nan, funding_frac_1h=0.0005)
        assert fade_signal(rich, p, LIVE) == Signal(-1, 0.6, Leg.NONE, 0)
        assert fade_signal(upside_down(rich), p, LIVE) == Signal(1, 0.6, Leg.NONE, 0)
        assert fade_signal(rich._replace(funding_frac_1h=below(0.0005)), p, LIVE).failed == Leg.FUNDING
        assert fade_signal(rich._replace(funding_frac_1h=nan, funding_z=9.0), p, LIVE).failed == Leg.FUNDING

    def test_raw_mode_measures_confidence_in_multiples_of_the_rate(self) -> None:
        p = Params(f_fundingRateMin=0.0005)
        rich = CROWDED._replace(funding_z=nan, funding_frac_1h=0.00101)
        assert fade_signal(rich, p, LIVE).confidence == pytest.approx(0.7)
        assert fade_signal(rich._replace(funding_frac_1h=0.00151), p, LIVE).confidence == pytest.approx(0.8)

    def test_a_premium_threshold_of_zero_is_no_division_by_zero(self) -> None:
        p = Params(f_premiumPct=0.0)
        assert fade_signal(CROWDED._replace(premium_frac=1e-6), p, LIVE).confidence == pytest.approx(0.8)
        assert fade_signal(CROWDED._replace(premium_frac=0.0), p, LIVE).failed == Leg.PREMIUM


def near(*points: float) -> st.SearchStrategy[float]:
    """Numbers at, around and beyond the thresholds, of both signs, and the unknown."""
    edges = [x for p in points for x in (p, below(p), above(p), 2 * p, 3.1 * p)]
    return st.sampled_from([*edges, *(-x for x in edges), 0.0, nan]) | st.floats(-5, 5)


ANY_FEATURES = st.builds(
    some_features,
    body_over_atr=near(0.5, 0.8),
    volume_z=st.sampled_from([0.9, 1.0, 2.0, 2.5, 3.0, nan]),
    rv_1h=st.sampled_from([0.003, 0.01, nan]),
    rv_rank=st.sampled_from([0.5, 0.6, 0.9, nan]),
    spread_bps=st.sampled_from([1.0, 30.0, 35.0, 41.0, nan]),
    premium_frac=near(0.0005, 0.001, 0.002),
    imbalance=near(0.1, 0.8),
    funding_z=near(2.0),
    funding_frac_1h=near(0.0005),
)
ANY_NEEDS = st.builds(Needs, book=st.booleans(), premium=st.booleans())
ANY_PARAMS = st.sampled_from([P, Params(f_fundingRateMin=0.0005, m_rv1hMin=0.005)])


@given(ANY_FEATURES, ANY_NEEDS, ANY_PARAMS)
def test_a_mirrored_market_has_the_mirrored_signal(f: Features, needs: Needs, p: Params) -> None:
    for signals in (e3_signal, fade_signal):
        signal = signals(f, p, needs)
        assert signals(upside_down(f), p, needs) == signal._replace(direction=-signal.direction)


@given(ANY_FEATURES, ANY_NEEDS, ANY_PARAMS)
def test_a_signal_has_a_direction_and_confidence_or_a_leg_that_stopped_it(
    f: Features, needs: Needs, p: Params
) -> None:
    for signals in (e3_signal, fade_signal):
        signal = signals(f, p, needs)
        assert 0.0 <= signal.confidence <= 1.0
        assert (signal.direction == 0) == (signal.failed != Leg.NONE) == (signal.confidence == 0.0)
        needed = {Leg.SPREAD, Leg.IMBALANCE} if needs.book else set()
        needed |= {Leg.PREMIUM} if needs.premium else set()
        assert not needed & set(skipped_legs(signal.skipped))


@given(st.sets(st.sampled_from(Features._fields)), ANY_NEEDS)
def test_unknown_features_never_raise_and_required_ones_never_signal(unknown: set[str], needs: Needs) -> None:
    missing = dict.fromkeys(unknown, nan)
    e3 = e3_signal(BURST._replace(**missing), P, needs)
    if unknown & {"body_over_atr", "volume_z", "rv_rank"}:
        assert e3.direction == 0
    if needs.book and unknown & {"spread_bps", "imbalance"}:
        assert e3.direction == 0
    fade = fade_signal(CROWDED._replace(**missing), P, needs)
    if unknown & {"funding_z", "volume_z"}:
        assert fade.direction == 0
    if needs.premium and "premium_frac" in unknown:
        assert e3.direction == fade.direction == 0


@pytest.mark.parametrize("needs", [LIVE, TAPE])
def test_nothing_known_is_no_signal(needs: Needs) -> None:
    assert e3_signal(some_features(), P, needs).failed == Leg.BODY
    assert fade_signal(some_features(), P, needs).failed == Leg.FUNDING


def test_the_mirror_turns_every_signed_feature() -> None:
    ones = some_features(**dict.fromkeys(Features._fields, 1.0))
    assert [name for name in Features._fields if getattr(upside_down(ones), name) < 0] == sorted(
        SIGNED, key=Features._fields.index
    )
