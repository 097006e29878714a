"""The operating characteristics of the licence: how often luck gets one, and how often an edge does.

Searches over made markets, counted; each search depends on the seed and its number alone, so the workers make
no difference. What the counts should be is said here; printing them is the verb's.
"""

import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from math import sqrt
from multiprocessing import get_context
from statistics import NormalDist, median
from typing import Any, NamedTuple

from drift_e3.lab.luck.calibration import Planted, calibrated
from drift_e3.lab.luck.market import Shapes
from drift_e3.lab.luck.searching import FULL_COSTS, ZERO_COSTS, Outcome, Span, market, search
from drift_e3.lab.scoring_intervals import Interval, wilson
from drift_e3.lab.statistics import expected_max_sharpe
from drift_e3.lab.verdict import DAYS_PER_YEAR, Standard

FALSE_MAX, POWER_MIN = 0.05, 0.80
"""At most so many searches over luck get a licence, at least so many over the strongest edge."""
SHARPES = (1.0, 2.0, 3.0)
JUDGING = 3
"""First number of the seeds of the markets that are judged; those below calibrate."""
LONGEST_DAYS = 36_500


class Job(NamedTuple):
    """One search: its market by drift, costs and number."""

    span: Span
    drift: float
    free: bool
    seed: int
    number: int


class Row(NamedTuple):
    """What came of the searches over one sort of market. `sharpe` is that of the edge, 0 without one."""

    name: str
    sharpe: float
    searches: int
    licensed: int
    failed: dict[str, int]
    sharpe_median: float
    sharpe_after_median: float

    @property
    def rate(self) -> float:
        """The share that got a licence."""
        return self.licensed / self.searches

    @property
    def interval(self) -> Interval:
        """Where the true share is, at 95 %."""
        return wilson(self.licensed, self.searches)

    @property
    def aim(self) -> str:
        """What the share should be, in words; empty where nothing is asked."""
        if self.sharpe == 0.0:
            return f"at most {FALSE_MAX:.0%}"
        return f"at least {POWER_MIN:.0%}" if self.sharpe == SHARPES[-1] else ""

    @property
    def holds(self) -> bool:
        """Whether the share is as it should be."""
        if self.sharpe == 0.0:
            return self.rate <= FALSE_MAX
        return self.sharpe != SHARPES[-1] or self.rate >= POWER_MIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Characteristics:
    """Everything that was measured. `correlation` is the median of the trials' among one another."""

    span: Span
    trials: int
    correlation: float
    rows: tuple[Row, ...]
    planted: tuple[Planted, ...]

    @property
    def holds(self) -> bool:
        """Whether both aims are met."""
        return all(row.holds for row in self.rows)

    def needed_days(self, sharpe: float, trials: int) -> int | None:
        """`days_needed` with the trials as alike as they are here."""
        return days_needed(sharpe, trials, self.correlation)

    def document(self) -> dict[str, Any]:
        """The same for JSON; shares as fractions."""
        return {
            "holds": self.holds,
            "training_days": self.span.training_days,
            "after_days": self.span.after_days,
            "trials": self.trials,
            "correlation": self.correlation,
            "rows": [
                row._asdict()
                | {"rate": row.rate, "interval": list(row.interval), "aim": row.aim, "holds": row.holds}
                for row in self.rows
            ],
            "planted": [planted._asdict() for planted in self.planted],
            "needed_days": {f"{sharpe:g}": self.needed_days(sharpe, self.trials) for sharpe in SHARPES},
        }


Progress = Callable[[int, int], None]


def measure(
    source: Shapes, span: Span, searches: int, powered: int, seed: int, workers: int, progress: Progress
) -> Characteristics:
    """Search `searches` markets of luck at full and at no costs, and `powered` for each edge.

    `progress(done, in all)` is called after each search.
    """
    crew = Crew(source, workers)
    total = 2 * searches + len(SHARPES) * powered
    done = 0
    rows: list[Row] = []
    outcomes: list[Outcome] = []
    with crew:
        planted = crew.calibrate(span, seed)
        wanted = [
            ("luck, full costs", 0.0, 0.0, False, searches),
            ("luck, no costs", 0.0, 0.0, True, searches),
        ]
        wanted += [
            (f"edge of net Sharpe {edge.wanted:g}", edge.wanted, edge.drift, False, powered)
            for edge in planted
        ]
        for name, sharpe, drift, free, count in wanted:
            found: list[Outcome] = []
            for outcome in crew.search([Job(span, drift, free, seed, number) for number in range(count)]):
                found.append(outcome)
                done += 1
                progress(done, total)
            rows.append(_row(name, sharpe, found))
            outcomes += found
    figures = [outcome.figures for outcome in outcomes if outcome.figures]
    return Characteristics(
        span=span,
        trials=int(_median(figure["trials"] for figure in figures)),
        correlation=_median(figure["correlation"] for figure in figures),
        rows=tuple(rows),
        planted=planted,
    )


def days_needed(sharpe: float, trials: int, correlation: float, power: float = POWER_MIN) -> int | None:
    """Days of training, with a quarter as many after it, in which an edge of this annual ratio is licensed
    with probability `power`; None where a century is too short.

    By the confidence and the deflated ratio alone, for normal returns: the other checks cost a little more.
    """
    standard, normal = Standard(), NormalDist()
    daily = sharpe / sqrt(DAYS_PER_YEAR)

    def enough(days: int) -> bool:
        luckiest = expected_max_sharpe((1.0 - correlation) / days, trials)
        deflated_z = (daily - luckiest) * sqrt(days)
        together = (deflated_z + 0.5 * daily * sqrt(0.25 * days)) / sqrt(1.25)
        beyond = normal.inv_cdf(power)
        return together >= normal.inv_cdf(standard.confidence_min) + beyond and deflated_z >= (
            normal.inv_cdf(standard.deflated_sharpe_min) + beyond
        )

    if not enough(LONGEST_DAYS):
        return None
    low, high = 2, LONGEST_DAYS
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return low


class Crew:
    """Does the searches: this process alone, or several."""

    def __init__(self, source: Shapes, workers: int) -> None:
        self._source = source
        self._pool = (
            None
            if workers == 1
            else ProcessPoolExecutor(workers, get_context("spawn"), initializer=_begin, initargs=(source,))
        )

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def calibrate(self, span: Span, seed: int) -> tuple[Planted, ...]:
        """The edges of `SHARPES`."""
        if self._pool is None:
            return tuple(calibrated(self._source, span, sharpe, seed) for sharpe in SHARPES)
        return tuple(self._pool.map(_calibrate, [(span, sharpe, seed) for sharpe in SHARPES]))

    def search(self, jobs: Sequence[Job]) -> Iterator[Outcome]:
        """What came of each job, in their order."""
        if self._pool is None:
            return (_done(self._source, job) for job in jobs)
        return self._pool.map(_do, jobs, chunksize=4)


def _done(source: Shapes, job: Job) -> Outcome:
    shapes = market(source, job.span, job.drift, (job.seed, JUDGING, job.number))
    return search(shapes, job.span, ZERO_COSTS if job.free else FULL_COSTS, job.seed + job.number)


_SOURCE: list[Shapes] = []
"""The market that a worker process makes its markets from; empty elsewhere."""


def _begin(source: Shapes) -> None:
    # Ctrl-C is the first process's: it ends the workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _SOURCE.append(source)


def _do(job: Job) -> Outcome:
    return _done(_SOURCE[0], job)


def _calibrate(wanted: tuple[Span, float, int]) -> Planted:
    span, sharpe, seed = wanted
    return calibrated(_SOURCE[0], span, sharpe, seed)


def _row(name: str, sharpe: float, outcomes: Sequence[Outcome]) -> Row:
    failed = Counter(check for outcome in outcomes for check in outcome.failed)
    figures = [outcome.figures for outcome in outcomes if outcome.figures]
    return Row(
        name=name,
        sharpe=sharpe,
        searches=len(outcomes),
        licensed=sum(outcome.licensed for outcome in outcomes),
        failed=dict(failed.most_common()),
        sharpe_median=_median(figure["sharpe"] for figure in figures),
        sharpe_after_median=_median(figure["sharpe_out_of_sample"] for figure in figures),
    )


def _median(values: Iterator[float]) -> float:
    found = list(values)
    return float(median(found)) if found else 0.0
