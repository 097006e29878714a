"""From a tick to the exit order that it causes while the market shouts: a thousand messages a second, bursts.

The daemon is the real one: journal, log, simulated venue (see `tests.live.shouting`). An exit waits for the
commit that holds its reason, so a bare commit on an idle loop is measured in the same rounds.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final

from drift_e3.core.events import Heartbeat
from drift_e3.journal.code_hash import code_hash
from drift_e3.journal.schema import JOURNAL_NAME
from drift_e3.journal.writer import JournalWriter
from drift_e3.logs import configure
from tests.bench.lag import Nowhere
from tests.bench.measuring import Aim, Figure, Part, Rounds, Scale, alternate, percentile, ratios
from tests.live.shouting import shout

RATE_HZ: Final = 1_000.0
BURST: Final = 5_000
LONGER: Final = 3.0
"""The exits of one stretch of the loop's lag would be too few for a p99."""
COMMITS: Final = 100
AIM: Final = Aim(limit=20.0)
SHARES: Final = {"p50": 0.5, "p99": 0.99}


def measure(scale: Scale) -> list[Figure]:
    """Exits under sustained load and within bursts, beside the bare commit."""
    # Everything is logged as always; the daemon's logger keeps the stream that it first writes to.
    configure("json", "info", Nowhere())
    times = alternate(
        scale.rounds,
        [
            _committing,
            _shouting("sustained", scale.lag_s * LONGER, 0),
            _shouting("burst", scale.lag_s * LONGER, BURST),
        ],
    )
    return [
        Figure(measure="load", name="durable commit, idle loop, p50", unit="ms", values=times["commit_p50"]),
        *_exits("1,000 messages a second", "sustained", times),
        *_exits("bursts of 5,000", "burst", times),
        Figure(measure="load", name="messages a second, bursts", unit="1/s", values=times["burst_rate"]),
        Figure(measure="load", name="most that waited, bursts", unit="events", values=times["burst_waiting"]),
        Figure(measure="load", name="merged, bursts", unit="share", values=times["burst_merged"]),
    ]


def _exits(name: str, key: str, times: Rounds) -> list[Figure]:
    return [
        Figure(
            measure="load",
            name=f"tick to exit order, {name}, {share}",
            unit="ms",
            values=times[f"{key}_{share}"],
            peer="durable commit, idle loop, p50",
            ratios=ratios(times[f"{key}_{share}"], times["commit_p50"]),
            aim=AIM if share == "p99" else None,
        )
        for share in SHARES
    ]


def _committing() -> dict[str, float]:
    with TemporaryDirectory() as state:
        return _shares("commit", asyncio.run(_commits_ms(Path(state) / JOURNAL_NAME)))


async def _commits_ms(path: Path) -> list[float]:
    taken: list[float] = []
    with JournalWriter(path, code_hash()) as journal:
        for number in range(COMMITS):
            began = perf_counter()
            journal.append_event(number + 1, Heartbeat(seen_ts=number))
            await journal.commit()
            taken.append((perf_counter() - began) * 1e3)
    return taken


def _shouting(name: str, seconds: float, burst: int) -> Part:
    def run() -> dict[str, float]:
        with TemporaryDirectory() as state:
            shouted = asyncio.run(shout(Path(state), seconds=seconds, rate_hz=RATE_HZ, burst=burst))
        if not shouted.exits_ms or shouted.arrivals is None:
            raise RuntimeError("no position was left: there is nothing to measure")
        return _shares(name, shouted.exits_ms) | {
            f"{name}_rate": shouted.messages / seconds,
            f"{name}_waiting": float(shouted.waiting_most),
            f"{name}_merged": sum(shouted.arrivals.merged.values()) / shouted.messages,
        }

    return run


def _shares(name: str, taken: Sequence[float]) -> dict[str, float]:
    return {f"{name}_{share}": percentile(taken, value) for share, value in SHARES.items()}
