"""The search's work on an existing Dask cluster, whose machines have this program installed with its lab.

The bench goes to every machine once; tasks that a lost machine had are done by another. Importing this brings
Dask's `distributed`, the extra `cluster`.
"""

import logging
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError
from types import TracebackType
from typing import Any, Self

from distributed import Client, Future, KilledWorker
from distributed.comm.core import CommClosedError

from drift_e3.lab.search.lost import WorkersLost
from drift_e3.lab.search.work import Bench, Result, Task
from drift_e3.lab.search.workers import AHEAD, Finished, in_order

PATIENCE_S = 10.0
"""For a scheduler to answer."""


class Cluster:
    """The workers of a Dask scheduler. Raises `WorkersLost` where none answers at the address, or it has no
    workers."""

    def __init__(self, bench: Bench, address: str) -> None:
        # What the library has to say of lost connections is said here, in one line.
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        try:
            self._client = Client(address, timeout=PATIENCE_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise WorkersLost(f"--cluster: no Dask scheduler answers at {address}") from error
        self._threads = sum(self._client.nthreads().values())
        if self._threads == 0:
            self._client.close()
            raise WorkersLost(f"--cluster: the scheduler at {address} has no workers")
        self._bench = self._client.scatter(bench, broadcast=True, hash=False)

    def map(self, tasks: Iterable[Task], finished: Finished) -> Iterator[Result]:
        """Do the tasks. Raises `WorkersLost`."""
        try:
            yield from in_order(tasks, self._submit, self._threads * AHEAD, finished)
        except (KilledWorker, CancelledError, CommClosedError) as error:
            raise WorkersLost("the cluster lost the search's work; --resume goes on from here") from error

    def _submit(self, task: Task) -> "Future[Any]":
        return self._client.submit(_do, self._bench, task, pure=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()


def _do(bench: Bench, task: Task) -> Result:
    return bench.do(task)
