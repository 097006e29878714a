"""What lasts too long is told once: an order that nobody answers for, a position without a stop."""

from dataclasses import replace

from drift_e3.core.events import Heartbeat
from drift_e3.ops.worries import BARE_MS, UNCERTAIN_MS, Worries
from tests.core.builders import submitted
from tests.core.stories import Story, a_story, in_position

STEP_MS = 1_000


def go_live(story: Story) -> None:
    """Let the market be a live one from now on, so that time alone may be too long."""
    story.state.feed = replace(story.state.feed, live=True)


def lasting(story: Story, worries: Worries, ms: int) -> list[tuple[int, str]]:
    """What is said, and how long after now, while nothing but time passes for so long."""
    began, said = story.now, []
    while story.now < began + ms:
        story.beat(STEP_MS)
        event = Heartbeat(seen_ts=story.now)
        said += [(story.now - began, notice.title) for notice in worries.about(event, story.state)]
    return said


def test_an_order_that_nobody_answers_for_is_told_once() -> None:
    story, worries = a_story(), Worries()
    [entry] = submitted(story.rally())
    go_live(story)
    said = lasting(story, worries, 3 * UNCERTAIN_MS)
    assert said == [(UNCERTAIN_MS + STEP_MS, "An order's fate is uncertain")]
    story.reject(entry.order_id)
    assert lasting(story, worries, UNCERTAIN_MS) == []


def test_an_order_that_was_answered_in_time_worries_nobody() -> None:
    story, worries = in_position(), Worries()
    go_live(story)
    assert lasting(story, worries, 3 * UNCERTAIN_MS) == []


def test_a_position_without_a_stop_is_told_once_and_told_again_the_next_time() -> None:
    story, worries = in_position(), Worries()
    go_live(story)
    for _ in range(2):
        story.state.unprotected_since_ts = story.now
        told = [(after, title) for after, title in lasting_bare(story, worries, 2 * BARE_MS)]
        assert told == [(BARE_MS, "No stop on the venue")]
        story.state.unprotected_since_ts = -1
        assert lasting(story, worries, BARE_MS) == []


def lasting_bare(story: Story, worries: Worries, ms: int) -> list[tuple[int, str]]:
    """The same, seen by nobody but the one who worries: the core would arm a stop."""
    said = []
    for after_ms in range(0, ms, STEP_MS):
        event = Heartbeat(seen_ts=story.now + after_ms)
        said += [(after_ms, notice.title) for notice in worries.about(event, story.state)]
    story.now += ms
    return said


def test_in_a_played_market_nothing_is_late() -> None:
    story, worries = a_story(), Worries()
    story.rally()
    assert lasting(story, worries, 3 * UNCERTAIN_MS) == []
