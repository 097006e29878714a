"""The statistical twin: as right, as sure and as silent as it was told to be."""

import json

import pytest

from drift_e3.advisors.stub import Character, StubAdvisor
from drift_e3.core.advice import Advice, parse_advice
from drift_e3.core.commands import AskAdvisor
from drift_e3.core.events import AdviceFailed, AdviceReceived
from drift_e3.core.terms import Direction
from tests.advisors.questions import ASKED_TS, a_question

COUNT = 2_000


def up(_: int) -> Direction:
    return Direction.LONG


def said(character: Character, *, seed: int = 1, oracle: object = up, count: int = COUNT) -> list[Advice]:
    advisor = StubAdvisor(character, seed, oracle)  # type: ignore[arg-type]
    answers = [advisor.answer(a_question(question_id=f"{number}")) for number in range(count)]
    parsed = [parse_advice(event.text) for event in answers if isinstance(event, AdviceReceived)]
    assert all(isinstance(advice, Advice) for advice in parsed)
    return parsed  # type: ignore[return-value]


def share(advices: list[Advice], direction: Direction) -> float:
    return sum(advice.direction is direction for advice in advices) / len(advices)


@pytest.mark.parametrize("right", [0.4, 0.5, 0.6, 0.8])
def test_it_is_as_often_right_as_it_was_told(right: float) -> None:
    assert share(said(Character(right_frac=right)), Direction.LONG) == pytest.approx(right, abs=0.03)


def test_an_honest_one_states_its_chance_and_a_liar_what_it_claims() -> None:
    honest = said(Character(right_frac=0.6, spread_frac=0.1))
    low = [advice for advice in honest if advice.confidence < 0.55]
    high = [advice for advice in honest if advice.confidence > 0.65]
    assert share(low, Direction.LONG) < 0.6 < share(high, Direction.LONG)
    liar = said(Character(right_frac=0.5, spread_frac=0.05, claimed_frac=0.92))
    assert {0.87 <= advice.confidence <= 0.97 for advice in liar} == {True}


def test_without_an_oracle_it_guesses() -> None:
    assert share(said(Character(right_frac=1.0), oracle=None), Direction.LONG) == pytest.approx(0.5, abs=0.03)


def test_its_bias_and_its_flat_answers() -> None:
    assert share(said(Character(bias_frac=1.0), oracle=None, count=100), Direction.LONG) == 1.0
    assert share(said(Character(bias_frac=-1.0), count=100), Direction.SHORT) == 1.0
    assert share(said(Character(flat_frac=0.3)), Direction.FLAT) == pytest.approx(0.3, abs=0.03)


def test_the_same_seed_gives_the_same_answer_in_any_order() -> None:
    one, other = StubAdvisor(Character(), 5, up), StubAdvisor(Character(), 5, up)
    questions = [a_question(question_id=f"{number}") for number in range(20)]
    forward = [one.answer(question) for question in questions]
    assert [other.answer(question) for question in reversed(questions)] == forward[::-1]
    assert [StubAdvisor(Character(), 6, up).answer(question) for question in questions] != forward


def test_a_trait_changes_no_answer_of_the_others() -> None:
    plain, often_flat = said(Character(), count=300), said(Character(flat_frac=0.5), count=300)
    assert all(
        one.direction is other.direction or other.direction is Direction.FLAT
        for one, other in zip(plain, often_flat, strict=True)
    )


async def test_it_fails_and_takes_its_time() -> None:
    advisor = StubAdvisor(Character(failure_frac=1.0, latency_ms=400), 1)
    event = await advisor.ask(a_question(), 8_000)
    assert isinstance(event, AdviceFailed)
    assert 200 <= event.latency_ms <= 600
    assert (event.reason, event.seen_ts) == ("timeout", ASKED_TS + event.latency_ms)
    assert advisor(AskAdvisor(question=a_question(), deadline_ms=1)) == event
    await advisor.close()


def test_an_answer_is_what_a_model_would_say() -> None:
    event = StubAdvisor(Character(multiplier=0.7), 1).answer(a_question())
    assert isinstance(event, AdviceReceived)
    assert (json.loads(event.text)["regime"], json.loads(event.text)["multiplier"]) == ("chop", 0.7)
    assert event.model == "stub"
