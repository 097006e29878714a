"""What the compiled loop costs a start that finds it in the cache: processor time of fresh processes.

Numba itself is imported first and stands on a line of its own: it costs what it costs whatever is compiled.
Numba imports SciPy's linear algebra where that is installed; the program does without it, the tests do not.
So the aim is for a process that is shown none, which is how the program is installed.
"""

import subprocess
import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from time import process_time
from typing import Final

import msgspec

from tests.bench.measuring import Aim, Figure, Scale, alternate

ROOT: Final = Path(__file__).parents[2]
AIM_S: Final = 0.3
ROUNDS_A_START: Final = 3
WITHOUT, BESIDE = "without_scipy", "beside_scipy"


def measure(scale: Scale) -> list[Figure]:
    """Processes in turn, each of which imports numba, then the loop."""
    _start(WITHOUT)  # compiles what is not there yet
    kinds = [WITHOUT, BESIDE] if find_spec("scipy") is not None else [WITHOUT]
    parts = [lambda kind=kind: _start(kind) for kind in kinds]
    times = alternate(ROUNDS_A_START * scale.starts, parts)
    rows = [
        ("the compiled loop out of its cache", f"loop_{WITHOUT}", Aim(limit=AIM_S)),
        ("numba and numpy imported before that", f"numba_{WITHOUT}", None),
        ("the compiled loop out of its cache, SciPy installed", f"loop_{BESIDE}", None),
    ]
    return [
        Figure(measure="second start", name=name, unit="s of CPU", values=times[key], aim=aim)
        for name, key, aim in rows
        if key in times
    ]


def _start(kind: str) -> Mapping[str, float]:
    command = [sys.executable, "-m", "tests.bench.second_start", kind]
    ran = subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    told = msgspec.json.decode(ran.stdout, type=dict[str, float])
    return {f"{name}_{kind}": spent_s for name, spent_s in told.items()}


def main(kind: str) -> None:
    """Import, load, and print what each took."""
    if kind == WITHOUT:
        sys.modules["scipy"] = None  # type: ignore[assignment]  # what is None is not found
    began = process_time()
    import_module("numba")
    imported = process_time()
    from drift_e3.lab.kernel.compiling import loops

    loops()
    told = {"numba": imported - began, "loop": process_time() - imported}
    sys.stdout.write(msgspec.json.encode(told).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
