"""How orders meet the market: at an oracle tick, at a candle's open, or somewhere within a candle's range.

Prices are found here and booked by `clearing`. Of everything that a candle may have done the worst for us is
assumed: stops before targets, liquidation where the price passes it first.
"""

from drift_e3.core.events import BookSeen, OracleTick
from drift_e3.core.grid import round_down
from drift_e3.core.terms import BUY, IOC, POST_ONLY, SELL, TRIGGER_MARKET, UNKNOWN, Side
from drift_e3.venues.sim.clearing import Clearing
from drift_e3.venues.sim.margin import liquidation_price
from drift_e3.venues.sim.prices import against_us, slippage_frac, slipped, stops, touches, walk_book, worse_of
from drift_e3.venues.sim.state import NEVER, OpenOrder
from drift_e3.venues.sim.steps import BarRange


class Matching:
    """Lets orders meet prices. `book` is what takers walk at the step being played, or None."""

    __slots__ = ("book", "clearing")

    def __init__(self, clearing: Clearing) -> None:
        self.clearing = clearing
        self.book: BookSeen | None = None

    def refusal(self, order: OpenOrder, price_usd: float) -> str:
        """Why a new order cannot be had with the market at `price_usd`; empty when it can."""
        intent = order.intent
        if intent.kind is POST_ONLY:
            crosses = intent.side * (order.price_usd - self._facing(intent.side, price_usd)) >= 0.0
            return "post_only_crosses" if crosses else ""
        if intent.kind is IOC:
            size_base, filled_usd = self._quote(order, price_usd)
            if size_base > 0.0 and not self.clearing.affords(order, size_base, filled_usd, price_usd):
                return "insufficient_margin"
        return ""

    def take(self, order: OpenOrder, price_usd: float, ts: int) -> None:
        """Let an order take what the market has at `price_usd`. A trigger's rest stays for the next tick."""
        immediate = order.intent.kind is IOC
        if self.clearing.tradable_base(order) <= 0.0:
            self.clearing.end(order, "reduce_only", ts)
            return
        size_base, filled_usd = self._quote(order, price_usd)
        if size_base > 0.0:
            self._trade(order, size_base, filled_usd, price_usd, ts)
        elif immediate:
            self.clearing.end(order, "price_beyond_limit", ts)
            return
        if immediate and order in self.clearing.state.orders:
            self.clearing.end(order, "ioc", ts)

    def meet_fired(self, tick: OracleTick) -> None:
        """Fill the triggers whose keepers have come by now."""
        for order in list(self.clearing.state.orders):
            if order.due_ts <= tick.seen_ts:
                self.take(order, tick.price_usd, tick.seen_ts)

    def meet_tick(self, tick: OracleTick) -> None:
        """Fire the triggers that the oracle touches, fill what is traded through, liquidate if it must be."""
        clearing = self.clearing
        for order in list(clearing.state.orders):
            if order.intent.kind is POST_ONLY:
                self._make_if_through(order, self._facing(order.intent.side, tick.price_usd), tick.seen_ts)
            elif order.due_ts == NEVER and _touched(order, tick.price_usd, tick.price_usd):
                order.due_ts = tick.seen_ts + clearing.settings.trigger_latency_ms
        if clearing.breaches(tick.price_usd):
            clearing.liquidate(tick.price_usd, tick.seen_ts)

    def meet_open(self, open_usd: float, ts: int, arrived_by_ts: int) -> None:
        """A candle's open: what it has gapped through fills there, stops first; liquidated if it must be.

        Targets that came later than `arrived_by_ts` missed the open; of stops the worse is assumed.
        """
        clearing = self.clearing
        for order in sorted(clearing.state.orders, key=_is_target):
            if _is_target(order) and order.active_ts > arrived_by_ts:
                continue
            if order.intent.kind is POST_ONLY:
                self._make_if_through(order, open_usd, ts)
            elif _touched(order, open_usd, open_usd):
                self.take(order, open_usd, ts)
        if clearing.breaches(open_usd):
            clearing.liquidate(open_usd, ts)

    def meet_range_stops(self, bar: BarRange) -> None:
        """The losing side of a candle: stops and liquidation in the order in which the price meets them.

        A stop that the open had passed already has filled there.
        """
        clearing = self.clearing
        touched = [order for order in clearing.state.orders if _touched(order, bar.low, bar.high)]
        touched.sort(key=lambda order: abs(order.price_usd - bar.open))
        for order in touched:
            if _is_target(order):
                continue
            if self._liquidated_before(order, bar):
                return
            self.take(order, order.price_usd, bar.ts)
        self._liquidate_within(bar)

    def meet_range_targets(self, bar: BarRange, arrived_by_ts: int) -> None:
        """The winning side of a candle, then liquidation of what was opened within it.

        Only for orders that came no later than `arrived_by_ts`: the price may have left before a later one.
        """
        for order in list(self.clearing.state.orders):
            if order.active_ts > arrived_by_ts:
                continue
            if order.intent.kind is POST_ONLY:
                self._make_if_through(order, bar.low if order.intent.side > 0 else bar.high, bar.ts)
            elif _is_target(order) and _touched(order, bar.low, bar.high):
                self.take(order, order.price_usd, bar.ts)
        self._liquidate_within(bar)

    def _quote(self, order: OpenOrder, price_usd: float) -> tuple[float, float]:
        """What an order would take now and its average price, rounded against us; zero and NaN if nothing."""
        clearing, intent = self.clearing, order.intent
        instrument, state = clearing.instrument, clearing.state
        size_base = clearing.tradable_base(order)
        any_usd = float("inf") if intent.side > 0 else 0.0
        limit_usd = order.price_usd if intent.kind is IOC else any_usd
        if self.book is not None:
            buys = intent.side > 0
            levels = self.book.asks if buys else self.book.bids
            taken_base = state.asks_taken_base if buys else state.bids_taken_base
            found_base, cost_usd = walk_book(intent.side, size_base, limit_usd, levels, taken_base)
            size_base = round_down(found_base, instrument.step_base)
            if size_base <= 0.0:
                return 0.0, UNKNOWN
            return size_base, against_us(intent.side, cost_usd / found_base, instrument.tick_usd)
        slippage = slippage_frac(size_base * price_usd, state.liquidity, clearing.settings)
        filled_usd = against_us(intent.side, slipped(intent.side, price_usd, slippage), instrument.tick_usd)
        if intent.side * (filled_usd - limit_usd) > 0.0:
            return 0.0, UNKNOWN
        return size_base, filled_usd

    def _trade(self, order: OpenOrder, size_base: float, filled_usd: float, mark_usd: float, ts: int) -> None:
        """Fill an order, unless the margin does not suffice; what may only reduce ends with the position."""
        clearing, state = self.clearing, self.clearing.state
        if not clearing.affords(order, size_base, filled_usd, mark_usd):
            clearing.end(order, "insufficient_margin", ts)
            return
        if self.book is not None and order.intent.kind is not POST_ONLY:
            if order.intent.side > 0:
                state.asks_taken_base += size_base
            else:
                state.bids_taken_base += size_base
        clearing.fill(order, size_base, filled_usd, ts)
        if clearing.is_open(order) and clearing.tradable_base(order) <= 0.0:
            clearing.end(order, "reduce_only", ts)

    def _make_if_through(self, order: OpenOrder, price_usd: float, ts: int) -> None:
        """Fill a resting order at its own price once the market has traded through it; a touch is not enough,
        as we do not know who stands before us."""
        if not order.intent.side * (order.price_usd - price_usd) > 0.0:
            return
        size_base = self.clearing.tradable_base(order)
        if size_base <= 0.0:
            self.clearing.end(order, "reduce_only", ts)
            return
        self._trade(order, size_base, order.price_usd, price_usd, ts)

    def _facing(self, side: Side, price_usd: float) -> float:
        """The price that an order of this side would trade at: the best level facing it, or `price_usd`."""
        if self.book is not None:
            levels = self.book.asks if side > 0 else self.book.bids
            if levels:
                return levels[0][0]
        return price_usd

    def _liquidated_before(self, order: OpenOrder, bar: BarRange) -> bool:
        """Liquidate if the price meets the liquidation price on its way to a stop of the position."""
        direction = -order.intent.side
        if direction * self.clearing.state.position_base <= 0.0:
            return False
        if direction * (self._liquidation_usd() - order.price_usd) < 0.0:
            return False
        return self._liquidate_within(bar)

    def _liquidate_within(self, bar: BarRange) -> bool:
        """Liquidate at the liquidation price if the worst of the candle is beyond it."""
        long = self.clearing.state.position_base > 0.0
        if not self.clearing.breaches(bar.low if long else bar.high):
            return False
        closing = SELL if long else BUY
        self.clearing.liquidate(worse_of(closing, self._liquidation_usd(), bar.open), bar.ts)
        return True

    def _liquidation_usd(self) -> float:
        state = self.clearing.state
        maintenance_frac = self.clearing.instrument.maintenance_margin_frac
        return liquidation_price(state.position_base, state.entry_usd, state.collateral_usd, maintenance_frac)


def _is_target(order: OpenOrder) -> bool:
    """Whether an order trades against the way the price goes: everything but a stop."""
    intent = order.intent
    return intent.kind is not TRIGGER_MARKET or not stops(intent.side, intent.triggers_above)


def _touched(order: OpenOrder, low_usd: float, high_usd: float) -> bool:
    intent = order.intent
    return intent.kind is TRIGGER_MARKET and touches(
        intent.triggers_above, order.price_usd, low_usd, high_usd
    )
