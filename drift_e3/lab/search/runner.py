"""Sets in, measured sets out, in order: cut into tasks, taken from the log where that has them, else done."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from drift_e3.lab.search.plan import Period
from drift_e3.lab.search.work import Measured, Result, Task, Values
from drift_e3.lab.search.workers import Workers

CHUNK_CANDLES = 4_000_000
"""Candles that a task trades: some tenths of a second compiled, long against the cost of handing it out."""
CHUNK_SETS_MAX = 256


class Log(Protocol):
    """Remembers what is done, by the keys of tasks: `log.SearchLog`, or nobody."""

    def __contains__(self, key: str) -> bool: ...
    def get(self, key: str) -> Result | None: ...
    def put(self, key: str, result: Result) -> None: ...


class Progress(Protocol):
    """Is told how the search gets on."""

    def stage(self, name: str, sets: int) -> None:
        """A stage begins; so many sets are to be traded in it."""

    def done(self, sets: int) -> None:
        """Further sets have been traded."""

    def best(self, score: float) -> None:
        """The best score so far."""

    def say(self, line: str) -> None:
        """Something that a person should know."""


Tried = Callable[[Sequence[Values]], None]
"""Is told of the sets that a stage is about to try, before it does: each counts as a trial from then on."""


def chunk_size(candles: int) -> int:
    """Sets in a task, for a training time of so many candles. It depends on nothing else: tasks must be the
    same whoever does them."""
    return min(max(CHUNK_CANDLES // max(candles, 1), 1), CHUNK_SETS_MAX)


class Runner:
    """Does the work of a search through its log."""

    def __init__(
        self, workers: Workers, log: Log, chunk_sets: int, progress: Progress, tried: Tried | None = None
    ) -> None:
        self._workers = workers
        self._log = log
        self._chunk_sets = chunk_sets
        self._tried = tried
        self.progress = progress

    def try_out(self, sets: Sequence[Values]) -> None:
        """A stage is about to trade these sets for the first time."""
        if self._tried is not None:
            self._tried(sets)

    def measure(
        self,
        key: str,
        sets: Sequence[Values],
        periods: tuple[Period, ...],
        *,
        returns: bool = False,
        costs: bool = False,
    ) -> Iterator[Measured]:
        """Each set measured, in order. `key` must be new within the search."""

        def tasks() -> Iterator[Task]:
            for first in range(0, len(sets), self._chunk_sets):
                part = tuple(sets[first : first + self._chunk_sets])
                yield Task(f"{key}/{first}", part, periods, returns, costs)

        finished = {task.key for task in tasks() if task.key in self._log}
        fresh = self._workers.map((task for task in tasks() if task.key not in finished), self._keep)
        for task in tasks():
            result = self._log.get(task.key) if task.key in finished else next(fresh)
            assert result is not None
            if task.key in finished:
                self.progress.done(len(task.sets))
            yield from result

    def _keep(self, task: Task, result: Result) -> None:
        self._log.put(task.key, result)
        self.progress.done(len(task.sets))
