"""Our floats to the chain's integers: sizes toward a smaller position, prices toward the safer side.

The only place where an order's numbers become integers. Both programs count a base asset in 1e-9 and USD in
1e-6. Raises `VenueRefused` for what rounds to nothing, OverflowError or ValueError for what is no number.
"""

from drift_e3.core.terms import Side
from drift_e3.ports import VenueRefused
from drift_e3.venues.solana.views import BASE_UNITS, QUOTE_UNITS


def size_units(size_base: float, step_units: int) -> int:
    """The size in units, rounded down to the market's step.

    It is first taken to the nearest unit: 0.29 is 29 steps of 0.01 although the float lies below.
    """
    units = round(size_base * BASE_UNITS)
    steps = units // step_units
    if steps <= 0:
        raise VenueRefused(f"a size of {size_base:.9g} is below one step of {step_units / BASE_UNITS:.9g}")
    return steps * step_units


def limit_units(side: Side, price_usd: float, tick_units: int) -> int:
    """A limit price in units, on a tick: a buyer's rounded down, a seller's up, so neither gives more."""
    return _price(price_usd, tick_units, up=side is Side.SELL)


def trigger_units(triggers_above: bool, price_usd: float, tick_units: int) -> int:
    """A trigger price in units, on a tick, so that the order fires no later than asked."""
    return _price(price_usd, tick_units, up=not triggers_above)


def _price(price_usd: float, tick_units: int, up: bool) -> int:
    units = round(price_usd * QUOTE_UNITS)
    ticks = -(-units // tick_units) if up else units // tick_units
    if ticks <= 0:
        raise VenueRefused(f"a price of {price_usd:.9g} USD is below one tick")
    return ticks * tick_units
