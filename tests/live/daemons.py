"""The daemon run in the test's own loop, on scripted clocks, markets and advisors."""

import asyncio
import heapq
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import drift_e3.live.daemon
from drift_e3.core.advice import Question
from drift_e3.core.commands import Command, SubmitOrder
from drift_e3.core.events import AdviceFailed, AdviceReceived, AdvisorEvent, Event, Feed, Settings
from drift_e3.core.params import Limits, Params
from drift_e3.core.terms import Instrument, StopPolicy
from drift_e3.live.daemon import Ended, Orders, run_daemon
from drift_e3.ports import Advisor, Clock, Market

DAEMONS_LOG = drift_e3.live.daemon.log
GOOD = '{"regime": "chop", "direction": "LONG", "confidence": 0.6, "multiplier": 1, "reasoning": "so"}'


class KeptLog:
    """Stands in for the daemon's logger: (level, event, fields) of each line, in order."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, Any]]] = []

    def __getattr__(self, level: str) -> Any:
        return lambda event, **fields: self.lines.append((level, event, fields))

    def named(self, event: str) -> list[dict[str, Any]]:
        """The fields of the lines of one name."""
        return [fields for _, name, fields in self.lines if name == event]


class ScriptedClock:
    """Implements `ports.Clock`: nobody sleeps. Time moves when the player waits for the market, and wakes
    others on the way, in order."""

    def __init__(self, now_ms: int = 1_000_000) -> None:
        self._now_ms = now_ms
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._count = 0

    def now_ms(self) -> int:
        return self._now_ms

    async def sleep_until(self, ts_ms: int) -> None:
        task = asyncio.current_task()
        if task is None or task.get_name() != "player":
            self._count += 1
            future = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting, (ts_ms, self._count, future))
            await future
            return
        while self._waiting and self._waiting[0][0] <= ts_ms:
            due_ms, _, future = heapq.heappop(self._waiting)
            self._now_ms = max(self._now_ms, due_ms)
            if not future.done():
                future.set_result(None)
                await turns()
        self._now_ms = max(self._now_ms, ts_ms)
        await asyncio.sleep(0)


async def turns(count: int = 20) -> None:
    """Let the others on the loop have their turns."""
    for _ in range(count):
        await asyncio.sleep(0)


class ScriptedAdvisor:
    """Implements `ports.Advisor`. `wait_ms` gives, for the how-manieth question, for how long the clock must
    run before the answer; None for never. `latency_ms`, where given, is what the answer says instead."""

    def __init__(
        self,
        clock: Clock,
        wait_ms: Callable[[int], int | None],
        *,
        latency_ms: int | None = None,
        text: str = GOOD,
    ) -> None:
        self._clock = clock
        self._wait_ms = wait_ms
        self._latency_ms = latency_ms
        self._text = text
        self.asked: list[Question] = []
        self.thinking = False
        self.cancelled = 0

    async def ask(self, question: Question, deadline_ms: int) -> AdvisorEvent:
        del deadline_ms
        wait_ms = self._wait_ms(len(self.asked))
        self.asked.append(question)
        self.thinking = True
        try:
            await self._wait(wait_ms)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.thinking = False
        latency_ms = self._latency_ms if self._latency_ms is not None else wait_ms or 0
        return AdviceReceived(
            seen_ts=question.ts + latency_ms,
            question_id=question.question_id,
            text=self._text,
            latency_ms=latency_ms,
            model="scripted",
        )

    async def _wait(self, wait_ms: int | None) -> None:
        if wait_ms is None:
            await asyncio.Event().wait()
        elif wait_ms:
            await self._clock.sleep_until(self._clock.now_ms() + wait_ms)
        else:
            await turns()

    async def close(self) -> None:
        pass


class Quiet:
    """Implements `ports.Advisor`: fails at once."""

    async def ask(self, question: Question, deadline_ms: int) -> AdvisorEvent:
        del deadline_ms
        return AdviceFailed(seen_ts=question.ts, question_id=question.question_id, reason="off", latency_ms=0)

    async def close(self) -> None:
        pass


class Bounded:
    """Implements `ports.Market`: another one, ended after an event time, telling of each step and command.

    `told` has, in order, the time of each step that made an event, each event, and each command.
    """

    def __init__(self, market: Market, end_ts: int = 1 << 62) -> None:
        self._market = market
        self._end_ts = end_ts
        self.told: list[Event | Command] = []
        self.before: Callable[[int], None] = lambda _: None
        """Called before each step with its time."""
        self.sent: Callable[[Command], None] = lambda _: None
        """Called with each command that reaches the market."""

    @property
    def instrument(self) -> Instrument:
        return self._market.instrument

    @property
    def feed(self) -> Feed:
        return self._market.feed

    @property
    def begins_ts(self) -> int:
        return self._market.begins_ts

    def next_ts(self) -> int | None:
        next_ts = self._market.next_ts()
        return None if next_ts is None or next_ts > self._end_ts else next_ts

    def advance(self) -> list[Event]:
        self.before(self._market.next_ts() or 0)
        events = self._market.advance()
        self.told.extend(events)
        return events

    def execute(self, command: SubmitOrder | Command, now_ts: int) -> None:
        self.told.append(command)
        self.sent(command)
        self._market.execute(command, now_ts)

    def checkpoint(self) -> bytes:
        return self._market.checkpoint()

    def restore(self, state: bytes) -> None:
        self._market.restore(state)


def orders(
    state_dir: Path,
    settings: Settings | None = None,
    *,
    speed: float | None = None,
    stop_policy: StopPolicy = StopPolicy.HOLD,
    stop_timeout_s: float = 30.0,
    reload: Callable[[], Settings] | None = None,
    equity_usd: float = 1_000.0,
) -> Orders:
    """How to run; without settings by the defaults, rules alone."""
    chosen = settings or Settings(params=Params(), limits=Limits())
    state_dir.mkdir(exist_ok=True)
    return Orders(
        state_dir=state_dir,
        settings=chosen,
        equity_usd=equity_usd,
        speed=speed,
        stop_policy=stop_policy,
        stop_timeout_s=stop_timeout_s,
        reload=reload or (lambda: chosen),
    )


def run_on(market: Market, how: Orders, advisor: Advisor | None = None, clock: Clock | None = None) -> Ended:
    """Run the daemon to its end; nobody sees its log unless a test has put one of its own in place."""
    with pytest.MonkeyPatch.context() as patch:
        if drift_e3.live.daemon.log is DAEMONS_LOG:
            patch.setattr(drift_e3.live.daemon, "log", KeptLog())
        return asyncio.run(run_daemon(how, market, advisor or Quiet(), clock or ScriptedClock()))
