"""Event time against wall time: who waits for the advisor, and when an answer is heard."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from drift_e3.core.commands import AskAdvisor
from drift_e3.core.events import AdviceReceived, Event, MarketEvent, VenueEvent
from drift_e3.core.notes import AdviceTaken
from drift_e3.journal.codec import Message
from drift_e3.live.clock import Pacer, WallClock
from tests.live.daemons import Bounded, ScriptedAdvisor, ScriptedClock, orders, run_on
from tests.live.journals import told
from tests.live.markets import settings, tape_market
from tests.live.tapes import START

ASKING = settings(ADVISOR="ollama", STRATEGY__AI_TTLSECONDS="7200")
LATENCY_MS = 700


def asked_and_answered(story: Sequence[tuple[Event, list[Message]]]) -> list[tuple[AskAdvisor, int, int]]:
    """Each question with the numbers of the events that asked and answered it."""
    asked = [
        (output, number)
        for number, (_, outputs) in enumerate(story)
        for output in outputs
        if isinstance(output, AskAdvisor)
    ]
    answered = {
        event.question_id: number
        for number, (event, _) in enumerate(story)
        if isinstance(event, AdviceReceived)
    }
    return [(ask, number, answered[ask.question.question_id]) for ask, number in asked]


@pytest.mark.parametrize("each", [0, 12])
@pytest.mark.parametrize("speed", [None, 3_600.0])
def test_faster_than_real_time_event_time_waits_and_latency_is_added_to_it(
    tmp_path: Path, speed: float | None, each: int
) -> None:
    clock = ScriptedClock()
    advisor = ScriptedAdvisor(clock, lambda _: 0, latency_ms=LATENCY_MS)
    market = Bounded(tape_market(ASKING, count=120, each=each))
    stepped_while_thinking: list[int] = []
    market.before = lambda ts: stepped_while_thinking.append(ts) if advisor.thinking else None
    run_on(market, orders(tmp_path / "state", ASKING.trading(), speed=speed), advisor, clock)

    assert stepped_while_thinking == []
    story = told(tmp_path / "state")
    questions = asked_and_answered(story)
    assert len(questions) == len(advisor.asked) > 20
    for ask, _, answered in questions:
        event, outputs = story[answered]
        assert event.seen_ts == ask.question.ts + LATENCY_MS
        assert any(isinstance(output, AdviceTaken) for output in outputs)
        before = [other for other, _ in story[:answered] if isinstance(other, MarketEvent | VenueEvent)]
        after = [other for other, _ in story[answered + 1 :] if isinstance(other, MarketEvent | VenueEvent)]
        assert all(other.seen_ts <= event.seen_ts for other in before)
        assert all(other.seen_ts >= event.seen_ts for other in after)
    assert all(one.seen_ts <= other.seen_ts for (one, _), (other, _) in pairwise(story))


@pytest.mark.parametrize("speed", [1.0, 0.5])
def test_at_real_time_the_market_plays_on_while_the_advisor_thinks(tmp_path: Path, speed: float) -> None:
    clock = ScriptedClock()
    advisor = ScriptedAdvisor(clock, lambda _: 450_000)
    market = Bounded(tape_market(ASKING, count=100, each=60))
    stepped_while_thinking: list[int] = []
    market.before = lambda ts: stepped_while_thinking.append(ts) if advisor.thinking else None
    began_ms = clock.now_ms()
    run_on(market, orders(tmp_path / "state", ASKING.trading(), speed=speed), advisor, clock)

    assert len(stepped_while_thinking) > 7 * len(advisor.asked) * speed > 70
    assert clock.now_ms() - began_ms == (100 * 3_600_000) / speed
    story = told(tmp_path / "state")
    assert all(one.seen_ts <= other.seen_ts for (one, _), (other, _) in pairwise(story))
    for ask, _, answered in asked_and_answered(story):
        # At half the speed the market has come half as far: an answer is not ahead of the market.
        waited_ms = story[answered][0].seen_ts - ask.question.ts
        assert waited_ms == pytest.approx(450_000 * speed, abs=60_000)


def test_a_new_question_cancels_the_one_that_is_still_running(tmp_path: Path) -> None:
    clock = ScriptedClock()
    advisor = ScriptedAdvisor(clock, lambda _: None)
    run_on(
        tape_market(ASKING, count=100),
        orders(tmp_path / "state", ASKING.trading(), speed=1.0),
        advisor,
        clock,
    )
    assert len(advisor.asked) > 10
    assert advisor.cancelled == len(advisor.asked)


async def test_the_pacer_maps_event_time_to_wall_time() -> None:
    clock = ScriptedClock(now_ms=50)
    asyncio.current_task().set_name("player")  # type: ignore[union-attr]
    pacer = Pacer(clock, 4.0)
    assert (pacer.real_time, pacer.unlimited) == (False, False)
    await pacer.until(START)
    assert clock.now_ms() == 50
    await pacer.until(START + 4_000)
    assert clock.now_ms() == 1_050
    pacer.rebase(START + 8_000)
    await pacer.until(START + 12_000)
    assert clock.now_ms() == 2_050


async def test_the_wall_clock_does_not_wait_for_what_has_passed() -> None:
    clock = WallClock()
    before = clock.now_ms()
    await clock.sleep_until(before - 60_000)
    assert 0 <= clock.now_ms() - before < 10_000
