"""Leaf rules of margin: what an account must own for its position, and when the venue takes it away.

For one position in one market. The liquidation price itself is the core's: one definition for the risk
manager, which keeps away from it, and for the venue, which acts on it.
"""

from drift_e3.core.risk import liquidation_price

__all__ = ["equity", "grows", "liquidation_price", "margin"]


def equity(collateral_usd: float, position_base: float, entry_usd: float, price_usd: float) -> float:
    """Collateral and unrealised profit at `price_usd`; without a position the price may be unknown."""
    if position_base == 0.0:
        return collateral_usd
    return collateral_usd + position_base * (price_usd - entry_usd)


def margin(position_base: float, price_usd: float, margin_frac: float) -> float:
    """The margin of a position: its notional times the initial or maintenance fraction."""
    if position_base == 0.0:
        return 0.0
    return abs(position_base) * price_usd * margin_frac


def grows(before_base: float, after_base: float) -> bool:
    """Whether a change of position opens anything new: a larger one, or one on the other side."""
    return before_base * after_base < 0.0 or abs(after_base) > abs(before_base)
