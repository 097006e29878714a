"""Plays a recorded or synthetic market in lock step: an order given at one step meets a later one.

Faster than real time, event time waits for the advisor and its measured latency is added to event time, so
that a run means what it would have meant live.
"""

from drift_e3.core.events import StopRequested
from drift_e3.core.terms import StopPolicy
from drift_e3.live.clock import Pacer
from drift_e3.live.consultant import Consultant
from drift_e3.live.inbox import NEVER, Batch, Inbox
from drift_e3.ports import Market

STEPS_AT_ONCE = 256
"""Steps in one batch when nothing limits the speed: few turns of the loop, yet signals are heard in time."""


class Player:
    """Brings the market's steps and the advisor's answers to the inbox in the order of event time."""

    def __init__(self, market: Market, inbox: Inbox, pacer: Pacer, consultant: Consultant) -> None:
        self._market = market
        self._inbox = inbox
        self._pacer = pacer
        self._consultant = consultant

    async def run(self) -> None:
        """Play to the market's end, hear an answer that is still due, then ask for a stop."""
        last_ts = 0
        while True:
            if not self._pacer.real_time and await self._consultant.settle():
                self._pacer.rebase(last_ts)
            next_ts = self._market.next_ts()
            answer = self._consultant.due(NEVER if next_ts is None else next_ts)
            if answer is not None:
                batch = await self._inbox.put([answer])
            elif next_ts is not None:
                batch = await self._play(next_ts)
                last_ts = next_ts
            else:
                break
            await batch.dealt_with.wait()
        await self._inbox.put(
            [StopRequested(seen_ts=last_ts, policy=StopPolicy.HOLD, by="end of market", at_once=True)]
        )

    async def _play(self, next_ts: int) -> Batch:
        """Put the next step when it is due; history, which is not paced, many steps at once."""
        if next_ts < self._market.begins_ts:
            return await self._inbox.put([], steps=STEPS_AT_ONCE, before_ts=self._market.begins_ts)
        await self._pacer.until(next_ts)
        unlimited = self._pacer.unlimited and not self._consultant.busy
        return await self._inbox.put([], steps=STEPS_AT_ONCE if unlimited else 1)
