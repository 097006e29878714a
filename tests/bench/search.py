"""What a search costs beyond the compiled loop it spends its time in: stage 1 and both sorts of stage 2."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, Final
from unittest.mock import patch

from drift_e3.core.params import Limits, Params
from drift_e3.core.terms import MS_PER_MINUTE, Instrument
from drift_e3.lab.kernel.running import run_many
from drift_e3.lab.search import compiled
from drift_e3.lab.search.compiled import CompiledEvaluator
from drift_e3.lab.search.identity import Account
from drift_e3.lab.search.log import SearchLog
from drift_e3.lab.search.optuna_refinement import optuna_steps
from drift_e3.lab.search.plan import Axis, Period, Plan
from drift_e3.lab.search.refinement import half_steps
from drift_e3.lab.search.runner import Runner, chunk_size
from drift_e3.lab.search.sampling import halving
from drift_e3.lab.search.trial import Trial
from drift_e3.lab.search.work import Bench
from drift_e3.lab.search.workers import ThisProcess
from drift_e3.venues.sim.settings import SimSettings
from tests.bench.markets import EQUITY_USD, START_TS, made_tapes
from tests.bench.measuring import Aim, Figure, Scale, alternate

AXES: Final = (
    Axis("m_bodyOverAtr", (0.4, 0.5, 0.6, 0.8)),
    Axis("m_volumeZ", (1.8, 2.0, 2.5, 3.0)),
    Axis("m_realizedVol", (0.4, 0.5, 0.6, 0.7)),
    Axis("m_takeProfitPct", (0.015, 0.02, 0.025)),
    Axis("m_stopLossPct", (0.008, 0.01, 0.012)),
    Axis("m_trailingStopPct", (0.004, 0.005, 0.008)),
    Axis("f_volumeZ", (0.5, 1.0, 1.5, 2.0)),
    Axis("f_takeProfitPct", (0.01, 0.015, 0.02)),
    Axis("f_stopLossPct", (0.008, 0.01, 0.012)),
    Axis("thr_volHigh", (0.025, 0.03, 0.035)),
)
CANDLES_A_UNIT: Final = 5
"""A search needs a longer tape than a backtest in plain Python: so many times as long."""
TRIALS: Final = 1_000


class _Unheard:
    def stage(self, name: str, sets: int) -> None: ...
    def done(self, sets: int) -> None: ...
    def best(self, score: float) -> None: ...
    def say(self, line: str) -> None: ...


def measure(scale: Scale) -> list[Figure]:
    """Time beyond the compiled loop's, as a share of that, on one core."""
    count = scale.candles * CANDLES_A_UNIT
    candles, funding = made_tapes(count)
    last_ts = START_TS + count * MS_PER_MINUTE
    plan = Plan(
        name="bench",
        symbol="SOL-PERP",
        base=Params(),
        axes=AXES,
        held=(),
        training=(Period("training", START_TS, last_ts, 1.0),),
        validation=Period("validation", last_ts, last_ts + 1, 1.0),
        max_combinations=scale.samples // 4,
        refinement_trials=TRIALS,
    )
    account = Account(EQUITY_USD, Limits(), Instrument(), SimSettings())
    evaluator = CompiledEvaluator(
        candles=candles, funding=funding, account=account, periods=plan.training, keep=False
    )
    evaluator.check(plan.base)
    bench = Bench(evaluator=evaluator, base=plan.base, keys=plan.keys, regime_weights=plan.regime_weights)
    rounds = alternate(1, [lambda: _round(plan, bench, count)])
    return [
        Figure(
            measure="search",
            name=f"{name}, time beyond the compiled loop's",
            unit="of it",
            values=rounds[key],
            aim=Aim(limit=limit),
        )
        for name, key, limit in (
            (f"stage 1, {plan.max_combinations} sets", "stage_1", 0.2),
            (f"stage 2, {TRIALS} half steps", "half_steps", 1.0),
            (f"stage 2, {TRIALS} of Optuna's", "optuna", 1.0),
        )
    ]


def _round(plan: Plan, bench: Bench, candles: int) -> dict[str, float]:
    shares: dict[str, float] = {}
    with TemporaryDirectory() as folder, SearchLog(Path(folder), "bench", resume=False) as log:
        runner = Runner(ThisProcess(bench), log, chunk_size(candles), _Unheard())
        with _beyond_the_loop(shares, "stage_1"):
            sampled = halving(plan, runner, "1", plan.training)
        for name, refine in (("half_steps", half_steps), ("optuna", optuna_steps)):
            trials: list[Trial] = list(sampled)
            with _beyond_the_loop(shares, name):
                refine(plan, runner, name, plan.training, trials)
    return shares


@contextmanager
def _beyond_the_loop(shares: dict[str, float], name: str) -> Iterator[None]:
    """Note the time of the block that was not spent in the compiled loop, as a share of what was."""
    spent_s = 0.0

    def timed(*arguments: Any) -> Any:
        nonlocal spent_s
        began = perf_counter()
        try:
            return run_many(*arguments)
        finally:
            spent_s += perf_counter() - began

    began = perf_counter()
    with patch.object(compiled, "run_many", timed):
        yield
    shares[name] = (perf_counter() - began - spent_s) / spent_s
