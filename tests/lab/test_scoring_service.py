"""How models serve: every attempt counted once, by what became of it, and answers timed."""

from dataclasses import replace

import pytest

from drift_e3.core.advice import Question
from drift_e3.core.answers import Flaw
from drift_e3.core.events import AdviceFailed, AdviceReceived, Attempt
from drift_e3.lab.ledger import Record
from drift_e3.lab.scoring_service import ModelService, Service, ServiceBook, latency_percentiles, service_of
from tests.advisors.questions import a_question
from tests.core.builders import some_advice

QUESTION: Question = a_question()


def a_record(*attempts: Attempt, outcome: str = "advice") -> Record:
    """A question whose last attempt was answered, or after which none was."""
    record = Record(question=QUESTION, deadline_ms=8_000, close_ts=0)
    if attempts and attempts[-1].outcome in {"advice", *Flaw}:
        record.reply = AdviceReceived(
            seen_ts=1, question_id="q", text="so", latency_ms=9, model=attempts[-1].model, attempts=attempts
        )
    else:
        record.reply = AdviceFailed(
            seen_ts=1, question_id="q", reason=outcome, latency_ms=9, attempts=attempts
        )
    record.advice = some_advice() if outcome == "advice" else None
    record.missed = "" if outcome == "advice" else outcome
    return record


def an_attempt(model: str, outcome: str = "advice", latency_ms: int = 1_000) -> Attempt:
    return Attempt(
        model=model,
        digest="d",
        options="{}",
        outcome=outcome,
        latency_ms=latency_ms,
        prompt_tokens=100,
        answer_tokens=20,
    )


def served(*records: Record) -> dict[str, ModelService]:
    book = ServiceBook()
    for record in records:
        book.take(record)
    return {service.model: service for service in book.models()}


def counts(service: ModelService) -> dict[Service, int]:
    return {kind: rate.count for kind, rate in service.rates.items() if rate.count}


def test_every_rung_of_a_ladder_counts_for_its_own_model() -> None:
    models = served(
        a_record(an_attempt("large", "timeout", 5_000), an_attempt("small")),
        a_record(an_attempt("large")),
        a_record(an_attempt("large", "no_answer"), an_attempt("small", "unreachable"), outcome="unreachable"),
    )
    assert list(models) == ["large", "small"]
    assert models["large"].attempts == 3
    assert counts(models["large"]) == {
        Service.TIMED_OUT: 1,
        Service.UNDERSTOOD: 1,
        Service.MISUNDERSTOOD: 1,
    }
    assert counts(models["small"]) == {Service.UNDERSTOOD: 1, Service.FAILED: 1}
    assert models["large"].outcomes == {"timeout": 1, "advice": 1, "no_answer": 1}
    assert models["large"].rates[Service.TIMED_OUT].frac == pytest.approx(1 / 3)


def test_an_answer_that_came_too_late_counts_as_timed_out() -> None:
    (service,) = served(a_record(an_attempt("m", latency_ms=20_000), outcome="late")).values()
    assert counts(service) == {Service.TIMED_OUT: 1}
    assert service.latency_ms["max"] == 20_000.0


def test_only_the_answer_that_was_heard_was_late() -> None:
    # A second thought of another model was good, and nobody waited for it.
    models = served(a_record(an_attempt("large"), an_attempt("small"), outcome="late"))
    assert counts(models["small"]) == {Service.TIMED_OUT: 1}
    assert counts(models["large"]) == {Service.UNDERSTOOD: 1}


def test_a_reply_that_tells_no_attempts_is_one() -> None:
    failed = a_record(outcome="timeout")
    answered = a_record(outcome="advice")
    answered.reply = AdviceReceived(
        seen_ts=1, question_id="q", text="so", latency_ms=700, model="old", digest="d0"
    )
    models = served(failed, answered)
    assert counts(models[""]) == {Service.TIMED_OUT: 1}
    assert models[""].latency_ms == {}
    assert counts(models["old"]) == {Service.UNDERSTOOD: 1}
    assert models["old"].digests == ("d0",)
    assert (models["old"].prompt_tokens, models["old"].answer_tokens) == (None, None)


def test_a_question_without_any_reply_is_nobodys_fault() -> None:
    assert served(Record(question=QUESTION, deadline_ms=1, close_ts=0)) == {}


def test_latencies_are_of_answers_and_tokens_are_means() -> None:
    (service,) = served(
        a_record(an_attempt("m", latency_ms=1_000)),
        a_record(an_attempt("m", "bad_json", 3_000), outcome="bad_json"),
        a_record(an_attempt("m", "timeout", 8_000), outcome="timeout"),
        a_record(replace(an_attempt("m", latency_ms=-1), prompt_tokens=300, answer_tokens=-1)),
    ).values()
    assert service.latency_ms == {
        "p50": 2_000.0,
        "p90": 2_800.0,
        "p95": 2_900.0,
        "p99": 2_980.0,
        "max": 3_000.0,
    }
    assert service.prompt_tokens == 150.0
    assert service.answer_tokens == 20.0


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        ("advice", Service.UNDERSTOOD),
        ("timeout", Service.TIMED_OUT),
        ("overdue", Service.TIMED_OUT),
        ("late", Service.TIMED_OUT),
        *((flaw.value, Service.MISUNDERSTOOD) for flaw in Flaw),
        ("cut", Service.MISUNDERSTOOD),
        ("model_missing", Service.FAILED),
        ("superseded", Service.FAILED),
    ],
)
def test_every_outcome_is_some_kind_of_service(outcome: str, kind: Service) -> None:
    assert service_of(outcome) is kind


def test_no_latencies_have_no_percentiles() -> None:
    assert latency_percentiles([]) == {}
