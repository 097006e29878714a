"""`kill -9` at random moments of the real command line: what comes of it is what would have come without."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live.journals import orders_sent_twice
from tests.live.ollama_thread import ollama_thread
from tests.live.program import export, program
from tests.live.tapes import LIVELY, random_walk, write_candles, write_funding

ROOT = Path(__file__).parents[2]


def killed_and_whole(
    folder: Path, seed: int, kills: int, count: int, advisor: str = "off", **variables: str
) -> list[Path]:
    """Let a run be killed until it is through; gives the state directories of the runs that got through."""
    tape = write_candles(folder / "tape.csv", random_walk(seed, count, minutes=60))
    funding = write_funding(folder / "funding.csv", seed, count + 1)
    arguments = ["--tape", tape, "--funding", funding, "--speed", "max", "--advisor", advisor]
    (folder / "arguments.json").write_text(json.dumps([*map(str, arguments)]))
    environment = {f"DRIFT_E3_{name}": value for name, value in (LIVELY | variables).items()}
    ran = subprocess.run(
        [sys.executable, "-m", "tests.torture.kill_rounds", str(folder), str(seed), str(kills)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=environment | {"PATH": "/usr/bin:/bin"},
    )
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout
    lines = ran.stdout.splitlines()
    assert sum(line.startswith("killed") for line in lines) == kills
    return [folder / line.removeprefix("through ") for line in lines if line.startswith("through")]


def same_as_a_run_that_was_not_killed(folder: Path, states: list[Path]) -> None:
    tape, funding = folder / "tape.csv", folder / "funding.csv"
    result = folder / "whole.json"
    ran = program(folder, "backtest", "--tape", tape, "--funding", funding, "--json", result, **LIVELY)
    assert ran.code == 0
    whole = json.loads(result.read_text())
    assert len(whole["fills"]) > 10
    for state in states:
        assert export(folder, state, "decision") == whole["decisions"]
        assert export(folder, state, "fill") == whole["fills"]
        assert program(folder, "replay", "--state", state).code == 0


@pytest.mark.slow
def test_twenty_kills_change_no_decision_and_no_fill(tmp_path: Path) -> None:
    states = killed_and_whole(tmp_path, 11, 20, 600)
    same_as_a_run_that_was_not_killed(tmp_path, states)


@pytest.mark.slow
def test_kills_while_an_advisor_is_asked_send_no_order_twice_and_replay(tmp_path: Path) -> None:
    with ollama_thread() as url:
        states = killed_and_whole(
            tmp_path,
            12,
            8,
            400,
            "ollama",
            OLLAMA__URL=url,
            OLLAMA__MODELS="good",
            STRATEGY__AI_TTLSECONDS="14400",
        )
    for state in states:
        assert orders_sent_twice(state) == []
        assert len(export(tmp_path, state, "advice_taken")) > 10
        ran = program(tmp_path, "replay", "--state", state)
        assert (ran.code, ran.err) == (0, "")
