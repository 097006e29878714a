"""The paper market: any market feed played to the simulated venue, step by step.

Backtest and paper daemon use the very same object. Nothing here waits, decides or prices.
"""

from typing import Protocol

import msgspec

from drift_e3.core.commands import CancelOrder, Command, SubmitOrder
from drift_e3.core.events import Event, Feed
from drift_e3.core.terms import Instrument
from drift_e3.ports import DataError
from drift_e3.venues.sim.settings import SimSettings, check_sim_settings
from drift_e3.venues.sim.state import NEVER, SimState
from drift_e3.venues.sim.steps import BarLook, Step
from drift_e3.venues.sim.venue import SimVenue


class MarketFeed(Protocol):
    """A market without a venue: a tape or a synthetic market, one step after the other.

    A feed with oracle ticks plays real events only. One without plays each candle as `BarOpened` at its open
    time, `BarRange` at its close time less 1 ms and `CandleClosed` at its close time.
    """

    @property
    def instrument(self) -> Instrument: ...
    @property
    def feed(self) -> Feed: ...
    @property
    def begins_ts(self) -> int:
        """Event time (UTC, ms) at which history ends."""

    def next_ts(self) -> int | None:
        """Event time (UTC, ms) of the next step, never before an earlier one; None at the market's end."""

    def advance(self) -> Step:
        """The step that is due at `next_ts`."""

    def checkpoint(self) -> bytes:
        """The feed's position, from which `restore` continues with the very same steps."""

    def restore(self, state: bytes) -> None: ...


class _Checkpoint(msgspec.Struct, frozen=True, array_like=True):
    """Feed and venue at one moment, between two steps, and by which rules the venue is simulated."""

    feed: bytes
    venue: SimState
    settings: SimSettings


class PaperMarket:
    """Implements `ports.Market`. `venue` is the simulated account, for whoever shows it."""

    __slots__ = ("_settings", "_source", "venue")

    def __init__(self, feed: MarketFeed, settings: SimSettings, equity_usd: float) -> None:
        self._source = feed
        self._settings = check_sim_settings(settings)
        self.venue = SimVenue(feed.instrument, settings, feed.feed.frame_ms, equity_usd)

    @property
    def instrument(self) -> Instrument:
        """What is traded."""
        return self._source.instrument

    @property
    def feed(self) -> Feed:
        """What the market's feed can deliver."""
        return self._source.feed

    @property
    def begins_ts(self) -> int:
        """Event time (UTC, ms) at which history ends and trading begins."""
        return self._source.begins_ts

    def next_ts(self) -> int | None:
        """When the feed's next step is due, or a command that arrives at the venue before it."""
        step_ts = self._source.next_ts()
        if not self.venue.state.in_flight:
            return step_ts
        due_ts = self.venue.due_ts
        if step_ts is None:
            return None if due_ts == NEVER else due_ts
        return min(step_ts, due_ts)

    def advance(self) -> list[Event]:
        """Play what is due at `next_ts`: a command's arrival at the venue, or a step of the feed.

        A market event comes before the venue's events that it causes; the two looks at a candle (`BarOpened`,
        `BarRange`) are the venue's alone. The list may be empty.
        """
        if self.venue.state.in_flight:
            due_ts = self.venue.due_ts
            step_ts = self._source.next_ts()
            if due_ts != NEVER and (step_ts is None or due_ts <= step_ts):
                return [*self.venue.run_due()]
        step = self._source.advance()
        events = self.venue.process(step)
        if isinstance(step, BarLook):
            return [*events]
        return [step, *events]

    def execute(self, command: SubmitOrder | Command, now_ts: int) -> None:
        """Send an order or a cancel to the venue at event time `now_ts`; other commands are ignored."""
        if isinstance(command, SubmitOrder):
            self.venue.submit(command, now_ts)
        elif isinstance(command, CancelOrder):
            self.venue.cancel(command.order_id, now_ts)

    def checkpoint(self) -> bytes:
        """Feed and venue, to be restored into a market with the same feed and settings."""
        return msgspec.msgpack.encode(
            _Checkpoint(feed=self._source.checkpoint(), venue=self.venue.state, settings=self._settings)
        )

    def restore(self, state: bytes) -> None:
        """Continue from a checkpoint with the very same steps and events.

        Raises `DataError` if it is none, or of another feed or other settings.
        """
        try:
            saved = msgspec.msgpack.decode(state, type=_Checkpoint)
        except msgspec.DecodeError as error:
            raise DataError(f"paper market: not a checkpoint: {error}") from error
        for name, begun in saved.settings._asdict().items():
            if getattr(self._settings, name) != begun:
                raise DataError(
                    f"paper market: was begun with {name} {begun:g}, not {getattr(self._settings, name):g}; "
                    "use the same paper settings, or another --state"
                )
        self._source.restore(saved.feed)
        self.venue.restore(saved.venue)
