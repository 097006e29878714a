"""The search on a real local Dask cluster, one of whose workers is killed on the way."""

import os
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from drift_e3.lab.search.lost import WorkersLost
from drift_e3.lab.search.work import Result, Task
from drift_e3.lab.search.workers import Finished
from tests.lab.search.made_search import a_bench, a_plan, contents, searched

try:
    import distributed
except (ImportError, AttributeError):
    # toolz before 0.12, on which driftpy insists, cannot be imported by Dask under Python 3.11.
    pytest.skip("Dask is not installed, or not with a toolz that it works with", allow_module_level=True)

# Dask and tornado leave sockets to the garbage collector when a worker dies.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

PLAN = a_plan()
KILL_AFTER = 4


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
    ) as cluster:
        yield cluster.scheduler_address


def test_a_search_on_a_cluster_that_loses_a_worker_gives_the_same_files(address: str, tmp_path: Path) -> None:
    from drift_e3.lab.search.cluster import Cluster

    killed: list[int] = []

    class Losing(Cluster):
        """A cluster of which a worker is killed after some tasks."""

        def map(self, tasks: Iterable[Task], finished: Finished) -> Iterator[Result]:
            done = 0

            def kill_one(task: Task, result: Result) -> None:
                nonlocal done
                done += 1
                finished(task, result)
                if done == KILL_AFTER and not killed:
                    killed.append(next(iter(self._client.run(os.getpid).values())))
                    os.kill(killed[0], signal.SIGKILL)

            return super().map(tasks, kill_one)

    searched(tmp_path / "alone", PLAN)
    searched(tmp_path / "cluster", PLAN, Losing(a_bench(PLAN), address))
    assert killed
    assert contents(tmp_path / "cluster") == contents(tmp_path / "alone")


def test_nobody_at_the_address_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from drift_e3.lab.search import cluster

    monkeypatch.setattr(cluster, "PATIENCE_S", 0.2)
    with pytest.raises(WorkersLost, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:1"):
        cluster.Cluster(a_bench(PLAN), "tcp://127.0.0.1:1")
    with pytest.raises(WorkersLost, match="no Dask scheduler answers at nowhere"):
        cluster.Cluster(a_bench(PLAN), "nowhere")
