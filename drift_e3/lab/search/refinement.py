"""Stage 2: the neighbourhood of the best, in half steps and then in quarters, over all parameters."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from drift_e3.lab.search.plan import Axis, Period, Plan, Value
from drift_e3.lab.search.runner import Runner
from drift_e3.lab.search.trial import Trial, ranked
from drift_e3.lab.search.work import Values

FINEST = 2
"""How often the steps are halved at most."""


def ladder(axis: Axis, depth: int) -> tuple[Value, ...]:
    """The values of an axis with the middle between each two put in, `depth` times; a switch has none."""
    values = axis.values
    if isinstance(values[0], bool):
        return values
    for _ in range(depth):
        finer: list[Value] = [values[0]]
        for low, high in pairwise(values):
            finer += [low + (high - low) * 0.5, high]
        values = tuple(finer)
    return values


def neighbours(axes: Sequence[Axis], values: Values, depth: int) -> Iterator[Values]:
    """The sets one rung of the ladder away along one axis, axis by axis, down before up."""
    for at, axis in enumerate(axes):
        rungs = ladder(axis, depth)
        place = rungs.index(values[at])
        for other in (place - 1, place + 1):
            if 0 <= other < len(rungs):
                yield (*values[:at], rungs[other], *values[at + 1 :])


def half_steps(
    plan: Plan, runner: Runner, key: str, training: tuple[Period, ...], trials: list[Trial]
) -> None:
    """Try the neighbours of the best sets, then those of what is best then, and add the trials.

    A round that finds nothing better halves the steps; it ends when they are fine enough or
    `refinement_trials` are used up.
    """
    known = {trial.values for trial in trials}
    last = len(trials) + plan.refinement_trials
    turn, depth = 0, 1
    while depth <= FINEST and len(trials) < last:
        best = ranked(trials)[: plan.refine_best]
        fresh: list[Trial] = []
        for around in best:
            for values in neighbours(plan.axes, around.values, depth):
                if values not in known and len(trials) + len(fresh) < last:
                    known.add(values)
                    fresh.append(Trial(len(trials) + len(fresh), "refinement", values))
        try_all(plan, runner, f"{key}/2/{turn}", training, fresh)
        trials += fresh
        turn += 1
        if ranked(trials)[:1] == best[:1]:
            depth += 1


def try_all(
    plan: Plan, runner: Runner, key: str, training: tuple[Period, ...], trials: Sequence[Trial]
) -> None:
    """Trade trials over the whole training time."""
    runner.try_out([trial.values for trial in trials])
    runner.progress.stage("stage 2", len(trials))
    measured = runner.measure(key, [trial.values for trial in trials], training)
    for trial, result in zip(trials, measured, strict=True):
        trial.take(result, training, 1.0, plan)
