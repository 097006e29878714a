"""Open interest: what was known when, and for how long."""

from math import isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_e3.core.open_interest import (
    OPEN_INTEREST_FRESH_MS,
    latest_open_interest,
    new_open_interest_times,
    new_open_interest_values,
    open_interest_at,
    record_open_interest,
    relative_change,
)
from drift_e3.core.terms import MS_PER_DAY, MS_PER_HOUR, MS_PER_MINUTE

START_TS = 1_700_006_400_000


@given(
    st.lists(st.integers(1, 900_000) | st.integers(1, 3 * MS_PER_HOUR), min_size=1, max_size=60),
    st.integers(0, 26 * 60),
)
def test_the_value_at_a_minute_is_the_last_seen_by_then(steps_ms: list[int], minutes_back: int) -> None:
    times, values = new_open_interest_times(), new_open_interest_values()
    seen: list[tuple[int, float]] = []
    ts = START_TS
    for step_ms in steps_ms:
        ts += step_ms
        seen.append((ts, float(len(seen) + 1)))
        record_open_interest(times, values, *seen[-1])
    asked_ts = (ts // MS_PER_MINUTE + 1 - minutes_back) * MS_PER_MINUTE
    by_then = [(at, value) for at, value in seen if at <= asked_ts]
    answer = open_interest_at(times, values, asked_ts)
    if by_then and asked_ts - by_then[-1][0] <= OPEN_INTEREST_FRESH_MS:
        assert answer == by_then[-1][1]
    else:
        assert isnan(answer)


def test_a_day_of_observations_every_ten_seconds_stays_within_its_bounds() -> None:
    times, values = new_open_interest_times(), new_open_interest_values()
    size = len(times)
    end_ts = START_TS + 26 * MS_PER_HOUR + 30 * MS_PER_MINUTE
    for ts in range(START_TS, end_ts + 1, 10_000):
        record_open_interest(times, values, ts, float(ts - START_TS))
    assert len(times) == len(values) == size
    assert latest_open_interest(times, values, end_ts) == end_ts - START_TS
    assert open_interest_at(times, values, end_ts - MS_PER_DAY) == end_ts - MS_PER_DAY - START_TS


def test_the_latest_value_may_be_of_just_after_the_close() -> None:
    times, values = new_open_interest_times(), new_open_interest_values()
    assert isnan(latest_open_interest(times, values, START_TS))
    record_open_interest(times, values, START_TS + 800, 5e6)
    assert latest_open_interest(times, values, START_TS) == 5e6
    assert isnan(open_interest_at(times, values, START_TS))
    assert isnan(latest_open_interest(times, values, START_TS + 801 + OPEN_INTEREST_FRESH_MS))


@pytest.mark.parametrize(("now", "then"), [(nan, 1.0), (1.0, nan), (1.0, 0.0)])
def test_a_change_from_or_to_nothing_is_unknown(now: float, then: float) -> None:
    assert isnan(relative_change(now, then))


def test_a_change_is_a_fraction_of_what_was() -> None:
    assert relative_change(90.0, 100.0) == pytest.approx(-0.1)
