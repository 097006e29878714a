"""Carries out what people ask of the running daemon: a request to act becomes an event in the inbox like any
other, so that journal and core stay the one truth; a status is read from the trader's memory between two
events. Nothing here decides, and nobody who asks may hold up the trading loop.
"""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from drift_e3 import __version__
from drift_e3.core.events import FlattenRequested, HaltRequested, ReduceRequested, ResumeRequested
from drift_e3.core.state import TraderState
from drift_e3.core.terms import MS_PER_SECOND
from drift_e3.live.inbox import Inbox
from drift_e3.live.session import Session
from drift_e3.live.watch import Waiter, Watch, is_flat
from drift_e3.operating import Answer, Messenger, Verb
from drift_e3.ports import Clock
from drift_e3.status import ArrivalStatus, DaemonStatus, ServerStatus, Status
from drift_e3.trader_status import Circumstances, status

TAKING_S = 10.0
"""How long the loop may take until it has taken a request."""

Request = HaltRequested | FlattenRequested | ReduceRequested | ResumeRequested
REQUESTS: dict[Verb, type[Request]] = {
    Verb.HALT: HaltRequested,
    Verb.FLATTEN: FlattenRequested,
    Verb.REDUCE: ReduceRequested,
    Verb.RESUME: ResumeRequested,
}
CLOSING = frozenset({Verb.HALT, Verb.FLATTEN})
"""What is done only when nothing is open any more."""


class DaemonOperator:
    """Implements `operating.Operator` over one session and its inbox."""

    def __init__(
        self,
        session: Session,
        inbox: Inbox,
        watch: Watch,
        clock: Clock,
        *,
        venue: str,
        speed: float | None,
        troubles: Callable[[], tuple[str, ...]] = tuple,
        servers: Callable[[], tuple[ServerStatus, ...]] = tuple,
        arrivals: Callable[[], ArrivalStatus | None] = lambda: None,
        messenger: Messenger | None = None,
    ) -> None:
        """`troubles` says which sources of the market are silent, `servers` how those of the chain do,
        `arrivals` what a live market has brought that nobody has taken yet."""
        self._session = session
        self._inbox = inbox
        self._watch = watch
        self._clock = clock
        self._venue = venue
        self._speed = speed
        self._troubles = troubles
        self._servers = servers
        self._arrivals = arrivals
        self._messenger = messenger
        self._started_ts = clock.now_ms()

    @property
    def committed_seq(self) -> int:
        """The journal's last event that is proof against a kill."""
        return self._session.committed_seq

    def status(self) -> Status:
        """How the trader stands between two events."""
        state, session, now_ms = self._state, self._session, self._clock.now_ms()
        return status(
            state,
            Circumstances(
                seq=session.seq,
                now_ts=now_ms if state.feed.live else session.last_ts,
                event_ts=session.last_ts,
                decision=self._watch.decision,
                daemon=DaemonStatus(
                    pid=os.getpid(),
                    version=__version__,
                    venue=self._venue,
                    speed=self._speed,
                    started_ts=self._started_ts,
                    uptime_s=(now_ms - self._started_ts) / MS_PER_SECOND,
                ),
                rpc=self._servers(),
                alerts=None if self._messenger is None else self._messenger.alerts(),
                arrivals=self._arrivals(),
                notes=self._troubles(),
            ),
        )

    async def ask(
        self, verb: Verb, by: str, wait_s: float, last_word: Callable[[Answer], None] | None = None
    ) -> Answer:
        """What became of a request; see `operating.Operator`.

        When the daemon ends meanwhile, `last_word` is told how it stood then, before the cancellation goes
        on.
        """
        if verb is Verb.STATUS:
            return self._seen(Answer(seq=self._session.seq))
        waiter = self._watch.expect(REQUESTS[verb])
        answer = Answer(error="the daemon ended meanwhile", ending=True)
        try:
            answer = await self._put(verb, by, waiter)
            if verb in CLOSING and not answer.error:
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        await waiter.flat.wait()
        except asyncio.CancelledError:
            if last_word is not None:
                last_word(replace(self._came_of(answer, waiter), ending=True))
            raise
        finally:
            self._watch.forget(waiter)
        return self._came_of(answer, waiter)

    async def _put(self, verb: Verb, by: str, waiter: Waiter) -> Answer:
        """Have a request taken, and journaled for good."""
        before = self._state
        paused = self._session.last_ts < before.breakers.paused_until_ts
        held = "halt" if before.mode.halted else "pause" if paused else ""
        event = REQUESTS[verb](seen_ts=self._session.last_ts, by=by)
        error = "the daemon is too busy to take it"
        try:
            async with asyncio.timeout(TAKING_S):
                batch = await self._inbox.put([event])
                error = "the daemon is busy and will take it: look at its status"
                await batch.dealt_with.wait()
                await self._session.commit()
        except TimeoutError:
            return Answer(error=error)
        return Answer(seq=waiter.seq, lifted=held if verb is Verb.RESUME else "")

    def _came_of(self, answer: Answer, waiter: Waiter) -> Answer:
        if answer.error:
            return answer
        seen = self._seen(answer)
        return replace(seen, flat=seen.flat or waiter.flat.is_set())

    def _seen(self, answer: Answer) -> Answer:
        return replace(answer, flat=is_flat(self._state), status=self.status())

    @property
    def _state(self) -> TraderState:
        return self._session.trader.state
