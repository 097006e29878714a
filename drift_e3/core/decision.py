"""From features, rules and advice to a decision with its whole reason.

`draft_decision` is what would be done if only rules and advisor had a say; the risk manager's verdict comes
after, in the trader. Nothing here sizes, approves or sends.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from drift_e3.core.advice import Advice
from drift_e3.core.blend import blend, final_regime, freshness
from drift_e3.core.features import Features
from drift_e3.core.params import Params
from drift_e3.core.strategies import SIGNALS, Leg, Needs, Signal, e3_signal, fade_signal
from drift_e3.core.terms import FLAT, REGIMES, STRATEGIES, Direction, Regime, Strategy, Verdict

NO_SIGNAL = tuple(f"no_signal:{leg.label}" for leg in Leg)
"""Why there is no entry, indexed by the `Leg` that failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldAdvice:
    """Parsed advice and when it was received (event time, ms).

    `advisor` is who gave it: model, digest and template. `trust` is the share 0..1 of its say that it has
    earned, 1 where weight is fixed: with less than all of it goes neither a veto nor a word on the regime.
    """

    advice: Advice
    question_id: str
    received_ts: int
    advisor: str = ""
    trust: float = 1.0


class Decision(NamedTuple):
    """One decision per closed candle with everything that led to it: a named tuple, as there are so many.

    `ts` is the candle's close. `confidence` is after, `signal_confidence` before the blend with advice;
    `no_advice` says why none was used ("" when some was). `skipped_legs` is a bitmask over `Leg`: filters
    that this feed cannot have. `size_base` and `order_id` are set for approved entries; `size_bound` names
    the limit that set the size.
    """

    ts: int
    price_usd: float
    features: Features
    rule_regime: Regime
    rule_confidence: float
    regime: Regime
    strategy: Strategy
    direction: Direction
    signal_confidence: float
    confidence: float
    skipped_legs: int
    advice: Advice | None
    advice_age_ms: int
    no_advice: str
    leverage_x_max: float
    verdict: Verdict
    reason: str
    size_base: float
    size_bound: str
    order_id: str
    equity_usd: float
    position_base: float


class Draft(NamedTuple):
    """What rules and advice want. `reason` is empty when they want an entry, else why they do not."""

    regime: Regime
    strategy: Strategy
    signal: Signal
    direction: Direction
    confidence: float
    multiplier: float
    used_advice: bool
    reason: str


Drafter = Callable[[Features, Regime, HeldAdvice | None, int, Params, Needs], Draft]
"""Who says what is wanted: `draft_decision` in every trader that can touch money, see there."""


def either_signals(features: Features, params: Params, needs: Needs) -> bool:
    """Whether one of the two strategies would enter on this candle, whatever the regime."""
    return (
        e3_signal(features, params, needs).direction != 0
        or fade_signal(features, params, needs).direction != 0
    )


def regime_in_force(rule_regime: Regime, held: HeldAdvice | None, now_ts: int, params: Params) -> Regime:
    """The regime that routes and caps: a rule crash, else fresh and confident advice, else the rules'."""
    if held is None:
        return rule_regime
    fresh = freshness(now_ts - held.received_ts, params.ai_ttlSeconds) > 0.0
    return REGIMES[final_regime(rule_regime, held.advice.regime, held.advice.confidence, fresh, params)]


def draft_decision(
    features: Features,
    regime: Regime,
    held: HeldAdvice | None,
    now_ts: int,
    params: Params,
    needs: Needs,
) -> Draft:
    """Route the regime in force to its strategy, take that strategy's signal and blend it with the advice."""
    route = params.routing[regime]
    strategy = STRATEGIES[route]
    signal = SIGNALS[route](features, params, needs)
    if signal.direction == 0:
        return Draft(regime, strategy, signal, FLAT, signal.confidence, 1.0, False, NO_SIGNAL[signal.failed])
    if held is None:
        return Draft(regime, strategy, signal, Direction(signal.direction), signal.confidence, 1.0, False, "")
    advice = held.advice
    blended = blend(
        signal.direction,
        signal.confidence,
        advice.direction,
        advice.confidence,
        advice.multiplier,
        freshness(now_ts - held.received_ts, params.ai_ttlSeconds) * held.trust,
        params,
    )
    return Draft(
        regime,
        strategy,
        signal,
        Direction(signal.direction),
        blended.confidence,
        blended.multiplier,
        blended.used,
        "vetoed_by_advice" if blended.vetoed and held.trust >= 1.0 else "",
    )
