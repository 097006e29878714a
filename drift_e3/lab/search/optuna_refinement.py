"""Stage 2 by Optuna's tree-structured Parzen estimator (Bergstra et al. 2011), asked in batches.

Each batch is asked of an estimator made for it, which is told of the best trials and of the latest ones: what
a question costs grows with what was told, and early trials say little of where the search is by now. A batch
is asked for before any of it is traded and depends on nothing but the seed and the trials before it, so the
same seed gives the same trials whoever trades them; after a crash the same questions are asked anew.
"""

from collections.abc import Mapping
from random import Random

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial

from drift_e3.lab.search.plan import Axis, Period, Plan
from drift_e3.lab.search.refinement import try_all
from drift_e3.lab.search.runner import Runner
from drift_e3.lab.search.trial import Trial, ranked

BATCH = 32
BEST_TOLD, LATEST_TOLD = 20, 60
"""The estimator holds the best tenth of what it is told to be good, and the others to be bad."""
CANDIDATES = 8
"""Draws that a question is chosen from. Optuna's 24 cost a third more and found nothing better."""
SEED_BITS = 32

Spaces = Mapping[str, BaseDistribution]


def optuna_steps(
    plan: Plan, runner: Runner, key: str, training: tuple[Period, ...], trials: list[Trial]
) -> None:
    """Try `refinement_trials` sets between the ends of the axes and add the trials."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    spaces = {axis.key: _space(axis) for axis in plan.axes if len(axis.values) > 1}
    last = len(trials) + plan.refinement_trials
    while len(trials) < last:
        study = _study(plan, spaces, trials)
        questions = [study.ask(spaces) for _ in range(min(BATCH, last - len(trials)))]
        fresh = [
            Trial(
                len(trials) + at,
                "optuna",
                tuple(question.params.get(axis.key, axis.values[0]) for axis in plan.axes),
            )
            for at, question in enumerate(questions)
        ]
        try_all(plan, runner, f"{key}/2/{len(trials)}", training, fresh)
        trials += fresh


def _study(plan: Plan, spaces: Spaces, trials: list[Trial]) -> optuna.Study:
    """What is asked for the next batch."""
    seed = Random(f"{plan.seed} {len(trials)}").getrandbits(SEED_BITS)  # noqa: S311  # no secret
    # Nothing is known of a batch that is under way, so there is nothing to lie about.
    sampler = optuna.samplers.TPESampler(seed=seed, n_ei_candidates=CANDIDATES, constant_liar=False)
    study = optuna.create_study(direction="maximize", sampler=sampler)
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
                distributions=dict(spaces),
            )
            for trial in _told(trials)
        ]
    )
    return study


def _told(trials: list[Trial]) -> list[Trial]:
    """The best of all and the latest of the others, in the order of trying."""
    complete = ranked(trials)
    others = sorted(complete[BEST_TOLD:], key=_number)
    return sorted([*complete[:BEST_TOLD], *others[-LATEST_TOLD:]], key=_number)


def _number(trial: Trial) -> int:
    return trial.number


def _space(axis: Axis) -> BaseDistribution:
    if isinstance(axis.values[0], bool):
        return CategoricalDistribution(axis.values)
    return FloatDistribution(float(axis.values[0]), float(axis.values[-1]))


def _worth(trial: Trial) -> float:
    """A number that says what `merit` says: a broken rule is worse than any score, none is worse still."""
    if trial.score is None:
        return -2.0
    return trial.score - 1.0 if trial.broken else trial.score
