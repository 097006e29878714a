"""The parties outside, as the house needs them. Adapters implement these; the core never sees them."""

from typing import Protocol

from drift_e3.core.advice import Question
from drift_e3.core.commands import Command, SubmitOrder
from drift_e3.core.events import AdvisorEvent, Event, Feed
from drift_e3.core.terms import Instrument


class DataError(ValueError):
    """Recorded data that cannot be trusted: one line with file, row or key, limit and value. Exit code 65."""


class VenueUnavailable(Exception):
    """A party outside did not answer; trying again is safe."""


class VenueRefused(Exception):
    """A party outside said no; trying again would not help."""


class OutcomeUnknown(Exception):
    """Something was sent and its fate is unknown: reconcile, never send again."""


class Market(Protocol):
    """A market that is played step by step (a tape, a synthetic market) with its simulated venue.

    `advance` plays the step that is due at `next_ts` and returns the events it causes, in order. Orders
    submitted between two steps meet the market at a later step, never at the one that provoked them.
    """

    @property
    def instrument(self) -> Instrument: ...
    @property
    def feed(self) -> Feed: ...
    @property
    def begins_ts(self) -> int:
        """Event time (UTC, ms) at which trading begins; what is due before it is history, told at once."""

    def next_ts(self) -> int | None:
        """Event time (UTC, ms) of the next step, or None at the market's end."""

    def advance(self) -> list[Event]: ...
    def execute(self, command: SubmitOrder | Command, now_ts: int) -> None:
        """Take a `SubmitOrder` or `CancelOrder` given at event time `now_ts`; other commands are ignored."""

    def checkpoint(self) -> bytes:
        """The market's whole state, from which `restore` continues with the very same steps."""

    def restore(self, state: bytes) -> None: ...


class Advisor(Protocol):
    """Somebody who answers questions, sooner or later or never."""

    async def ask(self, question: Question, deadline_ms: int) -> AdvisorEvent:
        """The answer, or why there is none, not later than `deadline_ms`; never raises for a party outside.

        The event's `seen_ts` is the question's `ts` plus the measured latency.
        """

    async def close(self) -> None: ...


class Clock(Protocol):
    """Where the time comes from."""

    def now_ms(self) -> int: ...
    async def sleep_until(self, ts_ms: int) -> None: ...
