"""Searches that cost next to nothing: an evaluator with a known best, plans over it, a listener."""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drift_e3.core.params import Limits, Params
from drift_e3.core.terms import MS_PER_DAY, Instrument, Regime
from drift_e3.lab.licence import Leg
from drift_e3.lab.search.evaluator import Evaluator, PlainEvaluator, Traded, day_of, days_begun
from drift_e3.lab.search.identity import Account, Hashes
from drift_e3.lab.search.plan import Axis, Period, Plan
from drift_e3.lab.search.score import Metrics
from drift_e3.lab.search.session import Session
from drift_e3.lab.search.work import Bench
from drift_e3.lab.search.workers import ThisProcess, Workers
from drift_e3.ports import Market
from drift_e3.venues.sim.settings import SimSettings

START = 1_735_689_600_000
"""2025-01-01 00:00 UTC."""
BEST = {"m_bodyOverAtr": 0.55, "m_volumeZ": 2.0, "m_stopLossPct": 0.01, "m_spreadBps": 40.0}
"""Where the made market pays most."""
SCALE = {"m_bodyOverAtr": 0.2, "m_volumeZ": 1.0, "m_stopLossPct": 0.004, "m_spreadBps": 20.0}


def day(number: int) -> int:
    """The first moment of a day, from 0."""
    return START + number * MS_PER_DAY


def no_market(period: Period) -> Market:
    """For whoever does not trade."""
    raise AssertionError(period)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hill:
    """An evaluator whose profit falls with the distance from `BEST`; `each_day` trades a day, of which the
    share that wins wavers from trade to trade but not from call to call."""

    equity_usd: float = 1_000.0
    each_day: int = 2
    edge: float = 0.004
    drain: float = 0.0

    def trade(self, sets: Sequence[Params], period: Period) -> Iterator[Traded]:
        """Trade each set."""
        for params in sets:
            yield self._traded(params, period)

    def metrics(self, traded: Traded, regime_weights: Sequence[float], period: Period) -> Metrics:
        """Measure as the reference does."""
        reference = PlainEvaluator(make_market=no_market, limits=Limits(), equity_usd=self.equity_usd)
        return reference.metrics(traded, regime_weights, period)

    def _traded(self, params: Params, period: Period) -> Traded:
        away = 0.0
        for key, best in BEST.items():
            away += abs(getattr(params, key) - best) / SCALE[key]
        columns: dict[str, Any] = {name: array("d") for name in Traded._fields}
        columns["day"], columns["regime"] = array("q"), array("q")
        equity = self.equity_usd
        ends = array("d", [equity]) * days_begun(period)
        step_ms = MS_PER_DAY // self.each_day
        for ts in range(period.start_ts + step_ms // 2, period.end_ts, step_ms):
            dice = ((ts // 60_000) * 2_654_435_761 % 1_000) / 1_000.0 - 0.5
            net = self.equity_usd * (self.edge * (1.0 - away) - self.drain + 0.02 * dice)
            equity += net
            columns["day"].append(day_of(ts, period))
            columns["regime"].append(Regime.BULL_TREND if ts // step_ms % 3 else Regime.CHOP)
            columns["net_usd"].append(net)
            for name in ("slippage_usd", "fees_usd", "funding_usd"):
                columns[name].append(0.1)
            for later in range(day_of(ts, period), len(ends)):
                ends[later] = equity
        return Traded(**(columns | {"equity_usd": ends}))


AXES = (
    Axis("m_bodyOverAtr", (0.4, 0.5, 0.6, 0.8)),
    Axis("m_volumeZ", (1.0, 1.5, 2.0, 2.5)),
    Axis("m_stopLossPct", (0.008, 0.01, 0.012)),
    Axis("m_spreadBps", (30.0, 40.0, 50.0)),
)


def a_plan(**changes: Any) -> Plan:
    """A small plan: 60 days to search on, 20 behind them."""
    plan = Plan(
        name="made",
        symbol="SOL-PERP",
        base=Params(),
        axes=AXES,
        held=(("ai_minConfidence", "no recorded advice is given"),),
        training=(Period("inside", day(0), day(60), 1.0),),
        validation=Period("outside", day(60), day(80), 2.0),
        max_combinations=40,
        keep_min=4,
        refinement_trials=30,
        refine_best=2,
        evidence_sets=12,
        chunk_sets=3,
    )
    return plan._replace(**changes)


def a_bench(plan: Plan, evaluator: Evaluator | None = None) -> Bench:
    """The bench of a plan."""
    return Bench(
        evaluator=evaluator or Hill(), base=plan.base, keys=plan.keys, regime_weights=plan.regime_weights
    )


def a_session(plan: Plan, search: str = "5e" * 32) -> Session:
    """A session over the made market."""
    return Session(
        plan=plan,
        account=Account(1_000.0, Limits(), Instrument(), SimSettings()),
        hashes=Hashes("da" * 32, "c0de" * 4, search, "1a" * 8),
        candles=10_000,
        frame_ms=3_600_000,
        legs=frozenset({Leg.FUNDING}),
    )


@dataclass(slots=True)
class Listening:
    """A progress that keeps what it is told."""

    stages: list[tuple[str, int]] = field(default_factory=list)
    sets: int = 0
    scores: list[float] = field(default_factory=list)

    def stage(self, name: str, sets: int) -> None:
        self.stages.append((name, sets))

    def done(self, sets: int) -> None:
        self.sets += sets

    def best(self, score: float) -> None:
        self.scores.append(score)

    def say(self, line: str) -> None:
        raise AssertionError(line)


def searched(
    folder: Path, plan: Plan, workers: Workers | None = None, *, resume: bool = False
) -> dict[str, Any]:
    """Search with a ledger beside the folder, and give the card."""
    crew = workers or ThisProcess(a_bench(plan))
    ledger = folder.with_name(f"{folder.name}.db")
    with crew:
        return a_session(plan).run(folder, ledger, crew, Listening(), resume=resume)


def contents(folder: Path) -> dict[str, bytes]:
    """All files of a folder."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
