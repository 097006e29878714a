"""`python -m tests.bench.sweep_memory ours|vectorbt CANDLES`: the largest memory of one sweep, in MB."""

import sys
from pathlib import Path

from tests.bench.lab import Trading
from tests.bench.markets import made_tapes


def main(who: str, candles: str) -> None:
    """Make the tape, sweep it, and print the largest memory of this process."""
    trading = Trading(made_tapes(int(candles)))
    sweeps = {"ours": trading.sweep_on_two, "vectorbt": trading.peer_sweep}
    sweeps[who]()
    # Not getrusage: that remembers the process this one was forked from.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    print(int(status["VmHWM"].split()[0]) / 1024.0)


if __name__ == "__main__":
    main(*sys.argv[1:])
