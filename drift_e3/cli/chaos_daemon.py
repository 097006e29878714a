"""The daemon as `chaos` runs it: the real command line, in a process of its own for each life, on the drill's
time.

    python -m drift_e3.cli.chaos_daemon

Reads a line of JSON for each life from standard input and tells on standard output of its process and its
end. Everything is loaded once and each life is a fork, so that a kill costs no start of an interpreter. What
a life is told of time are the loop's and the wall clock's; nothing else in it is changed.
"""

import gc
import json
import os
import sys
import traceback
from typing import Any, Final

from drift_e3.cli import main as command_line
from drift_e3.drill.chaos.disk import limit_files, obey
from drift_e3.drill.shared_time import take_time

LOADED: Final = (
    "drift_e3.cli.launch",
    "drift_e3.cli.licensing",
    "drift_e3.cli.live_start",
    "drift_e3.advisors.ollama",
    "drift_e3.ops.server",
    "drift_e3.venues.dataapi.feed",
    "drift_e3.venues.solana.venue",
    "drift_e3.wiring.chain",
    "drift_e3.wiring.doctor.chain",
)
"""Modules that a life would import where it needs them, with what they need themselves."""


def tell(to: int = 1, **fields: Any) -> None:
    """A line to whoever started this, in one piece."""
    os.write(to, (json.dumps(fields) + "\n").encode())


def load() -> None:
    """Import what every life needs, once."""
    import importlib

    from drift_e3.config import load as load_settings
    from drift_e3.wiring.chain import program

    for name in LOADED:
        importlib.import_module(name)
    program(load_settings(environment={"DRIFT_E3_VENUE": sys.argv[1]}).settings)
    gc.freeze()


def live(given: dict[str, Any]) -> None:
    """One life to its end, which is the program's own."""
    parent = os.dup(1)
    log = os.open(given["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number in (1, 2):
        os.dup2(log, number)
    take_time(given["time"], obey)
    os.environ.update(given["environment"])
    if given["file_bytes_max"] is not None:
        limit_files(os.getpid(), given["file_bytes_max"])
    sys.argv = ["drift-e3", *given["arguments"]]
    try:
        command_line()
    except SystemExit:
        raise
    except BaseException:
        tell(parent, bug=traceback.format_exc()[-4_000:])
        raise


def main() -> None:
    """Live as often as told."""
    load()
    tell(ready=True)
    for line in sys.stdin:
        given = json.loads(line)
        child = os.fork()
        if child == 0:
            live(given)
            return
        tell(pid=child)
        _, status = os.waitpid(child, 0)
        tell(ended=os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
