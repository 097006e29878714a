"""A set of parameters that was tried, how far it came, and the order of merit."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from drift_e3.lab.search.plan import Period, Plan
from drift_e3.lab.search.score import Metrics, broken_rule, total_score
from drift_e3.lab.search.work import Measured, Values


@dataclass(slots=True)
class Trial:
    """One set: its number in the order of trying, the stage it comes from, and what is known of it so far.

    `share` of the training time was traded; `rows` are the metrics of the periods in that, `score` is None
    where one of them has too few trades. `broken` names the rule it breaks, `dropped` says why it was not
    traded to the end; both may be empty. `validation` is its out-of-sample period, if that was traded.
    """

    number: int
    stage: str
    values: Values
    share: float = 0.0
    rows: tuple[Metrics, ...] = ()
    score: float | None = None
    broken: str = ""
    dropped: str = ""
    validation: Metrics | None = None

    def take(self, measured: Measured, periods: Sequence[Period], share: float, plan: Plan) -> None:
        """Take what came of it in the first `share` of the training time."""
        self.share = share
        self.rows = measured.rows
        self.score = total_score(measured.rows, periods, plan.scoring)
        self.broken = broken_rule(measured.rows, plan.early_stop)


def merit(trial: Trial) -> tuple[bool, bool, float, int]:
    """The key to sort by, best first: sets with a score that keep the rules, by score; then those that break
    one; then those without a score. The one tried first wins a tie."""
    score = trial.score
    return score is None, trial.broken != "", 0.0 if score is None else -score, trial.number


def ranked(trials: Iterable[Trial]) -> list[Trial]:
    """Trials that were traded to the end, best first."""
    return sorted((trial for trial in trials if trial.share >= 1.0), key=merit)
