"""A run over a made tape that several modules look at, and daemons in processes of their own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.daemon_process import Daemon
from tests.cli.runs import SECRET, Run, prepared
from tests.live.program import program
from tests.live.tapes import LIVELY


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run through a whole tape, on rules alone."""
    folder = tmp_path_factory.mktemp("whole")
    arguments = ("--paper", "--venue", "tape", *prepared(folder), "--advisor", "off")
    return Run(folder, arguments, program(folder, "run", *arguments, **LIVELY, OLLAMA__TOKEN=SECRET))


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Callable[..., Daemon]]:
    started: list[Daemon] = []

    def start(*arguments: object, **variables: str) -> Daemon:
        started.append(Daemon(tmp_path, *arguments, **variables))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.communicate()
