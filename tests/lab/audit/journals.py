"""Journals for the audit: as the paper daemon made them, and retold with something wrong in them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from drift_e3.core.commands import SubmitOrder
from drift_e3.core.events import Event, Heartbeat, Started
from drift_e3.core.params import Limits
from drift_e3.core.terms import Intent
from drift_e3.journal.code_hash import code_hash
from drift_e3.journal.codec import COMMAND_TYPES, NOTE_TYPES, Message
from drift_e3.journal.schema import JOURNAL_NAME
from drift_e3.journal.writer import JournalWriter

COMMANDS, NOTES = tuple(COMMAND_TYPES.values()), tuple(NOTE_TYPES.values())
Told = list[tuple[Event, list[Message]]]
"""A journal: every event with what it led to."""
Fault = Callable[[Told], Told]
"""Gives a journal with something wrong in it; may change the list that it is given."""


def write(state: Path, story: Told) -> Path:
    """A state directory with this journal."""
    state.mkdir()
    with JournalWriter(state / JOURNAL_NAME, code_hash(), capacity=1 << 30) as writer:
        for seq, (event, outputs) in enumerate(story, 1):
            writer.append_event(seq, event)
            commands = [one for one in outputs if isinstance(one, COMMANDS)]
            writer.append_outcome(seq, commands, [one for one in outputs if isinstance(one, NOTES)])
    return state


def find(story: Told, fits: Callable[[Event, list[Message]], object], nth: int = 0) -> int:
    """Where the nth event stands that fits, with what it led to."""
    return [place for place, (event, outputs) in enumerate(story) if fits(event, outputs)][nth]


def sends(outputs: Sequence[Message], *, entry: bool) -> list[SubmitOrder]:
    """The entries among the commands, or the orders that only reduce."""
    return [
        output
        for output in outputs
        if isinstance(output, SubmitOrder) and output.approved.intent.reduce_only is not entry
    ]


def entry_at(story: Told, nth: int = 0) -> int:
    """Where the nth entry was sent."""
    return find(story, lambda _, outputs: sends(outputs, entry=True), nth)


def change(story: Told, place: int, old: Message, new: Message | None) -> None:
    """Put another output in the place of one, or none."""
    event, outputs = story[place]
    changed = [new if output is old else output for output in outputs]
    story[place] = event, [output for output in changed if output is not None]


def silence(story: Told, place: int) -> None:
    """An event that was not told: time went by instead."""
    event, outputs = story[place]
    story[place] = Heartbeat(seen_ts=event.seen_ts), outputs


def plant(story: Told, place: int, event: Event, *outputs: Message) -> None:
    """One more event before another, at the same time."""
    story.insert(place, (event, list(outputs)))


def with_intent(order: SubmitOrder, **values: object) -> SubmitOrder:
    """The order with another intent."""
    intent: Intent = replace(order.approved.intent, **values)  # type: ignore[arg-type]
    return replace(order, approved=replace(order.approved, intent=intent))


def under(story: Told, **limits: object) -> Told:
    """The journal as if the trader had had these limits all along and had not heeded them."""
    start = story[0][0]
    assert isinstance(start, Started)
    other: Limits = start.settings.limits._replace(**limits)  # type: ignore[arg-type]
    story[0] = replace(start, settings=replace(start.settings, limits=other)), story[0][1]
    return story
