"""Short ways to say orders, steps and venues in the tests of the simulated venue."""

from collections.abc import Iterable, Sequence

from drift_e3.core.commands import SubmitOrder
from drift_e3.core.events import (
    BookSeen,
    CandleClosed,
    Feed,
    Fill,
    FundingPaid,
    FundingPublished,
    OracleTick,
    OrderAccepted,
    OrderCancelled,
    OrderRejected,
    VenueEvent,
)
from drift_e3.core.terms import Approved, Instrument, Intent, OrderKind, Reason, Side, Strategy
from drift_e3.venues.sim.settings import SimSettings
from drift_e3.venues.sim.steps import BarOpened, BarRange, Step
from drift_e3.venues.sim.venue import SimVenue

MINUTE = 60_000
LATENCY = 400

EXACT = SimSettings(
    half_spread_bps=0.0,
    half_spread_per_volatility=0.0,
    impact_per_volatility=0.0,
    slippage_unknown_bps=0.0,
    liquidation_fee_bps=0.0,
)
"""A venue without slippage, so that prices can be told exactly."""
TEN_BPS = EXACT._replace(slippage_unknown_bps=10.0)
"""A venue on which a taker pays 10 bps of slippage, until it has seen two candles."""
FREE = Instrument(taker_fee_bps=0.0, maker_fee_bps=0.0)


def venue(
    settings: SimSettings = EXACT, instrument: Instrument = FREE, equity_usd: float = 1_000.0
) -> SimVenue:
    return SimVenue(instrument, settings, MINUTE, equity_usd)


def submit(
    order_id: str,
    side: Side = Side.BUY,
    size: float = 1.0,
    price: float | None = None,
    kind: OrderKind = OrderKind.IOC,
    *,
    reference: float = 100.0,
    reason: Reason = Reason.ENTRY,
    reduce_only: bool = False,
    above: bool = False,
) -> SubmitOrder:
    """An order; without a price an IOC that takes any."""
    if price is None:
        price = 1e6 if side is Side.BUY else 1e-3
    intent = Intent(
        side=side,
        kind=kind,
        size_base=size,
        price_usd=price,
        reference_usd=reference,
        reason=reason,
        strategy=Strategy.E3,
        reduce_only=reduce_only,
        triggers_above=above,
    )
    return SubmitOrder(order_id=order_id, approved=Approved(intent=intent, leverage_x_max=3.0))


def trigger(
    order_id: str,
    side: Side,
    price: float,
    *,
    above: bool,
    size: float = 1.0,
    reduce_only: bool = True,
    reason: Reason = Reason.STOP,
) -> SubmitOrder:
    return submit(
        order_id,
        side,
        size,
        price,
        OrderKind.TRIGGER_MARKET,
        reference=price,
        reason=reason,
        reduce_only=reduce_only,
        above=above,
    )


def post(
    order_id: str, side: Side, price: float, size: float = 1.0, *, reduce_only: bool = False
) -> SubmitOrder:
    return submit(order_id, side, size, price, OrderKind.POST_ONLY, reduce_only=reduce_only)


def tick(ts: int, price: float) -> OracleTick:
    return OracleTick(seen_ts=ts, publish_ts=ts, price_usd=price)


def book(
    ts: int,
    bids: Sequence[tuple[float, float]] = (),
    asks: Sequence[tuple[float, float]] = (),
) -> BookSeen:
    return BookSeen(seen_ts=ts, publish_ts=ts, bids=tuple(bids), asks=tuple(asks))


def funding(ts: int, rate: float, hours: float = 1.0, *, history: bool = False) -> FundingPublished:
    return FundingPublished(seen_ts=ts, publish_ts=ts, rate_frac_1h=rate, hours=hours, history=history)


def closed(open_ts: int, close: float, volume: float = 1_000.0) -> CandleClosed:
    return CandleClosed(
        seen_ts=open_ts + MINUTE,
        open_ts=open_ts,
        open=close,
        high=close,
        low=close,
        close=close,
        volume=volume,
    )


def opened(ts: int, price: float) -> BarOpened:
    return BarOpened(ts=ts, open=price)


def ranged(open_ts: int, open_: float, high: float, low: float, close: float) -> BarRange:
    return BarRange(ts=open_ts + MINUTE - 1, open=open_, high=high, low=low, close=close)


def play_candle(
    sim: SimVenue, open_ts: int, open_: float, high: float, low: float, close: float
) -> list[VenueEvent]:
    """Play a candle as the paper market does: what is due within it arrives before its range is shown."""
    events = sim.process(opened(open_ts, open_))
    while sim.due_ts <= open_ts + MINUTE - 1:
        events += sim.run_due()
    return events + sim.process(ranged(open_ts, open_, high, low, close))


def told(events: Iterable[VenueEvent]) -> list[str]:
    """The events as short words, for example ``fill a 1 @ 100``."""
    return [_told(event) for event in events]


def _told(event: VenueEvent) -> str:
    match event:
        case OrderAccepted():
            return f"accepted {event.order_id}"
        case OrderRejected():
            return f"rejected {event.order_id}: {event.reason}"
        case OrderCancelled():
            return f"cancelled {event.order_id}: {event.reason}"
        case Fill():
            return f"fill {event.order_id} {event.side * event.size_base:g} @ {event.price_usd:g}"
        case FundingPaid():
            return f"funding {event.amount_usd:g}"
        case _:
            raise AssertionError(f"a simulated venue does not say {event}")


def fills(events: Iterable[VenueEvent]) -> list[Fill]:
    return [event for event in events if isinstance(event, Fill)]


def long_at(
    price: float,
    size: float = 1.0,
    *,
    settings: SimSettings = EXACT,
    instrument: Instrument = FREE,
    equity_usd: float = 1_000.0,
    side: Side = Side.BUY,
) -> SimVenue:
    """A venue on which a position was opened by a tick at `price` and time 400, and nothing is open."""
    sim = venue(settings, instrument, equity_usd)
    sim.submit(submit("entry", side, size), 0)
    assert len(fills(sim.process(tick(LATENCY, price)))) == 1
    return sim


class ScriptedFeed:
    """A market feed that plays given steps; each is due at its own time."""

    def __init__(self, steps: Sequence[Step], *, oracle_ticks: bool, instrument: Instrument = FREE) -> None:
        self.instrument = instrument
        self.feed = Feed(frame_ms=MINUTE, oracle_ticks=oracle_ticks)
        self.begins_ts = 0
        self._steps = tuple(steps)
        self._played = 0

    def next_ts(self) -> int | None:
        if self._played == len(self._steps):
            return None
        step = self._steps[self._played]
        return step.ts if isinstance(step, BarOpened | BarRange) else step.seen_ts

    def advance(self) -> Step:
        step = self._steps[self._played]
        self._played += 1
        return step

    def checkpoint(self) -> bytes:
        return str(self._played).encode()

    def restore(self, state: bytes) -> None:
        self._played = int(state)
