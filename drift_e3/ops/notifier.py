"""Sends people what they are to be told: rate limited, each thing once for a while, never in the loop's way.

A messenger that fails is counted and said in the log; nothing waits for it, and nothing is lost that the
journal does not have.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from time import monotonic
from typing import Final

import structlog

from drift_e3.core.events import Event, HistoricEvent
from drift_e3.core.notes import PositionClosed
from drift_e3.core.terms import MS_PER_DAY, MS_PER_SECOND
from drift_e3.core.trader import Trader
from drift_e3.core.turn import Outcome
from drift_e3.operating import Operator
from drift_e3.ops.notices import Notice, notices, summary
from drift_e3.ops.worries import Worries
from drift_e3.status import AlertStatus

Send = Callable[[str, str], Awaitable[bool]]
"""Title and body to every messenger; whether all of them took it."""

WAITING_MAX: Final = 100
PER_HOUR: Final = 30
"""Notices in any hour, urgent ones aside; the rest is counted and told with the next."""
AGAIN_S: Final = 900.0
"""The same thing is told again only after this."""
SENDING_S: Final = 30.0

log = structlog.get_logger()


class Notifier:
    """Implements `operating.Messenger`."""

    def __init__(self, send: Send, now_s: Callable[[], float] = monotonic) -> None:
        self._send = send
        self._now_s = now_s
        self._waiting: deque[Notice] = deque()
        self._wake = asyncio.Event()
        self._worries = Worries()
        self._told_s: dict[str, float] = {}
        self._sent_s: deque[float] = deque()
        self._held_back = 0
        self._counts: Counter[str] = Counter()
        self._last_failed = False
        self._day = -1
        self._day_open_usd = 0.0
        self._trades = 0

    def alerts(self) -> AlertStatus:
        """What became of the notices so far."""
        return AlertStatus(
            sent=self._counts["sent"],
            failed=self._counts["failed"],
            repeated=self._counts["repeated"],
            limited=self._counts["limited"],
            dropped=self._counts["dropped"],
            waiting=len(self._waiting),
            last_failed=self._last_failed,
        )

    def told(self, seq: int, event: Event, outcome: Outcome, trader: Trader) -> None:
        """Take an event with its outcome."""
        state = trader.state
        if not state.warmed or (isinstance(event, HistoricEvent) and event.history):
            return
        self._count_day(event, outcome, trader)
        for notice in (*notices(event, outcome, state), *self._worries.about(event, state)):
            self._take(notice)

    async def run(self, operator: Operator) -> None:
        """Send what is to be sent until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                await self._deliver(self._waiting.popleft())

    def _count_day(self, event: Event, outcome: Outcome, trader: Trader) -> None:
        """Sum up a day when the next has begun, by event time."""
        day = event.seen_ts // MS_PER_DAY
        if day > self._day:
            if self._day >= 0:
                ended = datetime.fromtimestamp(self._day * MS_PER_DAY / MS_PER_SECOND, UTC).date().isoformat()
                self._take(summary(trader.state, ended, self._trades, self._day_open_usd))
            state = trader.state
            self._day, self._trades = day, 0
            self._day_open_usd = state.account.equity_usd(state.market.price_usd)
        self._trades += sum(isinstance(note, PositionClosed) for note in outcome.notes)

    def _take(self, notice: Notice) -> None:
        now_s = self._now_s()
        if now_s - self._told_s.get(notice.key, -AGAIN_S) < AGAIN_S:
            return self._hold_back("repeated")
        while self._sent_s and now_s - self._sent_s[0] > 3_600.0:
            self._sent_s.popleft()
        if not notice.urgent and len(self._sent_s) >= PER_HOUR:
            return self._hold_back("limited")
        if len(self._waiting) >= WAITING_MAX:
            self._waiting.popleft()
            self._hold_back("dropped")
        self._told_s = {key: at_s for key, at_s in self._told_s.items() if now_s - at_s < AGAIN_S}
        self._told_s[notice.key] = now_s
        self._sent_s.append(now_s)
        self._waiting.append(notice)
        self._wake.set()
        return None

    def _hold_back(self, why: str) -> None:
        self._held_back += 1
        self._counts[why] += 1

    async def _deliver(self, notice: Notice) -> None:
        held_back, self._held_back = self._held_back, 0
        more = f"\n(and {held_back} held back)" if held_back else ""
        try:
            async with asyncio.timeout(SENDING_S):
                took = await self._send(notice.title, notice.body + more)
        except TimeoutError:
            took = False
        self._counts["sent" if took else "failed"] += 1
        self._last_failed = not took
        if not took:
            log.warning("alert.failed", title=notice.title)
