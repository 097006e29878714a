"""The trading loop: takes batches from the inbox, carries out commands, stops when the core says so."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from drift_e3.core.commands import AskAdvisor, CancelOrder, Stop, SubmitOrder
from drift_e3.core.events import AdviceFailed, Event
from drift_e3.core.turn import Outcome
from drift_e3.live.consultant import Consultant
from drift_e3.live.inbox import NEVER, Inbox
from drift_e3.live.session import Session
from drift_e3.ports import Market, is_live


@dataclass(slots=True)
class TradingLoop:
    """Owns session and market. Awaits only its inbox and, before an order leaves, its commit.

    `heard_from_ts` is the earliest event time at which something may be heard from outside: after the
    market's last step, if that made no event.
    """

    session: Session
    inbox: Inbox
    market: Market
    consultant: Consultant
    stop: Stop | None = None
    heard_from_ts: int = 0

    async def run(self) -> Stop:
        """Take batch after batch until the core says stop; return that, with everything on the disk."""
        while self.stop is None:
            batch = await self.inbox.get()
            for event in batch.events:
                await self.take(self._on_time(event))
            await self._play(batch.steps, batch.before_ts)
            batch.dealt_with.set()
        self.session.snapshot(self.market.checkpoint())
        await self.session.commit()
        return self.stop

    async def take(self, event: Event) -> None:
        """Process one event and carry out what it leads to."""
        outcome = self.session.take(event)
        if outcome.commands:
            await self._carry_out(outcome, event.seen_ts)

    async def welcome(self, opening: Sequence[Event]) -> None:
        """Take what a live market begins with."""
        market = self.market
        assert is_live(market), "only a live market begins with something"
        market.push(opening)
        await self._play(len(opening), NEVER)

    async def _play(self, steps: int, before_ts: int) -> None:
        """Play steps of the market, fewer when a question or a stop comes up."""
        for _ in range(steps):
            next_ts = self.market.next_ts()
            if next_ts is None or next_ts >= before_ts:
                return
            events = self.market.advance()
            for event in events:
                await self.take(event)
            self.heard_from_ts = 0 if events else next_ts + 1
            if self.session.snapshot_due():
                self.session.snapshot(self.market.checkpoint())
            await self.session.keep_up()
            if self.stop is not None or self.consultant.holds_time:
                return

    def _on_time(self, event: Event) -> Event:
        """What people and advisors say is seen now, even if it was meant for a moment ago: not before the
        market's last step, and not after its next one.

        A recovery has only the journal to see by where between two steps it was said.
        """
        next_ts = self.market.next_ts()
        seen_ts = event.seen_ts if next_ts is None else min(event.seen_ts, next_ts)
        return replace(event, seen_ts=max(seen_ts, self.heard_from_ts, self.session.last_ts))

    async def _carry_out(self, outcome: Outcome, now_ts: int) -> None:
        if any(isinstance(command, SubmitOrder | CancelOrder) for command in outcome.commands):
            await self.session.commit()
        superseded: AdviceFailed | None = None
        for command in outcome.commands:
            match command:
                case SubmitOrder() | CancelOrder():
                    self.market.execute(command, now_ts)
                case AskAdvisor():
                    superseded = self.consultant.ask(command)
                case Stop():
                    self.stop = command
        if superseded is not None:
            await self.take(self._on_time(superseded))
