"""The daemon's numbers for Prometheus that are counted as events pass by; the rest is `standing`'s.

Names follow Prometheus' conventions: base units, `_total` for counters. What an alarm means for a person
stands in `deploy/prometheus`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.exposition import generate_latest

from drift_e3.core.commands import SubmitOrder
from drift_e3.core.events import (
    AdviceFailed,
    AdviceReceived,
    CandleClosed,
    Event,
    Fill,
    FundingPaid,
    OrderAccepted,
    OrderCancelled,
    OrderRejected,
)
from drift_e3.core.notes import AdviceMissed, AdviceTaken, DecisionMade, PositionClosed
from drift_e3.core.terms import MS_PER_SECOND
from drift_e3.core.turn import Outcome
from drift_e3.journal.codec import KINDS
from drift_e3.ops.advisor_score import AdvisorScore
from drift_e3.ops.standing import Standing
from drift_e3.status import Status

LAG_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
ADVICE_BUCKETS: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
ORDER_STATES: Final = {
    OrderAccepted: "accepted",
    OrderRejected: "rejected",
    OrderCancelled: "cancelled",
}


class Metrics:
    """The registry of one daemon. `status` is how it stands now, `score` how good its advisor was so far;
    `directory` holds its journal."""

    def __init__(
        self, status: Callable[[], Status], score: Callable[[], AdvisorScore], directory: Path
    ) -> None:
        # When each series began is told by nobody who asks us, and doubles the page.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # theirs has no types
        self.registry = registry = CollectorRegistry()
        self._events = Counter("drift_e3_events", "Events taken, by kind", ["kind"], registry=registry)
        self._decisions = Counter(
            "drift_e3_decisions",
            "Decisions, by the risk manager's verdict and regime",
            ["verdict", "regime"],
            registry=registry,
        )
        self._decision_seconds = Histogram(
            "drift_e3_decision_seconds",
            "From a candle's arrival to its decision, a question to the advisor included, by its verdict",
            ["verdict"],
            buckets=ADVICE_BUCKETS,
            registry=registry,
        )
        self._advice = Counter(
            "drift_e3_advice",
            "Answers of the advisor: taken, or why not",
            ["outcome"],
            registry=registry,
        )
        self._advice_seconds = Histogram(
            "drift_e3_advice_seconds",
            "From question to answer or failure",
            ["outcome"],
            buckets=ADVICE_BUCKETS,
            registry=registry,
        )
        self._orders = Counter(
            "drift_e3_orders",
            "Orders by what became of them, and by their reason where that is known",
            ["state", "reason"],
            registry=registry,
        )
        self._fills = Counter("drift_e3_fills", "Fills, by reason", ["reason"], registry=registry)
        self._fees = Counter("drift_e3_fees_usd", "Fees paid", registry=registry)
        self._funding = Counter(
            "drift_e3_funding_payments", "Funding payments, by direction", ["direction"], registry=registry
        )
        self._trades = Counter(
            "drift_e3_trades",
            "Finished trades, by strategy and reason",
            ["strategy", "reason"],
            registry=registry,
        )
        self.loop_lag = Histogram(
            "drift_e3_loop_lag_seconds",
            "How much later than asked the event loop woke a sleeper",
            buckets=LAG_BUCKETS,
            registry=registry,
        )
        self._candle_seen: tuple[int, int] = (0, 0)
        registry.register(Standing(status, score, directory))

    def told(self, event: Event, outcome: Outcome) -> None:
        """Count an event with what it led to."""
        self._events.labels(KINDS[type(event)]).inc()
        match event:
            case CandleClosed():
                self._candle_seen = event.open_ts, event.seen_ts
            case AdviceReceived() | AdviceFailed():
                said = "received" if isinstance(event, AdviceReceived) else event.reason
                self._advice_seconds.labels(said).observe(event.latency_ms / MS_PER_SECOND)
            case OrderAccepted() | OrderRejected() | OrderCancelled():
                self._orders.labels(ORDER_STATES[type(event)], getattr(event, "reason", "")).inc()
            case Fill():
                self._fills.labels(event.reason.label).inc()
                self._fees.inc(max(event.fee_usd, 0.0))
            case FundingPaid():
                self._funding.labels("received" if event.amount_usd >= 0.0 else "paid").inc()
            case _:
                pass
        for command in outcome.commands:
            if isinstance(command, SubmitOrder):
                self._orders.labels("submitted", command.approved.intent.reason.label).inc()
        for note in outcome.notes:
            match note:
                case DecisionMade():
                    decision = note.decision
                    self._decisions.labels(decision.verdict.label, decision.regime.label).inc()
                    waited_ms = event.seen_ts - self._candle_seen[1]
                    took = self._decision_seconds.labels(decision.verdict.label)
                    took.observe(max(waited_ms, 0) / MS_PER_SECOND)
                case AdviceTaken():
                    self._advice.labels("taken").inc()
                case AdviceMissed():
                    self._advice.labels(note.reason).inc()
                case PositionClosed():
                    self._trades.labels(note.strategy.label, note.reason.label).inc()
                case _:
                    pass

    def text(self) -> bytes:
        """All of it, in Prometheus' text format."""
        return generate_latest(self.registry)
