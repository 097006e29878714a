"""Word to the service manager: ready, alive, stopping; systemd's notification protocol (sd_notify(3)).

Alive means that work gets done: fresh data came, the trading loop took it, the journal has it. A process that
merely runs is not fed, so that the service manager ends it and a restart recovers.
"""

import asyncio
import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from time import monotonic
from typing import Final, Self

from drift_e3.core.events import Event, MarketEvent
from drift_e3.core.trader import Trader
from drift_e3.core.turn import Outcome
from drift_e3.operating import Operator
from drift_e3.ops.health import Progress
from drift_e3.status import Status

PATIENCE_S: Final = 300.0
"""How long a live market may bring nothing, or the disk take nothing: a restart cures nothing sooner."""
LOOP_PATIENCE_S: Final = 30.0
BEAT_S: Final = 20.0
"""How often it is looked at where the service manager wants no keep-alive."""


class ServiceManager:
    """Implements `operating.Watcher` over the service manager's socket."""

    def __init__(self, address: str, keep_alive_s: float) -> None:
        """`keep_alive_s` is how long it waits for a word before it ends the process; 0: for ever."""
        self._address = address
        self._beat_s = keep_alive_s / 3.0 if keep_alive_s > 0.0 else BEAT_S
        self._progress = Progress(began_s=monotonic())
        self._seq = 0

    @classmethod
    def called_by(cls, environment: Mapping[str, str]) -> Self | None:
        """The service manager that started this process, None where none did."""
        address = environment.get("NOTIFY_SOCKET", "")
        if not address.startswith(("/", "@")):
            return None
        wanted = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        microseconds = environment.get("WATCHDOG_USEC", "0")
        keep_alive_s = int(microseconds) / 1e6 if wanted and microseconds.isdigit() else 0.0
        return cls(address, keep_alive_s)

    def told(self, seq: int, event: Event, outcome: Outcome, trader: Trader) -> None:
        """Take an event with its outcome."""
        self._seq = seq
        market = isinstance(event, MarketEvent)
        self._progress.took(monotonic(), market=market, live=trader.state.feed.live)

    async def run(self, operator: Operator) -> None:
        """Say that it is ready, then that it lives for as long as it does."""
        self._say("READY=1", f"STATUS={_in_words(operator.status())}")
        try:
            while True:
                await asyncio.sleep(self._beat_s)
                self._progress.compare(self._seq, operator.committed_seq, monotonic())
                stalled = self._stalled()
                if stalled:
                    self._say(f"STATUS=not alive: {', '.join(stalled)} stands still")
                else:
                    self._say("WATCHDOG=1", f"STATUS={_in_words(operator.status())}")
        finally:
            self._say("STOPPING=1")

    def _stalled(self) -> tuple[str, ...]:
        """What stands still: the loop may for a shorter time than those it depends on."""
        now_s = monotonic()
        found = set(self._progress.stalled(now_s, PATIENCE_S))
        return tuple(sorted(found | {"loop"} & set(self._progress.stalled(now_s, LOOP_PATIENCE_S))))

    def _say(self, *words: str) -> None:
        """Send words, one datagram; a service manager that is gone hears nothing."""
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams:
            datagrams.setblocking(False)
            datagrams.sendto("\n".join(words).encode(), address)


def _in_words(status: Status) -> str:
    """One line for `systemctl status`."""
    equity = "unknown" if status.equity_usd is None else f"{status.equity_usd:.2f} USD"
    position = "flat" if status.position is None else f"{status.position.side} {status.position.size_base:g}"
    return f"{status.mode}, {status.regime}, {position}, equity {equity}, event {status.seq}"
