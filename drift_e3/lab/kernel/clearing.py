"""The simulated venue's books, compiled: `venues.sim.clearing`, what it tells included.

Margins, rounding and fill prices are the functions of `venues.sim` and the core. Nothing here looks at the
market.
"""

from typing import Final

from drift_e3.core.grid import round_nearest
from drift_e3.core.risk import liquidation_price
from drift_e3.core.terms import BPS, BUY, SELL, TRIGGER_MARKET, Reason
from drift_e3.lab.kernel.books import CANCELLED, EVENTS_MAX, FAULT_EVENTS, FILLED, FUNDED
from drift_e3.lab.kernel.layout import Row
from drift_e3.venues.sim.margin import equity, grows, margin
from drift_e3.venues.sim.prices import against_us, slippage_frac, slipped

CLOSES_LONG: Final = int(SELL)
CLOSES_SHORT: Final = int(BUY)
LIQUIDATION: Final = int(Reason.LIQUIDATION)


def is_open(r: Row, order: Row) -> bool:
    return bool(order.open_base - order.filled_base >= r.instrument.step_base / 2.0)


def tradable_base(b: Row, r: Row, order: Row) -> float:
    """What an order may trade now: its rest, capped to the position if it may only reduce."""
    rest_base = round_nearest(order.open_base - order.filled_base, r.instrument.step_base)
    if not order.reduce_only:
        return rest_base
    return float(max(min(rest_base, -order.side * b.venue_base), 0.0))


def affords(b: Row, r: Row, order: Row, size_base: float, price_usd: float, mark_usd: float) -> bool:
    """Whether the account has the initial margin for a fill at `mark_usd`; what reduces needs none."""
    before_base = b.venue_base
    after_base = before_base + order.side * size_base
    if not grows(before_base, after_base):
        return True
    costs_usd = order.side * size_base * (price_usd - mark_usd) + _fee(r, size_base, price_usd)
    equity_usd = equity(b.collateral_usd, before_base, b.venue_entry_usd, mark_usd) - costs_usd
    return bool(equity_usd >= margin(after_base, mark_usd, r.instrument.initial_margin_frac))


def _fee(r: Row, size_base: float, price_usd: float) -> float:
    return float(size_base * price_usd * r.instrument.taker_fee_bps * BPS)


def fill(b: Row, r: Row, place: int, size_base: float, price_usd: float, ts: int) -> None:
    """Trade part of an order at a price; done when all of it has traded."""
    order = b.resting[place]
    order.filled_base = round_nearest(order.filled_base + size_base, r.instrument.step_base)
    fee_usd = _fee(r, size_base, price_usd)
    _move(b, r, order.side, size_base, price_usd, fee_usd)
    tell(b, FILLED, order, ts)
    event = b.events[b.events_told - 1]
    event.side = order.side
    event.size_base = size_base
    event.price_usd = price_usd
    event.reference_usd = order.open_usd if order.kind == TRIGGER_MARKET else order.reference_usd
    event.fee_usd = fee_usd
    event.reason = order.reason
    if not is_open(r, order):
        end(b, r, place, ts)


def _move(b: Row, r: Row, side: int, size_base: float, price_usd: float, fee_usd: float) -> None:
    """Move the position: realise what is closed against the average entry, average in what is opened."""
    before_base = b.venue_base
    after_base = round_nearest(before_base + side * size_base, r.instrument.step_base)
    b.collateral_usd -= fee_usd
    if before_base * side >= 0.0:
        cost_usd = b.venue_entry_usd * abs(before_base) + price_usd * size_base
        b.venue_entry_usd = cost_usd / (abs(before_base) + size_base)
    else:
        closed_base = min(size_base, abs(before_base))
        b.collateral_usd += -side * closed_base * (price_usd - b.venue_entry_usd)
        if before_base * after_base <= 0.0:
            b.venue_entry_usd = price_usd if after_base != 0.0 else 0.0
    b.venue_base = after_base


def end(b: Row, r: Row, place: int, ts: int) -> None:
    """Have an order no more; told only if some of what was asked for is left, else its fills tell."""
    order = b.resting[place]
    if order.size_base - order.filled_base >= r.instrument.step_base / 2.0:
        tell(b, CANCELLED, order, ts)
    b.at_venue -= 1
    for at in range(place, b.at_venue):
        b.resting[at] = b.resting[at + 1]


def breaches(b: Row, r: Row, price_usd: float) -> bool:
    """Whether equity at `price_usd` is below the maintenance margin of a position."""
    if b.venue_base == 0.0:
        return False
    equity_usd = equity(b.collateral_usd, b.venue_base, b.venue_entry_usd, price_usd)
    return equity_usd < margin(b.venue_base, price_usd, r.instrument.maintenance_margin_frac)


def liquidate(b: Row, r: Row, price_usd: float, ts: int) -> None:
    """Take the position away at `price_usd` made worse by slippage, and every open order with it."""
    side = CLOSES_LONG if b.venue_base > 0.0 else CLOSES_SHORT
    size_base = abs(b.venue_base)
    worse_usd = slipped(side, price_usd, slippage_frac(size_base * price_usd, b.liquidity, r.sim))
    filled_usd = against_us(side, worse_usd, r.instrument.tick_usd)
    fee_bps = r.instrument.taker_fee_bps + r.sim.liquidation_fee_bps
    fee_usd = size_base * filled_usd * fee_bps * BPS
    _move(b, r, side, size_base, filled_usd, fee_usd)
    b.liquidations += 1
    event = b.events[new_event(b, FILLED, ts)]
    event.number = b.liquidations
    event.side = side
    event.size_base = size_base
    event.price_usd = filled_usd
    event.reference_usd = price_usd
    event.fee_usd = fee_usd
    event.reason = LIQUIDATION
    event.order_reason = LIQUIDATION
    while b.at_venue > 0:
        end(b, r, 0, ts)


def liquidation_usd(b: Row, r: Row) -> float:
    return liquidation_price(
        b.venue_base, b.venue_entry_usd, b.collateral_usd, r.instrument.maintenance_margin_frac
    )


def pay_funding(b: Row, ts: int, rate_frac_1h: float, hours: float) -> None:
    """Pay or receive funding on the position at the last price."""
    notional_usd = b.venue_base * b.mark_usd
    amount_usd = -notional_usd * rate_frac_1h * hours + 0.0
    b.collateral_usd += amount_usd
    event = b.events[new_event(b, FUNDED, ts)]
    event.fee_usd = amount_usd


def new_event(b: Row, kind: int, ts: int) -> int:
    """The place of a new event, of which only kind and time are set."""
    if b.events_told >= EVENTS_MAX - 1:
        b.fault = FAULT_EVENTS
        b.events_told = 0
    place: int = b.events_told
    b.events_told += 1
    event = b.events[place]
    event.kind, event.ts, event.serial, event.decided_ts, event.number = kind, ts, 0, 0, 0
    return place


def tell(b: Row, kind: int, order: Row, ts: int) -> None:
    event = b.events[new_event(b, kind, ts)]
    event.serial = order.serial
    event.decided_ts = order.decided_ts
    event.number = order.number
    event.order_reason = order.reason
