"""What a stated confidence is worth: pooled steps, drawn towards the base rate."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_e3.core.calibration import PRIOR_COUNT, Step, calibrated, isotonic_steps

OUTCOMES = st.lists(
    st.tuples(st.sampled_from([0.3, 0.5, 0.55, 0.6, 0.7, 0.9]), st.sampled_from([0.0, 1.0])), max_size=60
)


def steps_of(*outcomes: tuple[float, float]) -> list[Step]:
    return isotonic_steps([confidence for confidence, _ in outcomes], [right for _, right in outcomes])


def test_without_outcomes_there_are_no_steps_and_a_confidence_is_worth_the_base_rate() -> None:
    assert steps_of() == []
    assert calibrated([], 0.9, 0.53) == pytest.approx(0.53)


def test_equal_confidences_are_one_step() -> None:
    assert steps_of((0.6, 1.0), (0.6, 0.0), (0.6, 0.0)) == [Step(0.6, 1.0, 3.0)]


def test_what_rises_stays_apart() -> None:
    assert steps_of((0.9, 1.0), (0.5, 0.0)) == [Step(0.5, 0.0, 1.0), Step(0.9, 1.0, 1.0)]


def test_adjacent_violators_are_pooled_backwards_as_far_as_needed() -> None:
    """Rates 0, 1, 1, 0, 0: the last four fall, and become one step of a half."""
    found = steps_of((0.1, 0.0), (0.2, 1.0), (0.3, 1.0), (0.4, 0.0), (0.5, 0.0))
    assert found == [Step(0.1, 0.0, 1.0), Step(0.2, 2.0, 4.0)]


def test_neighbours_of_one_rate_are_one_step() -> None:
    assert steps_of((0.5, 1.0), (0.7, 1.0)) == [Step(0.5, 2.0, 2.0)]


def test_a_confidence_between_two_steps_lies_on_the_lower_and_one_below_all_on_the_first() -> None:
    steps = [Step(0.5, 20.0, 50.0), Step(0.7, 45.0, 50.0)]
    base = 0.5
    low, high = (20.0 + PRIOR_COUNT * base) / 100.0, (45.0 + PRIOR_COUNT * base) / 100.0
    assert [calibrated(steps, c, base) for c in (0.1, 0.5, 0.69, 0.7, 1.0)] == [low, low, low, high, high]


def test_few_outcomes_say_little() -> None:
    steps = [Step(0.9, 5.0, 5.0)]
    assert calibrated(steps, 0.9, 0.5) == pytest.approx(0.5 + 2.5 / (5.0 + PRIOR_COUNT))


@given(OUTCOMES)
def test_steps_rise_and_lose_no_outcome(outcomes: list[tuple[float, float]]) -> None:
    steps = steps_of(*outcomes)
    rates = [step.true / step.stated for step in steps]
    assert rates == sorted(rates)
    assert sum(step.stated for step in steps) == len(outcomes)
    assert sum(step.true for step in steps) == sum(right for _, right in outcomes)
    assert [step.confidence for step in steps] == sorted({step.confidence for step in steps})


@given(OUTCOMES, st.randoms(use_true_random=False))
def test_the_order_of_the_outcomes_does_not_matter(
    outcomes: list[tuple[float, float]], random: st.DataObject
) -> None:
    shuffled = list(outcomes)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert steps_of(*shuffled) == steps_of(*outcomes)


@given(OUTCOMES, st.floats(0.0, 1.0), st.floats(0.5, 0.95))
def test_nothing_is_ever_certain(outcomes: list[tuple[float, float]], confidence: float, base: float) -> None:
    assert 0.0 < calibrated(steps_of(*outcomes), confidence, base) < 1.0
