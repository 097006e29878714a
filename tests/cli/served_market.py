"""The drill's data API and order book on a thread of their own, at the wall clock, for whole programs."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import NamedTuple

from drift_e3.core.events import CandleClosed, FundingPublished
from drift_e3.core.terms import MS_PER_HOUR, MS_PER_MINUTE
from drift_e3.drill.data_api import DataApi
from drift_e3.drill.dlob import Dlob
from drift_e3.drill.market import DrillMarket

TICK_S = 0.05
PROGRAM = (sys.executable, "-c", "from drift_e3.cli import main; main()")


class Served(NamedTuple):
    """A market, the variables that point the program at it, and what was asked."""

    market: DrillMarket
    variables: dict[str, str]
    asked: list[str]
    opened: Callable[[], int]
    """How often the order book's websocket was opened so far."""

    @contextmanager
    def program(self, folder: Path, *arguments: str) -> "Iterator[subprocess.Popen[str]]":
        """The program as a process of its own in `folder`; killed at the block's end, if it still runs."""
        variables = {name: value for name, value in os.environ.items() if not name.startswith("DRIFT_E3_")}
        variables |= {f"DRIFT_E3_{name}": value for name, value in self.variables.items()}
        with subprocess.Popen(
            [*PROGRAM, *arguments],
            cwd=folder,
            env=variables,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            try:
                yield process
            finally:
                process.kill()


def wait_until(condition: Callable[[], bool]) -> None:
    """Return once something holds; fails after half a minute."""
    deadline = time.monotonic() + 30.0
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def past_market(minutes: int, now_ms: int, funding_hours: int = 30) -> DrillMarket:
    """A market with a past that ends with the minute before now."""
    market = DrillMarket()
    rng = Random(7)
    price = 150.0
    hour_ts = now_ms - now_ms % MS_PER_HOUR
    for ts in range(hour_ts - funding_hours * MS_PER_HOUR, hour_ts, MS_PER_HOUR):
        rate = rng.gauss(0.0, 1e-5)
        market.publish_funding(
            FundingPublished(seen_ts=ts, publish_ts=ts, rate_frac_1h=rate, premium_frac=1e-4)
        )
    minute_ts = now_ms - now_ms % MS_PER_MINUTE
    for open_ts in range(minute_ts - minutes * MS_PER_MINUTE, minute_ts, MS_PER_MINUTE):
        was, price = price, price * (1.0 + rng.gauss(0.0, 1e-3))
        market.close_candle(
            CandleClosed(
                seen_ts=open_ts,
                open_ts=open_ts,
                open=was,
                high=max(was, price) + 0.01,
                low=min(was, price) - 0.01,
                close=price,
                volume=rng.random() + 0.1,
                history=True,
            )
        )
    market.now_ts = now_ms
    return market


@contextmanager
def served_market(minutes: int = 300) -> Iterator[Served]:
    """The servers, with a price that moves twenty times a second, until the block ends."""
    ready, done = threading.Event(), threading.Event()
    served: list[Served] = []

    async def serve() -> None:
        market = past_market(minutes, time.time_ns() // 1_000_000)
        rng = Random(8)
        price = market.oracle_usd
        async with DataApi(market) as api, Dlob(market) as dlob:
            variables = {"DATA_API__URL": api.url, "DLOB__URL": dlob.url}
            served.append(Served(market, variables, api.asked, lambda: dlob.sockets.opened))
            ready.set()
            while not done.is_set():
                price *= 1.0 + rng.gauss(0.0, 1e-4)
                market.slot += 1
                market.tick(time.time_ns() // 1_000_000, price)
                await asyncio.sleep(TICK_S)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="served-market")
    thread.start()
    assert ready.wait(10.0)
    try:
        yield served[0]
    finally:
        done.set()
        thread.join()
