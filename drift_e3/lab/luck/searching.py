"""A search as `optimize` does it, in reduced form, over a made market, and the verdict on what it found.

The stages, the score, the evidence and the judge are those of `lab.search` and `lab.verdict`. Reduced are the
numbers: 48 sampled sets instead of 2,500, 16 refinements instead of 1,000, two rungs. The rules are those of
E3 alone, in every regime: a made market has no funding to fade, and stops wide enough for hourly candles.
"""

from collections.abc import Mapping
from math import sqrt
from typing import NamedTuple

import numpy as np

from drift_e3.core.params import Limits, Params
from drift_e3.core.terms import MS_PER_DAY, Instrument, Strategy
from drift_e3.lab.luck.market import START_TS, Shapes, planted, shuffled, tape_of
from drift_e3.lab.search.compiled import CompiledEvaluator
from drift_e3.lab.search.driver import run_search
from drift_e3.lab.search.identity import Account
from drift_e3.lab.search.judging import verdict_on
from drift_e3.lab.search.plan import Axis, Period, Plan
from drift_e3.lab.search.runner import Runner
from drift_e3.lab.search.work import Bench, Result
from drift_e3.lab.search.workers import ThisProcess
from drift_e3.lab.statistics import track
from drift_e3.lab.verdict import DAYS_PER_YEAR
from drift_e3.venues.sim.settings import SimSettings

WARM_DAYS = 8
"""More than the features' longest window, before training begins."""
EQUITY_USD = 1_000.0
LIMITS = Limits(risk_frac=0.005)
"""A quarter of the usual risk: a halted account is the limits' verdict, not the judge's."""
FULL_COSTS = Account(EQUITY_USD, LIMITS, Instrument(), SimSettings())
"""The guide's 10 bps a side, and the fill model as the settings have it."""
ZERO_COSTS = Account(
    EQUITY_USD,
    LIMITS,
    Instrument(taker_fee_bps=0.0, maker_fee_bps=0.0),
    SimSettings(
        half_spread_bps=0.0,
        half_spread_per_volatility=0.0,
        impact_per_volatility=0.0,
        slippage_unknown_bps=0.0,
    ),
)
"""A venue where trading costs nothing, but for latency."""
REFERENCE = Params(
    m_bodyOverAtr=0.5,
    m_volumeZ=1.5,
    m_realizedVol=0.3,
    m_stopLossPct=0.03,
    m_trailingStopPct=0.03,
    m_takeProfitPct=0.06,
    m_maxHoldHours=6.0,
    f_enabled=False,
    routing=(Strategy.E3,) * 5,
)
"""The set whose net Sharpe ratio says how strong a planted edge is. It is one of the grid's."""
AXES = (
    Axis("m_bodyOverAtr", (0.4, 0.5, 0.6, 0.8)),
    Axis("m_volumeZ", (1.0, 1.5, 2.0, 2.5)),
    Axis("m_realizedVol", (0.15, 0.3, 0.45, 0.6)),
    Axis("m_takeProfitPct", (0.04, 0.06, 0.09)),
    Axis("m_stopLossPct", (0.02, 0.03, 0.04)),
    Axis("m_trailingStopPct", (0.02, 0.03, 0.04)),
    Axis("m_maxHoldHours", (3.0, 6.0, 12.0)),
)
SAMPLED, REFINED = 48, 16


class Span(NamedTuple):
    """Days of training and of the time after it."""

    training_days: int
    after_days: int

    @property
    def days(self) -> int:
        """All days of a made market, those that warm the features included."""
        return WARM_DAYS + self.training_days + self.after_days


class Outcome(NamedTuple):
    """One search: licensed or not, the checks that failed, and the figures of the verdict."""

    licensed: bool
    failed: tuple[str, ...]
    figures: Mapping[str, float]


class Forgetful:
    """A log that keeps nothing: a search of seconds is not resumed."""

    def __contains__(self, key: str) -> bool:
        return False

    def get(self, key: str) -> Result | None:
        """Nothing."""

    def put(self, key: str, result: Result) -> None:
        """Forget it."""


class Unheard:
    """Progress that nobody looks at."""

    def stage(self, name: str, sets: int) -> None: ...
    def done(self, sets: int) -> None: ...
    def best(self, score: float) -> None: ...
    def say(self, line: str) -> None: ...


def market(source: Shapes, span: Span, drift: float, seed: tuple[int, ...]) -> Shapes:
    """A made market of the span's length; the same seed is the same luck, whatever is planted in it."""
    return planted(shuffled(source, span.days, np.random.default_rng(seed)), drift)


def search(shapes: Shapes, span: Span, account: Account, seed: int) -> Outcome:
    """Search a made market and judge what was found. `seed` is the sample's."""
    training, after = periods(span)
    plan = Plan(
        name="luck",
        symbol=account.instrument.symbol,
        base=REFERENCE,
        axes=AXES,
        held=(),
        training=(training,),
        validation=after,
        max_combinations=SAMPLED,
        refinement_trials=REFINED,
        rungs=(0.25, 1.0),
        evidence_sets=SAMPLED,
        seed=seed,
    )
    bench = Bench(
        evaluator=_evaluator(shapes, account, (training, after)),
        base=plan.base,
        keys=plan.keys,
        regime_weights=plan.regime_weights,
    )
    found = run_search(plan, Runner(ThisProcess(bench), Forgetful(), SAMPLED, Unheard()))
    verdict = verdict_on(found, len({trial.values for trial in found.trials}), EQUITY_USD)
    failed = tuple(check.name for check in verdict.checks if not check.holds)
    return Outcome(verdict.licensed, failed or (() if verdict.licensed else ("unscored",)), verdict.figures)


def reference_sharpe(shapes: Shapes, span: Span, account: Account) -> float:
    """The annual net Sharpe ratio of the reference set over the whole span."""
    training, after = periods(span)
    whole = training._replace(end_ts=after.end_ts)
    (traded,) = _evaluator(shapes, account, (whole,)).trade([REFERENCE], whole)
    equity = np.array([account.equity_usd, *traded.equity_usd])
    return track(np.diff(equity) / equity[:-1]).sharpe * sqrt(DAYS_PER_YEAR)


def periods(span: Span) -> tuple[Period, Period]:
    """Training and the time after it."""
    training_ts = START_TS + WARM_DAYS * MS_PER_DAY
    after_ts = training_ts + span.training_days * MS_PER_DAY
    end_ts = after_ts + span.after_days * MS_PER_DAY
    return Period("training", training_ts, after_ts, 1.0), Period("after", after_ts, end_ts, 1.0)


def _evaluator(shapes: Shapes, account: Account, asked: tuple[Period, ...]) -> CompiledEvaluator:
    return CompiledEvaluator(
        candles=tape_of(shapes), funding=None, account=account, periods=asked, keep=False
    )
