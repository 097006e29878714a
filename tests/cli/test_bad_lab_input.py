"""What is wrong from outside with the verbs of the lab is one clear line and an exit code."""

import shutil
from pathlib import Path

import pytest

from tests.bad_lab_input import LAB
from tests.bad_tapes import Case
from tests.live.daemons import orders, run_on
from tests.live.markets import settings, tape_market
from tests.test_bad_input import refused

CHOSEN = settings()


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    state = tmp_path_factory.mktemp("good") / "state"
    run_on(tape_market(CHOSEN, count=60), orders(state, CHOSEN.trading()))
    return state


@pytest.mark.parametrize("case", LAB, ids=lambda case: case.name)
def test_broken_input_of_the_labs_verbs(case: Case, good: Path, tmp_path: Path) -> None:
    shutil.copytree(good, tmp_path / "state")
    case.spoil(tmp_path)
    refused(tmp_path, case)


def test_the_table_is_large_enough_and_its_names_are_different() -> None:
    names = [case.name for case in LAB]
    assert len(set(names)) == len(names) >= 60
