"""The risk manager: how large an entry may be, and the one gate that every order passes.

Only `review` makes an `Approved`. The exposure rule: no approved order, open orders counted, takes notional
above cap * equity at the decision price. Reduce-only orders always pass, as long as they only reduce. Leaf
rules, which the lab compiles as they stand; `entry_size` and `review` only put them in words for the trader.
"""

from math import inf
from typing import NamedTuple

from drift_e3.core.grid import round_down, round_nearest
from drift_e3.core.params import Limits
from drift_e3.core.terms import BPS, TRADING, UNKNOWN, Approved, Instrument, Intent, Mode, Refused, Term


class Bound(Term):
    """The limits that may set the size of an entry."""

    RISK_FRAC = 0
    LEVERAGE_CAP = 1
    MAX_POSITION_USD = 2
    BOOK_SHARE = 3
    COLLATERAL_BUFFER = 4


class Breach(Term):
    """What an order may break. Orders that only reduce break none of those after `REDUCE_ONLY`."""

    NONE = 0
    SIZE_OR_PRICE = 1
    NOTHING_TO_REDUCE = 2
    REDUCE_ONLY = 3
    MODE = 4
    EQUITY_UNKNOWN = 5
    BELOW_MINIMUM = 6
    LEVERAGE_CAP = 7
    MAX_POSITION_USD = 8
    LIQUIDATION_BUFFER = 9


EXPOSURE_TOLERANCE = 1.05
"""Notional above cap * equity * this is brought down to the cap at once."""


class Standing(NamedTuple):
    """What an order is judged against. `growing_base` is what open orders on its side could still add,
    `leverage_x_max` the cap of the present regime; sizes in base, prices in USD."""

    mode: Mode
    equity_usd: float
    price_usd: float
    position_base: float
    growing_base: float
    leverage_x_max: float
    instrument: Instrument
    limits: Limits


def notional_within(size_base: float, price_usd: float, limit_usd: float, step_base: float) -> float:
    """`size_base` rounded down to the step so that size * price is within `limit_usd`, in floats as well."""
    size = round_down(max(min(size_base, limit_usd / price_usd), 0.0), step_base)
    while size > 0.0 and size * price_usd > limit_usd:
        size = round_nearest(size - step_base, step_base)
    return size


def bounded_size(
    standing: Standing, factor: float, stop_frac: float, depth_base: float
) -> tuple[float, Bound]:
    """The size of an entry in base, and the limit that set it.

    The smallest of: the loss at the stop (fees and slippage both ways included) times `factor`, the leverage
    cap, the position limit, a share of the depth within 10 bps (skipped where unknown), free collateral.
    Rounded down to the step.
    """
    limits, instrument = standing.limits, standing.instrument
    price, equity = standing.price_usd, standing.equity_usd
    costs_frac = (2.0 * instrument.taker_fee_bps + limits.slippage_allowance_bps) * BPS
    stop_distance_usd = (stop_frac + costs_frac) * price
    taken_base = abs(standing.position_base) + standing.growing_base
    size, bound = limits.risk_frac * equity / stop_distance_usd * factor, Bound.RISK_FRAC
    cap_usd = standing.leverage_x_max * equity
    for candidate, name in (
        (cap_usd / price - taken_base, Bound.LEVERAGE_CAP),
        (limits.max_position_usd / price - taken_base, Bound.MAX_POSITION_USD),
        (limits.book_share * depth_base, Bound.BOOK_SHARE),
        (
            equity * (1.0 - limits.collateral_buffer) / (instrument.initial_margin_frac * price) - taken_base,
            Bound.COLLATERAL_BUFFER,
        ),
    ):
        if candidate < size:
            size, bound = candidate, name
    free_usd = min(cap_usd, limits.max_position_usd) - taken_base * price
    return notional_within(size, price, free_usd, instrument.step_base), bound


def entry_size(standing: Standing, factor: float, stop_frac: float, depth_base: float) -> tuple[float, str]:
    """The same with the name of the limit."""
    size, bound = bounded_size(standing, factor, stop_frac, depth_base)
    return size, bound.label


def liquidation_price(
    position_base: float, entry_usd: float, equity_usd: float, maintenance_frac: float
) -> float:
    """The price at which equity equals the maintenance margin; `equity_usd` is at the entry price.

    From equity + position*(p - entry) = maintenance*abs(position)*p. NaN without a position; a price at or
    below zero means that a long cannot be liquidated.
    """
    if position_base == 0.0:
        return UNKNOWN
    return (position_base * entry_usd - equity_usd) / (position_base - maintenance_frac * abs(position_base))


def is_overexposed(standing: Standing) -> bool:
    """Whether notional is above cap * equity * 1.05 and must come down now. No equity allows nothing."""
    allowed_usd = max(standing.leverage_x_max * standing.equity_usd, 0.0)
    return abs(standing.position_base) * standing.price_usd > allowed_usd * EXPOSURE_TOLERANCE


def size_within_cap(standing: Standing) -> float:
    """What of the position may be kept: its size, or as much of it as the cap itself allows."""
    allowed_usd = max(standing.leverage_x_max * standing.equity_usd, 0.0)
    return notional_within(
        abs(standing.position_base), standing.price_usd, allowed_usd, standing.instrument.step_base
    )


def breach(
    side: int, size_base: float, price_usd: float, reduce_only: bool, standing: Standing, stop_usd: float
) -> tuple[Breach, float, float]:
    """What an order would break, with the limit and the value that breaks it (unknown where there is none).

    `stop_usd` is the stop that an entry will have; it must lie on the safe side of the liquidation price.
    """
    instrument, limits = standing.instrument, standing.limits
    position_base, equity_usd = standing.position_base, standing.equity_usd
    if not (0.0 < size_base < inf and 0.0 < price_usd < inf):
        return Breach.SIZE_OR_PRICE, 0.0, min(size_base, price_usd)
    if reduce_only:
        if side * position_base >= 0.0:
            return Breach.NOTHING_TO_REDUCE, UNKNOWN, UNKNOWN
        if size_base > abs(position_base) + instrument.step_base / 2:
            return Breach.REDUCE_ONLY, abs(position_base), size_base
        return Breach.NONE, UNKNOWN, UNKNOWN
    if standing.mode != TRADING:
        return Breach.MODE, UNKNOWN, UNKNOWN
    if not (equity_usd > 0.0 and standing.price_usd > 0.0):
        return Breach.EQUITY_UNKNOWN, UNKNOWN, UNKNOWN
    if size_base < instrument.min_base - instrument.step_base / 2:
        return Breach.BELOW_MINIMUM, instrument.min_base, size_base
    after_base = abs(position_base + side * standing.growing_base + side * size_base)
    notional_usd = after_base * standing.price_usd
    if notional_usd > standing.leverage_x_max * equity_usd:
        return Breach.LEVERAGE_CAP, standing.leverage_x_max, notional_usd / equity_usd
    if notional_usd > limits.max_position_usd:
        return Breach.MAX_POSITION_USD, limits.max_position_usd, notional_usd
    liquidation_usd = liquidation_price(
        side * after_base, standing.price_usd, equity_usd, instrument.maintenance_margin_frac
    )
    safe_usd = liquidation_usd * (1.0 + side * limits.liquidation_buffer)
    if not side * (stop_usd - safe_usd) >= 0.0:
        return Breach.LIQUIDATION_BUFFER, safe_usd, stop_usd
    return Breach.NONE, UNKNOWN, UNKNOWN


def review(intent: Intent, standing: Standing, stop_usd: float = UNKNOWN) -> Approved | Refused:
    """Pass an intent or refuse it with the limit it broke; see `breach`."""
    broken, limit, value = breach(
        intent.side, intent.size_base, intent.price_usd, intent.reduce_only, standing, stop_usd
    )
    if broken is Breach.NONE:
        return Approved(intent=intent, leverage_x_max=standing.leverage_x_max)
    code = f"mode_{standing.mode.label}" if broken is Breach.MODE else broken.label
    return Refused(code=code, limit=limit, value=value)
