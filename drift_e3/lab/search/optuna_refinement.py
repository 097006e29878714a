"""Stage 2 by Optuna's tree-structured Parzen estimator (Bergstra et al. 2011), asked in batches.

A batch is asked for before any of it is told, and is told in its order, so the same seed gives the same
trials whoever trades them; after a crash the same questions are asked anew.
"""

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial

from drift_e3.lab.search.plan import Axis, Period, Plan
from drift_e3.lab.search.refinement import try_all
from drift_e3.lab.search.runner import Runner
from drift_e3.lab.search.trial import Trial, ranked

BATCH = 32
TOLD = 100
"""So many of the best of stage 1 are told beforehand."""


def optuna_steps(
    plan: Plan, runner: Runner, key: str, training: tuple[Period, ...], trials: list[Trial]
) -> None:
    """Try `refinement_trials` sets between the ends of the axes and add the trials."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    spaces = {axis.key: _space(axis) for axis in plan.axes if len(axis.values) > 1}
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=plan.seed))
    study.add_trials(
        [
            create_trial(
                state=TrialState.COMPLETE,
                value=_worth(trial),
                params={
                    axis.key: value
                    for axis, value in zip(plan.axes, trial.values, strict=True)
                    if axis.key in spaces
                },
                distributions=spaces,
            )
            for trial in ranked(trials)[:TOLD]
        ]
    )
    last = len(trials) + plan.refinement_trials
    while len(trials) < last:
        asked = [study.ask(spaces) for _ in range(min(BATCH, last - len(trials)))]
        fresh = [
            Trial(
                len(trials) + at,
                "optuna",
                tuple(question.params.get(axis.key, axis.values[0]) for axis in plan.axes),
            )
            for at, question in enumerate(asked)
        ]
        try_all(plan, runner, f"{key}/2/{len(trials)}", training, fresh)
        for question, trial in zip(asked, fresh, strict=True):
            study.tell(question, _worth(trial))
        trials += fresh


def _space(axis: Axis) -> BaseDistribution:
    if isinstance(axis.values[0], bool):
        return CategoricalDistribution(axis.values)
    return FloatDistribution(float(axis.values[0]), float(axis.values[-1]))


def _worth(trial: Trial) -> float:
    """A number that says what `merit` says: a broken rule is worse than any score, none is worse still."""
    if trial.score is None:
        return -2.0
    return trial.score - 1.0 if trial.broken else trial.score
