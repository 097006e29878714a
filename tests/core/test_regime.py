"""Regimes by rule: entry tests at their thresholds, the machine's dwell and stay tests, confidence."""

from math import inf, isnan, nan, nextafter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from drift_e3.core.features import Features
from drift_e3.core.params import Params
from drift_e3.core.regime import (
    CANDLES,
    ENTERED_TS,
    PRESENT,
    advance_regime,
    candidate,
    new_regime_state,
    regime_confidence,
    stay_holds,
)
from drift_e3.core.terms import MS_PER_HOUR, MS_PER_MINUTE, Regime
from tests.core.feature_builders import some_features, upside_down

P = Params()
M1, M5, M15, H1 = MS_PER_MINUTE, 5 * MS_PER_MINUTE, 15 * MS_PER_MINUTE, MS_PER_HOUR
BARE = Params(thr_useFundingVolume=False)

CALM = some_features(
    r5=0.0,
    r15=0.0,
    rv_1h=0.003,
    rv_rank=0.19,
    slope=0.0,
    efficiency=0.03,
    funding_frac_1h=0.0,
    volume_trend=0.0,
)
BULL = CALM._replace(slope=1.5, efficiency=0.2)
BEAR = CALM._replace(slope=-1.5, efficiency=0.2)
WILD = CALM._replace(rv_1h=0.04)
CRASH = CALM._replace(r15=-0.06)
UNKNOWN_ALL = some_features()


def above(x: float) -> float:
    return nextafter(x, inf)


def play(candles: list[Features], frame_ms: int = M1, params: Params = P) -> list[int]:
    """The regimes after each of these candles, without gaps."""
    state = new_regime_state()
    return [advance_regime(state, f, params, frame_ms, (i + 1) * frame_ms) for i, f in enumerate(candles)]


class TestEntry:
    """The entry tests, each at its threshold."""

    @pytest.mark.parametrize("sign", [1, -1])
    def test_a_crash_needs_more_than_5_percent_in_15_minutes_either_way(self, sign: int) -> None:
        assert candidate(CALM._replace(r15=sign * 0.05), P, M1) == Regime.CHOP
        assert candidate(CALM._replace(r15=sign * above(0.05)), P, M1) == Regime.CRASH

    @pytest.mark.parametrize("sign", [1, -1])
    def test_a_crash_within_5_minutes_needs_more_than_six_tenths_of_it(self, sign: int) -> None:
        assert candidate(CALM._replace(r5=sign * 0.03), P, M1) == Regime.CHOP
        assert candidate(CALM._replace(r5=sign * above(0.03)), P, M1) == Regime.CRASH

    def test_candles_above_5_minutes_have_no_5_minute_crash(self) -> None:
        fast = CALM._replace(r5=0.04)
        assert candidate(fast, P, M5) == Regime.CRASH
        assert candidate(fast, P, M15) == Regime.CHOP
        assert candidate(fast._replace(r15=0.06), P, M15) == Regime.CRASH

    def test_high_volatility_needs_more_than_3_percent_an_hour(self) -> None:
        assert candidate(CALM._replace(rv_1h=0.03), P, M1) == Regime.CHOP
        assert candidate(CALM._replace(rv_1h=above(0.03)), P, M1) == Regime.HIGH_VOL

    def test_high_volatility_by_rank_needs_more_than_095(self) -> None:
        assert candidate(CALM._replace(rv_rank=0.95), P, M1) == Regime.CHOP
        assert candidate(CALM._replace(rv_rank=above(0.95)), P, M1) == Regime.HIGH_VOL

    @pytest.mark.parametrize(("sign", "trend"), [(1, Regime.BULL_TREND), (-1, Regime.BEAR_TREND)])
    def test_a_trend_needs_slope_above_1_and_efficiency_above_012(self, sign: int, trend: Regime) -> None:
        enough = CALM._replace(slope=sign * above(1.0), efficiency=above(0.12))
        assert candidate(enough, P, M1) == trend
        assert candidate(enough._replace(slope=sign * 1.0), P, M1) == Regime.CHOP
        assert candidate(enough._replace(efficiency=0.12), P, M1) == Regime.CHOP

    @pytest.mark.parametrize(("trend", "against"), [(BULL, -1e-9), (BEAR, 1e-9)])
    def test_a_trend_needs_funding_on_its_side_where_known(self, trend: Features, against: float) -> None:
        held = candidate(trend, P, M1)
        assert held != Regime.CHOP
        assert candidate(trend._replace(funding_frac_1h=-against), P, M1) == held
        assert candidate(trend._replace(funding_frac_1h=against), P, M1) == Regime.CHOP
        assert candidate(trend._replace(funding_frac_1h=nan), P, M1) == held
        assert candidate(trend._replace(funding_frac_1h=against), BARE, M1) == held

    @pytest.mark.parametrize("trend", [BULL, BEAR])
    def test_a_trend_of_either_sign_needs_volume_that_does_not_fall(self, trend: Features) -> None:
        held = candidate(trend, P, M1)
        assert candidate(trend._replace(volume_trend=-1e-9), P, M1) == Regime.CHOP
        assert candidate(trend._replace(volume_trend=nan), P, M1) == held
        assert candidate(trend._replace(volume_trend=-1e-9), BARE, M1) == held

    def test_the_first_rule_in_order_wins(self) -> None:
        assert candidate(BULL._replace(rv_1h=0.04), P, M1) == Regime.HIGH_VOL
        assert candidate(BULL._replace(rv_1h=0.04, r15=0.06), P, M1) == Regime.CRASH

    def test_unknown_features_are_chop(self) -> None:
        assert candidate(UNKNOWN_ALL, P, M1) == Regime.CHOP


class TestStaying:
    """Stay tests: thresholds times 0.8, rank 0.90, none for chop."""

    @pytest.mark.parametrize(
        ("regime", "at", "name"),
        [
            (Regime.CRASH, CALM._replace(r15=0.05 * 0.8), "r15"),
            (Regime.CRASH, CALM._replace(r5=0.6 * 0.05 * 0.8), "r5"),
            (Regime.HIGH_VOL, CALM._replace(rv_1h=0.03 * 0.8), "rv_1h"),
            (Regime.HIGH_VOL, CALM._replace(rv_rank=0.90), "rv_rank"),
            (Regime.BULL_TREND, CALM._replace(slope=0.8, efficiency=0.2), "slope"),
            (Regime.BULL_TREND, CALM._replace(slope=2.0, efficiency=0.12 * 0.8), "efficiency"),
            (Regime.BEAR_TREND, CALM._replace(slope=-2.0, efficiency=0.12 * 0.8), "efficiency"),
        ],
    )
    def test_the_stay_test_is_strict_at_its_threshold(self, regime: Regime, at: Features, name: str) -> None:
        more = at._replace(**{name: above(getattr(at, name))})
        assert not stay_holds(regime, at, P, M1)
        assert stay_holds(regime, more, P, M1)
        assert candidate(more, P, M1) == Regime.CHOP

    def test_a_bear_trend_stays_down_to_a_slope_of_minus_08(self) -> None:
        assert stay_holds(Regime.BEAR_TREND, BEAR._replace(slope=-0.81), P, M1)
        assert not stay_holds(Regime.BEAR_TREND, BEAR._replace(slope=-0.8), P, M1)

    def test_chop_has_no_stay_test(self) -> None:
        assert not stay_holds(Regime.CHOP, CALM, P, M1)

    def test_a_trend_does_not_stay_against_funding(self) -> None:
        assert not stay_holds(Regime.BULL_TREND, BULL._replace(funding_frac_1h=-1e-6), P, M1)

    @pytest.mark.parametrize("frame_ms", [M5, M15])
    def test_the_5_minute_leg_of_a_crash_stays_only_on_short_candles(self, frame_ms: int) -> None:
        assert stay_holds(Regime.CRASH, CALM._replace(r5=0.025), P, frame_ms) == (frame_ms == M5)


class TestMachine:
    """Which regime is present after each candle."""

    def test_the_first_candle_enters_its_candidate(self) -> None:
        for first in (CALM, BULL, BEAR, WILD, CRASH):
            state = new_regime_state()
            assert state[PRESENT] == Regime.CHOP
            assert isnan(state[ENTERED_TS])
            assert advance_regime(state, first, P, M1, 60_000) == candidate(first, P, M1)
            assert list(state) == [candidate(first, P, M1), 60_000, 0]

    def test_a_regime_dwells_5_candles(self) -> None:
        bull, chop = Regime.BULL_TREND, Regime.CHOP
        assert play([BULL] + [CALM] * 6) == [bull] * 5 + [chop] * 2

    def test_chop_dwells_as_well_and_then_gives_way_to_any_candidate(self) -> None:
        bear, chop = Regime.BEAR_TREND, Regime.CHOP
        assert play([CALM] + [BEAR] * 6) == [chop] * 5 + [bear] * 2

    def test_dwell_also_lasts_5_minutes_when_candles_are_shorter(self) -> None:
        half = MS_PER_MINUTE // 2
        assert play([BULL] + [CALM] * 11, half).index(Regime.CHOP) == 10

    def test_crash_enters_at_once_inside_any_dwell(self) -> None:
        assert play([BULL, CRASH]) == [Regime.BULL_TREND, Regime.CRASH]
        assert play([CALM, CALM, CRASH])[-1] == Regime.CRASH

    @pytest.mark.parametrize(("frame_ms", "candles"), [(M1, 30), (M5, 6), (M15, 5), (H1, 5)])
    def test_crash_dwells_5_candles_and_30_minutes(self, frame_ms: int, candles: int) -> None:
        assert play([CRASH] + [CALM] * 40, frame_ms).index(Regime.CHOP) == candles

    def test_a_second_crash_does_not_lengthen_the_dwell(self) -> None:
        assert play([CRASH] * 10 + [CALM] * 30).index(Regime.CHOP) == 30

    def test_after_its_dwell_a_regime_stays_while_its_stay_test_holds(self) -> None:
        fading = BULL._replace(slope=0.9)
        assert play([BULL] + [fading] * 9) == [Regime.BULL_TREND] * 10
        assert play([CALM] + [fading] * 9) == [Regime.CHOP] * 10

    def test_a_later_rule_does_not_end_a_regime_that_stays(self) -> None:
        calming_bull = BULL._replace(rv_1h=0.025)
        assert play([WILD] + [calming_bull] * 9) == [Regime.HIGH_VOL] * 10

    def test_an_earlier_rule_ends_a_regime_that_would_stay_once_its_dwell_is_over(self) -> None:
        wild_bull = BULL._replace(rv_1h=0.04)
        assert play([BULL] + [wild_bull] * 6) == [Regime.BULL_TREND] * 5 + [Regime.HIGH_VOL] * 2

    def test_a_stay_test_that_failed_inside_the_dwell_is_not_remembered(self) -> None:
        assert play([BULL, CALM, CALM, BULL, BULL, BULL._replace(slope=0.9)]) == [Regime.BULL_TREND] * 6

    def test_a_regime_that_enters_anew_dwells_anew(self) -> None:
        assert play([BULL] + [CALM] * 5 + [BULL] * 5) == (
            [Regime.BULL_TREND] * 5 + [Regime.CHOP] * 5 + [Regime.BULL_TREND]
        )

    def test_time_alone_does_not_end_a_dwell_across_a_gap(self) -> None:
        state = new_regime_state()
        advance_regime(state, BULL, P, M1, M1)
        assert advance_regime(state, CALM, P, M1, 100 * M1) == Regime.BULL_TREND
        assert state[CANDLES] == 1

    def test_the_state_says_when_the_present_regime_was_entered(self) -> None:
        state = new_regime_state()
        for i, f in enumerate([CALM, CRASH, CALM, CALM]):
            advance_regime(state, f, P, M1, 1_700_000_000_000 + i * M1)
        assert list(state) == [Regime.CRASH, 1_700_000_000_000 + M1, 2]

    def test_a_feed_that_never_knows_anything_stays_chop(self) -> None:
        assert play([UNKNOWN_ALL] * 20) == [Regime.CHOP] * 20


class TestConfidence:
    """clamp(0.5 + 0.5*(x/threshold - 1), 0, 1) over the binding test; chop 1 - max."""

    @pytest.mark.parametrize(
        ("regime", "f", "expected"),
        [
            (Regime.CRASH, CALM._replace(r15=0.05), 0.5),
            (Regime.CRASH, CALM._replace(r15=-0.06), 0.6),
            (Regime.CRASH, CALM._replace(r15=0.05, r5=-0.045), 0.75),
            (Regime.CRASH, CALM._replace(r15=nan, r5=0.03), 0.5),
            (Regime.CRASH, CALM._replace(r15=0.2), 1.0),
            (Regime.HIGH_VOL, CALM._replace(rv_1h=0.045), 0.75),
            (Regime.HIGH_VOL, CALM._replace(rv_1h=nan, rv_rank=0.95), 0.5),
            (Regime.HIGH_VOL, CALM._replace(rv_1h=0.015, rv_rank=0.9975), 0.525),
            (Regime.BULL_TREND, CALM._replace(slope=1.5, efficiency=0.24), 0.75),
            (Regime.BULL_TREND, CALM._replace(slope=1.5, efficiency=0.12), 0.5),
            (Regime.BULL_TREND, BEAR, 0.0),
            (Regime.BEAR_TREND, CALM._replace(slope=-1.5, efficiency=0.24), 0.75),
            (Regime.BEAR_TREND, CALM._replace(slope=-1.5, efficiency=nan), 0.0),
            (Regime.CHOP, CALM._replace(rv_rank=0.19), 0.8),
            (Regime.CHOP, CALM._replace(r15=0.02), 0.6),
            (Regime.CHOP, CALM._replace(slope=-0.5, efficiency=0.06), 0.5),
            (Regime.CHOP, CALM._replace(slope=0.7, efficiency=0.06), 0.5),
            (Regime.CHOP, BULL, 0.0),
            (Regime.CHOP, some_features(rv_rank=0.19), 0.8),
        ],
    )
    def test_confidence_follows_the_binding_test(self, regime: Regime, f: Features, expected: float) -> None:
        assert regime_confidence(regime, f, P, M1) == pytest.approx(expected)

    def test_the_5_minute_move_does_not_count_on_longer_candles(self) -> None:
        f = CALM._replace(r15=0.025, r5=0.06)
        assert regime_confidence(Regime.CRASH, f, P, M1) == 1.0
        assert regime_confidence(Regime.CRASH, f, P, M15) == 0.25

    @pytest.mark.parametrize("regime", list(Regime))
    def test_nothing_known_is_no_confidence(self, regime: Regime) -> None:
        assert regime_confidence(regime, UNKNOWN_ALL, P, M1) == 0.0


def near(*points: float) -> st.SearchStrategy[float]:
    """Numbers around the thresholds, the thresholds themselves, and the unknown."""
    edges = [x for p in points for x in (p, above(p), 0.8 * p, above(0.8 * p), 2 * p)]
    signed = edges + [-x for x in edges]
    return st.sampled_from([*signed, 0.0, nan]) | st.floats(-3, 3)


ANY_FEATURES = st.builds(
    some_features,
    r5=near(0.03),
    r15=near(0.05),
    rv_1h=near(0.03).map(abs),
    rv_rank=near(0.95).map(abs),
    slope=near(1.0),
    efficiency=near(0.12).map(abs),
    funding_frac_1h=near(1e-5),
    volume_trend=near(0.1),
)
MIRRORED = {Regime.BULL_TREND: Regime.BEAR_TREND, Regime.BEAR_TREND: Regime.BULL_TREND}
FRAMES = st.sampled_from([M1, M5, M15, H1])


@given(ANY_FEATURES, FRAMES)
def test_a_mirrored_market_has_the_mirrored_regime_and_confidence(f: Features, frame_ms: int) -> None:
    found = candidate(f, P, frame_ms)
    assert candidate(upside_down(f), P, frame_ms) == MIRRORED.get(found, found)
    for regime in Regime:
        mirrored = MIRRORED.get(regime, regime)
        confidence = regime_confidence(regime, f, P, frame_ms)
        assert 0.0 <= confidence <= 1.0
        assert regime_confidence(mirrored, upside_down(f), P, frame_ms) == confidence
        assert stay_holds(mirrored, upside_down(f), P, frame_ms) == stay_holds(regime, f, P, frame_ms)


@given(ANY_FEATURES, FRAMES)
def test_what_may_enter_may_stay_and_is_at_least_half_sure(f: Features, frame_ms: int) -> None:
    found = candidate(f, P, frame_ms)
    if found != Regime.CHOP:
        assert stay_holds(found, f, P, frame_ms)
        assert regime_confidence(found, f, P, frame_ms) >= 0.5


class RegimeMachine(RuleBasedStateMachine):
    """Any candles, with gaps, against the promises of the machine; a twin must always agree."""

    @initialize(frame_ms=FRAMES)
    def start(self, frame_ms: int) -> None:
        self.frame_ms, self.ts = frame_ms, 1_700_000_000_000
        self.state, self.twin = new_regime_state(), new_regime_state()
        self.present, self.entered_ts, self.candles = -1, self.ts, 0

    def close_candle(self, f: Features) -> None:
        self.ts += self.frame_ms
        before, found = self.present, int(candidate(f, P, self.frame_ms))
        self.present = advance_regime(self.state, f, P, self.frame_ms, self.ts)
        assert advance_regime(self.twin, f, P, self.frame_ms, self.ts) == self.present
        self.candles += 1
        minutes = 30 if before == Regime.CRASH else 5
        dwells = self.candles < 5 or self.ts - self.entered_ts < minutes * MS_PER_MINUTE
        if before < 0 or found == Regime.CRASH:
            assert self.present == found
        elif dwells:
            assert self.present == before
        elif self.present == before:
            assert found >= before
            assert found == before or stay_holds(before, f, P, self.frame_ms)
        else:
            assert self.present == found
            assert found < before or not stay_holds(before, f, P, self.frame_ms)
        if self.present != before:
            self.entered_ts, self.candles = self.ts, 0

    @rule(f=ANY_FEATURES)
    def anything_happens(self, f: Features) -> None:
        self.close_candle(f)

    @rule(f=st.sampled_from([CALM, BULL, BEAR, WILD, BULL._replace(slope=0.9)]), count=st.integers(1, 8))
    def a_while_of_the_same(self, f: Features, count: int) -> None:
        for _ in range(count):
            self.close_candle(f)

    @rule(candles=st.integers(1, 50))
    def candles_are_missing(self, candles: int) -> None:
        self.ts += candles * self.frame_ms

    @invariant()
    def the_state_tells_the_same_story(self) -> None:
        if hasattr(self, "state") and self.present >= 0:
            assert self.state == [self.present, self.entered_ts, self.candles]


TestRegimeMachine = RegimeMachine.TestCase
TestRegimeMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
