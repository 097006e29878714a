"""The open question and the advice at hand."""

import pytest

from drift_e3.core.advice import Advice, NoAdvice
from drift_e3.core.consultation import OVERDUE_GRACE_MS, Consultation
from drift_e3.core.events import AdviceFailed, AdviceReceived
from drift_e3.core.params import Params
from tests.core.builders import MODEL, START_TS, an_answer

PARAMS = Params()
TTL_MS = 300_000


def received(
    question_id: str = "q", text: str | None = None, seen_ts: int = START_TS, latency_ms: int = 100
) -> AdviceReceived:
    return AdviceReceived(
        seen_ts=seen_ts,
        question_id=question_id,
        text=an_answer() if text is None else text,
        latency_ms=latency_ms,
        model=MODEL,
    )


def failed(question_id: str = "q") -> AdviceFailed:
    return AdviceFailed(seen_ts=START_TS, question_id=question_id, reason="timeout", latency_ms=8_000)


def asked() -> Consultation:
    consultation = Consultation()
    consultation.ask("q", START_TS, 8_000)
    return consultation


def due(
    consultation: Consultation, now_ts: int = START_TS, *, signals: bool = False, changed: bool = False
) -> bool:
    return consultation.is_due(signals=signals, regime_changed=changed, now_ts=now_ts, params=PARAMS)


def test_an_understood_answer_is_at_hand_until_its_time_ends() -> None:
    consultation = asked()
    assert isinstance(consultation.answer(received()), Advice)
    assert (consultation.open_id, consultation.missed) == ("", "")
    assert consultation.is_fresh(START_TS + TTL_MS - 1, PARAMS)
    assert not consultation.is_fresh(START_TS + TTL_MS, PARAMS)


def test_without_an_answer_nothing_is_at_hand() -> None:
    assert not Consultation().is_fresh(START_TS, PARAMS)


def test_an_answer_that_is_not_understood_closes_the_question_and_says_why() -> None:
    consultation = asked()
    parsed = consultation.answer(received(text="buy!"))
    assert isinstance(parsed, NoAdvice)
    assert (consultation.open_id, consultation.missed, consultation.held) == ("", parsed.reason, None)


@pytest.mark.parametrize("consultation", [Consultation(), asked()])
def test_an_answer_to_another_question_is_late_and_changes_nothing(consultation: Consultation) -> None:
    before = (consultation.open_id, consultation.held, consultation.missed)
    assert consultation.answer(received("older")) == NoAdvice(reason="late")
    assert (consultation.open_id, consultation.held, consultation.missed) == before


def test_an_answer_that_took_longer_than_the_deadline_is_late_whenever_it_is_heard() -> None:
    consultation = asked()
    assert consultation.answer(received(latency_ms=8_001)) == NoAdvice(reason="late")
    assert (consultation.open_id, consultation.held, consultation.missed) == ("", None, "late")
    consultation = asked()
    assert isinstance(consultation.answer(received(latency_ms=8_000)), Advice)


def test_a_failure_closes_its_own_question_only() -> None:
    consultation = asked()
    assert not consultation.fail(failed("older"))
    assert consultation.open_id == "q"
    assert consultation.fail(failed())
    assert (consultation.open_id, consultation.missed) == ("", "timeout")


def test_a_failure_leaves_the_advice_at_hand() -> None:
    consultation = asked()
    consultation.answer(received())
    consultation.ask("r", START_TS, 8_000)
    consultation.fail(failed("r"))
    assert consultation.is_fresh(START_TS, PARAMS)


def test_a_question_is_overdue_after_deadline_and_grace() -> None:
    consultation = asked()
    deadline_ts = START_TS + 8_000
    assert not consultation.is_overdue(deadline_ts + OVERDUE_GRACE_MS)
    assert consultation.is_overdue(deadline_ts + OVERDUE_GRACE_MS + 1)
    assert consultation.give_up("overdue") == "q"
    assert consultation.missed == "overdue"
    assert not consultation.is_overdue(deadline_ts + OVERDUE_GRACE_MS + 1)


def test_the_first_candle_asks() -> None:
    assert due(Consultation())


def test_nothing_new_asks_nothing_until_the_time_to_live_ends() -> None:
    consultation = asked()
    consultation.answer(received())
    assert not due(consultation, START_TS + TTL_MS - 1)
    assert due(consultation, START_TS + TTL_MS)


def test_an_open_question_is_not_asked_again_for_age_alone() -> None:
    assert not due(asked(), START_TS + TTL_MS)


def test_a_signal_asks_only_without_fresh_advice() -> None:
    consultation = asked()
    assert due(consultation, signals=True)
    consultation.answer(received())
    assert not due(consultation, signals=True)


def test_a_new_rule_regime_always_asks() -> None:
    consultation = asked()
    consultation.answer(received())
    assert due(consultation, changed=True)
