"""The venue's grid: rounding that forgives float noise and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_e3.core.grid import on_grid, round_down, round_nearest, round_up

STEPS = st.sampled_from([0.0001, 0.001, 0.01, 0.1, 0.25, 0.3, 1.0, 5.0])


@pytest.mark.parametrize(
    ("value", "step", "down", "up"),
    [
        (0.29, 0.01, 0.29, 0.29),
        (0.1 + 0.2, 0.1, 0.3, 0.3),
        (1.0 - 0.9, 0.1, 0.1, 0.1),
        (1.019, 0.01, 1.01, 1.02),
        (0.009, 0.01, 0.0, 0.01),
        (150.00005, 0.0001, 150.0, 150.0001),
        (7.0, 5.0, 5.0, 10.0),
        (0.95, 0.3, 0.3 * 3, 0.3 * 4),
        (12_345_678.91, 0.01, 12_345_678.91, 12_345_678.91),
    ],
)
def test_rounding_forgives_float_noise_and_nothing_else(
    value: float, step: float, down: float, up: float
) -> None:
    assert round_down(value, step) == down
    assert round_up(value, step) == up


@given(st.floats(0.0, 1e6), STEPS)
def test_rounding_down_never_enlarges_and_rounding_up_never_diminishes(value: float, step: float) -> None:
    noise = 1e-9 * step + 1e-14 * value
    assert value - step - noise <= round_down(value, step) <= value + noise
    assert value - noise <= round_up(value, step) <= value + step + noise


@given(st.integers(0, 10**7), STEPS)
def test_what_is_on_the_grid_stays_where_it_is(steps: int, step: float) -> None:
    value = on_grid(steps, step)
    assert round_down(value, step) == value
    assert round_up(value, step) == value
    assert round_nearest(value, step) == value
    assert round_nearest(-value, step) == -value


@given(st.lists(st.integers(-500, 500), max_size=50))
def test_steps_of_a_hundredth_add_up_without_noise(parts: list[int]) -> None:
    total = 0.0
    whole = 0
    for part in parts:
        total = round_nearest(total + part / 100, 0.01)
        whole += part
    assert total == whole / 100
