"""Whatever is wrong from outside is one clear line on standard error, an exit code, and nothing touched.

One table, in `bad_tapes`, `bad_settings` and `bad_journals`, all of it through the real command line. A line
names the file and row, or the key, with the limit and the value where there are such.
"""

import re
import shutil
from pathlib import Path

import pytest

from drift_e3.cli.exits import Exit
from tests.bad_journals import JOURNALS, Make
from tests.bad_settings import SETTINGS
from tests.bad_tapes import COUNT, RUN, TAPES, Case, nothing
from tests.live.daemons import orders, run_on
from tests.live.markets import settings, tape_market
from tests.live.program import program
from tests.live.tapes import random_walk, write_candles, write_funding

CHOSEN = settings()
VERBS = [("replay", "--state", "state"), (*RUN, "--funding", "funding.csv"), ("resume", "--state", "state")]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good state directory, of which each case gets a copy."""
    state = tmp_path_factory.mktemp("good") / "state"
    run_on(tape_market(CHOSEN, seed=4, count=COUNT), orders(state, CHOSEN.trading()))
    return state


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, save the shared index that SQLite keeps beside a journal that is read."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(("-shm", "-wal")) and path.name != "lock"
    }


def refused(folder: Path, case: Case) -> None:
    """Run the case: one line, the exit code, and nothing changed that was there before."""
    before = contents(folder)
    ran = program(folder, *case.arguments, **case.variables)
    assert ran.code == case.code, ran
    complaints = [line for line in ran.err.splitlines() if not line.startswith("note: ")]
    assert len(complaints) == 1, ran.err
    assert re.search(case.says, complaints[0]), complaints[0]
    assert complaints[0].startswith("drift-e3: ")
    assert "Traceback" not in ran.out + ran.err
    assert contents(folder) == before


@pytest.mark.parametrize("case", TAPES + SETTINGS, ids=lambda case: case.name)
def test_broken_tapes_settings_cards_and_command_lines(case: Case, good: Path, tmp_path: Path) -> None:
    shutil.copytree(good, tmp_path / "state")
    case.spoil(tmp_path)
    refused(tmp_path, case)


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: str(verb[0]))
@pytest.mark.parametrize(("name", "make", "says"), JOURNALS, ids=[name for name, _, _ in JOURNALS])
def test_broken_journals_and_streams_of_events(
    name: str, make: Make, says: str, verb: tuple[object, ...], good: Path, tmp_path: Path
) -> None:
    make(good, tmp_path / "state")
    write_candles(tmp_path / "tape.csv", random_walk(4, COUNT, minutes=60))
    write_funding(tmp_path / "funding.csv", 4, COUNT + 1)
    refused(tmp_path, Case(name, nothing, verb, Exit.DATA, says))


def test_the_table_is_large_enough_and_its_names_are_different() -> None:
    names = [case.name for case in TAPES] + [f"settings: {case.name}" for case in SETTINGS]
    names += [f"journal: {name}" for name, _, _ in JOURNALS]
    assert len(set(names)) == len(names) >= 80
