"""How orders meet a candle's prices, compiled: `venues.sim.matching` for a market of candles alone.

Prices are found by the functions of `venues.sim.prices`; of everything that a candle may have done the worst
for us is assumed, as there. What comes of a fill is `clearing`'s.
"""

from math import inf

from drift_e3.core.terms import IOC, TRIGGER_MARKET, UNKNOWN
from drift_e3.lab.kernel.clearing import (
    CLOSES_LONG,
    CLOSES_SHORT,
    affords,
    breaches,
    end,
    fill,
    is_open,
    liquidate,
    liquidation_usd,
    tradable_base,
)
from drift_e3.lab.kernel.layout import Row
from drift_e3.venues.sim.prices import against_us, slippage_frac, slipped, stops, touches, worse_of


def _is_target(order: Row) -> bool:
    return order.kind != TRIGGER_MARKET or not stops(order.side, order.triggers_above)


def _touched(order: Row, low_usd: float, high_usd: float) -> bool:
    return order.kind == TRIGGER_MARKET and touches(order.triggers_above, order.open_usd, low_usd, high_usd)


def _place_of(b: Row, serial: int) -> int:
    """Where an order rests, -1 where it is done."""
    for place in range(b.at_venue):
        if b.resting[place].serial == serial:
            return place
    return -1


def meet_open(b: Row, r: Row, open_usd: float, ts: int, arrived_by_ts: int) -> None:
    """What the open has gapped through fills there, stops first; liquidated if it must be.

    Filling takes orders away and adds none: the next in line is the first whose serial is above the last.
    """
    for targets in (False, True):
        last = 0
        place = 0
        while place < b.at_venue:
            order = b.resting[place]
            if order.serial > last and _is_target(order) == targets:
                last = order.serial
                if not (targets and order.active_ts > arrived_by_ts) and _touched(order, open_usd, open_usd):
                    take(b, r, place, open_usd, ts)
                    place = 0
                    continue
            place += 1
    if breaches(b, r, open_usd):
        liquidate(b, r, open_usd, ts)


def meet_range_stops(b: Row, r: Row, ts: int, open_usd: float, high: float, low: float) -> None:
    """The losing side of a candle: stops and liquidation in the order in which the price meets them."""
    count = b.at_venue
    # Those touched are settled beforehand, as what fills on the way must not change the order of the rest.
    reached = 0
    for place in range(count):
        order = b.resting[place]
        order.is_reached = _touched(order, low, high) and not _is_target(order)
        reached += order.is_reached
    for _ in range(reached):
        nearest = -1
        for place in range(b.at_venue):
            order = b.resting[place]
            if order.is_reached and (
                nearest < 0 or abs(order.open_usd - open_usd) < abs(b.resting[nearest].open_usd - open_usd)
            ):
                nearest = place
        if nearest < 0:
            break
        if _liquidated_before(b, r, nearest, ts, open_usd, high, low):
            return
        b.resting[nearest].is_reached = False
        take(b, r, nearest, b.resting[nearest].open_usd, ts)
    _liquidate_within(b, r, ts, open_usd, high, low)


def meet_range_targets(
    b: Row, r: Row, ts: int, open_usd: float, high: float, low: float, arrived_by_ts: int
) -> None:
    """The winning side of a candle, then liquidation of what was opened within it."""
    last = 0
    place = 0
    while place < b.at_venue:
        order = b.resting[place]
        if order.serial > last:
            last = order.serial
            if order.active_ts <= arrived_by_ts and _is_target(order) and _touched(order, low, high):
                take(b, r, place, order.open_usd, ts)
                place = 0
                continue
        place += 1
    _liquidate_within(b, r, ts, open_usd, high, low)


def take(b: Row, r: Row, place: int, price_usd: float, ts: int) -> None:
    """Let an order take what the market has at `price_usd`."""
    order = b.resting[place]
    serial = order.serial
    immediate = order.kind == IOC
    if tradable_base(b, r, order) <= 0.0:
        end(b, r, place, ts)
        return
    size_base, filled_usd = quote(b, r, order, price_usd)
    if size_base > 0.0:
        _trade(b, r, place, size_base, filled_usd, price_usd, ts)
    elif immediate:
        end(b, r, place, ts)
        return
    if immediate:
        left = _place_of(b, serial)
        if left >= 0:
            end(b, r, left, ts)


def quote(b: Row, r: Row, order: Row, price_usd: float) -> tuple[float, float]:
    """What an order would take now and its average price, rounded against us; zero and NaN if nothing."""
    size_base = tradable_base(b, r, order)
    limit_usd = order.open_usd if order.kind == IOC else (inf if order.side > 0 else 0.0)
    slippage = slippage_frac(size_base * price_usd, b.liquidity, r.sim)
    filled_usd = against_us(order.side, slipped(order.side, price_usd, slippage), r.instrument.tick_usd)
    if order.side * (filled_usd - limit_usd) > 0.0:
        return 0.0, UNKNOWN
    return size_base, filled_usd


def _trade(b: Row, r: Row, place: int, size_base: float, filled_usd: float, mark_usd: float, ts: int) -> None:
    """Fill an order, unless the margin does not suffice; what may only reduce ends with the position."""
    order = b.resting[place]
    if not affords(b, r, order, size_base, filled_usd, mark_usd):
        end(b, r, place, ts)
        return
    serial = order.serial
    fill(b, r, place, size_base, filled_usd, ts)
    left = _place_of(b, serial)
    if left >= 0 and is_open(r, b.resting[left]) and tradable_base(b, r, b.resting[left]) <= 0.0:
        end(b, r, left, ts)


def _liquidated_before(b: Row, r: Row, place: int, ts: int, open_usd: float, high: float, low: float) -> bool:
    """Liquidate if the price meets the liquidation price on its way to a stop of the position."""
    order = b.resting[place]
    direction = -order.side
    if direction * b.venue_base <= 0.0:
        return False
    if direction * (liquidation_usd(b, r) - order.open_usd) < 0.0:
        return False
    return _liquidate_within(b, r, ts, open_usd, high, low)


def _liquidate_within(b: Row, r: Row, ts: int, open_usd: float, high: float, low: float) -> bool:
    """Liquidate at the liquidation price if the worst of the candle is beyond it."""
    long = b.venue_base > 0.0
    if not breaches(b, r, low if long else high):
        return False
    closing = CLOSES_LONG if long else CLOSES_SHORT
    liquidate(b, r, worse_of(closing, liquidation_usd(b, r), open_usd), ts)
    return True
