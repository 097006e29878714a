"""A question to change as a test needs it."""

from dataclasses import replace
from typing import Any, Final

from drift_e3.core.advice import Question
from drift_e3.core.features import NO_FEATURES
from drift_e3.core.terms import MS_PER_MINUTE, Regime

ASKED_TS: Final = 1_700_000_000_000

CALM: Final = Question(
    question_id="q-1",
    ts=ASKED_TS,
    symbol="SOL-PERP",
    price_usd=151.25,
    features=NO_FEATURES._replace(body_over_atr=0.8, rv_1h=0.012, rv_rank=0.93, funding_frac_1h=1.25e-5),
    rule_regime=Regime.CHOP,
    candles=tuple(
        (ASKED_TS - back * MS_PER_MINUTE, 150.0, 151.5, 149.5, 150.0 + back, 12_345.678) for back in (3, 2, 1)
    ),
    position_base=0.0,
    entry_usd=float("nan"),
    held_ms=0,
    leverage_x_max=1.0,
    equity_usd=1_000.0,
    daily_loss_frac=0.01,
    drawdown_frac=float("nan"),
)


def a_question(**changes: Any) -> Question:
    """A question about a calm market, flat, with most features unknown."""
    return replace(CALM, **changes)
