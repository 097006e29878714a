"""Who waits for a request and for what comes of it, event by event."""

from drift_e3.core.events import Event, FlattenRequested, HaltRequested, Heartbeat
from drift_e3.core.trader import Trader
from drift_e3.core.turn import Outcome
from drift_e3.live.watch import Watch, is_flat
from tests.core.builders import decisions
from tests.core.stories import Story, a_story, in_position

NOTHING = Outcome((), ())


def tell(watch: Watch, story: Story, seq: int, event: Event, outcome: Outcome = NOTHING) -> None:
    watch.told(seq, event, outcome, story.trader)


def flatten(story: Story) -> FlattenRequested:
    return FlattenRequested(seen_ts=story.now, by="test")


def test_everything_is_passed_on() -> None:
    heard: list[tuple[int, Event, Outcome, Trader]] = []
    watch = Watch(None, [lambda *given: heard.append(given)])
    story = a_story()
    event = Heartbeat(seen_ts=story.now)
    tell(watch, story, 7, event)
    assert heard == [(7, event, NOTHING, story.trader)]


def test_the_last_decision_is_kept() -> None:
    story = a_story()
    outcome = story.rally()
    [made] = decisions(outcome)
    watch = Watch(None, [])
    tell(watch, story, 1, Heartbeat(seen_ts=story.now), outcome)
    assert watch.decision is made
    tell(watch, story, 2, Heartbeat(seen_ts=story.now))
    assert watch.decision is made
    assert Watch(made, []).decision is made


def test_flat_counts_from_the_request_on_and_stays_counted() -> None:
    watch = Watch(None, [])
    flat, held = a_story(), in_position()
    waiter = watch.expect(FlattenRequested)
    tell(watch, flat, 1, Heartbeat(seen_ts=flat.now))
    assert (waiter.seq, waiter.flat.is_set()) == (0, False)
    tell(watch, held, 2, flatten(held))
    assert (waiter.seq, waiter.flat.is_set()) == (2, False)
    tell(watch, flat, 3, Heartbeat(seen_ts=flat.now))
    tell(watch, held, 4, Heartbeat(seen_ts=held.now))
    assert (waiter.seq, waiter.flat.is_set()) == (2, True)


def test_requests_are_matched_in_the_order_in_which_they_were_put() -> None:
    watch = Watch(None, [])
    held = in_position()
    first, halt, second = (watch.expect(kind) for kind in (FlattenRequested, HaltRequested, FlattenRequested))
    tell(watch, held, 5, flatten(held))
    assert (first.seq, halt.seq, second.seq) == (5, 0, 0)
    tell(watch, held, 6, flatten(held))
    assert (first.seq, halt.seq, second.seq) == (5, 0, 6)
    watch.forget(first)
    tell(watch, held, 7, HaltRequested(seen_ts=held.now, by="test"))
    assert halt.seq == 7


def test_an_entry_on_its_way_is_not_flat() -> None:
    story = a_story()
    assert is_flat(story.state)
    story.rally()
    assert story.state.trade is None
    assert not is_flat(story.state)
