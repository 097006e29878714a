"""The parties outside, as the house needs them. Adapters implement these; the core never sees them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol, TypeGuard, runtime_checkable

from drift_e3.core.advice import Question
from drift_e3.core.commands import Command, SubmitOrder
from drift_e3.core.events import AdvisorEvent, Event, Feed
from drift_e3.core.state import TraderState
from drift_e3.core.terms import Instrument
from drift_e3.status import ServerStatus


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


Put = Callable[[Sequence[Event]], Awaitable[None]]
"""Hands events over, in order, and returns when there is room for more."""


class LiveMarket(Market, Protocol):
    """A market that comes by itself, at its own pace, on paper or with a real account.

    What it brings waits until `advance` returns it, one event at a time with what the venue makes of it;
    `next_ts` is None while nothing waits.
    """

    @property
    def proves(self) -> bool:
        """Whether the venue is simulated, and so makes again, after `push`, what the journal holds."""

    def push(self, events: Sequence[Event]) -> None:
        """Let events wait for `advance`: new ones, or, in a recovery, those that the journal holds."""

    async def open(self, state: TraderState | None, not_before_ts: int) -> list[Event]:
        """Connect, and return what has to be booked before anything else: history to warm on, and what became
        of the account meanwhile. `state` is the recovered trader's, None at the very first start; no event is
        stamped before `not_before_ts` (UTC, ms).

        Raises `VenueRefused` when this market must not be traded, `VenueUnavailable` when it does not answer.
        """

    def troubles(self) -> tuple[str, ...]:
        """Which of its sources are silent now, in words for people; empty while all speak."""

    def servers(self) -> tuple[ServerStatus, ...]:
        """The chain's RPC servers, in order of preference; empty where no chain is read."""

    def merged(self) -> Mapping[str, int]:
        """How many messages, by what they were, a newer one replaced before they became events."""

    async def run(self, put: Put) -> None:
        """Bring events until cancelled; what is out of reach for a while is waited for."""


def is_live(market: Market) -> TypeGuard[LiveMarket]:
    """Whether a market comes by itself: then its feed says so."""
    return market.feed.live


class Advisor(Protocol):
    """Somebody who answers questions, sooner or later or never."""

    async def ask(self, question: Question, deadline_ms: int) -> AdvisorEvent:
        """The answer, or why there is none, not later than `deadline_ms`; never raises for a party outside.

        The event's `seen_ts` is the question's `ts` plus the measured latency.
        """

    async def close(self) -> None: ...


@runtime_checkable
class AttendedAdvisor(Advisor, Protocol):
    """An advisor that somebody has to look after: its models are loaded first, and mended later."""

    async def attend(self) -> None:
        """Look after it, beside everything else, until cancelled."""


class Clock(Protocol):
    """Where the time comes from."""

    def now_ms(self) -> int: ...
    async def sleep_until(self, ts_ms: int) -> None: ...
