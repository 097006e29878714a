"""Who does the search's work: this process, several processes, or machines elsewhere (`cluster`).

All give results in the order of the tasks, whoever was faster, so that nobody can tell the difference.
"""

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from types import TracebackType
from typing import Protocol, Self

from drift_e3.lab.search.lost import WorkersLost
from drift_e3.lab.search.work import Bench, Result, Task

AHEAD = 3
"""Tasks handed out for each worker: enough that none waits, few enough that memory stays as it is."""

Finished = Callable[[Task, Result], None]


class Workers(Protocol):
    """Does tasks. `finished` is called for each task as soon as it is done, in any order; the results come in
    the order of the tasks. Tasks are taken as they are needed, a few ahead."""

    def map(self, tasks: Iterable[Task], finished: Finished) -> Iterator[Result]: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class ThisProcess:
    """One after the other, here."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def map(self, tasks: Iterable[Task], finished: Finished) -> Iterator[Result]:
        """Do the tasks."""
        for task in tasks:
            result = self._bench.do(task)
            finished(task, result)
            yield result

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


class Processes:
    """Several processes, started anew: a fork would copy threads that do not survive it."""

    def __init__(self, bench: Bench, count: int) -> None:
        self._count = count
        self._pool = ProcessPoolExecutor(
            count, mp_context=get_context("spawn"), initializer=_begin, initargs=(bench,)
        )

    def map(self, tasks: Iterable[Task], finished: Finished) -> Iterator[Result]:
        """Do the tasks. Raises `WorkersLost`."""
        try:
            yield from in_order(tasks, self._submit, self._count * AHEAD, finished)
        except BrokenProcessPool as error:
            raise WorkersLost(
                "a worker process died, of memory perhaps; --resume goes on from here"
            ) from error

    def _submit(self, task: Task) -> "Future[Result]":
        # This may start a process, which inherits what is blocked. It must not die of a Ctrl-C that is for
        # this one: if it dies while it takes a task, the others wait for ever, and this one for them.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return self._pool.submit(_do, task)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Who is stopped by a person does not wait for what is under way; the workers end with this process.
        self._pool.shutdown(wait=error_type is not KeyboardInterrupt, cancel_futures=True)


class Promise(Protocol):
    """A result that is under way; `concurrent.futures` and Dask both have them."""

    def done(self) -> bool: ...
    def result(self) -> Result: ...


def in_order(
    tasks: Iterable[Task],
    submit: Callable[[Task], Promise],
    ahead: int,
    finished: Finished,
) -> Iterator[Result]:
    """The results in the order of the tasks, of which `ahead` are out at a time."""
    out: deque[tuple[Task, Promise]] = deque()
    kept: set[str] = set()

    def keep_what_is_done() -> None:
        for task, future in out:
            if task.key not in kept and future.done():
                finished(task, future.result())
                kept.add(task.key)

    def first() -> Result:
        task, future = out[0]
        result = future.result()
        keep_what_is_done()
        kept.discard(task.key)
        out.popleft()
        return result

    for task in tasks:
        out.append((task, submit(task)))
        keep_what_is_done()
        if len(out) >= ahead:
            yield first()
    while out:
        yield first()


_bench: list[Bench] = []
"""The bench of a worker process: sent once, at its start."""


def _begin(bench: Bench) -> None:
    """Set a worker process up: it ends when the one that started it is gone, however that went."""
    _bench.append(bench)
    parent = parent_process()
    assert parent is not None
    threading.Thread(target=_die_with, args=(parent.sentinel,), daemon=True).start()


def _die_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


def _do(task: Task) -> Result:
    return _bench[0].do(task)
