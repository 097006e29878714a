"""The daemon in processes of its own, one after the other, so that it can be killed; run by the tests.

    python -m tests.live.live_child

Reads a line of JSON for each life from standard input: the settings, where the time is to be had, and where
it is to kill itself, if anywhere. Everything is loaded once and each life is a fork, so that a kill costs no
start of an interpreter. Tells on standard output of each life's process, of its books when they change, and
of its end.
"""

import asyncio
import inspect
import json
import logging
import os
import signal
import ssl
import sys
import traceback
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import structlog

import drift_e3.live.daemon
from drift_e3.advisors.silent import SilentAdvisor
from drift_e3.config import load
from drift_e3.core.events import Event, Heartbeat
from drift_e3.core.trader import Trader
from drift_e3.core.turn import Outcome
from drift_e3.drill.shared_time import take_time
from drift_e3.live.clock import WallClock
from drift_e3.live.daemon import Orders, run_daemon
from drift_e3.live.session import Session
from drift_e3.ports import VenueUnavailable
from drift_e3.venues.solana.books import booked
from drift_e3.venues.solana.outbox import Outbox
from drift_e3.venues.solana.rpc import Rpc
from drift_e3.venues.solana.submission import Kind, Stage
from drift_e3.wiring import chain as wiring

UNAVAILABLE = 69
"""A start that found no server, on a busy machine: whoever looks after the daemon starts it again."""
DONE_STAGES = frozenset(Stage) - {Stage.INTENDED, Stage.SIGNED}


def tell(**fields: Any) -> None:
    """A line to the tests, in one piece."""
    os.write(1, (json.dumps(fields) + "\n").encode())


class Points:
    """The places where a life may end by its own hand: at the `count`-th time that it comes there."""

    def __init__(self, name: str, count: int) -> None:
        self._name = name
        self._left = count

    def reach(self, name: str) -> None:
        if name != self._name:
            return
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner: type, method: str, name: Callable[..., str]) -> None:
        """Reach ``before NAME`` and ``after NAME`` around a method; an empty name is no place."""
        plain = getattr(owner, method)

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            place = name(*args, **kwargs)
            self.reach(f"before {place}")
            result = plain(*args, **kwargs)
            self.reach(f"after {place}")
            return result

        async def wrapped_async(*args: Any, **kwargs: Any) -> Any:
            place = name(*args, **kwargs)
            self.reach(f"before {place}")
            result = await plain(*args, **kwargs)
            self.reach(f"after {place}")
            return result

        setattr(owner, method, wrapped_async if inspect.iscoroutinefunction(plain) else wrapped)


PLACES = (
    "before commit",
    "after commit",
    "before begin",
    "after begin",
    "before signed",
    "after signed",
    "before send",
    "after send",
    "before verdict",
    "after verdict",
    "before cancel",
    "after cancel",
)
"""Around the journal's commit before an order leaves, the outbox's rows, each sending, and a cancel's row."""


def _begun(_: Outbox, wanted: Any, *__: Any) -> str:
    return "cancel" if wanted.kind is Kind.CANCEL else "begin"


def _saved(_: Outbox, __: int, submission: Any) -> str:
    return "signed" if submission.stage is Stage.SIGNED else "verdict"


def live(given: dict[str, Any]) -> None:
    """One life, to its end."""
    points = Points(given["place"], given["count"])
    points.around(Session, "commit", lambda *_: "commit")
    points.around(Outbox, "begin", _begun)
    points.around(Outbox, "save", _saved)
    points.around(Rpc, "send", lambda *_: "send")
    settings = load(environment=given["environment"], overrides=given["overrides"]).settings
    take_time(given["time"])
    clock = WallClock()
    told: list[Any] = [None]

    def hear(seq: int, event: Event, outcome: Outcome, trader: Trader) -> None:
        del seq, outcome
        state = trader.state
        if isinstance(event, Heartbeat) or state.account.opened is None:
            return
        books = [*booked(state.account), state.warmed]
        if books != told[0]:
            told[0] = books
            tell(books=books[:-1], opened=_opening(trader), warmed=state.warmed)

    async def main() -> None:
        orders = Orders(
            state_dir=settings.state_dir,
            settings=settings.trading(),
            equity_usd=settings.paper.equity_usd,
            speed=1.0,
            stop_policy=settings.stopping(),
            stop_timeout_s=settings.stop_timeout_s,
            reload=settings.trading,
        )
        async with wiring.live_market(settings, clock) as market:
            await run_daemon(orders, market, SilentAdvisor(), clock)

    drift_e3.live.daemon._tell = hear
    asyncio.run(main())


def _opening(trader: Trader) -> list[int]:
    opened = trader.state.account.opened
    assert opened is not None
    return [opened.ledger, opened.funding, opened.fees]


def prepare() -> None:
    """What every life would do anew, once: libraries, certificates."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    ssl.create_default_context = cache(ssl.create_default_context)  # type: ignore[assignment]
    ssl.create_default_context()


def main() -> None:
    prepare()
    wiring.program(load(environment={"DRIFT_E3_VENUE": sys.argv[1]}, env_file=Path("none")).settings)
    tell(ready=True)
    for line in sys.stdin:
        given = json.loads(line)
        child = os.fork()
        if child == 0:
            code = 0
            try:
                live(given)
            except VenueUnavailable:
                code = UNAVAILABLE
            except BaseException:  # noqa: BLE001 - whatever it is, the tests are told
                tell(error=traceback.format_exc()[-2_000:])
                code = 70
            finally:
                os._exit(code)
        tell(pid=child)
        _, status = os.waitpid(child, 0)
        tell(ended=os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
