"""Thousands of made answers: what is sound is understood as it was meant, what is spoiled is never advice."""

from collections import Counter

import pytest

from drift_e3.core.advice import Advice, parse_advice
from tests.core.answer_fuzz import answers


def check(seed: int, count: int) -> Counter[str]:
    """Parse so many answers; how many were made in which way, and how many gave advice."""
    seen: Counter[str] = Counter()
    for made in answers(seed, count):
        advice = parse_advice(made.text)
        understood = isinstance(advice, Advice)
        seen[made.making.partition(" ")[0]] += 1
        seen["advice"] += understood
        if isinstance(advice, Advice):
            told = advice.regime, advice.direction, advice.confidence, advice.multiplier
            assert 0.0 <= advice.confidence <= 1.0, made
            assert 0.5 <= advice.multiplier <= 2.0, made
            assert made.meaning in ((), told), (made, advice)
        else:
            assert made.meaning in ((), None), (made, advice)
            assert advice.reason
    return seen


def test_thousands_of_made_answers_mean_what_they_were_made_to_mean() -> None:
    seen = check(seed=1, count=3_000)
    assert min(seen[way] for way in ("sound", "wrong", "missing", "cut", "broken", "noise")) > 100
    assert 900 < seen["advice"] < 1_500


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(2, 7))
def test_fifty_thousand_made_answers_mean_what_they_were_made_to_mean(seed: int) -> None:
    assert check(seed, 10_000)["sound"] > 2_500
