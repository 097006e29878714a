"""Answers and ledgers made by hand, for the tests of the scores."""

from collections.abc import Sequence
from math import nan

from drift_e3.core.terms import Direction, Regime
from drift_e3.lab.ledger import HORIZONS_MS
from drift_e3.lab.scoring_answers import Answer, Weighing
from tests.live.tapes import HOUR, START


def an_answer_of(
    direction: int = 1,
    confidence: float = 0.6,
    return_frac: float = 0.01,
    *,
    number: int = 0,
    model: str = "m",
    template: str = "t-v1",
    advice_regime: int = Regime.CHOP,
    rule_regime: int = Regime.CHOP,
    weighings: Sequence[Weighing] = (),
) -> Answer:
    """Advice that was followed by the same return at every horizon, two days after the answer before."""
    return Answer(
        ts=START + number * 48 * HOUR,
        model=model,
        template=template,
        rule_regime=rule_regime,
        advice_regime=advice_regime,
        direction=direction,
        confidence=confidence,
        rule_confidence=0.5,
        signal_confidence=nan,
        outcome="advice",
        latency_ms=1_000,
        returns=(return_frac,) * len(HORIZONS_MS),
        weighings=tuple(weighings),
    )


def no_advice(return_frac: float, number: int = 0) -> Answer:
    """A question without an answer; the market went on all the same."""
    return an_answer_of(Direction.FLAT, nan, return_frac, number=number, model="", advice_regime=-1)._replace(
        outcome="timeout", latency_ms=-1
    )


def a_weighing(
    rules: float,
    advice: float,
    blended: float,
    return_frac: float,
    *,
    direction: int = 1,
    advice_direction: int = 1,
    number: int = 0,
    counted: bool = True,
    vetoed: bool = False,
) -> Weighing:
    """A signal with advice at hand."""
    return Weighing(
        ts=START + number * 48 * HOUR,
        direction=direction,
        rules=rules,
        advice_direction=advice_direction,
        advice=advice,
        blended=blended,
        counted=counted,
        vetoed=vetoed,
        returns=(return_frac,) * len(HORIZONS_MS),
    )
