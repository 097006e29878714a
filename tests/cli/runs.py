"""Made markets, runs over them, and what is expected of them: for the tests of `drift-e3 run`."""

import os
import sys
from pathlib import Path
from typing import NamedTuple

from drift_e3.cli.exits import Exit
from tests.live.program import Ran
from tests.live.tapes import random_walk, write_candles, write_funding

ROOT = Path(__file__).parents[2]
CANDLES = 400
SECRET = "hunter2-s3cr3t-t0ken"


class Run(NamedTuple):
    """A run over a made tape, in its folder."""

    folder: Path
    arguments: tuple[object, ...]
    ran: Ran


def prepared(folder: Path, seed: int = 4, count: int = CANDLES) -> tuple[object, ...]:
    write_candles(folder / "tape.csv", random_walk(seed, count, minutes=60))
    write_funding(folder / "funding.csv", 1, count + 1)
    return ("--tape", "tape.csv", "--funding", "funding.csv", "--speed", "max", "--state", "state")


def one_line(ran: Ran, code: Exit) -> str:
    assert ran.code == code
    (line,) = ran.err.splitlines()
    assert line.startswith("drift-e3: ")
    return line.removeprefix("drift-e3: ")


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-c", "from drift_e3.cli import main; main()", *map(str, arguments)]


def environment(**variables: str) -> dict[str, str]:
    mine = {name: value for name, value in os.environ.items() if not name.startswith("DRIFT_E3_")}
    # Many daemons run at once here, and only one could have the port.
    variables = {"SERVER__PORT": "0"} | variables
    return mine | {"PYTHONPATH": str(ROOT)} | {f"DRIFT_E3_{name}": value for name, value in variables.items()}
