"""The daemon's numbers for Prometheus: counted as events pass by, the rest read when somebody asks.

Names follow Prometheus' conventions: base units, `_total` for counters. What an alarm means for a person
stands in `deploy/prometheus`.
"""

import os
import resource
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

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
from drift_e3.core.terms import MS_PER_SECOND, Mode, Regime
from drift_e3.core.turn import Outcome
from drift_e3.journal.codec import KINDS
from drift_e3.journal.schema import JOURNAL_NAME
from drift_e3.status import Status

LAG_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
ADVICE_BUCKETS: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
ORDER_STATES: Final = {
    OrderAccepted: "accepted",
    OrderRejected: "rejected",
    OrderCancelled: "cancelled",
}


class Metrics:
    """The registry of one daemon. `status` is how it stands now; `directory` holds its journal."""

    def __init__(self, status: Callable[[], Status], directory: Path) -> None:
        # When each series began is told by nobody who asks us, and doubles the page.
        disable_created_metrics()  # type: ignore[no-untyped-call]
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
            "From a candle's arrival to its decision, a question to the advisor included",
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
        registry.register(_Standing(status, directory))

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
                    self._decision_seconds.observe(max(waited_ms, 0) / MS_PER_SECOND)
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


class _Standing(Collector):
    """How the daemon stands, read when somebody asks."""

    def __init__(self, status: Callable[[], Status], directory: Path) -> None:
        self._status = status
        self._journal = directory / JOURNAL_NAME

    def describe(self) -> Iterable[Metric]:
        """Nothing before it is asked: there may be no daemon yet."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Gauges; what is not known is left out."""
        status = self._status()
        position = status.position
        yield from (
            _gauge("drift_e3_up", "1 while the daemon runs", 1.0),
            _gauge("drift_e3_seq", "The journal's number of the last event", status.seq),
            _gauge("drift_e3_price_usd", "The last price", status.price_usd),
            _gauge("drift_e3_equity_usd", "Equity at the last price", status.equity_usd),
            _gauge("drift_e3_drawdown_frac", "Loss since the highest equity", status.limits.drawdown_frac),
            _gauge("drift_e3_drawdown_max_frac", "Where it halts", status.limits.drawdown_max),
            _gauge("drift_e3_daily_loss_frac", "Loss since the day began", status.limits.daily_loss_frac),
            _gauge(
                "drift_e3_daily_loss_max_frac", "Where it stops for the day", status.limits.daily_loss_max
            ),
            _gauge("drift_e3_loss_streak", "Losses in a row", status.limits.loss_streak),
            _gauge("drift_e3_halted", "1 while a halt is latched", float(status.halted)),
            _gauge("drift_e3_stale", "1 while a feed is too old for entries", float(status.stale != "")),
            _gauge("drift_e3_barred", "What bars entries on the venue's side", len(status.barred)),
            _gauge(
                "drift_e3_position_notional_usd",
                "The position at the last price",
                0.0 if position is None else position.notional_usd,
            ),
            _gauge("drift_e3_leverage_max_x", "The cap of the regime in force", status.leverage_x_max),
            _gauge(
                "drift_e3_leverage_x",
                "Notional over equity",
                0.0 if position is None else position.leverage_x,
            ),
            _gauge(
                "drift_e3_stop_rests",
                "1 unless a position has no stop on the venue",
                1.0 if position is None else float(position.stop_rests),
            ),
            _gauge(
                "drift_e3_unprotected_seconds", "How long the position has had no stop", status.unprotected_s
            ),
            _gauge(
                "drift_e3_unprotected_seconds_max",
                "The longest that a position had none",
                status.unprotected_s_max,
            ),
            _gauge("drift_e3_open_orders", "Orders that are not done", len(status.orders)),
            _gauge("drift_e3_resident_memory_bytes", "Resident memory", _resident_bytes()),
            _gauge("drift_e3_open_descriptors", "Open files and sockets", _descriptors()),
            _gauge("drift_e3_journal_bytes", "The journal with its write-ahead log", _size(self._journal)),
        )
        yield _states(
            "drift_e3_mode", "The mode in force", "mode", (mode.label for mode in Mode), status.mode
        )
        yield _states(
            "drift_e3_regime", "The regime in force", "regime", (one.label for one in Regime), status.regime
        )
        ages = GaugeMetricFamily(
            "drift_e3_feed_age_seconds", "Since a feed last brought something", labels=["feed"]
        )
        limits = GaugeMetricFamily(
            "drift_e3_feed_age_max_seconds", "The age that stops entries", labels=["feed"]
        )
        for feed in status.feeds:
            if feed.age_s is not None:
                ages.add_metric([feed.name], feed.age_s)
            if feed.limit_s is not None:
                limits.add_metric([feed.name], feed.limit_s)
        yield ages
        yield limits


def _gauge(name: str, meaning: str, value: float | None) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, meaning)
    if value is not None:
        family.add_metric([], value)
    return family


def _states(
    name: str, meaning: str, label: str, all_of_them: Iterable[str], present: str
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, f"{meaning}: 1, all others 0", labels=[label])
    for state in all_of_them:
        family.add_metric([state], float(state == present))
    return family


def _resident_bytes() -> float | None:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return None
    return float(pages * resource.getpagesize())


def _descriptors() -> float | None:
    try:
        return float(len(os.listdir("/proc/self/fd")))
    except OSError:
        return None


def _size(journal: Path) -> float:
    total = 0
    for path in (journal, journal.with_name(f"{journal.name}-wal")):
        try:
            total += path.stat().st_size
        except OSError:
            continue
    return float(total)
