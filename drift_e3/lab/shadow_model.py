"""The book that trades what the model says: its draft of a decision, and nothing that a daemon could reach.

The core has no such rule: there a model never opens a trade. A trader follows this one only where somebody
makes it with this function in hand (`core.trader.Trader`), which no setting, journal or snapshot can. Limits,
sizes, stops and exits stay the core's.
"""

from drift_e3.core.blend import MULTIPLIER_MIN, freshness
from drift_e3.core.decision import Draft, HeldAdvice
from drift_e3.core.features import Features
from drift_e3.core.params import Params
from drift_e3.core.strategies import Needs, Signal
from drift_e3.core.terms import E3, FLAT, Regime, clamp


def model_draft(
    features: Features,
    regime: Regime,
    held: HeldAdvice | None,
    now_ts: int,
    params: Params,
    needs: Needs,
) -> Draft:
    """Enter in the direction of the advice at hand, with its own confidence; out again as momentum trades.

    The multiplier only makes smaller, as everywhere by default.
    """
    del features, needs
    if held is None or freshness(now_ts - held.received_ts, params.ai_ttlSeconds) <= 0.0:
        return Draft(regime, E3, Signal(0, 0.0, 0, 0), FLAT, 0.0, 1.0, False, "no_advice")
    advice = held.advice
    signal = Signal(int(advice.direction), advice.confidence, 0, 0)
    return Draft(
        regime,
        E3,
        signal,
        advice.direction,
        advice.confidence,
        clamp(advice.multiplier, MULTIPLIER_MIN, 1.0),
        True,
        "" if advice.direction is not FLAT else "advised_flat",
    )
