"""A run over a made tape that several modules look at, and daemons in processes of their own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drift_e3.cli.exits import Exit
from tests.cli.daemon_process import Daemon
from tests.cli.operating import COUNT, in_position
from tests.cli.operating import run as traded
from tests.cli.runs import SECRET, Run, prepared
from tests.live.journals import rewrite
from tests.live.program import program
from tests.live.tapes import LIVELY, random_walk, write_candles


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


@pytest.fixture(scope="module")
def scout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tape that was traded through."""
    folder = tmp_path_factory.mktemp("scout")
    write_candles(folder / "tape.csv", random_walk(4, COUNT, minutes=60))
    assert traded(folder).code == Exit.OK
    return folder


@pytest.fixture(scope="module")
def held(scout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, but the daemon was stopped in order with a position open."""
    folder = tmp_path_factory.mktemp("held")
    (folder / "tape.csv").write_bytes((scout / "tape.csv").read_bytes())
    seq, _ = in_position(scout / "state")
    rewrite(scout / "state", folder / "state", upto=seq, snapshots=False)
    return folder


@pytest.fixture
def folder(held: Path, tmp_path: Path) -> Path:
    """A copy of that for one test."""
    (tmp_path / "tape.csv").write_bytes((held / "tape.csv").read_bytes())
    rewrite(held / "state", tmp_path / "state", snapshots=False)
    return tmp_path
