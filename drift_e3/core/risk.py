"""The risk manager: how large an entry may be, and the one gate that every order passes.

Only `review` makes an `Approved`. The exposure rule: no approved order, open orders counted, takes notional
above cap * equity at the decision price. Reduce-only orders always pass, as long as they only reduce.
"""

from typing import NamedTuple

from drift_e3.core.grid import round_down, round_nearest
from drift_e3.core.params import Limits
from drift_e3.core.terms import BPS, TRADING, UNKNOWN, Approved, Instrument, Intent, Mode, Refused

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


def entry_size(standing: Standing, factor: float, stop_frac: float, depth_base: float) -> tuple[float, str]:
    """The size of an entry in base, and the name of the limit that set it.

    The smallest of: the loss at the stop (fees and slippage both ways included) times `factor`, the leverage
    cap, the position limit, a share of the depth within 10 bps (skipped where unknown), free collateral.
    Rounded down to the step.
    """
    limits, instrument = standing.limits, standing.instrument
    price, equity = standing.price_usd, standing.equity_usd
    costs_frac = (2.0 * instrument.taker_fee_bps + limits.slippage_allowance_bps) * BPS
    stop_distance_usd = (stop_frac + costs_frac) * price
    taken_base = abs(standing.position_base) + standing.growing_base
    size, bound = limits.risk_frac * equity / stop_distance_usd * factor, "risk_frac"
    cap_usd = standing.leverage_x_max * equity
    for candidate, name in (
        (cap_usd / price - taken_base, "leverage_cap"),
        (limits.max_position_usd / price - taken_base, "max_position_usd"),
        (limits.book_share * depth_base, "book_share"),
        (
            equity * (1.0 - limits.collateral_buffer) / (instrument.initial_margin_frac * price) - taken_base,
            "collateral_buffer",
        ),
    ):
        if candidate < size:
            size, bound = candidate, name
    free_usd = min(cap_usd, limits.max_position_usd) - taken_base * price
    return notional_within(size, price, free_usd, instrument.step_base), bound


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


def review(intent: Intent, standing: Standing, stop_usd: float = UNKNOWN) -> Approved | Refused:
    """Pass an intent or refuse it with the limit it broke.

    `stop_usd` is the stop that an entry will have; it must lie on the safe side of the liquidation price.
    """
    instrument, limits = standing.instrument, standing.limits
    if not (0.0 < intent.size_base < float("inf") and 0.0 < intent.price_usd < float("inf")):
        return Refused(code="size_or_price", limit=0.0, value=min(intent.size_base, intent.price_usd))
    if intent.reduce_only:
        if intent.side * standing.position_base >= 0.0:
            return Refused(code="nothing_to_reduce")
        if intent.size_base > abs(standing.position_base) + instrument.step_base / 2:
            return Refused(code="reduce_only", limit=abs(standing.position_base), value=intent.size_base)
        return Approved(intent=intent, leverage_x_max=standing.leverage_x_max)
    if standing.mode is not TRADING:
        return Refused(code=f"mode_{standing.mode.label}")
    if not (standing.equity_usd > 0.0 and standing.price_usd > 0.0):
        return Refused(code="equity_unknown")
    if intent.size_base < instrument.min_base - instrument.step_base / 2:
        return Refused(code="below_minimum", limit=instrument.min_base, value=intent.size_base)
    after_base = abs(
        standing.position_base + intent.side * standing.growing_base + intent.side * intent.size_base
    )
    notional_usd = after_base * standing.price_usd
    if notional_usd > standing.leverage_x_max * standing.equity_usd:
        return Refused(
            code="leverage_cap", limit=standing.leverage_x_max, value=notional_usd / standing.equity_usd
        )
    if notional_usd > limits.max_position_usd:
        return Refused(code="max_position_usd", limit=limits.max_position_usd, value=notional_usd)
    signed_after = intent.side * after_base
    liquidation_usd = liquidation_price(
        signed_after, standing.price_usd, standing.equity_usd, instrument.maintenance_margin_frac
    )
    safe_usd = liquidation_usd * (1.0 + intent.side * limits.liquidation_buffer)
    if not intent.side * (stop_usd - safe_usd) >= 0.0:
        return Refused(code="liquidation_buffer", limit=safe_usd, value=stop_usd)
    return Approved(intent=intent, leverage_x_max=standing.leverage_x_max)
