"""Base candles: what makes one, and what is measured at its close."""

from math import isnan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_e3.core.base_candles import (
    CLOSED,
    HIGH,
    LAST_CLOSE,
    LOW,
    VOLUME,
    base_parts,
    efficiency,
    new_base_closes,
    new_base_scalars,
    push_part,
)
from drift_e3.core.terms import MS_PER_HOUR, MS_PER_MINUTE
from drift_e3.core.windows import Floats

BASE_MS = 5 * MS_PER_MINUTE


def base_after(minutes: list[int]) -> Floats:
    """The scalars after one-minute candles at these minutes past midnight; minute m closes at 100 + m."""
    base, closes = new_base_scalars(), new_base_closes()
    for minute in minutes:
        close = 100.0 + minute
        push_part(base, closes, BASE_MS, 5, minute * MS_PER_MINUTE, close + 1.0, close - 2.0, close, 10.0)
    return base


def test_a_base_candle_closes_with_its_last_candle() -> None:
    assert base_after([0, 1, 2, 3])[CLOSED] == 0.0
    base = base_after([0, 1, 2, 3, 4])
    assert base[CLOSED] == 1.0
    assert (base[HIGH], base[LOW], base[LAST_CLOSE], base[VOLUME]) == (105.0, 98.0, 104.0, 50.0)


@given(st.sets(st.integers(0, 59)))
def test_a_base_candle_that_misses_a_candle_is_dropped(minutes: set[int]) -> None:
    whole = [start for start in range(0, 60, 5) if minutes.issuperset(range(start, start + 5))]
    base = base_after(sorted(minutes))
    assert base[CLOSED] == len(whole)
    if whole:
        assert base[LAST_CLOSE] == 100.0 + whole[-1] + 4


@pytest.mark.parametrize("frame_minutes", [m for m in range(1, 61) if 60 % m == 0])
def test_base_candles_are_the_shortest_of_five_minutes_or_more_that_divide_the_hour(
    frame_minutes: int,
) -> None:
    base_ms = base_parts(frame_minutes * MS_PER_MINUTE) * frame_minutes * MS_PER_MINUTE
    assert base_ms >= 5 * MS_PER_MINUTE
    assert MS_PER_HOUR % base_ms == 0
    if frame_minutes in {1, 5}:
        assert base_ms == 5 * MS_PER_MINUTE
    if frame_minutes > 5:
        assert base_ms == frame_minutes * MS_PER_MINUTE


def test_efficiency_is_the_net_move_over_the_path() -> None:
    assert efficiency([10.0, 12.0, 11.0, 14.0]) == pytest.approx(4.0 / 6.0)
    assert efficiency([14.0, 11.0, 12.0, 10.0]) == pytest.approx(4.0 / 6.0)
    assert isnan(efficiency([10.0, 10.0]))
