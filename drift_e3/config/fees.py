"""What the venues charge by tier, for accounts on paper: numbers only.

A tier is chosen, not earned: the volumes that lead to it (on Drift 2, 10, 20, 80 and 200 million USD in 30
days) are far beyond a paper account's. Live, the venue itself says what it charges.
"""

from typing import NamedTuple


class Fees(NamedTuple):
    """Basis points of notional; a maker's are negative where it is paid."""

    taker_bps: float
    maker_bps: float


OWN = "own"
"""No tier: the two fees of the settings."""
DRIFT_TAKER_BPS = (10.0, 9.0, 8.0, 7.0, 6.0, 5.0)
"""Drift v2, perpetuals, from newcomers on; makers get 2 bps. Per-market adjustments come on top."""
VELOCITY_TAKER_BPS = (3.5, 3.0, 2.75, 2.5, 2.25, 2.0)
"""Velocity's tiers as on the chain; makers get 0.25 bps."""
FEE_TIERS: dict[str, Fees] = {
    **{f"drift_{number}": Fees(bps, -2.0) for number, bps in enumerate(DRIFT_TAKER_BPS)},
    **{f"velocity_{number}": Fees(bps, -0.25) for number, bps in enumerate(VELOCITY_TAKER_BPS)},
}
