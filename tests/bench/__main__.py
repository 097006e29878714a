"""`python -m tests.bench`: how fast the pieces are on this machine, beside what they should reach.

A benchmark judges nothing: it exits 0 whatever it finds. Speed is judged by nobody's tests, because the
machines they run on are shared.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Final

from rich.console import Console

from tests.bench import core, journal, lab, lag, load, log_line, rotation, search, second_start, startup, tick
from tests.bench.measuring import FULL, QUICK, Figure, Scale
from tests.bench.report import document, show, write

MEASURES: Final[dict[str, Callable[[Scale], Sequence[Figure]]]] = {
    "core": core.measure,
    "tick": tick.measure,
    "lag": lag.measure,
    "load": load.measure,
    "startup": startup.measure,
    "second_start": second_start.measure,
    "journal": journal.measure,
    "rotation": rotation.measure,
    "log": log_line.measure,
    "lab": lab.measure,
    "search": search.measure,
}
OUT: Final = Path(__file__).parents[2] / "build" / "bench.json"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is asked for, print the table, write the JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="How fast the pieces are.")
    parser.add_argument("--only", metavar="A,B", help=f"of {','.join(MEASURES)}; all by default")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds: well under a minute")
    parser.add_argument("--rounds", type=int, help="rounds of each measure")
    parser.add_argument("--candles", type=int, help="length of the tape made for the core")
    parser.add_argument("--out", type=Path, default=OUT, help="where the JSON goes; build/bench.json")
    chosen = parser.parse_args(arguments)
    wanted = chosen.only.split(",") if chosen.only else list(MEASURES)
    for name in wanted:
        if name not in MEASURES:
            parser.error(f"--only {name}: must be of {','.join(MEASURES)}")
    scale = QUICK if chosen.quick else FULL
    scale = replace(scale, rounds=chosen.rounds or scale.rounds, candles=chosen.candles or scale.candles)
    # What is no terminal has no width of its own.
    console = Console() if sys.stdout.isatty() else Console(width=140)
    began = monotonic()
    figures: list[Figure] = []
    for name in wanted:
        with console.status(f"measuring {name}"):
            figures += MEASURES[name](scale)
    show(figures, console)
    write(document(figures, scale, monotonic() - began), chosen.out)
    console.print(f"{monotonic() - began:.0f} s; written to {chosen.out}", highlight=False)


if __name__ == "__main__":
    main()
