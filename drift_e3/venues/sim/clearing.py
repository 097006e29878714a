"""The venue's books: what fills, fees, funding and liquidations do to the account, and what is told of them.

Prices come in from `matching`; nothing here looks at the market. Events are appended in the order in which
things happen.
"""

from drift_e3.core.events import (
    Fill,
    FundingPaid,
    FundingPublished,
    OrderAccepted,
    OrderCancelled,
    OrderRejected,
    VenueEvent,
)
from drift_e3.core.grid import round_nearest
from drift_e3.core.terms import BPS, BUY, POST_ONLY, SELL, TRIGGER_MARKET, Instrument, Liquidity, Reason, Side
from drift_e3.venues.sim.margin import equity, grows, margin
from drift_e3.venues.sim.prices import against_us, slippage_frac, slipped
from drift_e3.venues.sim.settings import SimSettings
from drift_e3.venues.sim.state import OpenOrder, SimState


class Clearing:
    """Keeps one account; `events` collects what has happened since it was last taken away."""

    __slots__ = ("events", "instrument", "settings", "state")

    def __init__(self, instrument: Instrument, settings: SimSettings, state: SimState) -> None:
        self.instrument = instrument
        self.settings = settings
        self.state = state
        self.events: list[VenueEvent] = []

    def take_events(self) -> list[VenueEvent]:
        """What has happened since the last call, in order."""
        events = self.events
        self.events = []
        return events

    def accept(self, order: OpenOrder, ts: int) -> None:
        """Have an order among the open ones."""
        self.state.orders.append(order)
        self.events.append(OrderAccepted(seen_ts=ts, order_id=order.order_id))

    def reject(self, order_id: str, reason: str, ts: int) -> None:
        """Say that an order is refused."""
        self.events.append(OrderRejected(seen_ts=ts, order_id=order_id, reason=reason))

    def end(self, order: OpenOrder, reason: str, ts: int) -> None:
        """Have an order no more; told only if some of what was asked for is left, else its fills tell."""
        self.state.orders.remove(order)
        if order.intent.size_base - order.filled_base >= self.instrument.step_base / 2.0:
            self.events.append(OrderCancelled(seen_ts=ts, order_id=order.order_id, reason=reason))

    def is_open(self, order: OpenOrder) -> bool:
        """Whether there is something left to trade of an order."""
        return order.size_base - order.filled_base >= self.instrument.step_base / 2.0

    def tradable_base(self, order: OpenOrder) -> float:
        """What an order may trade now: its rest, capped to the position if it may only reduce."""
        rest_base = round_nearest(order.size_base - order.filled_base, self.instrument.step_base)
        if not order.intent.reduce_only:
            return rest_base
        return max(min(rest_base, -order.intent.side * self.state.position_base), 0.0)

    def affords(self, order: OpenOrder, size_base: float, price_usd: float, mark_usd: float) -> bool:
        """Whether the account has the initial margin for a fill at `mark_usd`; what reduces needs none."""
        state, side = self.state, order.intent.side
        before_base = state.position_base
        after_base = before_base + side * size_base
        if not grows(before_base, after_base):
            return True
        costs_usd = side * size_base * (price_usd - mark_usd) + self._fee(order, size_base, price_usd)
        equity_usd = equity(state.collateral_usd, before_base, state.entry_usd, mark_usd) - costs_usd
        return equity_usd >= margin(after_base, mark_usd, self.instrument.initial_margin_frac)

    def fill(self, order: OpenOrder, size_base: float, price_usd: float, ts: int) -> None:
        """Trade part of an order at a price; done when all of it has traded."""
        intent = order.intent
        order.fills += 1
        order.filled_base = round_nearest(order.filled_base + size_base, self.instrument.step_base)
        fee_usd = self._fee(order, size_base, price_usd)
        self._trade(intent.side, size_base, price_usd, fee_usd)
        triggered = intent.kind is TRIGGER_MARKET
        self.events.append(
            Fill(
                seen_ts=ts,
                fill_id=f"{order.order_id}#{order.fills}",
                order_id=order.order_id,
                side=intent.side,
                size_base=size_base,
                price_usd=price_usd,
                reference_usd=order.price_usd if triggered else intent.reference_usd,
                fee_usd=fee_usd,
                liquidity=_liquidity(order),
                reason=intent.reason,
            )
        )
        if not self.is_open(order):
            self.end(order, "rounded", ts)

    def liquidate(self, price_usd: float, ts: int) -> None:
        """Take the position away at `price_usd` made worse by slippage, and every open order with it."""
        state, instrument = self.state, self.instrument
        side = SELL if state.position_base > 0.0 else BUY
        size_base = abs(state.position_base)
        worse_usd = slipped(
            side, price_usd, slippage_frac(size_base * price_usd, state.liquidity, self.settings)
        )
        filled_usd = against_us(side, worse_usd, instrument.tick_usd)
        fee_bps = instrument.taker_fee_bps + self.settings.liquidation_fee_bps
        fee_usd = size_base * filled_usd * fee_bps * BPS
        self._trade(side, size_base, filled_usd, fee_usd)
        state.liquidations += 1
        order_id = f"liquidation-{state.liquidations}"
        self.events.append(
            Fill(
                seen_ts=ts,
                fill_id=f"{order_id}#1",
                order_id=order_id,
                side=side,
                size_base=size_base,
                price_usd=filled_usd,
                reference_usd=price_usd,
                fee_usd=fee_usd,
                liquidity=Liquidity.TAKER,
                reason=Reason.LIQUIDATION,
            )
        )
        for order in list(state.orders):
            self.end(order, "liquidated", ts)

    def pay_funding(self, event: FundingPublished) -> None:
        """Pay or receive funding on the position at the last price; hours that nobody published pay none."""
        state = self.state
        notional_usd = state.position_base * state.mark_usd
        amount_usd = -notional_usd * event.rate_frac_1h * event.hours + 0.0  # + 0.0: never minus zero
        state.collateral_usd += amount_usd
        self.events.append(
            FundingPaid(
                seen_ts=event.seen_ts,
                amount_usd=amount_usd,
                rate_frac_1h=event.rate_frac_1h,
                position_base=state.position_base,
            )
        )

    def breaches(self, price_usd: float) -> bool:
        """Whether equity at `price_usd` is below the maintenance margin of a position."""
        state = self.state
        if state.position_base == 0.0:
            return False
        equity_usd = equity(state.collateral_usd, state.position_base, state.entry_usd, price_usd)
        return equity_usd < margin(state.position_base, price_usd, self.instrument.maintenance_margin_frac)

    def _fee(self, order: OpenOrder, size_base: float, price_usd: float) -> float:
        instrument = self.instrument
        maker = _liquidity(order) is Liquidity.MAKER
        return size_base * price_usd * (instrument.maker_fee_bps if maker else instrument.taker_fee_bps) * BPS

    def _trade(self, side: Side, size_base: float, price_usd: float, fee_usd: float) -> None:
        """Move the position: realise what is closed against the average entry, average in what is opened."""
        state = self.state
        before_base = state.position_base
        after_base = round_nearest(before_base + side * size_base, self.instrument.step_base)
        state.collateral_usd -= fee_usd
        if before_base * side >= 0.0:
            cost_usd = state.entry_usd * abs(before_base) + price_usd * size_base
            state.entry_usd = cost_usd / (abs(before_base) + size_base)
        else:
            closed_base = min(size_base, abs(before_base))
            state.collateral_usd += -side * closed_base * (price_usd - state.entry_usd)
            if before_base * after_base <= 0.0:
                state.entry_usd = price_usd if after_base else 0.0
        state.position_base = after_base


def _liquidity(order: OpenOrder) -> Liquidity:
    return Liquidity.MAKER if order.intent.kind is POST_ONLY else Liquidity.TAKER
