"""Leaf rules of the venue's grid: sizes are multiples of a step, prices of a tick.

A multiple is always the float nearest to its decimal, so that equal sizes are equal floats wherever they were
computed, and fills that cancel out leave exactly zero. Nothing here knows a market.
"""

from math import floor

ABSOLUTE_NOISE = 1e-9
RELATIVE_NOISE = 1e-15
"""Parts of a step that float arithmetic may have added or lost: 0.29 / 0.01 is 28.999999999999996."""


def on_grid(steps: float, step: float) -> float:
    """`steps` whole steps as the float nearest to that decimal, so that 3 steps of 0.1 are 0.3.

    Multiplying by 0.01 adds its own rounding error; dividing by 100 does not.
    """
    per_unit = floor(1.0 / step + 0.5)
    if per_unit >= 1 and abs(1.0 / step - per_unit) <= ABSOLUTE_NOISE * per_unit:
        return steps / per_unit
    return steps * step


def round_down(value: float, step: float) -> float:
    """The largest multiple of `step` that is not above `value` (>= 0), give or take float noise."""
    steps = value / step
    return on_grid(floor(steps + ABSOLUTE_NOISE + steps * RELATIVE_NOISE), step)


def round_up(value: float, step: float) -> float:
    """The smallest multiple of `step` that is not below `value` (>= 0), give or take float noise."""
    steps = value / step
    return on_grid(-floor(ABSOLUTE_NOISE + steps * RELATIVE_NOISE - steps), step)


def round_nearest(value: float, step: float) -> float:
    """The multiple of `step` nearest to `value`, of either sign: takes the noise off a sum of multiples."""
    return on_grid(floor(value / step + 0.5), step)
