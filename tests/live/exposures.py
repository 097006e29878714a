"""The exposure rule over a journal, with a ledger of its own: notional and equity at every event."""

from dataclasses import dataclass, field
from pathlib import Path

from drift_e3.core.commands import SubmitOrder
from drift_e3.core.events import (
    CandleClosed,
    Event,
    Fill,
    FundingPaid,
    OracleTick,
    OrderCancelled,
    OrderRejected,
    Started,
)
from drift_e3.core.notes import RegimeChanged
from drift_e3.core.terms import Reason, Regime
from drift_e3.journal.codec import Message
from tests.live.journals import told

TOLERANCE = 1.05


@dataclass
class Exposure:
    """What a journal says of exposure: entries' notional over what the cap allows, how long (ms) notional
    stayed above cap * 1.05 at a time, and the sizes of reductions."""

    entries: list[float] = field(default_factory=list)
    above_ms: list[int] = field(default_factory=list)
    reductions: list[float] = field(default_factory=list)
    equity_usd: float = 0.0
    price_usd: float = 0.0
    position_base: float = 0.0
    cap_x: float = 0.0
    caps: tuple[float, ...] = ()
    growing: dict[str, float] = field(default_factory=dict)
    cash_usd: float = 0.0
    above_since_ts: int = -1

    def take(self, event: Event, outputs: list[Message]) -> None:
        """Take one event and what it led to."""
        match event:
            case Started():
                if not self.caps:
                    self.caps = event.settings.limits.leverage_caps
                    self.cash_usd, self.cap_x = event.equity_usd, self.caps[Regime.CHOP]
            case CandleClosed():
                self.price_usd = event.close
            case OracleTick():
                self.price_usd = event.price_usd
            case Fill():
                self.position_base = round(self.position_base + event.side * event.size_base, 9)
                self.cash_usd -= event.side * event.size_base * event.price_usd + event.fee_usd
                if event.order_id in self.growing:
                    self.growing[event.order_id] -= event.size_base
            case FundingPaid():
                self.cash_usd += event.amount_usd
            case OrderCancelled() | OrderRejected():
                self.growing.pop(event.order_id, None)
        self.equity_usd = self.cash_usd + self.position_base * self.price_usd
        for output in outputs:
            if isinstance(output, RegimeChanged):
                self.cap_x = self.caps[output.after]
        for output in outputs:
            if isinstance(output, SubmitOrder):
                self._order(output)
        self._time(event.seen_ts)

    def _order(self, order: SubmitOrder) -> None:
        intent = order.approved.intent
        if intent.reason is Reason.REDUCE:
            self.reductions.append(intent.size_base)
        if not intent.reduce_only:
            self.growing[order.order_id] = intent.size_base
            assert intent.reference_usd == self.price_usd
            notional_usd = (abs(self.position_base) + sum(self.growing.values())) * self.price_usd
            self.entries.append(notional_usd / (self.cap_x * self.equity_usd))

    def _time(self, now_ts: int) -> None:
        above = abs(self.position_base) * self.price_usd > self.cap_x * self.equity_usd * TOLERANCE
        if above and self.above_since_ts < 0:
            self.above_since_ts = now_ts
        elif not above and self.above_since_ts >= 0:
            self.above_ms.append(now_ts - self.above_since_ts)
            self.above_since_ts = -1


def exposure(state: Path) -> Exposure:
    """The exposure of a whole journal."""
    whole = Exposure()
    for event, outputs in told(state):
        whole.take(event, outputs)
    return whole
