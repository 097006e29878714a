"""The advisor: when it is asked, what becomes of its answer, and that nothing waits for it."""

from dataclasses import replace
from math import isnan

import pytest

from drift_e3.core.advice import Thesis
from drift_e3.core.events import BookSeen, Event, OracleTick, SettingsChanged
from drift_e3.core.notes import AdviceMissed, AdviceTaken
from drift_e3.core.terms import Direction, Mode, Reason, Regime, Strategy, Verdict
from tests.core.builders import (
    HOUR,
    MINUTE,
    START_TS,
    an_answer,
    asked,
    decisions,
    immediate,
    notes_of,
    reasons,
    submitted,
)
from tests.core.stories import Story, a_story, in_position

DEADLINE_MS = 8_000
OVERDUE_MS = 8_051


def asking(ai_deadline_ms: int = DEADLINE_MS) -> Story:
    """A story in which a rally has made the trader ask."""
    story = a_story(ai_enabled=True, ai_deadline_ms=ai_deadline_ms)
    assert len(asked(story.rally())) == 1
    return story


class TestAsking:
    def test_a_signal_asks_and_waits(self) -> None:
        story = a_story(ai_enabled=True)
        outcome = story.rally()
        [ask] = asked(outcome)
        question = ask.question
        assert ask.deadline_ms == DEADLINE_MS
        assert question.question_id == f"{START_TS + MINUTE}-ask"
        assert (question.ts, question.price_usd) == (story.now, 100.5)
        assert (question.position_base, question.held_ms) == (0.0, 0)
        assert isnan(question.entry_usd)
        assert question.thesis is None
        assert question.candles == tuple(story.state.market.recent_candles)
        assert (question.equity_usd, question.daily_loss_frac, question.drawdown_frac) == (1_000.0, 0.0, 0.0)
        assert (question.rule_regime, question.leverage_x_max) == (Regime.HIGH_VOL, 2.5)
        assert decisions(outcome) == []
        assert submitted(outcome) == []

    def test_two_candles_seen_at_once_ask_under_ids_of_their_own(self) -> None:
        story = a_story(ai_enabled=True)
        seen_ts = story.now = START_TS + HOUR
        [first] = asked(story.candle(100.5, volume=5e3, seen_ts=seen_ts))
        [second] = asked(story.candle(101.1, volume=5e3, seen_ts=seen_ts))
        assert first.question.ts == second.question.ts == seen_ts
        assert first.question.question_id != second.question.question_id

    def test_an_open_position_is_told(self) -> None:
        story = a_story(ai_enabled=True)
        story.rally()
        [entry] = submitted(story.answer())
        story.fill(entry.order_id)
        story.settle()
        story.beat(300_000)
        story.tick(100.6)
        [ask] = asked(story.candle(100.6))
        assert ask.question.position_base == story.state.account.position_base
        assert ask.question.entry_usd == 100.5
        trade = story.state.trade
        assert trade is not None
        assert ask.question.thesis == Thesis(
            strategy=Strategy.E3,
            regime=Regime.HIGH_VOL,
            stop_usd=trade.stop_level()[0],
            target_usd=trade.target_usd,
        )
        assert ask.question.held_ms == story.now - story.state.trade.opened_ts if story.state.trade else False

    def test_a_quiet_candle_with_fresh_advice_asks_nothing(self) -> None:
        story = asking()
        story.fail()
        story.tick(100.5)
        assert asked(story.candle(100.5)) == []

    def test_advice_at_hand_is_used_without_asking(self) -> None:
        story = a_story(ai_enabled=True)
        assert asked(story.candle(100.0))
        story.answer()
        outcome = story.rally()
        assert len(asked(outcome)) == 1, "the rule regime is new"
        story.answer()
        story.settle()
        story.reject(f"{START_TS + 2 * MINUTE}-entry")
        outcome = story.rally(101.1)
        assert asked(outcome) == []
        [decision] = decisions(outcome)
        assert decision.advice is not None
        assert decision.advice_age_ms == story.now - START_TS - 2 * MINUTE - 500

    def test_while_reducing_the_cap_is_still_asked_about(self) -> None:
        story = a_story(ai_enabled=True)
        story.state.mode.mode = Mode.REDUCING
        story.state.breakers.paused_until_ts = START_TS + HOUR
        assert asked(story.candle(100.0))


class TestAnswers:
    def test_an_answer_decides_in_the_same_turn(self) -> None:
        story = asking()
        outcome = story.answer(an_answer(confidence=0.9, multiplier=0.5))
        [decision] = decisions(outcome)
        assert [note.latency_ms for note in notes_of(outcome, AdviceTaken)] == [500]
        assert (decision.ts, decision.verdict) == (START_TS + MINUTE, Verdict.APPROVED)
        assert decision.confidence == pytest.approx(0.5 * 0.85 + 0.5 * 0.9)
        assert (decision.no_advice, decision.advice_age_ms) == ("", 0)
        assert decision.advice is not None
        [order] = submitted(outcome)
        assert order.order_id == f"{START_TS + MINUTE}-entry"
        assert order.approved.intent.size_base < 8.0

    def test_an_answer_meets_the_price_of_its_own_time(self) -> None:
        story = asking()
        story.tick(100.7)
        [order] = submitted(story.answer())
        assert order.approved.intent.reference_usd == 100.7

    @pytest.mark.parametrize("text", ["", "LONG!!", '{"regime": "chop"}'])
    def test_an_answer_that_is_not_understood_leaves_the_rules(self, text: str) -> None:
        story = asking()
        outcome = story.answer(text)
        [missed] = notes_of(outcome, AdviceMissed)
        [decision] = decisions(outcome)
        assert decision.no_advice == missed.reason != ""
        assert decision.verdict is Verdict.APPROVED
        assert decision.confidence == pytest.approx(0.85)

    def test_a_failure_leaves_the_rules(self) -> None:
        outcome = asking().fail("unreachable")
        assert [note.reason for note in notes_of(outcome, AdviceMissed)] == ["unreachable"]
        [decision] = decisions(outcome)
        assert (decision.no_advice, decision.verdict) == ("unreachable", Verdict.APPROVED)

    def test_advice_that_does_not_count_is_said_not_to(self) -> None:
        [decision] = decisions(asking().answer(an_answer(confidence=0.2)))
        assert (decision.no_advice, decision.advice) == ("not_weighed", None)
        assert decision.confidence == pytest.approx(0.85)

    def test_a_veto_refuses(self) -> None:
        [decision] = decisions(asking().answer(an_answer("SHORT", 0.8)))
        assert (decision.verdict, decision.reason) == (Verdict.REFUSED, "vetoed_by_advice")
        assert decision.advice is not None

    @pytest.mark.parametrize("direction", ["LONG", "SHORT", "FLAT"])
    @pytest.mark.parametrize("regime", ["bull_trend", "bear_trend", "high_vol", "crash", "chop"])
    def test_a_model_never_opens_a_trade_by_itself(self, direction: str, regime: str) -> None:
        story = a_story(ai_enabled=True)
        assert asked(story.candle(100.0))
        outcome = story.answer(an_answer(direction, 1.0, regime, 2.0))
        assert submitted(outcome) == []
        assert decisions(outcome)[0].direction is Direction.FLAT

    def test_advice_after_its_time_is_said_to_have_expired(self) -> None:
        story = a_story(ai_enabled=True)
        story.candle(100.0)
        story.answer()
        story.state.consultation.asked_ts = START_TS + HOUR
        story.beat(300_000)
        story.tick(100.0)
        [decision] = decisions(story.candle(100.0))
        assert (decision.no_advice, decision.advice) == ("expired", None)


class TestLateness:
    def test_an_overdue_question_is_closed_by_whatever_comes(self) -> None:
        story = asking()
        assert story.beat(OVERDUE_MS - 1).notes == ()
        outcome = story.beat(1)
        [missed] = notes_of(outcome, AdviceMissed)
        assert (missed.question_id, missed.reason) == (f"{START_TS + MINUTE}-ask", "overdue")
        [decision] = decisions(outcome)
        assert (decision.no_advice, decision.verdict) == ("overdue", Verdict.APPROVED)

    def test_a_late_answer_is_noted_and_never_traded(self) -> None:
        story = asking()
        question_id = story.state.consultation.open_id
        [entry] = submitted(story.fail())
        story.reject(entry.order_id)
        outcome = story.answer(question_id=question_id)
        assert [note.reason for note in notes_of(outcome, AdviceMissed)] == ["late"]
        assert outcome.commands == ()
        assert story.state.consultation.held is None

    def test_an_answer_that_is_itself_the_first_word_after_its_deadline_is_late(self) -> None:
        story = asking()
        outcome = story.answer(an_answer("SHORT", 1.0, "chop"), after_ms=OVERDUE_MS)
        assert [note.reason for note in notes_of(outcome, AdviceMissed)] == ["overdue", "late"]
        assert story.state.consultation.held is None
        [decision] = decisions(outcome)
        assert (decision.no_advice, decision.verdict) == ("overdue", Verdict.APPROVED)

    def test_a_failure_told_late_changes_nothing(self) -> None:
        story = asking()
        question_id = story.state.consultation.open_id
        story.answer()
        before = story.snapshot()
        outcome = story.fail(question_id=question_id, after_ms=0)
        assert [note.reason for note in notes_of(outcome, AdviceMissed)] == ["timeout"]
        assert outcome.commands == ()
        assert story.snapshot() == before

    def test_a_candle_that_closes_first_supersedes_the_one_that_waits(self) -> None:
        story = asking(ai_deadline_ms=120_000)
        older = story.state.consultation.open_id
        outcome = story.rally(101.1)
        [decision] = decisions(outcome)
        assert (decision.ts, decision.verdict) == (START_TS + MINUTE, Verdict.REFUSED)
        assert decision.reason == "superseded"
        [ask] = asked(outcome)
        assert ask.question.question_id == f"{START_TS + 2 * MINUTE}-ask"
        assert story.answer(question_id=older).commands == ()
        [entry] = submitted(story.answer())
        assert entry.order_id == f"{START_TS + 2 * MINUTE}-entry"

    def test_a_quiet_candle_that_is_superseded_says_why_there_was_no_signal(self) -> None:
        story = a_story(ai_enabled=True, ai_deadline_ms=120_000)
        story.candle(100.0)
        first, second = decisions(story.candle(100.0))
        assert first.reason == second.reason == "no_signal:funding"
        assert (first.ts, second.ts) == (START_TS + MINUTE, START_TS + 2 * MINUTE)


class TestNothingWaitsForTheAdvisor:
    def position_with_a_question_open(self) -> Story:
        """A long is held; a new question has 60 seconds."""
        story = in_position()
        story.state.settings = replace(story.state.settings, ai_enabled=True, ai_deadline_ms=60_000)
        story.tick(100.6)
        [ask] = asked(story.candle(100.6))
        assert ask.deadline_ms == 60_000
        return story

    def test_a_stop_fires_while_a_question_is_open(self) -> None:
        """The order of events: question, 30 s of silence, the stop, its fill, and only then the answer."""
        story = self.position_with_a_question_open()
        asked_ts = story.now
        outcome = story.tick(99.4, 30_000)
        [exit_order] = immediate(outcome)
        assert exit_order.approved.intent.reason is Reason.STOP
        assert story.state.consultation.open_id != ""
        story.accept(exit_order.order_id)
        story.fill(exit_order.order_id)
        assert story.state.trade is None
        assert story.state.consultation.open_id != ""
        outcome = story.answer(an_answer("LONG", 1.0), after_ms=25_000)
        assert story.now == asked_ts + 55_400 - 400
        assert submitted(outcome) == []
        assert len(notes_of(outcome, AdviceTaken)) == 1

    def test_a_stop_fires_when_the_answer_came_late(self) -> None:
        story = self.position_with_a_question_open()
        question_id = story.state.consultation.open_id
        story.beat(61_001)
        story.answer(an_answer("LONG", 1.0), question_id=question_id)
        assert reasons(story.tick(99.4)) == [Reason.STOP]

    @pytest.mark.parametrize(
        "text", ["", an_answer("LONG", 1.0, "bull_trend", 2.0), pytest.param("�" * 9_000, id="long")]
    )
    def test_a_stop_fires_whatever_the_answer_says(self, text: str) -> None:
        story = self.position_with_a_question_open()
        story.answer(text)
        assert reasons(story.tick(99.4)) == [Reason.STOP]

    def test_a_daily_loss_is_noticed_while_a_question_is_open(self) -> None:
        story = self.position_with_a_question_open()
        story.state.settings = replace(
            story.state.settings, limits=story.state.settings.limits._replace(daily_loss_max=0.001)
        )
        story.tick(100.0)
        assert story.state.mode.mode is Mode.REDUCING
        assert story.state.consultation.open_id != ""


class TestSwitchingTheAdvisorOff:
    def test_advice_at_hand_is_forgotten(self) -> None:
        story = a_story(ai_enabled=True)
        story.candle(100.0)
        story.answer(an_answer("SHORT", 1.0, "bear_trend"))
        assert story.state.regime.label == "bear_trend"
        off = replace(story.state.settings, ai_enabled=False)
        story.process(SettingsChanged(seen_ts=story.now, settings=off))
        assert story.state.regime.label == "chop"
        [decision] = decisions(story.rally())
        assert (decision.verdict, decision.no_advice) == (Verdict.APPROVED, "off")

    def test_the_candle_that_waits_is_decided_by_the_rules(self) -> None:
        story = asking()
        question_id = story.state.consultation.open_id
        off = replace(story.state.settings, ai_enabled=False)
        [decision] = decisions(story.process(SettingsChanged(seen_ts=story.now, settings=off)))
        assert (decision.verdict, decision.no_advice) == (Verdict.APPROVED, "off")
        assert story.answer(question_id=question_id).commands == ()


@pytest.mark.parametrize(
    "event",
    [
        OracleTick(seen_ts=START_TS + 61_000, publish_ts=START_TS + 61_000, price_usd=100.5),
        BookSeen(seen_ts=START_TS + 61_000, publish_ts=START_TS + 61_000, bids=(), asks=()),
    ],
)
def test_a_waiting_candle_is_not_decided_by_what_is_no_answer(event: Event) -> None:
    story = asking()
    assert decisions(story.process(event)) == []
    assert story.state.pending is not None
