"""The trader with weight that must be earned: without any effect at first, never a step ahead of proof."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_e3.core.decision import Draft
from drift_e3.core.events import SettingsChanged
from drift_e3.core.notes import AdviceJudged, AdviceWeighed, DecisionMade, RegimeChanged, WeightChanged
from drift_e3.core.params import Params
from drift_e3.core.skill import EVIDENCE_LEAST, EVIDENCE_MOST, SLACK, Record
from drift_e3.core.strategies import Signal
from drift_e3.core.terms import Direction, Regime, Strategy, Verdict, WeightMode
from drift_e3.core.trader import Trader
from tests.core.builders import MODEL, START_TS, an_answer, asked, decisions, immediate, notes_of, submitted
from tests.core.stories import Story, a_story

EARNED = Params(ai_weightMode=WeightMode.EARNED)
MINUTE_MS = 60_000


def a_record(row: int, *, right_of_100: int = 80) -> Record:
    """Somebody who was right so often with confidences of 0.5 to 0.9, as the market rose and fell."""
    rights = [1.0] * right_of_100 + [0.0] * (100 - right_of_100)
    return Record(
        confidences=[0.7] * 100,
        rights=rights,
        bases=[0.5] * 100,
        rises=[1.0, 0.0] * 50,
        row=row,
        evidence=EVIDENCE_MOST,
    )


def earning(row: int = 0) -> Story:
    """A story in which the advisor has earned this row of the table."""
    story = a_story(params=EARNED, ai_enabled=True)
    if row:
        story.state.skill.records[MODEL] = a_record(row)
    return story


class TestWithoutAnyShare:
    @given(
        st.sampled_from(["LONG", "SHORT", "FLAT"]),
        st.floats(0.0, 1.0),
        st.sampled_from([regime.label for regime in Regime]),
        st.floats(0.5, 2.0),
    )
    def test_the_trader_does_what_it_does_without_an_advisor(
        self, direction: str, confidence: float, regime: str, multiplier: float
    ) -> None:
        told, alone = earning(), a_story()
        text = an_answer(direction, confidence, regime, multiplier)
        for close in (100.5, 101.1, 100.2):
            for story in (told, alone):
                outcome = story.rally(close)
                for order in immediate(outcome):
                    story.accept(order.order_id)
                    story.fill(order.order_id)
                story.settle()
            if told.state.consultation.open_id:
                answered = told.answer(text, after_ms=0)
                assert submitted(answered) == []
                assert notes_of(answered, RegimeChanged) == []
            assert told.state.regime is alone.state.regime
        assert [submitted(outcome) for outcome in told.outcomes if submitted(outcome)] == [
            submitted(outcome) for outcome in alone.outcomes if submitted(outcome)
        ]
        assert told.state.account == alone.state.account

    def test_no_decision_waits_for_an_answer_that_cannot_matter(self) -> None:
        story = earning()
        outcome = story.rally()
        assert len(asked(outcome)) == 1
        [decision] = decisions(outcome)
        assert (decision.verdict, decision.no_advice) == (Verdict.APPROVED, "not_asked")
        assert decisions(story.answer()) == []

    def test_the_decision_says_why_advice_was_not_weighed(self) -> None:
        story = earning()
        story.candle(100.0)
        story.answer()
        [decision] = decisions(story.rally())
        assert (decision.advice, decision.no_advice) == (None, "not_earned")

    def test_a_renewal_keeps_no_regime_that_was_never_in_force(self) -> None:
        story = earning()
        story.state.regime = story.state.rule_regime = Regime.BULL_TREND
        story.candle(100.0)
        story.answer(an_answer(regime="bull_trend"))
        story.state.rule_regime = Regime.CHOP
        story.state.consultation.open_id = "renewal"
        story.beat()
        assert story.state.regime is Regime.CHOP


class TestWithAShare:
    def test_advice_is_weighed_with_its_calibrated_confidence(self) -> None:
        story = earning(row=2)
        outcome = story.rally()
        assert decisions(outcome) == [], "now an answer may matter"
        answered = story.answer(an_answer(confidence=0.9, regime="chop", multiplier=0.6))
        [decision] = decisions(answered)
        [weighed] = notes_of(answered, AdviceWeighed)
        calibrated = (80.0 + 25.0) / 150.0
        assert (weighed.weight, weighed.confidence) == (0.5, 0.9)
        assert weighed.calibrated == pytest.approx(calibrated)
        assert decision.confidence == pytest.approx(0.75 * 0.85 + 0.25 * calibrated)
        assert decision.advice is not None
        assert decision.advice.confidence == 0.9, "what was said, not what it was taken for"
        assert [type(note) for note in answered.notes][-2:] == [DecisionMade, AdviceWeighed]

    def test_only_a_full_share_has_a_veto_and_a_word_on_the_regime(self) -> None:
        sure = an_answer("SHORT", 0.9, "bear_trend")
        for row, regime, reason in (
            (3, Regime.HIGH_VOL, "entry"),
            (4, Regime.BEAR_TREND, "no_signal:funding"),
        ):
            story = earning()
            story.state.skill.records[MODEL] = a_record(row, right_of_100=100)
            story.rally()
            [decision] = decisions(story.answer(sure))
            assert (decision.regime, decision.reason) == (regime, reason)
        story = a_story(params=EARNED._replace(ai_regimeOverride=False), ai_enabled=True)
        story.state.skill.records[MODEL] = a_record(4, right_of_100=100)
        story.rally()
        [decision] = decisions(story.answer(sure))
        assert decision.reason == "vetoed_by_advice"

    def test_another_model_begins_anew(self) -> None:
        story = earning(row=4)
        story.state.skill.records["another"] = story.state.skill.records.pop(MODEL)
        story.rally()
        [decision] = decisions(story.answer())
        assert decision.no_advice == "not_earned"


class TestOutcomes:
    def test_an_answer_is_judged_an_hour_later_and_the_weight_follows(self) -> None:
        story = earning(row=1)
        story.state.skill.records[MODEL].evidence = EVIDENCE_LEAST[0] - SLACK + 0.1
        story.rally()
        story.answer(an_answer("SHORT", 0.7, "high_vol"))
        assert [advice.due_ts for advice in story.state.skill.open] == [START_TS + 61 * MINUTE_MS]
        assert story.state.consultation.heard is not None
        for _ in range(59):
            assert notes_of(story.candle(100.6), AdviceJudged) == []
        story.tick(100.7)
        outcome = story.candle(100.7)
        [judged] = notes_of(outcome, AdviceJudged)
        assert (judged.advisor, judged.direction, judged.confidence) == (MODEL, Direction.SHORT, 0.7)
        assert (judged.right, judged.counted, judged.base) == (False, True, 0.5)
        [changed] = notes_of(outcome, WeightChanged)
        assert (changed.before, changed.after, changed.counted) == (0.25, 0.0, 1)
        assert changed.evidence == judged.evidence < EVIDENCE_LEAST[0]
        assert story.state.consultation.heard is None

    def test_the_memory_survives_a_restart(self) -> None:
        story = earning(row=3)
        story.rally()
        story.answer()
        before = story.state.skill
        story.restart()
        assert story.state.skill == before
        assert story.state.consultation.heard is not None

    def test_history_that_was_missed_judges_as_well(self) -> None:
        story = earning()
        story.rally()
        story.answer()
        for _ in range(60):
            story.candle(101.0, history=True)
        assert story.state.skill.records[MODEL].counted == 1


class TestSettings:
    def test_a_fixed_weight_keeps_no_account_of_anybody(self) -> None:
        story = a_story(ai_enabled=True)
        story.rally()
        story.answer()
        skill = story.state.skill
        assert (skill.records, skill.open) == ({}, [])
        assert story.state.consultation.heard is story.state.consultation.held

    def test_the_mode_may_change_while_advice_is_at_hand(self) -> None:
        story = earning()
        story.rally()
        story.answer()
        assert story.state.consultation.heard is None
        fixed = replace(story.state.settings, params=Params())
        story.process(SettingsChanged(seen_ts=story.now, settings=fixed))
        assert story.state.consultation.heard is story.state.consultation.held
        assert story.state.skill.open == []
        earned = replace(fixed, params=EARNED)
        nobody = a_story()
        nobody.process(SettingsChanged(seen_ts=nobody.now, settings=earned))
        assert nobody.state.consultation.heard is None
        outcome = story.process(SettingsChanged(seen_ts=story.now, settings=earned))
        assert story.state.consultation.heard is None
        assert [note.changed for note in outcome.notes if hasattr(note, "changed")] == [("ai_weightMode",)]


def test_what_a_book_beside_the_trading_drafts_is_taken_as_it_stands() -> None:
    """The door that no setting opens: only who makes the trader can hand it another drafter."""

    def short(*_: object) -> Draft:
        signal = Signal(-1, 0.9, 0, 0)
        return Draft(Regime.CHOP, Strategy.E3, signal, Direction.SHORT, 0.9, 1.0, False, "")

    story = a_story()
    story.trader = Trader(story.state, draft=short)
    [order] = submitted(story.rally())
    assert order.approved.intent.side == -1
