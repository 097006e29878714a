"""The simulated venue on a candle tape, compiled: `venues.sim.venue`, function by function.

Here is what arrives when; prices are found in `matching`, booked in `clearing`. What a candle tape cannot
have is left out: books, oracle ticks, orders that rest to be taken (the trader sends none), repeated ids.
"""

from math import inf

from drift_e3.core.grid import round_down
from drift_e3.core.terms import IOC, TRIGGER_MARKET
from drift_e3.lab.kernel.books import ACCEPTED, FAULT_IN_FLIGHT, REJECTED
from drift_e3.lab.kernel.clearing import affords, end, tell
from drift_e3.lab.kernel.layout import Row
from drift_e3.lab.kernel.matching import meet_open, meet_range_stops, meet_range_targets, quote, take
from drift_e3.venues.sim.prices import against_us, within_limit
from drift_e3.venues.sim.state import NEVER
from drift_e3.venues.sim.venue import IN_FLIGHT_MAX, OPEN_ORDERS_MAX

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
    meet_open(b, r, open_usd, ts, _open_phase_ends_ts(b, r))


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
        meet_range_stops(b, r, ts, open_usd, high, low)
        open_phase_ends_ts = _open_phase_ends_ts(b, r)
        b.bar_ts = -1  # nothing waits for the range any more
        _land(b, r, ts, max(open_usd, close), min(open_usd, close))
        meet_range_targets(b, r, ts, open_usd, high, low, open_phase_ends_ts)
    b.bar_ts, b.mark_usd = -1, close


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
                end(b, r, at, ts)
                break
        return
    if not (0.0 < flight.size_base < inf and 0.0 < flight.price_usd < inf):
        tell(b, REJECTED, flight, ts)
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
        tell(b, REJECTED, flight, ts)
        return
    b.resting[b.at_venue] = flight
    b.at_venue += 1
    tell(b, ACCEPTED, flight, ts)
    if flight.kind == IOC:
        take(b, r, b.at_venue - 1, price_usd, ts)


def _is_refused(b: Row, r: Row, order: Row, price_usd: float) -> bool:
    smallest_base = r.instrument.step_base if order.reduce_only else r.instrument.min_base
    if order.open_base < smallest_base - r.instrument.step_base / 2.0:
        return True
    if b.at_venue >= OPEN_ORDERS_MAX:
        return True
    if order.kind == IOC:
        size_base, filled_usd = quote(b, r, order, price_usd)
        if size_base > 0.0 and not affords(b, r, order, size_base, filled_usd, price_usd):
            return True
    return False
