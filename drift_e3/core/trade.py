"""The open trade: its thesis, its levels, and the orders that would end it.

Levels follow the average entry price; the trailing level follows the peak of *earlier* candles or ticks.
Nothing here sends an order.
"""

from dataclasses import dataclass

from drift_e3.core.levels import (
    price_exit,
    protective_stop,
    stop_price,
    target_price,
    timed_exit,
    trailing_price,
)
from drift_e3.core.params import Limits, Params
from drift_e3.core.terms import (
    BUY,
    E3,
    IOC,
    LONG,
    SELL,
    SHORT,
    TRIGGER_MARKET,
    UNKNOWN,
    Direction,
    Intent,
    OrderKind,
    Reason,
    Regime,
    Side,
    Strategy,
)


@dataclass(slots=True, kw_only=True)
class Trade:
    """Why we are in the market and when we leave. Prices in USD, times in ms; unknown levels are NaN.

    `trade_id` is the entry's decision time; `orders_sent` numbers the trade's orders. `armed_*` is what the
    orders resting on the venue protect: size, and the stop's trigger price.
    """

    trade_id: str
    entry_order_id: str
    strategy: Strategy
    regime: Regime
    direction: Direction
    decided_ts: int
    opened_ts: int = -1
    entry_usd: float = UNKNOWN
    peak_usd: float = UNKNOWN
    stop_usd: float = UNKNOWN
    trailing_usd: float = UNKNOWN
    target_usd: float = UNKNOWN
    orders_sent: int = 0
    stop_order_id: str = ""
    target_order_id: str = ""
    armed_base: float = 0.0
    armed_stop_usd: float = UNKNOWN
    arm_after_ts: int = 0
    exit_after_ts: int = 0

    @property
    def closing_side(self) -> Side:
        """The side of an order that leaves."""
        return SELL if self.direction is LONG else BUY

    def open_at(self, entry_usd: float, now_ts: int, params: Params) -> None:
        """Set the levels from the (new) average entry price; the first call opens the trade."""
        if self.opened_ts < 0:
            self.opened_ts, self.peak_usd = now_ts, entry_usd
        self.entry_usd = entry_usd
        self.stop_usd = stop_price(self.direction, entry_usd, self.strategy, params)
        self.target_usd = target_price(self.direction, entry_usd, self.strategy, params)

    def track(self, best_usd: float, params: Params) -> None:
        """Take the best price seen since the last check: the peak, and the trailing level behind it, which
        never retreats, not even for new parameters."""
        if (best_usd - self.peak_usd) * self.direction > 0.0:
            self.peak_usd = best_usd
            if self.strategy is E3:
                level_usd = trailing_price(self.direction, self.entry_usd, best_usd, params)
                if not (self.trailing_usd - level_usd) * self.direction > 0.0:
                    self.trailing_usd = level_usd

    def exit_reason(
        self,
        price_usd: float,
        now_ts: int,
        funding_z: float,
        funding_frac_1h: float,
        params: Params,
        limits: Limits,
    ) -> Reason | None:
        """Why to leave now, or None: stop, trailing, target, then time and normalised funding.

        An unknown price is no reason. Time counts from the decision, not from the fill a moment later: on
        candles that moment would cost a whole one.
        """
        code = price_exit(self.direction, price_usd, self.stop_usd, self.trailing_usd, self.target_usd)
        if code < 0:
            held_ms = now_ts - self.decided_ts
            code = timed_exit(
                self.strategy, held_ms, funding_z, funding_frac_1h, params, limits.min_hold_minutes
            )
        return Reason(code) if code >= 0 else None

    def next_order_id(self, reason: Reason) -> str:
        """A new id for an order of this trade."""
        self.orders_sent += 1
        return f"{self.trade_id}-{reason.label}-{self.orders_sent}"

    def stop_level(self) -> tuple[float, int]:
        """Where the stop on the venue belongs now (USD), and the `Reason` that it would fill for."""
        return protective_stop(self.direction, self.stop_usd, self.trailing_usd)

    def stop_intent(self, position_base: float) -> Intent:
        """The reduce-only trigger order that ends the whole position at the stop or trailing level."""
        level_usd, reason = self.stop_level()
        return self._trigger(position_base, level_usd, Reason(reason), above=self.direction is SHORT)

    def target_intent(self, position_base: float) -> Intent:
        """The reduce-only trigger order that takes the profit on the whole position."""
        above = self.direction is LONG
        return self._trigger(position_base, self.target_usd, Reason.TAKE_PROFIT, above=above)

    def exit_intent(self, size_base: float, price_usd: float, reason: Reason, limits: Limits) -> Intent:
        """A reduce-only order that leaves now, at worst `exit_slippage_bps` from `price_usd`."""
        worst_usd = price_usd * (1.0 - self.direction * limits.exit_slippage_bps * 1e-4)
        return self._reduce(size_base, worst_usd, price_usd, reason, IOC, above=False)

    def _trigger(self, position_base: float, level_usd: float, reason: Reason, *, above: bool) -> Intent:
        return self._reduce(abs(position_base), level_usd, level_usd, reason, TRIGGER_MARKET, above=above)

    def _reduce(
        self,
        size_base: float,
        price_usd: float,
        reference_usd: float,
        reason: Reason,
        kind: OrderKind,
        *,
        above: bool,
    ) -> Intent:
        return Intent(
            side=self.closing_side,
            kind=kind,
            size_base=size_base,
            price_usd=price_usd,
            reference_usd=reference_usd,
            reason=reason,
            strategy=self.strategy,
            reduce_only=True,
            triggers_above=above,
        )
