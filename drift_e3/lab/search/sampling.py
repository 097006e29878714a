"""Stage 1: an even sample of the grid, halved again and again on a growing prefix of the training time."""

from collections.abc import Sequence

from drift_e3.lab.search.grid import Grid, design
from drift_e3.lab.search.plan import HIGH_IMPACT, Period, Plan, between, start_level
from drift_e3.lab.search.runner import Runner
from drift_e3.lab.search.trial import Trial, merit
from drift_e3.lab.search.work import Values


def sample(plan: Plan) -> list[Values]:
    """The sets that stage 1 tries, in order: the whole grid where that is no larger than `max_combinations`,
    else as many sets over the parameters of high impact, the others where they are in force."""
    whole = Grid(plan.axes)
    if whole.size <= plan.max_combinations:
        sampled = plan.axes
    else:
        sampled = tuple(axis for axis in plan.axes if axis.key in HIGH_IMPACT) or plan.axes
    grid = Grid(sampled)
    place = {axis.key: at for at, axis in enumerate(sampled)}
    starts = {axis.key: start_level(axis, plan.base) for axis in plan.axes if axis.key not in place}

    def values(index: int) -> Values:
        levels = grid.levels(index)
        return tuple(
            axis.values[levels[place[axis.key]] if axis.key in place else starts[axis.key]]
            for axis in plan.axes
        )

    return [values(index) for index in design(grid, plan.max_combinations, plan.seed)]


def halving(plan: Plan, runner: Runner, key: str, training: tuple[Period, ...]) -> list[Trial]:
    """Try the sample; all trials, those that came to the end among them."""
    trials = [Trial(number, "sample", values) for number, values in enumerate(sample(plan))]
    runner.try_out([trial.values for trial in trials])
    alive = trials
    for rung, share in enumerate(plan.rungs):
        periods = between(training, 0.0, share)
        runner.progress.stage(f"stage 1, {share:.3g} of the time", len(alive))
        measured = runner.measure(f"{key}/1/{rung}", [trial.values for trial in alive], periods)
        for trial, result in zip(alive, measured, strict=True):
            trial.take(result, periods, share, plan)
        if share < 1.0:
            alive = _survivors(alive, plan.keep_min)
    return trials


def _survivors(trials: Sequence[Trial], keep_min: int) -> list[Trial]:
    """Who goes on, in the order of the trials; the others are told why not.

    A set with too few trades to be judged goes on. Of the judged, those that break a rule are dropped and the
    better half of all judged stays; yet `keep_min` sets always go on, the best first, so that a search over a
    market in which nothing works comes to an end that can be looked at.
    """
    judged = sorted((t for t in trials if t.score is not None or t.broken), key=merit)
    unjudged = len(trials) - len(judged)
    passing = sum(1 for trial in judged if not trial.broken)
    kept = max(min(passing, (len(judged) + 1) // 2), keep_min - unjudged, 0)
    for trial in judged[kept:]:
        trial.dropped = trial.broken or "halving"
    return [trial for trial in trials if not trial.dropped]
