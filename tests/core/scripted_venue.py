"""A venue for property tests: keeps its own books in whole steps and does all that a venue may do."""

from dataclasses import dataclass, field

from drift_e3.core.commands import CancelOrder, SubmitOrder
from drift_e3.core.events import Fill, FundingPaid, OrderAccepted, OrderCancelled, OrderRejected
from drift_e3.core.grid import on_grid
from drift_e3.core.terms import Intent, Liquidity, OrderKind, Reason, Side


@dataclass(slots=True)
class VenueOrder:
    """An order as the venue has it; sizes in steps."""

    order_id: str
    intent: Intent
    left_steps: int
    accepted: bool = False
    cancel_asked: bool = False


@dataclass(slots=True)
class ScriptedVenue:
    """One account. Each method gives the event that tells of what was done; the caller keeps the clock."""

    step_base: float
    fee_frac: float
    position_steps: int = 0
    cash_usd: float = 0.0
    turnover_usd: float = 0.0
    fills: int = 0
    liquidations: int = 0
    orders: dict[str, VenueOrder] = field(default_factory=dict)

    @property
    def position_base(self) -> float:
        return on_grid(self.position_steps, self.step_base)

    def take(self, command: SubmitOrder | CancelOrder) -> None:
        """An order arrives, or the wish to have one back."""
        if isinstance(command, CancelOrder):
            self.orders[command.order_id].cancel_asked = True
            return
        intent = command.approved.intent
        steps = round(intent.size_base / self.step_base)
        assert intent.size_base == on_grid(steps, self.step_base), "sizes are on the grid"
        self.orders[command.order_id] = VenueOrder(command.order_id, intent, steps)

    def accept(self, order: VenueOrder, ts: int) -> OrderAccepted:
        order.accepted = True
        return OrderAccepted(seen_ts=ts, order_id=order.order_id)

    def reject(self, order: VenueOrder, ts: int) -> OrderRejected:
        del self.orders[order.order_id]
        return OrderRejected(seen_ts=ts, order_id=order.order_id, reason="busy")

    def cancel(self, order: VenueOrder, ts: int) -> OrderCancelled:
        del self.orders[order.order_id]
        return OrderCancelled(seen_ts=ts, order_id=order.order_id, reason="requested")

    def tradable_steps(self, order: VenueOrder) -> int:
        """What may trade of an order: reduce-only orders are clipped to the position."""
        if not order.intent.reduce_only:
            return order.left_steps
        return max(min(order.left_steps, -order.intent.side * self.position_steps), 0)

    def fill(self, order: VenueOrder, steps: int, slippage_frac: float, ts: int) -> Fill:
        """Trade some of an order, worse than its reference but within its limit."""
        intent = order.intent
        price = intent.reference_usd * (1.0 + intent.side * slippage_frac)
        if intent.kind is OrderKind.IOC:
            worst = intent.price_usd
            price = min(price, worst) if intent.side is Side.BUY else max(price, worst)
        order.accepted = True
        order.left_steps -= steps
        if order.left_steps == 0:
            del self.orders[order.order_id]
        return self._trade(order.order_id, intent.side, steps, price, intent.reference_usd, intent.reason, ts)

    def liquidate(self, price_usd: float, ts: int) -> Fill:
        """Take the position away, 1 % worse than the price."""
        side = Side.SELL if self.position_steps > 0 else Side.BUY
        self.liquidations += 1
        return self._trade(
            f"liquidation-{self.liquidations}",
            side,
            abs(self.position_steps),
            price_usd * (1.0 - 0.01 * -side),
            price_usd,
            Reason.LIQUIDATION,
            ts,
        )

    def pay_funding(self, rate_frac_1h: float, price_usd: float, ts: int) -> FundingPaid:
        amount_usd = -self.position_base * price_usd * rate_frac_1h + 0.0
        self.cash_usd += amount_usd
        return FundingPaid(
            seen_ts=ts, amount_usd=amount_usd, rate_frac_1h=rate_frac_1h, position_base=self.position_base
        )

    def _trade(
        self, order_id: str, side: Side, steps: int, price: float, reference: float, reason: Reason, ts: int
    ) -> Fill:
        size = on_grid(steps, self.step_base)
        fee_usd = size * price * self.fee_frac
        self.position_steps += side * steps
        self.cash_usd -= side * size * price + fee_usd
        self.turnover_usd += size * price
        self.fills += 1
        return Fill(
            seen_ts=ts,
            fill_id=f"{order_id}#{self.fills}",
            order_id=order_id,
            side=side,
            size_base=size,
            price_usd=price,
            reference_usd=reference,
            fee_usd=fee_usd,
            liquidity=Liquidity.TAKER,
            reason=reason,
        )
