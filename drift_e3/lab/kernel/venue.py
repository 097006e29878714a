"""The simulated venue on a candle tape, compiled: `venues.sim.venue`, `matching` and `clearing` in one.

Prices, slippage, rounding, margins and liquidation are the functions of `venues.sim` and the core; here is
only when they are called. Function by function as there, less what a candle tape cannot have: books, oracle
ticks, orders that rest to be taken (the trader sends none), and ids that repeat.
"""

from math import inf
from typing import Final

from drift_e3.core.grid import round_down, round_nearest
from drift_e3.core.risk import liquidation_price
from drift_e3.core.terms import BPS, BUY, IOC, SELL, TRIGGER_MARKET, UNKNOWN, Reason
from drift_e3.lab.kernel.layout import ACCEPTED, CANCELLED, EVENTS_MAX, FILLED, FUNDED, REJECTED, Row
from drift_e3.venues.sim.margin import equity, grows, margin
from drift_e3.venues.sim.prices import (
    against_us,
    slippage_frac,
    slipped,
    stops,
    touches,
    within_limit,
    worse_of,
)
from drift_e3.venues.sim.state import NEVER
from drift_e3.venues.sim.venue import IN_FLIGHT_MAX, OPEN_ORDERS_MAX

CLOSES_LONG: Final = int(SELL)
CLOSES_SHORT: Final = int(BUY)
LIQUIDATION: Final = int(Reason.LIQUIDATION)

FAULT_IN_FLIGHT: Final = 1
"""More commands on their way than a venue takes: `SimVenue` raises."""
FAULT_ORDERS: Final = 2
"""More open orders than there is room for."""
FAULT_TRANSITION: Final = 3
"""A fact about an order that cannot be true: the trader raises `IllegalTransition`."""
FAULT_EVENTS: Final = 4
"""More to say of one step, or of one candle, than there is room for."""


# -- commands on their way -----------------------------------------------------------------------------------


def submit(b: Row, r: Row, order: Row) -> None:
    """Send an order of the trader's; it takes effect after the order latency."""
    _fly(b, r, order, False)


def cancel(b: Row, r: Row, order: Row) -> None:
    """Take an order back; nothing happens if it is done by then."""
    _fly(b, r, order, True)


def _fly(b: Row, r: Row, order: Row, is_cancel: bool) -> None:
    if b.in_flight >= IN_FLIGHT_MAX:
        b.fault = FAULT_IN_FLIGHT
        return
    # All are on their way for the same time and are sent in order of time: they arrive in order.
    b.flying[b.in_flight] = order
    flight = b.flying[b.in_flight]
    flight.is_cancel = is_cancel
    flight.submitted_ts = b.now
    flight.active_ts = b.now + r.sim.order_latency_ms
    b.in_flight += 1


def due_ts(b: Row) -> int:
    """When the next command arrives within the candle being played; `NEVER` if only a step brings one."""
    if b.bar_ts >= 0:
        for place in range(b.in_flight):
            if not waits_for_range(b, place):
                return int(max(b.flying[place].active_ts, b.bar_ts))
    return NEVER


def waits_for_range(b: Row, place: int) -> bool:
    """Whether an order was given during the candle being played and takes: its price is not known yet."""
    flight = b.flying[place]
    return bool(not flight.is_cancel and flight.kind == IOC and 0 <= b.bar_ts < flight.submitted_ts)


def is_idle(b: Row) -> bool:
    """Whether there is nothing that could meet the market."""
    return bool(b.at_venue == 0 and b.in_flight == 0 and b.venue_base == 0.0)


# -- the candle ----------------------------------------------------------------------------------------------


def open_bar(b: Row, r: Row, ts: int, open_usd: float) -> None:
    """A candle opens."""
    b.bar_ts, b.bar_usd, b.mark_usd = ts, open_usd, open_usd
    if not is_idle(b):
        arrive_at_open(b, r, ts)


def arrive_at_open(b: Row, r: Row, ts: int) -> None:
    """What arrives by `ts` meets the open, and so do the orders resting then."""
    open_usd = b.bar_usd
    _land(b, r, ts, open_usd, open_usd)
    _meet_open(b, r, open_usd, ts, _open_phase_ends_ts(b, r))


def arrive_until(b: Row, r: Row, ts: int) -> None:
    """Let the commands that are due by `ts` arrive, each at its own time."""
    due = due_ts(b)
    while due <= ts:
        arrive_at_open(b, r, due)
        due = due_ts(b)


def play_range(b: Row, r: Row, ts: int, high: float, low: float, close: float) -> None:
    """The candle shows what it traded, `ts` being 1 ms before its close."""
    if not is_idle(b):
        open_usd = b.bar_usd
        arrive_until(b, r, ts)
        _meet_range_stops(b, r, ts, open_usd, high, low)
        open_phase_ends_ts = _open_phase_ends_ts(b, r)
        b.bar_ts = -1  # nothing waits for the range any more
        _land(b, r, ts, max(open_usd, close), min(open_usd, close))
        _meet_range_targets(b, r, ts, open_usd, high, low, open_phase_ends_ts)
    b.bar_ts, b.mark_usd = -1, close


def pay_funding(b: Row, ts: int, rate_frac_1h: float, hours: float) -> None:
    """Pay or receive funding on the position at the last price."""
    notional_usd = b.venue_base * b.mark_usd
    amount_usd = -notional_usd * rate_frac_1h * hours + 0.0
    b.collateral_usd += amount_usd
    event = b.events[_new_event(b, FUNDED, ts)]
    event.fee_usd = amount_usd


def _open_phase_ends_ts(b: Row, r: Row) -> int:
    bar_ts: int = b.bar_ts
    return bar_ts + 2 * int(r.sim.order_latency_ms)


# -- arrivals ------------------------------------------------------------------------------------------------


def _land(b: Row, r: Row, ts: int, buy_usd: float, sell_usd: float) -> None:
    """Let all that has landed by `ts` take effect in order, the market being at the two prices."""
    # An arrival sends nothing: the trader hears of it later. So the queue may be closed up as it is read.
    count = b.in_flight
    flying = 0
    for place in range(count):
        if b.flying[place].active_ts <= ts and not waits_for_range(b, place):
            _arrive(b, r, place, ts, buy_usd, sell_usd)
        else:
            if flying < place:
                b.flying[flying] = b.flying[place]
            flying += 1
    b.in_flight = flying


def _arrive(b: Row, r: Row, place: int, ts: int, buy_usd: float, sell_usd: float) -> None:
    flight = b.flying[place]
    if flight.is_cancel:
        for at in range(b.at_venue):
            if b.resting[at].serial == flight.serial:
                _end(b, r, at, ts)
                break
        return
    if not (0.0 < flight.size_base < inf and 0.0 < flight.price_usd < inf):
        _tell(b, REJECTED, flight, ts)
        return
    tick_usd = r.instrument.tick_usd
    flight.open_base = round_down(flight.size_base, r.instrument.step_base)
    if flight.kind == TRIGGER_MARKET:
        flight.open_usd = against_us(flight.side, flight.price_usd, tick_usd)
    else:
        flight.open_usd = within_limit(flight.side, flight.price_usd, tick_usd)
    flight.active_ts = ts
    flight.filled_base = 0.0
    price_usd = buy_usd if flight.side > 0 else sell_usd
    if _is_refused(b, r, flight, price_usd):
        _tell(b, REJECTED, flight, ts)
        return
    b.resting[b.at_venue] = flight
    b.at_venue += 1
    _tell(b, ACCEPTED, flight, ts)
    if flight.kind == IOC:
        _take(b, r, b.at_venue - 1, price_usd, ts)


def _is_refused(b: Row, r: Row, order: Row, price_usd: float) -> bool:
    smallest_base = r.instrument.step_base if order.reduce_only else r.instrument.min_base
    if order.open_base < smallest_base - r.instrument.step_base / 2.0:
        return True
    if b.at_venue >= OPEN_ORDERS_MAX:
        return True
    if order.kind == IOC:
        size_base, filled_usd = _quote(b, r, order, price_usd)
        if size_base > 0.0 and not _affords(b, r, order, size_base, filled_usd, price_usd):
            return True
    return False


# -- orders that meet prices ---------------------------------------------------------------------------------


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


def _meet_open(b: Row, r: Row, open_usd: float, ts: int, arrived_by_ts: int) -> None:
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
                    _take(b, r, place, open_usd, ts)
                    place = 0
                    continue
            place += 1
    if _breaches(b, r, open_usd):
        _liquidate(b, r, open_usd, ts)


def _meet_range_stops(b: Row, r: Row, ts: int, open_usd: float, high: float, low: float) -> None:
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
        _take(b, r, nearest, b.resting[nearest].open_usd, ts)
    _liquidate_within(b, r, ts, open_usd, high, low)


def _meet_range_targets(
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
                _take(b, r, place, order.open_usd, ts)
                place = 0
                continue
        place += 1
    _liquidate_within(b, r, ts, open_usd, high, low)


def _take(b: Row, r: Row, place: int, price_usd: float, ts: int) -> None:
    """Let an order take what the market has at `price_usd`."""
    order = b.resting[place]
    serial = order.serial
    immediate = order.kind == IOC
    if _tradable_base(b, r, order) <= 0.0:
        _end(b, r, place, ts)
        return
    size_base, filled_usd = _quote(b, r, order, price_usd)
    if size_base > 0.0:
        _trade(b, r, place, size_base, filled_usd, price_usd, ts)
    elif immediate:
        _end(b, r, place, ts)
        return
    if immediate:
        left = _place_of(b, serial)
        if left >= 0:
            _end(b, r, left, ts)


def _quote(b: Row, r: Row, order: Row, price_usd: float) -> tuple[float, float]:
    """What an order would take now and its average price, rounded against us; zero and NaN if nothing."""
    size_base = _tradable_base(b, r, order)
    limit_usd = order.open_usd if order.kind == IOC else (inf if order.side > 0 else 0.0)
    slippage = slippage_frac(size_base * price_usd, b.liquidity, r.sim)
    filled_usd = against_us(order.side, slipped(order.side, price_usd, slippage), r.instrument.tick_usd)
    if order.side * (filled_usd - limit_usd) > 0.0:
        return 0.0, UNKNOWN
    return size_base, filled_usd


def _trade(b: Row, r: Row, place: int, size_base: float, filled_usd: float, mark_usd: float, ts: int) -> None:
    """Fill an order, unless the margin does not suffice; what may only reduce ends with the position."""
    order = b.resting[place]
    if not _affords(b, r, order, size_base, filled_usd, mark_usd):
        _end(b, r, place, ts)
        return
    serial = order.serial
    _fill(b, r, place, size_base, filled_usd, ts)
    left = _place_of(b, serial)
    if left >= 0 and _is_open(r, b.resting[left]) and _tradable_base(b, r, b.resting[left]) <= 0.0:
        _end(b, r, left, ts)


# -- the account ---------------------------------------------------------------------------------------------


def _is_open(r: Row, order: Row) -> bool:
    return bool(order.open_base - order.filled_base >= r.instrument.step_base / 2.0)


def _tradable_base(b: Row, r: Row, order: Row) -> float:
    """What an order may trade now: its rest, capped to the position if it may only reduce."""
    rest_base = round_nearest(order.open_base - order.filled_base, r.instrument.step_base)
    if not order.reduce_only:
        return rest_base
    return float(max(min(rest_base, -order.side * b.venue_base), 0.0))


def _affords(b: Row, r: Row, order: Row, size_base: float, price_usd: float, mark_usd: float) -> bool:
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


def _fill(b: Row, r: Row, place: int, size_base: float, price_usd: float, ts: int) -> None:
    """Trade part of an order at a price; done when all of it has traded."""
    order = b.resting[place]
    order.filled_base = round_nearest(order.filled_base + size_base, r.instrument.step_base)
    fee_usd = _fee(r, size_base, price_usd)
    _move(b, r, order.side, size_base, price_usd, fee_usd)
    _tell(b, FILLED, order, ts)
    event = b.events[b.events_told - 1]
    event.side = order.side
    event.size_base = size_base
    event.price_usd = price_usd
    event.reference_usd = order.open_usd if order.kind == TRIGGER_MARKET else order.reference_usd
    event.fee_usd = fee_usd
    event.reason = order.reason
    if not _is_open(r, order):
        _end(b, r, place, ts)


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


def _end(b: Row, r: Row, place: int, ts: int) -> None:
    """Have an order no more; told only if some of what was asked for is left, else its fills tell."""
    order = b.resting[place]
    if order.size_base - order.filled_base >= r.instrument.step_base / 2.0:
        _tell(b, CANCELLED, order, ts)
    b.at_venue -= 1
    for at in range(place, b.at_venue):
        b.resting[at] = b.resting[at + 1]


def _breaches(b: Row, r: Row, price_usd: float) -> bool:
    """Whether equity at `price_usd` is below the maintenance margin of a position."""
    if b.venue_base == 0.0:
        return False
    equity_usd = equity(b.collateral_usd, b.venue_base, b.venue_entry_usd, price_usd)
    return equity_usd < margin(b.venue_base, price_usd, r.instrument.maintenance_margin_frac)


def _liquidate(b: Row, r: Row, price_usd: float, ts: int) -> None:
    """Take the position away at `price_usd` made worse by slippage, and every open order with it."""
    side = CLOSES_LONG if b.venue_base > 0.0 else CLOSES_SHORT
    size_base = abs(b.venue_base)
    worse_usd = slipped(side, price_usd, slippage_frac(size_base * price_usd, b.liquidity, r.sim))
    filled_usd = against_us(side, worse_usd, r.instrument.tick_usd)
    fee_bps = r.instrument.taker_fee_bps + r.sim.liquidation_fee_bps
    fee_usd = size_base * filled_usd * fee_bps * BPS
    _move(b, r, side, size_base, filled_usd, fee_usd)
    b.liquidations += 1
    event = b.events[_new_event(b, FILLED, ts)]
    event.number = b.liquidations
    event.side = side
    event.size_base = size_base
    event.price_usd = filled_usd
    event.reference_usd = price_usd
    event.fee_usd = fee_usd
    event.reason = LIQUIDATION
    event.order_reason = LIQUIDATION
    while b.at_venue > 0:
        _end(b, r, 0, ts)


def _liquidated_before(b: Row, r: Row, place: int, ts: int, open_usd: float, high: float, low: float) -> bool:
    """Liquidate if the price meets the liquidation price on its way to a stop of the position."""
    order = b.resting[place]
    direction = -order.side
    if direction * b.venue_base <= 0.0:
        return False
    if direction * (_liquidation_usd(b, r) - order.open_usd) < 0.0:
        return False
    return _liquidate_within(b, r, ts, open_usd, high, low)


def _liquidate_within(b: Row, r: Row, ts: int, open_usd: float, high: float, low: float) -> bool:
    """Liquidate at the liquidation price if the worst of the candle is beyond it."""
    long = b.venue_base > 0.0
    if not _breaches(b, r, low if long else high):
        return False
    closing = CLOSES_LONG if long else CLOSES_SHORT
    _liquidate(b, r, worse_of(closing, _liquidation_usd(b, r), open_usd), ts)
    return True


def _liquidation_usd(b: Row, r: Row) -> float:
    return liquidation_price(
        b.venue_base, b.venue_entry_usd, b.collateral_usd, r.instrument.maintenance_margin_frac
    )


# -- what the venue says -------------------------------------------------------------------------------------


def _new_event(b: Row, kind: int, ts: int) -> int:
    """The place of a new event, of which only kind and time are set."""
    if b.events_told >= EVENTS_MAX - 1:
        b.fault = FAULT_EVENTS
        b.events_told = 0
    place: int = b.events_told
    b.events_told += 1
    event = b.events[place]
    event.kind, event.ts, event.serial, event.decided_ts, event.number = kind, ts, 0, 0, 0
    return place


def _tell(b: Row, kind: int, order: Row, ts: int) -> None:
    event = b.events[_new_event(b, kind, ts)]
    event.serial = order.serial
    event.decided_ts = order.decided_ts
    event.number = order.number
    event.order_reason = order.reason
