"""From features, rules and advice to a draft of a decision."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_e3.core.decision import HeldAdvice, draft_decision, either_signals, regime_in_force
from drift_e3.core.features import Features
from drift_e3.core.params import Params
from drift_e3.core.strategies import Needs
from drift_e3.core.terms import Direction, Regime, Strategy
from tests.core.builders import START_TS, some_advice
from tests.core.feature_builders import some_features

PARAMS = Params()
NEEDS = Needs(book=False, premium=False)
RALLY = some_features(body_over_atr=0.6, volume_z=2.2, rv_rank=0.7)
"""E3 wants to buy with confidence 0.6."""
CROWDED = some_features(funding_z=2.5, volume_z=1.5)
"""FundingFade wants to sell with confidence 0.6."""
NOTHING = some_features()


def held(
    direction: Direction = Direction.LONG,
    confidence: float = 0.7,
    regime: Regime = Regime.HIGH_VOL,
    *,
    age_ms: int = 0,
    multiplier: float = 1.0,
) -> HeldAdvice:
    return HeldAdvice(
        advice=some_advice(direction, confidence, regime, multiplier),
        question_id="q",
        received_ts=START_TS - age_ms,
    )


@pytest.mark.parametrize(("features", "signals"), [(RALLY, True), (CROWDED, True), (NOTHING, False)])
def test_either_strategy_counts_as_a_signal_whatever_the_regime(features: Features, signals: bool) -> None:
    assert either_signals(features, PARAMS, NEEDS) is signals


@pytest.mark.parametrize(
    ("rule", "advice", "expected"),
    [
        (Regime.CHOP, None, Regime.CHOP),
        (Regime.CHOP, held(), Regime.HIGH_VOL),
        (Regime.CRASH, held(), Regime.CRASH),
        (Regime.CHOP, held(confidence=0.29), Regime.CHOP),
        (Regime.CHOP, held(age_ms=300_000), Regime.CHOP),
        (Regime.CHOP, held(age_ms=299_999), Regime.HIGH_VOL),
    ],
)
def test_the_regime_in_force(rule: Regime, advice: HeldAdvice | None, expected: Regime) -> None:
    assert regime_in_force(rule, advice, START_TS, PARAMS) is expected


def test_a_regime_is_routed_to_its_strategy() -> None:
    trend = draft_decision(RALLY, Regime.BULL_TREND, None, START_TS, PARAMS, NEEDS)
    assert (trend.strategy, trend.direction, trend.reason) == (Strategy.E3, Direction.LONG, "")
    chop = draft_decision(RALLY, Regime.CHOP, None, START_TS, PARAMS, NEEDS)
    assert (chop.strategy, chop.direction) == (Strategy.FUNDING_FADE, Direction.FLAT)
    assert chop.reason == "no_signal:funding"
    crowded = draft_decision(CROWDED, Regime.CHOP, None, START_TS, PARAMS, NEEDS)
    assert (crowded.direction, crowded.confidence) == (Direction.SHORT, 0.6)


def test_a_regime_routed_nowhere_trades_nothing() -> None:
    nowhere = PARAMS._replace(routing=(Strategy.NONE,) * 5)
    draft = draft_decision(RALLY, Regime.BULL_TREND, None, START_TS, nowhere, NEEDS)
    assert (draft.strategy, draft.direction) == (Strategy.NONE, Direction.FLAT)
    assert draft.reason == "no_signal:disabled"


def test_advice_is_blended_into_the_confidence() -> None:
    """Half a weight: 0.5 * 0.6 + 0.5 * 0.7."""
    draft = draft_decision(RALLY, Regime.HIGH_VOL, held(multiplier=0.5), START_TS, PARAMS, NEEDS)
    assert draft.confidence == pytest.approx(0.65)
    assert (draft.signal.confidence, draft.multiplier, draft.used_advice) == (0.6, 0.5, True)


def test_confident_advice_against_the_signal_vetoes_it() -> None:
    draft = draft_decision(RALLY, Regime.HIGH_VOL, held(Direction.SHORT, 0.8), START_TS, PARAMS, NEEDS)
    assert (draft.direction, draft.reason) == (Direction.LONG, "vetoed_by_advice")


def test_advice_may_route_to_the_other_strategy() -> None:
    advice = held(regime=Regime.BULL_TREND)
    regime = regime_in_force(Regime.CHOP, advice, START_TS, PARAMS)
    draft = draft_decision(RALLY, regime, advice, START_TS, PARAMS, NEEDS)
    assert (draft.regime, draft.strategy, draft.direction) == (
        Regime.BULL_TREND,
        Strategy.E3,
        Direction.LONG,
    )


@given(
    st.sampled_from(Direction),
    st.floats(0.0, 1.0),
    st.sampled_from(Regime),
    st.integers(0, 400_000),
    st.sampled_from(Regime),
)
def test_a_model_never_opens_a_trade_by_itself_nor_turns_one_round(
    direction: Direction, confidence: float, regime: Regime, age_ms: int, rule: Regime
) -> None:
    opinion = held(direction, confidence, regime, age_ms=age_ms)
    silent = draft_decision(NOTHING, rule, opinion, START_TS, PARAMS, NEEDS)
    assert silent.direction is Direction.FLAT
    assert silent.reason.startswith("no_signal:")
    rally = draft_decision(RALLY, rule, opinion, START_TS, PARAMS, NEEDS)
    assert rally.direction in (Direction.LONG, Direction.FLAT)
    if direction is not Direction.LONG:
        assert rally.confidence <= rally.signal.confidence
