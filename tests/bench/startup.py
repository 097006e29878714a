"""How long the program takes until it trades, and the memory it then holds: real processes, from outside."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, sleep
from typing import Final

import msgspec

from tests.bench.measuring import Aim, Figure, Scale, alternate, ratios

CHECKOUT: Final = Path(__file__).parents[2]
PROGRAM: Final = (sys.executable, "-c", "from drift_e3.cli import main; main()")
DECIDED: Final = "decision.made"
PEER: Final = "python -c pass"
SPEED: Final = "600"
"""Ten minutes a second: the first decision waits a tenth of a second for its candle."""
SETTLED_S: Final = 5.0
STOPPED_S: Final = 20.0


def measure(scale: Scale) -> list[Figure]:
    """The daemon on the synthetic market, as `drift-e3 run` starts it, and `drift-e3 --help`."""
    _run_briefly((*PROGRAM, "--help"))  # compiles what has no bytecode yet
    _daemon(settle_s=0.0)
    times = alternate(
        scale.starts,
        [lambda: {"python_s": _run_briefly((sys.executable, "-c", "pass"))}, _help, lambda: _daemon(0.0)],
    )
    memory = alternate(1, [lambda: _daemon(SETTLED_S)])
    return [
        *(
            Figure(
                measure="startup",
                name=name,
                unit="s",
                values=times[key],
                peer=PEER,
                ratios=ratios(times[key], times["python_s"]),
                aim=aim,
            )
            for name, key, aim in (
                ("drift-e3 --help", "help_s", None),
                ("drift-e3 run until daemon.started", "started_s", Aim(limit=1.5)),
                (f"drift-e3 run until the first {DECIDED}", "decided_s", None),
            )
        ),
        Figure(
            measure="startup",
            name=f"peak memory {SETTLED_S:.0f} s after that",
            unit="MiB",
            values=memory["peak_mib"],
            aim=Aim(limit=120.0),
        ),
    ]


def _help() -> dict[str, float]:
    return {"help_s": _run_briefly((*PROGRAM, "--help"))}


def _run_briefly(command: tuple[str, ...]) -> float:
    began = perf_counter()
    subprocess.run(command, cwd=CHECKOUT, env=_environment(), stdout=subprocess.DEVNULL, check=True)
    return perf_counter() - began


def _daemon(settle_s: float) -> dict[str, float]:
    """Start the daemon in a new state directory, wait for its first decision and `settle_s` more, stop it."""
    with TemporaryDirectory() as state:
        began = perf_counter()
        command = (*PROGRAM, "run", "--venue", "synthetic", "--speed", SPEED, "--log-format", "json")
        daemon = subprocess.Popen(
            (*command, "--state", state), cwd=CHECKOUT, env=_environment(), stdout=subprocess.PIPE
        )
        try:
            seen = _seen(daemon, began)
            sleep(settle_s)
            seen["peak_mib"] = _peak_mib(daemon.pid)
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.communicate(timeout=STOPPED_S)
        return seen


def _seen(daemon: "subprocess.Popen[bytes]", began: float) -> dict[str, float]:
    """When its first lines were there."""
    seen: dict[str, float] = {}
    names = {"daemon.started": "started_s", DECIDED: "decided_s"}
    assert daemon.stdout is not None
    for line in daemon.stdout:
        key = names.get(msgspec.json.decode(line)["event"])
        if key is not None:
            seen.setdefault(key, perf_counter() - began)
        if "decided_s" in seen:
            return seen
    raise RuntimeError(f"drift-e3 run ended with {daemon.wait()} before its first decision")


def _peak_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return float(line.split()[1]) / 1_024.0
    raise RuntimeError("this system does not tell a process's peak memory")


def _environment() -> Mapping[str, str]:
    """The caller's, without settings of the program and with a model server that is not there."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DRIFT_E3")}
    return kept | {"DRIFT_E3_OLLAMA__URL": "http://127.0.0.1:9"}
