"""The circuit breaker: when a model is asked, when it rests, and when it is looked at again."""

import pytest

from drift_e3.advisors.failures import Failure
from drift_e3.advisors.rungs import FAILURES_MAX, REST_S, Rung, Standing, due, next_look


def failing(rung: Rung, times: int, failure: Failure = Failure.TIMEOUT) -> list[bool]:
    return [rung.note(failure, now=10.0) for _ in range(times)]


def test_a_model_rests_after_so_many_failures_in_a_row_and_says_so_once() -> None:
    rung = Rung(model="one")
    assert failing(rung, FAILURES_MAX + 1) == [False] * (FAILURES_MAX - 1) + [True, False]
    assert (rung.standing, rung.reason, rung.since, rung.look_at) == (Standing.RESTING, "timeout", 10.0, 10.0)


def test_an_answer_in_between_starts_the_count_anew() -> None:
    rung = Rung(model="one")
    for _ in range(5):
        assert not any(failing(rung, FAILURES_MAX - 1))
        assert not rung.note(None, now=11.0)
    assert rung.standing is Standing.READY


def test_after_a_rest_one_failure_is_enough_and_each_rest_is_longer_until_a_question_is_answered() -> None:
    rung = Rung(model="one")
    assert any(failing(rung, FAILURES_MAX))
    looks = []
    for _ in range(12):
        looks.append(rung.look_at)
        rung.ready()
        assert failing(rung, 1) == [True]
    assert looks == [10.0 + n * REST_S for n in (*range(11), 10)]
    rung.ready()
    assert not rung.note(None, now=10.0)
    assert not any(failing(rung, FAILURES_MAX - 1))
    assert failing(rung, 1) == [True]
    assert rung.look_at == 10.0


def test_what_was_cancelled_is_nobodys_fault() -> None:
    rung = Rung(model="one")
    assert not any(failing(rung, 10, Failure.CANCELLED))
    assert (rung.standing, rung.failures) == (Standing.READY, 0)


def test_rest_is_counted_from_its_beginning_whatever_looks_find() -> None:
    rung = Rung(model="one")
    rung.rest("timeout", now=10.0, look_at=70.0)
    rung.rest("unreachable", now=70.0, look_at=130.0)
    assert (rung.since, rung.reason, rung.look_at) == (10.0, "unreachable", 130.0)
    rung.ready()
    assert (rung.standing, rung.failures, rung.reason) == (Standing.READY, 0, "")
    rung.rest("timeout", now=200.0, look_at=200.0)
    assert rung.since == 200.0


def test_the_last_that_is_due_is_looked_at_first() -> None:
    rungs = [Rung(model=name, standing=Standing.WARMING) for name in "abc"]
    rungs[1].rest("timeout", now=0.0, look_at=50.0)
    assert [rung.model for rung in due(rungs, now=10.0)] == ["c", "a"]
    assert [rung.model for rung in due(rungs, now=50.0)] == ["c", "b", "a"]


@pytest.mark.parametrize(("ready", "when"), [("", 0.0), ("ac", 50.0), ("abc", None)])
def test_the_next_look_is_the_earliest_of_those_that_are_not_ready(ready: str, when: float | None) -> None:
    rungs = [Rung(model=name, standing=Standing.WARMING) for name in "abc"]
    rungs[1].rest("timeout", now=0.0, look_at=50.0)
    for rung in rungs:
        if rung.model in ready:
            rung.ready()
    assert next_look(rungs) == when
