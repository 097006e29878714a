"""Who does the work: results in order whoever is faster, nothing handed out too far ahead, deaths told."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from drift_e3.core.params import Params
from drift_e3.lab.search.evaluator import Traded
from drift_e3.lab.search.lost import WorkersLost
from drift_e3.lab.search.plan import Period
from drift_e3.lab.search.work import Measured, Result, Task
from drift_e3.lab.search.workers import Processes, in_order
from tests.lab.search.made_search import Hill, a_bench, a_plan, searched

TASKS = [Task(f"{number}", (), ()) for number in range(9)]


@dataclass(slots=True)
class Slow:
    """A result that is done when somebody asks for it, or says so."""

    result_: Result
    done_: bool = False

    def done(self) -> bool:
        return self.done_

    def result(self) -> Result:
        self.done_ = True
        return self.result_


@dataclass(frozen=True, slots=True, kw_only=True)
class Mortal(Hill):
    """An evaluator that takes its process with it."""

    def trade(self, sets: Sequence[Params], period: Period) -> Iterator[Traded]:
        os._exit(9)


def a_result(task: Task) -> Result:
    return (Measured((), (float(task.key),)),)


def test_results_come_in_order_and_each_is_kept_once_as_soon_as_it_is_done() -> None:
    out: list[Slow] = []
    kept: list[str] = []

    def submit(task: Task) -> Slow:
        out.append(Slow(a_result(task), done_=int(task.key) % 3 == 2))
        return out[-1]

    results = list(in_order(TASKS, submit, 4, lambda task, _: kept.append(task.key)))
    assert results == [a_result(task) for task in TASKS]
    assert sorted(kept) == [task.key for task in TASKS]
    assert kept.index("2") < kept.index("1")


def test_no_more_is_handed_out_than_is_needed() -> None:
    handed: list[str] = []

    def submit(task: Task) -> Slow:
        handed.append(task.key)
        return Slow(a_result(task))

    results = in_order(TASKS, submit, 3, lambda task, result: None)
    next(results)
    assert handed == ["0", "1", "2"]
    next(results)
    assert handed == ["0", "1", "2", "3"]


def test_a_worker_that_dies_is_told_and_the_search_goes_on_from_there(tmp_path: Path) -> None:
    plan = a_plan()
    with pytest.raises(WorkersLost, match="a worker process died"):
        searched(tmp_path, plan, Processes(a_bench(plan, Mortal()), 1))
    card = searched(tmp_path, plan, resume=True)
    assert card == searched(tmp_path.with_name("alone"), plan)
