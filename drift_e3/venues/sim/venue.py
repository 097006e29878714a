"""The simulated venue: commands in flight, then orders that meet the market step by step.

Every command takes effect `order_latency_ms` after it was given, in order of arrival, and is answered then:

* with ticks: at the first oracle tick from then on;
* with candles: an order given no later than the candle's open trades at the open. One given during the candle
  trades at the worse of open and close, when the candle's range is known. Orders that rest, and cancels,
  arrive within the candle at their own time (`due_ts`, `run_due`).

Pricing is in `matching`, the account in `clearing`; here is the order of things.
"""

from drift_e3.core.commands import SubmitOrder
from drift_e3.core.events import (
    BookSeen,
    CandleClosed,
    FundingPublished,
    OracleTick,
    VenueEvent,
)
from drift_e3.core.grid import round_down
from drift_e3.core.terms import IOC, TRIGGER_MARKET, Instrument, Intent
from drift_e3.venues.sim.clearing import Clearing
from drift_e3.venues.sim.margin import equity, margin
from drift_e3.venues.sim.matching import Matching
from drift_e3.venues.sim.prices import against_us, update_liquidity, within_limit
from drift_e3.venues.sim.settings import SimSettings
from drift_e3.venues.sim.state import NEVER, InFlight, OpenOrder, SimState
from drift_e3.venues.sim.steps import BarOpened, BarRange, Step

OPEN_ORDERS_MAX = 32
"""As many as an account on Drift or Velocity holds."""
IN_FLIGHT_MAX = 256
"""More commands than this between two steps mean a trader gone wild: a bug, which raises."""
KNOWN_IDS_MAX = 4_096
"""Order ids that are remembered, the latest ones: weeks of trading at the most that the limits allow."""


class SimVenue:
    """One account on one simulated market. `state` is everything that it remembers."""

    __slots__ = ("_clearing", "_frame_ms", "_instrument", "_matching", "_settings", "state")

    def __init__(
        self, instrument: Instrument, settings: SimSettings, frame_ms: int, equity_usd: float
    ) -> None:
        self._instrument = instrument
        self._settings = settings
        self._frame_ms = frame_ms
        self.restore(SimState(collateral_usd=equity_usd))

    def restore(self, state: SimState) -> None:
        """Continue from a state; it is owned by the venue from now on."""
        self.state = state
        self._clearing = Clearing(self._instrument, self._settings, state)
        self._matching = Matching(self._clearing)

    @property
    def equity_usd(self) -> float:
        """Collateral and unrealised profit at the last price."""
        state = self.state
        return equity(state.collateral_usd, state.position_base, state.entry_usd, state.mark_usd)

    @property
    def used_collateral_usd(self) -> float:
        """The initial margin of the position."""
        state = self.state
        return margin(state.position_base, state.mark_usd, self._instrument.initial_margin_frac)

    @property
    def free_collateral_usd(self) -> float:
        """What is left of equity for new positions; negative below the initial margin."""
        return self.equity_usd - self.used_collateral_usd

    def submit(self, order: SubmitOrder, now_ts: int) -> None:
        """Send an order at `now_ts`; an id that was sent before is answered by a refusal."""
        known_ids = self.state.known_ids
        refusal = ""
        if order.order_id in known_ids:
            refusal = "duplicate_id"
        else:
            known_ids[order.order_id] = None
            if len(known_ids) > KNOWN_IDS_MAX:
                self._forget_an_id()
        self._send(
            InFlight(
                order_id=order.order_id,
                submitted_ts=now_ts,
                active_ts=now_ts + self._settings.order_latency_ms,
                intent=order.approved.intent,
                refusal=refusal,
            )
        )

    def cancel(self, order_id: str, now_ts: int) -> None:
        """Take an order back at `now_ts`. Nothing happens if it is done by then: its end was told already."""
        active_ts = now_ts + self._settings.order_latency_ms
        self._send(InFlight(order_id=order_id, submitted_ts=now_ts, active_ts=active_ts))

    @property
    def due_ts(self) -> int:
        """When the next command arrives within the candle being played; `NEVER` if only a step brings one."""
        state = self.state
        if state.open_ts >= 0:
            for flight in state.in_flight:
                if not self._waits_for_range(flight):
                    return max(flight.active_ts, state.open_ts)
        return NEVER

    def run_due(self) -> list[VenueEvent]:
        """Let the commands of `due_ts` arrive, within the candle being played."""
        self._arrive_at_open(self.due_ts)
        return self._clearing.take_events()

    def process(self, step: Step) -> list[VenueEvent]:
        """Let the orders meet the next step of the market; what becomes of them, in order.

        Commands that are due within the candle before the step arrive first, each at its own time.
        """
        state = self.state
        if isinstance(step, BarOpened):
            state.open_ts, state.open_usd, state.mark_usd = step.ts, step.open, step.open
            if not self._idle():
                self._arrive_at_open(step.ts)
        elif isinstance(step, BarRange):
            if not self._idle():
                self._play_range(step)
            state.open_ts, state.mark_usd = -1, step.close
        elif isinstance(step, OracleTick):
            state.mark_usd = step.price_usd
            if not self._idle():
                self._play_tick(step)
        elif isinstance(step, CandleClosed):
            span = self._settings.liquidity_candles
            update_liquidity(state.liquidity, step.close, step.volume, self._frame_ms, span)
            return []
        elif isinstance(step, BookSeen):
            state.book, state.bids_taken_base, state.asks_taken_base = step, 0.0, 0.0
            return []
        elif isinstance(step, FundingPublished):
            self._arrive_until(step.seen_ts)
            if state.position_base != 0.0 and not step.history:
                self._clearing.pay_funding(step)
        return self._clearing.take_events()

    def _idle(self) -> bool:
        state = self.state
        return not state.orders and not state.in_flight and state.position_base == 0.0

    def _play_tick(self, tick: OracleTick) -> None:
        self._matching.book = self._fresh_book(tick.seen_ts)
        self._matching.meet_fired(tick)
        for flight in self._landed(tick.seen_ts):
            self._arrive(flight, tick.price_usd, tick.price_usd, tick.seen_ts)
        self._matching.meet_tick(tick)
        self._matching.book = None

    def _arrive_at_open(self, ts: int) -> None:
        """What arrives by `ts` meets the open, and so do the orders resting then."""
        open_usd = self.state.open_usd
        for flight in self._landed(ts):
            self._arrive(flight, open_usd, open_usd, ts)
        self._matching.meet_open(open_usd, ts, self._open_phase_ends_ts())

    def _arrive_until(self, ts: int) -> None:
        while (due_ts := self.due_ts) <= ts:
            self._arrive_at_open(due_ts)

    def _play_range(self, bar: BarRange) -> None:
        state = self.state
        assert state.open_ts >= 0, "a candle is opened before its range is shown"
        self._arrive_until(bar.ts)
        self._matching.meet_range_stops(bar)
        open_phase_ends_ts = self._open_phase_ends_ts()
        state.open_ts = -1  # nothing waits for the range any more
        for flight in self._landed(bar.ts):
            self._arrive(flight, max(bar.open, bar.close), min(bar.open, bar.close), bar.ts)
        self._matching.meet_range_targets(bar, open_phase_ends_ts)

    def _open_phase_ends_ts(self) -> int:
        """Until when an order counts as there since the open: the way of an entry, then that of its stop."""
        return self.state.open_ts + 2 * self._settings.order_latency_ms

    def _arrive(self, flight: InFlight, buy_usd: float, sell_usd: float, ts: int) -> None:
        """A command takes effect; the market is at `buy_usd` for a buy, at `sell_usd` for a sell."""
        clearing = self._clearing
        intent = flight.intent
        if intent is None:
            for order in self.state.orders:
                if order.order_id == flight.order_id:
                    clearing.end(order, "requested", ts)
                    break
            return
        if flight.refusal:
            clearing.reject(flight.order_id, flight.refusal, ts)
            return
        if not (0.0 < intent.size_base < float("inf") and 0.0 < intent.price_usd < float("inf")):
            clearing.reject(flight.order_id, "invalid", ts)
            return
        order = self._rounded(flight.order_id, intent, ts)
        price_usd = buy_usd if intent.side > 0 else sell_usd
        refusal = self._refusal(order, price_usd)
        if refusal:
            clearing.reject(flight.order_id, refusal, ts)
            return
        clearing.accept(order, ts)
        if intent.kind is IOC:
            self._matching.take(order, price_usd, ts)

    def _refusal(self, order: OpenOrder, price_usd: float) -> str:
        """Why an order is not taken. What may only reduce needs one step, not the minimum: a small rest of a
        position must be able to go."""
        instrument = self._instrument
        smallest_base = instrument.step_base if order.intent.reduce_only else instrument.min_base
        if order.size_base < smallest_base - instrument.step_base / 2.0:
            return "below_minimum"
        if len(self.state.orders) >= OPEN_ORDERS_MAX:
            return "too_many_orders"
        return self._matching.refusal(order, price_usd)

    def _rounded(self, order_id: str, intent: Intent, ts: int) -> OpenOrder:
        tick_usd = self._instrument.tick_usd
        rounds = against_us if intent.kind is TRIGGER_MARKET else within_limit
        return OpenOrder(
            order_id=order_id,
            intent=intent,
            size_base=round_down(intent.size_base, self._instrument.step_base),
            price_usd=rounds(intent.side, intent.price_usd, tick_usd),
            active_ts=ts,
        )

    def _fresh_book(self, ts: int) -> BookSeen | None:
        book = self.state.book
        if book is None or ts - book.publish_ts > self._settings.book_age_max_ms:
            return None
        return book

    def _send(self, flight: InFlight) -> None:
        in_flight = self.state.in_flight
        if len(in_flight) >= IN_FLIGHT_MAX:
            raise RuntimeError(f"{IN_FLIGHT_MAX} commands are in flight, no room for {flight.order_id}")
        in_flight.append(flight)
        in_flight.sort(key=lambda each: each.active_ts)

    def _landed(self, ts: int) -> list[InFlight]:
        """Take what has arrived by `ts` out of the queue."""
        landed: list[InFlight] = []
        flying: list[InFlight] = []
        for flight in self.state.in_flight:
            arrived = flight.active_ts <= ts and not self._waits_for_range(flight)
            (landed if arrived else flying).append(flight)
        self.state.in_flight = flying
        return landed

    def _waits_for_range(self, flight: InFlight) -> bool:
        """Whether an order was given during the candle being played and takes: its price is not known yet."""
        open_ts = self.state.open_ts
        takes = flight.intent is not None and flight.intent.kind is IOC
        return takes and 0 <= open_ts < flight.submitted_ts

    def _forget_an_id(self) -> None:
        """Forget the oldest id whose order is done."""
        state = self.state
        kept = {order.order_id for order in state.orders} | {flight.order_id for flight in state.in_flight}
        del state.known_ids[next(order_id for order_id in state.known_ids if order_id not in kept)]
