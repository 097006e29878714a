"""The whole search in its order: stage 1, stage 2, out of sample, what luck is judged by, walk-forward.

The winner is chosen on the training periods alone. The validation period is traded once that is settled, by
the winner and, for the report's sake, by those behind him; nothing is chosen by it.
"""

from dataclasses import dataclass

from drift_e3.lab.search.plan import Period, Plan, Value, between
from drift_e3.lab.search.refinement import half_steps
from drift_e3.lab.search.runner import Runner
from drift_e3.lab.search.sampling import halving
from drift_e3.lab.search.score import Metrics, period_score
from drift_e3.lab.search.trial import Trial, ranked
from drift_e3.lab.search.work import Measured, Values

FINALISTS = 25
"""So many of the best are traded out of sample and shown, the winner first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The winner with one parameter changed, on the training periods; `adjacent`: next to its value."""

    key: str
    value: Value
    adjacent: bool
    score: float | None
    broken: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """One step of the walk-forward: chosen on `chosen_on`, traded on `traded_on`; None: nothing was found.

    `returns` are the daily ones of what was traded then.
    """

    chosen_on: tuple[Period, ...]
    traded_on: tuple[Period, ...]
    values: Values | None
    score_inside: float | None
    rows: tuple[Metrics, ...]
    returns: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search came to.

    `winner` is None where no set has enough trades to be scored. `evidence` are sets over the whole training
    with the daily returns of the real account: the first ones of the sample, dropped or not, then the
    finalists, the winner first among these (`finalists_at`). `inside` and `outside` are the winner's training
    and validation with returns and trades.
    """

    trials: list[Trial]
    finalists: list[Trial]
    winner: Trial | None = None
    steps: tuple[Step, ...] = ()
    evidence: tuple[Measured, ...] = ()
    finalists_at: int = 0
    inside: Measured | None = None
    outside: Measured | None = None
    folds: tuple[Fold, ...] = ()


def run_search(plan: Plan, runner: Runner) -> Found:
    """Do all of it."""
    trials = _two_stages(plan, runner, "search", plan.training)
    finalists = [trial for trial in ranked(trials) if trial.score is not None][:FINALISTS]
    if not finalists:
        return Found(trials=trials, finalists=[])
    winner = finalists[0]
    runner.progress.stage("out of sample", len(finalists))
    outside = runner.measure("validation", [one.values for one in finalists], (plan.validation,))
    for trial, measured in zip(finalists, outside, strict=True):
        trial.validation = measured.rows[0]
    shown = [trial.values for trial in trials[: plan.evidence_sets] if trial.stage == "sample"]
    runner.progress.stage("evidence", len(shown) + len(finalists))
    evidence = runner.measure(
        "evidence", [*shown, *(one.values for one in finalists)], plan.training, returns=True
    )
    return Found(
        trials=trials,
        finalists=finalists,
        winner=winner,
        evidence=tuple(evidence),
        finalists_at=len(shown),
        steps=_steps(plan, runner, winner),
        inside=_in_full(runner, "winner/inside", winner, plan.training),
        outside=_in_full(runner, "winner/outside", winner, (plan.validation,)),
        folds=tuple(_fold(plan, runner, number) for number in range(1, plan.folds + 1) if plan.folds > 1),
    )


def _in_full(runner: Runner, key: str, winner: Trial, periods: tuple[Period, ...]) -> Measured:
    (measured,) = runner.measure(key, [winner.values], periods, returns=True, costs=True)
    return measured


def _two_stages(plan: Plan, runner: Runner, key: str, training: tuple[Period, ...]) -> list[Trial]:
    trials = halving(plan, runner, key, training)
    _tell_best(runner, trials)
    match plan.refinement:
        case "half_steps":
            half_steps(plan, runner, key, training, trials)
        case "optuna":
            # A large library, for those who asked for it.
            from drift_e3.lab.search.optuna_refinement import optuna_steps

            optuna_steps(plan, runner, key, training, trials)
    _tell_best(runner, trials)
    return trials


def _tell_best(runner: Runner, trials: list[Trial]) -> None:
    best = ranked(trials)[:1]
    if best and best[0].score is not None:
        runner.progress.best(best[0].score)


def _steps(plan: Plan, runner: Runner, winner: Trial) -> tuple[Step, ...]:
    """The winner with each parameter at each of its other values."""
    wanted: list[tuple[str, Value, bool, Values]] = []
    for at, axis in enumerate(plan.axes):
        own = winner.values[at]
        below = [value for value in axis.values if value < own]
        above = [value for value in axis.values if value > own]
        for value in (*below, *above):
            adjacent = value in (*below[-1:], *above[:1])
            changed = (*winner.values[:at], value, *winner.values[at + 1 :])
            wanted.append((axis.key, value, adjacent, changed))
    runner.progress.stage("stability", len(wanted))
    steps: list[Step] = []
    measured = runner.measure("stability", [values for *_, values in wanted], plan.training)
    for (key, value, adjacent, values), result in zip(wanted, measured, strict=True):
        trial = Trial(0, "stability", values)
        trial.take(result, plan.training, 1.0, plan)
        steps.append(Step(key=key, value=value, adjacent=adjacent, score=trial.score, broken=trial.broken))
    return tuple(steps)


def _fold(plan: Plan, runner: Runner, number: int) -> Fold:
    """Search on the first parts of the training time, trade what was found on the part behind them."""
    parts = plan.folds + 1
    chosen_on = between(plan.training, 0.0, number / parts)
    traded_on = between(plan.training, number / parts, (number + 1) / parts)
    best = ranked(_two_stages(plan, runner, f"fold {number}", chosen_on))[:1]
    if not best or best[0].score is None:
        return Fold(
            chosen_on=chosen_on, traded_on=traded_on, values=None, score_inside=None, rows=(), returns=()
        )
    (measured,) = runner.measure(f"fold {number}/outside", [best[0].values], traded_on, returns=True)
    return Fold(
        chosen_on=chosen_on,
        traded_on=traded_on,
        values=best[0].values,
        score_inside=best[0].score,
        rows=measured.rows,
        returns=measured.returns,
    )


def validation_score(plan: Plan, winner: Trial) -> float | None:
    """The winner's score out of sample; None under ten trades there."""
    return None if winner.validation is None else period_score(winner.validation, plan.scoring)
