"""Blending with advice: worked examples of every clause, and what no advice may ever do."""

from math import inf, isnan, nan, nextafter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_e3.core.blend import Blended, blend, final_regime, freshness, size_factor
from drift_e3.core.params import Params
from drift_e3.core.terms import Regime, clamp

P = Params()
LONG, FLAT, SHORT = 1, 0, -1
NEW = 1.0


def below(x: float) -> float:
    return nextafter(x, -inf)


class TestFreshness:
    """max(0, 1 - age/TTL)."""

    @pytest.mark.parametrize(
        ("age_ms", "expected"), [(0, 1.0), (75_000, 0.75), (150_000, 0.5), (300_000, 0.0), (400_000, 0.0)]
    )
    def test_it_falls_in_a_line_over_300_seconds(self, age_ms: int, expected: float) -> None:
        assert freshness(age_ms, 300.0) == expected

    def test_an_unknown_age_is_not_fresh(self) -> None:
        assert freshness(nan, 300.0) == 0.0

    def test_nothing_is_fresher_than_new(self) -> None:
        assert freshness(-5_000, 300.0) == 1.0


class TestFinalRegime:
    """Rule crash, else the model's, else the rules'."""

    def test_advice_of_enough_confidence_replaces_the_rules(self) -> None:
        assert final_regime(Regime.CHOP, Regime.BULL_TREND, 0.3, NEW, P) == Regime.BULL_TREND

    def test_a_crash_by_rule_is_never_replaced(self) -> None:
        assert final_regime(Regime.CRASH, Regime.BULL_TREND, 1.0, NEW, P) == Regime.CRASH

    def test_advice_may_call_a_crash(self) -> None:
        assert final_regime(Regime.BULL_TREND, Regime.CRASH, 0.9, NEW, P) == Regime.CRASH

    @pytest.mark.parametrize(
        ("confidence", "fresh", "p"),
        [
            (below(0.3), NEW, P),
            (0.9, 0.0, P),
            (0.9, False, P),
            (nan, NEW, P),
            (0.9, NEW, Params(ai_regimeOverride=False)),
        ],
    )
    def test_otherwise_the_rules_stand(self, confidence: float, fresh: float, p: Params) -> None:
        assert final_regime(Regime.CHOP, Regime.BULL_TREND, confidence, fresh, p) == Regime.CHOP


class TestBlend:
    """A signal of confidence s, advice of confidence a, w = 0.5 * freshness."""

    @pytest.mark.parametrize("side", [LONG, SHORT])
    def test_the_same_side_is_a_weighted_mean(self, side: int) -> None:
        assert blend(side, 0.6, side, 0.9, 1.0, NEW, P) == pytest.approx((0.75, 1.0, False, True))
        assert blend(side, 0.6, side, 0.9, 1.0, 0.5, P).confidence == pytest.approx(0.675)
        assert blend(side, 0.6, side, 0.4, 1.0, NEW, P).confidence == pytest.approx(0.5)

    @pytest.mark.parametrize("side", [LONG, SHORT])
    def test_the_opposite_side_takes_away(self, side: int) -> None:
        assert blend(side, 0.8, -side, 0.5, 1.0, NEW, P) == pytest.approx((0.6, 1.0, False, True))
        assert blend(side, 0.8, -side, 0.5, 1.0, 0.5, P).confidence == pytest.approx(0.7)

    def test_a_sure_opposite_vetoes_from_08_on(self) -> None:
        assert blend(LONG, 0.8, SHORT, 0.8, 1.0, NEW, P) == pytest.approx((0.48, 1.0, True, True))
        assert not blend(LONG, 0.8, SHORT, below(0.8), 1.0, NEW, P).vetoed

    def test_a_veto_does_not_fade_while_the_advice_lives(self) -> None:
        assert blend(LONG, 0.8, SHORT, 0.9, 1.0, 0.01, P).vetoed
        assert not blend(LONG, 0.8, SHORT, 0.9, 1.0, 0.0, P).vetoed

    def test_only_the_opposite_side_vetoes(self) -> None:
        assert not blend(LONG, 0.8, FLAT, 1.0, 1.0, NEW, P).vetoed
        assert not blend(LONG, 0.8, LONG, 1.0, 1.0, NEW, P).vetoed

    def test_flat_advice_takes_half_as_much_away(self) -> None:
        assert blend(LONG, 0.8, FLAT, 0.5, 1.0, NEW, P) == pytest.approx((0.7, 1.0, False, True))

    @pytest.mark.parametrize(
        ("advice_confidence", "fresh"), [(below(0.3), NEW), (0.9, 0.0), (nan, NEW), (0.9, nan)]
    )
    @pytest.mark.parametrize("advised", [LONG, FLAT, SHORT])
    def test_weak_stale_or_absent_advice_changes_nothing(
        self, advised: int, advice_confidence: float, fresh: float
    ) -> None:
        assert blend(LONG, 0.7, advised, advice_confidence, 0.5, fresh, P) == Blended(0.7, 1.0, False, False)

    def test_advice_at_03_counts(self) -> None:
        assert blend(LONG, 0.7, LONG, 0.3, 1.0, NEW, P) == pytest.approx((0.5, 1.0, False, True))

    def test_the_weight_is_a_setting(self) -> None:
        assert blend(
            LONG, 0.6, LONG, 1.0, 1.0, NEW, Params(ai_confidenceWeight=0.7)
        ).confidence == pytest.approx(0.88)

    @pytest.mark.parametrize("advised", [LONG, FLAT, SHORT])
    def test_advice_never_opens_a_trade(self, advised: int) -> None:
        p = Params(ai_allowSizeUp=True)
        assert blend(FLAT, 0.0, advised, 1.0, 2.0, NEW, p) == Blended(0.0, 1.0, False, False)


class TestMultiplier:
    """0.5..2, downwards only unless allowed."""

    @pytest.mark.parametrize("advised", [LONG, FLAT, SHORT])
    @pytest.mark.parametrize(
        ("multiplier", "expected"), [(0.1, 0.5), (0.5, 0.5), (0.7, 0.7), (1.0, 1.0), (1.5, 1.0), (nan, 1.0)]
    )
    def test_it_only_reduces(self, advised: int, multiplier: float, expected: float) -> None:
        assert blend(LONG, 0.7, advised, 0.5, multiplier, NEW, P).multiplier == expected

    @pytest.mark.parametrize(("advised", "expected"), [(LONG, 1.5), (FLAT, 1.0), (SHORT, 1.0)])
    def test_it_enlarges_where_allowed_and_only_its_own_side(self, advised: int, expected: float) -> None:
        p = Params(ai_allowSizeUp=True)
        assert blend(LONG, 0.7, advised, 0.5, 1.5, NEW, p).multiplier == expected

    def test_it_is_held_below_2(self) -> None:
        p = Params(ai_allowSizeUp=True)
        assert blend(SHORT, 0.7, SHORT, 0.5, 9.0, NEW, p).multiplier == 2.0
        assert blend(SHORT, 0.7, SHORT, 0.5, nan, NEW, p).multiplier == 1.0
        assert blend(SHORT, 0.7, SHORT, 0.5, 0.6, NEW, p).multiplier == 0.6


UNIT = st.floats(0, 1)
SIDE = st.sampled_from([LONG, SHORT])
ANY_SIDE = st.sampled_from([LONG, FLAT, SHORT])
ANY_WEIGHT = st.builds(Params, ai_confidenceWeight=UNIT)
ANY_MULTIPLIER = st.floats(0, 5) | st.just(nan)


class TestProperties:
    """Whatever the numbers."""

    @given(SIDE, UNIT, UNIT, UNIT, ANY_WEIGHT)
    def test_the_same_side_stays_between_both_confidences(
        self, side: int, s: float, a: float, fresh: float, p: Params
    ) -> None:
        c = blend(side, s, side, a, 1.0, fresh, p).confidence
        assert min(s, a) - 1e-15 <= c <= max(s, a) + 1e-15
        assert c <= 1.0

    @given(SIDE, ANY_SIDE, UNIT, UNIT, UNIT, ANY_WEIGHT)
    def test_opposite_and_flat_advice_never_raise(
        self, side: int, advised: int, s: float, a: float, fresh: float, p: Params
    ) -> None:
        if advised != side:
            assert 0.0 <= blend(side, s, advised, a, 1.0, fresh, p).confidence <= s

    @given(SIDE, ANY_SIDE, UNIT, UNIT, UNIT)
    def test_a_weight_of_zero_changes_no_confidence(
        self, side: int, advised: int, s: float, a: float, fresh: float
    ) -> None:
        assert blend(side, s, advised, a, 1.0, fresh, Params(ai_confidenceWeight=0.0)).confidence == s

    @given(SIDE, ANY_SIDE, UNIT, UNIT, UNIT, UNIT, ANY_WEIGHT)
    def test_a_surer_signal_is_never_less_sure_after_the_blend(
        self, side: int, advised: int, s: float, more: float, a: float, fresh: float, p: Params
    ) -> None:
        low, high = sorted((s, more))
        assert (
            blend(side, low, advised, a, 1.0, fresh, p).confidence
            <= blend(side, high, advised, a, 1.0, fresh, p).confidence
        )

    @given(SIDE, ANY_SIDE, UNIT, st.floats(0.3, 1), st.floats(0.3, 1), UNIT, ANY_WEIGHT)
    def test_surer_advice_moves_the_blend_further_its_way(
        self, side: int, advised: int, s: float, a: float, more: float, fresh: float, p: Params
    ) -> None:
        low, high = sorted((a, more))
        with_low = blend(side, s, advised, low, 1.0, fresh, p).confidence
        with_high = blend(side, s, advised, high, 1.0, fresh, p).confidence
        assert with_low <= with_high if advised == side else with_low >= with_high

    @given(SIDE, ANY_SIDE, UNIT, UNIT | st.just(nan), ANY_MULTIPLIER, UNIT | st.just(nan), st.booleans())
    def test_a_mirrored_market_is_blended_alike_and_sizes_stay_in_bounds(
        self, side: int, advised: int, s: float, a: float, multiplier: float, fresh: float, size_up: bool
    ) -> None:
        p = Params(ai_allowSizeUp=size_up)
        blended = blend(side, s, advised, a, multiplier, fresh, p)
        assert blend(-side, s, -advised, a, multiplier, fresh, p) == blended
        assert not isnan(blended.confidence)
        assert 0.5 <= blended.multiplier <= (2.0 if size_up else 1.0)
        assert blended.used or (not blended.vetoed and blended.confidence == s)

    @given(st.sampled_from(list(Regime)), st.sampled_from(list(Regime)), UNIT | st.just(nan), UNIT)
    def test_the_final_regime_is_one_of_both(
        self, by_rule: Regime, advised: Regime, a: float, fresh: float
    ) -> None:
        found = final_regime(by_rule, advised, a, fresh, P)
        assert found in (by_rule, advised)
        assert by_rule != Regime.CRASH or found == Regime.CRASH


class TestSizeFactor:
    """0.5 + 0.5*clamp((c - 0.5)/0.5, 0, 1)."""

    @pytest.mark.parametrize(
        ("confidence", "expected"), [(0.0, 0.5), (0.5, 0.5), (0.6, 0.6), (0.75, 0.75), (1.0, 1.0), (2.0, 1.0)]
    )
    def test_it_rises_from_half_to_whole(self, confidence: float, expected: float) -> None:
        assert size_factor(confidence) == pytest.approx(expected)

    def test_an_unknown_confidence_earns_the_least(self) -> None:
        assert size_factor(nan) == 0.5


def test_clamp_holds_a_number_within_bounds_and_the_unknown_at_the_lower() -> None:
    assert [clamp(x, 0.0, 1.0) for x in (-1.0, 0.0, 0.3, 1.0, 7.0, nan)] == [0.0, 0.0, 0.3, 1.0, 1.0, 0.0]
