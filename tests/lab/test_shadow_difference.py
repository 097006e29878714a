"""What the difference of two books proves."""

from math import sqrt
from random import Random

import pytest

from drift_e3.core.terms import MS_PER_HOUR
from drift_e3.lab.shadow_difference import CRITICAL, PERIODS_LEAST, difference

HOUR = MS_PER_HOUR
Equity = dict[int, float]


def books(steps: list[float], *, frame_ms: int = HOUR) -> tuple[Equity, Equity]:
    """Two books on one market: what one gains over the other is `steps`."""
    random = Random(11)
    one, other, equity, lead = {}, {}, 1_000.0, 0.0
    for number, step in enumerate([0.0, *steps]):
        equity += random.gauss(0.0, 5.0)
        lead += step
        other[(number + 1) * frame_ms] = equity
        one[(number + 1) * frame_ms] = equity + lead
    return one, other


def noise(count: int, mean: float, deviation: float = 1.0, seed: int = 1) -> list[float]:
    random = Random(seed)
    return [random.gauss(mean, deviation) for _ in range(count)]


def test_the_interval_of_independent_steps_is_that_of_the_normal_distribution() -> None:
    steps = noise(600, 0.0)
    found = difference(*books(steps), HOUR)
    assert found.periods == 600
    assert found.difference_usd == pytest.approx(sum(steps))
    assert found.low_usd is not None
    assert found.high_usd is not None
    assert found.high_usd - found.low_usd == pytest.approx(2 * 1.96 * sqrt(600.0), rel=0.12)
    assert found.low_usd < found.difference_usd < found.high_usd
    assert not found.is_proven


def test_what_hangs_together_widens_the_interval() -> None:
    loose = noise(600, 0.0)
    bound = [step / sqrt(8.0) for step in loose[:75] for _ in range(8)]
    wide, narrow = (
        difference(*books(steps), HOUR) for steps in (bound, [step / sqrt(8.0) for step in loose])
    )
    assert wide.mean_block > 3.0
    assert wide.high_usd is not None
    assert wide.low_usd is not None
    assert narrow.high_usd is not None
    assert narrow.low_usd is not None
    assert wide.high_usd - wide.low_usd > 1.7 * (narrow.high_usd - narrow.low_usd)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_plain_difference_is_proven_and_needs_no_more(sign: float) -> None:
    found = difference(*books([sign * step for step in noise(400, 0.5)]), HOUR)
    assert found.is_proven
    told = found.document()
    assert (told["periods_missing"], told["days_missing"]) == (0, 0.0)


def test_the_sample_that_is_needed_grows_with_the_square_of_what_it_is_to_tell() -> None:
    steps = noise(400, 0.0)
    centre = sum(steps) / len(steps)
    found = difference(*books([step - centre + 0.05 for step in steps]), HOUR)
    assert found.periods_needed == pytest.approx((CRITICAL / 0.05) ** 2, rel=0.25)
    told = found.document()
    assert told["periods_missing"] == found.periods_needed - 400  # type: ignore[operator]
    assert told["days_missing"] == pytest.approx(told["periods_missing"] / 24.0)


def test_books_that_do_not_differ_need_nothing() -> None:
    found = difference(*books([0.0] * 100), HOUR)
    assert (found.difference_usd, found.low_usd, found.high_usd) == (0.0, 0.0, 0.0)
    assert found.periods_needed is None
    assert found.document()["days_missing"] is None


def test_too_few_periods_have_no_interval() -> None:
    found = difference(*books(noise(PERIODS_LEAST - 1, 3.0)), HOUR)
    assert (found.low_usd, found.high_usd, found.is_proven) == (None, None, False)
    assert difference({}, {}, HOUR).periods == 0


def test_minutes_are_taken_by_the_hour_once_there_are_enough() -> None:
    minute = HOUR // 60
    short = difference(*books(noise(600, 0.1), frame_ms=minute), minute)
    assert (short.period_ms, short.periods) == (minute, 600)
    steps = noise(60 * 60, 0.01)
    long = difference(*books(steps, frame_ms=minute), minute)
    assert (long.period_ms, long.periods) == (HOUR, 61)
    assert long.difference_usd == pytest.approx(sum(steps), abs=1e-6)


def test_it_is_the_same_every_time() -> None:
    one = books(noise(300, 0.1))
    assert difference(*one, HOUR) == difference(*one, HOUR)
