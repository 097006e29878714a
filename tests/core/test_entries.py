"""Entries: when the advisor is asked, what becomes of its answer, and the gates of an entry."""

from dataclasses import replace
from math import isnan

import pytest

from drift_e3.core.breakers import Breakers
from drift_e3.core.events import BookSeen, Event, FundingPublished, OracleTick, SettingsChanged
from drift_e3.core.notes import AdviceMissed, AdviceTaken
from drift_e3.core.params import Limits, Params
from drift_e3.core.terms import Direction, Mode, OrderKind, Reason, Regime, Side, Strategy, Verdict
from drift_e3.core.turn import Outcome
from tests.core.builders import (
    HOUR,
    MINUTE,
    START_TS,
    Story,
    a_cold_story,
    a_story,
    an_answer,
    asked,
    decisions,
    enter,
    immediate,
    in_position,
    notes_of,
    reasons,
    submitted,
)

DEADLINE_MS = 8_000
OVERDUE_MS = 9_001
EAGER_FADE = Params(f_volumeZ=-5.0)


def asking(ai_deadline_ms: int = DEADLINE_MS) -> Story:
    """A story in which a rally has made the trader ask."""
    story = a_story(ai_enabled=True, ai_deadline_ms=ai_deadline_ms)
    assert len(asked(story.rally())) == 1
    return story


def crowded(story: Story) -> Story:
    """Sixty hours of usual funding, then ten times as much: FundingFade wants to sell."""
    for hour in range(60):
        ts = START_TS - (60 - hour) * HOUR
        rate_frac_1h = 1e-5 + hour % 5 * 1e-6
        story.trader.process(
            FundingPublished(seen_ts=ts, publish_ts=ts, rate_frac_1h=rate_frac_1h, history=True)
        )
    story.process(FundingPublished(seen_ts=START_TS, publish_ts=START_TS, rate_frac_1h=1e-4))
    story.tick(100.0)
    return story


class TestWithoutAnAdvisor:
    def test_each_closed_candle_is_decided_at_once(self) -> None:
        story = a_story()
        [decision] = decisions(story.candle(100.0))
        assert (decision.ts, decision.verdict) == (START_TS + MINUTE, Verdict.NONE)
        assert (decision.reason, decision.no_advice) == ("no_signal:funding", "off")

    def test_an_approved_entry_carries_its_whole_reason(self) -> None:
        story = a_story()
        outcome = story.rally()
        [decision], [order] = decisions(outcome), submitted(outcome)
        intent = order.approved.intent
        assert (intent.side, intent.kind, intent.reason) == (Side.BUY, OrderKind.IOC, Reason.ENTRY)
        assert intent.price_usd == pytest.approx(100.5 * 1.002)
        assert intent.reference_usd == decision.price_usd == 100.5
        assert not intent.reduce_only
        assert order.order_id == decision.order_id == f"{decision.ts}-entry"
        assert (decision.verdict, decision.reason) == (Verdict.APPROVED, "entry")
        assert decision.size_base == intent.size_base > 0.0
        assert (decision.regime, decision.rule_regime) == (Regime.HIGH_VOL, Regime.HIGH_VOL)
        assert (decision.strategy, decision.direction) == (Strategy.E3, Direction.LONG)
        assert decision.confidence == decision.signal_confidence == pytest.approx(0.85)
        assert (decision.advice, decision.advice_age_ms, decision.leverage_x_max) == (None, 0, 2.5)
        assert (decision.equity_usd, decision.position_base) == (1_000.0, 0.0)
        assert decision.features == story.state.market.features
        assert story.state.tally.decisions[Regime.HIGH_VOL] == [0, 1, 0]

    def test_history_is_never_decided_on(self) -> None:
        story = a_story()
        story.tick(100.5)
        assert story.candle(100.5, volume=5e3, history=True) == Outcome((), ())

    def test_two_candles_seen_at_once_have_ids_of_their_own(self) -> None:
        story = a_story()
        late_ts = START_TS + HOUR
        story.now = late_ts
        [first] = submitted(story.rally(100.5, seen_ts=late_ts + 400))
        story.reject(first.order_id)
        [second] = submitted(story.rally(101.0, seen_ts=late_ts + 400))
        assert first.order_id != second.order_id
        assert second.order_id == f"{START_TS + 2 * MINUTE}-entry"


class TestGates:
    @pytest.mark.parametrize("mode", [Mode.HALTED, Mode.STOPPING])
    def test_only_while_trading(self, mode: Mode) -> None:
        story = a_story(ai_enabled=True)
        story.state.mode.mode = mode
        outcome = story.rally()
        [decision] = decisions(outcome)
        assert decision.reason == f"mode_{mode.label}"
        assert not asked(outcome)

    def test_not_while_warming(self) -> None:
        story = crowded(a_cold_story(40))
        [decision] = decisions(story.candle(100.0))
        assert (decision.direction, decision.reason) == (Direction.SHORT, "mode_warming")

    def test_one_position_at_a_time(self) -> None:
        story = in_position()
        assert decisions(story.rally(101.2))[0].reason == "position_open"

    def test_one_entry_at_a_time(self) -> None:
        story = a_story()
        story.rally()
        outcome = story.rally(101.2)
        assert decisions(outcome)[0].reason == "position_open"
        assert submitted(outcome) == []

    def test_no_entry_while_something_of_the_last_trade_rests(self) -> None:
        story = in_position(limits=Limits(cooldown_minutes=0.0))
        assert story.state.trade is not None
        story.fill(story.state.trade.target_order_id)
        assert decisions(story.rally(101.2))[0].reason == "orders_open: 1 against 0"
        story.settle()
        assert submitted(story.rally(103.0))

    def test_no_entry_within_the_cooldown(self) -> None:
        story = in_position()
        assert story.state.trade is not None
        story.fill(story.state.trade.target_order_id)
        story.settle()
        [decision] = decisions(story.rally(101.2))
        assert decision.reason.startswith("cooldown_minutes: 1")

    def test_unsure_signals_are_refused(self) -> None:
        story = a_story(limits=Limits(risk_minConfidence=0.9))
        [decision] = decisions(story.rally())
        assert decision.reason == "risk_minConfidence: 0.85 against 0.9"
        assert decision.verdict is Verdict.REFUSED

    def test_without_equity_nothing_is_entered(self) -> None:
        story = a_story()
        story.state.account.initial_usd, story.state.breakers = 0.0, Breakers()
        [decision] = decisions(story.rally())
        assert decision.reason == "equity_unknown"

    def test_what_is_smaller_than_the_minimum_is_refused_by_the_limit_that_made_it_so(self) -> None:
        story = a_story(limits=Limits(max_position_usd=1.0))
        [decision] = decisions(story.rally())
        assert decision.reason.startswith("below_minimum:max_position_usd")

    def test_the_book_limits_the_size(self) -> None:
        story = a_story()
        story.tick(100.5)
        ts = START_TS + MINUTE
        story.process(
            BookSeen(seen_ts=ts, publish_ts=ts, bids=((100.49, 90.0),), asks=((100.51, 30.0), (101.0, 900.0)))
        )
        [order] = submitted(story.candle(100.5, volume=5e3))
        assert order.approved.intent.size_base == 3.0

    def test_a_stop_beyond_liquidation_is_refused(self) -> None:
        caps = (20.0, 20.0, 20.0, 20.0, 20.0)
        story = a_story(limits=Limits(leverage_caps=caps, risk_frac=0.5, max_position_usd=1e6))
        [decision] = decisions(story.rally())
        assert decision.reason.startswith("liquidation_buffer: 99.495 against ")
        assert decision.order_id == ""
        assert story.state.entry is None

    def test_a_refused_entry_is_not_counted_and_a_sent_one_is(self) -> None:
        story = a_story(limits=Limits(risk_minConfidence=0.9))
        story.rally()
        assert story.state.breakers.entry_ts == []
        sent = a_story()
        sent.rally()
        assert sent.state.breakers.entry_ts == [sent.now]


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
        assert question.candles == tuple(story.state.market.recent_candles)
        assert (question.equity_usd, question.daily_loss_frac, question.drawdown_frac) == (1_000.0, 0.0, 0.0)
        assert (question.rule_regime, question.leverage_x_max) == (Regime.HIGH_VOL, 2.5)
        assert decisions(outcome) == []
        assert submitted(outcome) == []

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

    @pytest.mark.parametrize("text", ["", an_answer("LONG", 1.0, "bull_trend", 2.0), "�" * 9_000])
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


def test_crowded_funding_is_faded() -> None:
    story = crowded(a_story(params=EAGER_FADE))
    outcome = story.candle(100.0)
    [decision], [order] = decisions(outcome), submitted(outcome)
    assert (decision.strategy, decision.direction) == (Strategy.FUNDING_FADE, Direction.SHORT)
    assert order.approved.intent.side is Side.SELL


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


def test_an_entry_is_not_repeated_for_the_same_candle() -> None:
    story = a_story()
    enter(story)
    assert story.beat().commands == ()
    assert story.state.pending is None
