"""Asks the advisor in the background: one question at a time, the newest wins, nobody waits who must not."""

import asyncio
from typing import Final

from drift_e3.core.commands import AskAdvisor
from drift_e3.core.events import AdviceFailed, AdvisorEvent
from drift_e3.core.terms import MS_PER_SECOND
from drift_e3.live.inbox import Inbox
from drift_e3.ports import Advisor

GRACE_MS: Final = 40
"""An advisor that has not even said by then that its deadline is over is taken to have failed."""

UNKEPT: Final = "the advisor did not keep its deadline"


class Consultant:
    """Keeps the advisor's one running question.

    With an `inbox` an answer goes there as soon as it comes. Without, it is kept until a market that runs
    faster than real time has reached its event time.
    """

    def __init__(self, advisor: Advisor, tasks: asyncio.TaskGroup, inbox: Inbox | None) -> None:
        self._advisor = advisor
        self._tasks = tasks
        self._inbox = inbox
        self._open: AskAdvisor | None = None
        self._running: asyncio.Task[None] | None = None
        self._answer: AdvisorEvent | None = None

    @property
    def busy(self) -> bool:
        """Whether a question is running, or its answer is waiting for its event time."""
        return self._running is not None or self._answer is not None

    @property
    def holds_time(self) -> bool:
        """Whether a market that runs faster than real time has to wait for an answer."""
        return self._inbox is None and self.busy

    def ask(self, command: AskAdvisor) -> AdviceFailed | None:
        """Put a question; one that is still running is cancelled, which frees the model's server.

        Returns how the question ended that this one has superseded, if any.
        """
        question, older = command.question, self._open
        self.cancel()
        self._open = command
        self._running = self._tasks.create_task(self._ask(command), name="advisor")
        if older is None:
            return None
        return AdviceFailed(
            seen_ts=question.ts,
            question_id=older.question.question_id,
            reason="superseded",
            latency_ms=question.ts - older.question.ts,
        )

    def cancel(self) -> None:
        """Drop the running question and a waiting answer, if any."""
        if self._running is not None:
            self._running.cancel()
        self._open = self._running = self._answer = None

    async def settle(self) -> bool:
        """Wait until no question is running; True if there was one to wait for."""
        if self._running is None:
            return False
        await asyncio.wait([self._running])
        return True

    def due(self, before_ts: int) -> AdvisorEvent | None:
        """The waiting answer, if it has arrived by event time `before_ts`."""
        if self._answer is None or self._answer.seen_ts > before_ts:
            return None
        answer, self._answer, self._open = self._answer, None, None
        return answer

    async def _ask(self, command: AskAdvisor) -> None:
        answer = await self._in_time(command)
        self._running = None
        if self._inbox is not None:
            # As good as told: should a newer question come now, this answer is late, not superseded.
            self._open = None
            await self._inbox.put([answer])
        else:
            self._answer = answer

    async def _in_time(self, command: AskAdvisor) -> AdvisorEvent:
        """The advisor's own answer, or the failure that it should have reported itself."""
        question, deadline_ms = command.question, command.deadline_ms
        try:
            async with asyncio.timeout((deadline_ms + GRACE_MS) / MS_PER_SECOND):
                return await self._advisor.ask(question, deadline_ms)
        except TimeoutError:
            return AdviceFailed(
                seen_ts=question.ts + deadline_ms,
                question_id=question.question_id,
                reason="timeout",
                latency_ms=deadline_ms,
                detail=UNKEPT,
            )
