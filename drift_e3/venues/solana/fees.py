"""What a transaction offers for its place in a block: compute units and their price. Pure.

The priority fee in lamports is price * unit limit / 1e6, whether or not the units are used up.
"""

from collections.abc import Sequence
from math import ceil
from typing import Final, NamedTuple

UNITS_MAX: Final = 1_400_000
"""Of one transaction, by the rules of the network; what a simulation is given."""
MICRO: Final = 1_000_000


class FeePolicy(NamedTuple):
    """Prices are in micro-lamports per compute unit."""

    percentile_frac: float = 0.75
    """Of what lately landed transactions on the same accounts have paid."""
    floor_price: int = 1_000
    cap_lamports: int = 200_000
    """The most that one transaction offers, 0.0002 SOL; it counts more than the floor."""
    units_margin_frac: float = 0.4
    """On top of what the simulation used: by the time it lands there may be more makers to walk over."""
    units_min: int = 50_000


def unit_limit(units_used: int, policy: FeePolicy) -> int:
    """The compute units to ask for after a simulation that used `units_used` (0: the node did not say)."""
    if units_used <= 0:
        return UNITS_MAX
    return min(max(ceil(units_used * (1.0 + policy.units_margin_frac)), policy.units_min), UNITS_MAX)


def unit_price(recent: Sequence[int], units: int, policy: FeePolicy) -> int:
    """The price to offer for each of `units`, from recent prices (nearest rank; none: the floor)."""
    wanted = policy.floor_price
    if recent:
        rank = max(ceil(policy.percentile_frac * len(recent)), 1)
        wanted = max(sorted(recent)[rank - 1], wanted)
    return min(wanted, policy.cap_lamports * MICRO // max(units, 1))
