"""Hundreds of kills, also of daemons that start as a person starts them: with an interpreter of their own."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live.journals import orders_sent_twice
from tests.live.ollama_thread import ollama_thread
from tests.live.program import program
from tests.live.tapes import LIVELY
from tests.live.test_kills import killed_and_whole, same_as_a_run_that_was_not_killed
from tests.torture.kill_rounds import look

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.torture


@pytest.mark.parametrize("seed", [21, 22, 23, 24])
def test_two_hundred_kills_and_more_change_no_decision_and_no_fill(tmp_path: Path, seed: int) -> None:
    states = killed_and_whole(tmp_path, seed, 200, 3_000)
    same_as_a_run_that_was_not_killed(tmp_path, states)


@pytest.mark.parametrize("seed", [51, 52])
def test_kills_among_rotations_change_no_decision_and_no_fill(tmp_path: Path, seed: int) -> None:
    states = killed_and_whole(tmp_path, seed, 200, 3_000, JOURNAL__ROTATE_MB="0.2")
    assert all(len(list((state / "journal").iterdir())) > 5 for state in states)
    same_as_a_run_that_was_not_killed(tmp_path, states)


@pytest.mark.parametrize("seed", [31, 32])
def test_kills_while_an_advisor_is_asked(tmp_path: Path, seed: int) -> None:
    with ollama_thread() as url:
        states = killed_and_whole(
            tmp_path,
            seed,
            60,
            600,
            "ollama",
            OLLAMA__URL=url,
            OLLAMA__MODELS="good",
            STRATEGY__AI_TTLSECONDS="14400",
        )
    for state in states:
        assert orders_sent_twice(state) == []
        assert program(tmp_path, "replay", "--state", state).code == 0


def test_kills_of_daemons_with_an_interpreter_of_their_own(tmp_path: Path) -> None:
    (only,) = killed_and_whole(tmp_path, 41, 0, 3_000)
    dice = random.Random(41)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    environment |= {f"DRIFT_E3_{name}": value for name, value in LIVELY.items()}
    arguments = ["--tape", "tape.csv", "--funding", "funding.csv", "--speed", "max", "--advisor", "off"]
    command = [sys.executable, "-c", "from drift_e3.cli import main; main()", "run", *arguments]
    state = tmp_path / "own"
    killed = 0
    code = -signal.SIGKILL
    while code != 0 and killed < 40:
        process = subprocess.Popen(
            [*command, "--state", str(state)], stdout=subprocess.PIPE, cwd=tmp_path, env=environment
        )
        assert process.stdout is not None
        for _ in range(dice.randint(0, 120)):
            process.stdout.readline()
        process.kill()
        process.stdout.read()
        process.stdout.close()
        code = process.wait()
        assert code in {0, -signal.SIGKILL}
        killed += code != 0
        look(state)
    ran = program(tmp_path, "run", *arguments, "--state", state, **LIVELY)
    assert ran.code == 0
    same_as_a_run_that_was_not_killed(tmp_path, [only, state])
