"""How the daemon stands, for Prometheus: gauges, and counters that others keep, read when somebody asks."""

import asyncio
import os
import resource
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from drift_e3.core.orders import DONE, OrderState
from drift_e3.core.terms import MS_PER_SECOND, Mode, Regime
from drift_e3.journal.schema import JOURNAL_NAME
from drift_e3.journal.segments import folder_of
from drift_e3.ops.advisor_score import AdvisorScore, HorizonSkill
from drift_e3.status import AdvisorStatus, AlertStatus, ArrivalStatus, ServerStatus, Status

SCORES: Final[tuple[tuple[str, str, Callable[[HorizonSkill], float | None]], ...]] = (
    ("answers", "Answers with a direction that the market has judged", lambda one: one.answers),
    ("hit_frac", "How often they came true", lambda one: one.hit_frac),
    ("expected_frac", "How often blind picks of the same sides would have", lambda one: one.expected_frac),
    ("edge_frac", "The difference of the two", lambda one: one.edge_frac),
    ("edge_low_frac", "The lower end of its 95 % interval", lambda one: one.edge_frac_low),
    ("edge_high_frac", "The upper end of its 95 % interval", lambda one: one.edge_frac_high),
    ("brier_score", "Brier score of its confidence", lambda one: one.brier),
    ("base_skill", "Brier skill against the base rate; 0 is none", lambda one: one.base_skill),
    ("calibration_error_frac", "How far confidence is from hits", lambda one: one.calibration_error_frac),
    ("calibration_noise_frac", "How far honest ones would be", lambda one: one.calibration_noise_frac),
)
"""Name, meaning and figure of each metric of a score."""
OPEN_STATES: Final = tuple(state.label for state in OrderState if state not in DONE)


class Standing(Collector):
    """How the daemon stands, read when somebody asks."""

    def __init__(
        self, status: Callable[[], Status], score: Callable[[], AdvisorScore], directory: Path
    ) -> None:
        self._status = status
        self._score = score
        self._journal = directory / JOURNAL_NAME
        self._segments = folder_of(self._journal)

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
            _gauge("drift_e3_resident_memory_bytes", "Resident memory", _resident_bytes()),
            _gauge("drift_e3_open_descriptors", "Open files and sockets", _descriptors()),
            _gauge("drift_e3_tasks", "What the event loop has to do at a time", len(asyncio.all_tasks())),
            _gauge("drift_e3_journal_bytes", "The journal with its write-ahead log", _size(self._journal)),
            _gauge("drift_e3_journal_segments_bytes", "Its finished segments", _folder_size(self._segments)),
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
        yield CounterMetricFamily(
            "drift_e3_unprotected_time_seconds",
            "How long positions have had none, all in all",
            status.unprotected_s_total,
        )
        yield _open_orders(status)
        yield from _advisor(status.advisor)
        yield from _score(self._score())
        yield from _rpc(status.rpc)
        yield _notices(status.alerts)
        yield from _arrivals(status.arrivals)


def _open_orders(status: Status) -> Metric:
    family = GaugeMetricFamily("drift_e3_open_orders", "Orders that are not done, by state", labels=["state"])
    counts = Counter(order.state for order in status.orders)
    for state in OPEN_STATES:
        family.add_metric([state], counts[state])
    return family


def _advisor(advisor: AdvisorStatus) -> Iterator[Metric]:
    yield _gauge("drift_e3_advisor_age_seconds", "Since the advice at hand came", advisor.age_s)
    earned = advisor.share_frac is not None
    yield _gauge("drift_e3_advisor_share_frac", "What it has earned of its weight", advisor.share_frac)
    yield _gauge(
        "drift_e3_advisor_counted_answers",
        "The answers that this was earned by",
        advisor.counted if earned else None,
    )


def _score(score: AdvisorScore) -> Iterator[Metric]:
    """What its answers were worth at each horizon; nothing before they were scored."""
    yield _gauge(
        "drift_e3_advisor_scored_timestamp_seconds",
        "When its answers were last scored",
        score.scored_ts / MS_PER_SECOND if score.scored_ts else None,
    )
    for name, meaning, figure in SCORES:
        family = GaugeMetricFamily(f"drift_e3_advisor_{name}", meaning, labels=["horizon"])
        for one in score.horizons:
            value = figure(one)
            if value is not None:
                family.add_metric([one.horizon], value)
        yield family


def _rpc(servers: Iterable[ServerStatus]) -> Iterator[Metric]:
    """The chain's servers, numbered in order of preference from 1; nothing where no chain is read."""
    names = ["server", "host"]
    calls = CounterMetricFamily(
        "drift_e3_rpc_calls",
        "Calls to RPC servers: answered, rejected, or how they failed",
        labels=[*names, "method", "outcome"],
    )
    latency = GaugeMetricFamily("drift_e3_rpc_latency_seconds", "The last answer's", labels=names)
    slot = GaugeMetricFamily("drift_e3_rpc_slot", "The highest slot that it has told of", labels=names)
    resting = GaugeMetricFamily(
        "drift_e3_rpc_resting", "1 while it is left alone after failures", labels=names
    )
    for number, server in enumerate(servers, 1):
        one = [str(number), server.host]
        for method, outcomes in server.outcomes.items():
            for outcome, count in outcomes.items():
                calls.add_metric([*one, method, outcome], count)
        resting.add_metric(one, float(server.resting))
        if server.latency_ms is not None:
            latency.add_metric(one, server.latency_ms / MS_PER_SECOND)
        if server.slot is not None:
            slot.add_metric(one, server.slot)
    yield from (calls, latency, slot, resting)


def _arrivals(arrivals: ArrivalStatus | None) -> Iterator[Metric]:
    """What a live market has brought; nothing where the market does not come by itself."""
    waiting, most, room = (
        (None, None, None) if arrivals is None else (arrivals.waiting, arrivals.waiting_most, arrivals.room)
    )
    yield _gauge("drift_e3_waiting_events", "Market events that nobody has taken yet", waiting)
    yield _gauge("drift_e3_waiting_events_most", "The most that ever waited", most)
    yield _gauge("drift_e3_waiting_events_room", "How many may wait", room)
    family = CounterMetricFamily(
        "drift_e3_merged_events",
        "What a newer one of its kind replaced before the trader saw it",
        labels=["what"],
    )
    for what, number in (arrivals.merged if arrivals is not None else {}).items():
        family.add_metric([what], number)
    yield family


def _notices(alerts: AlertStatus | None) -> Metric:
    """Nothing where nobody is to be told."""
    family = CounterMetricFamily(
        "drift_e3_notices", "Notices to people: sent, failed, or why they were held back", labels=["outcome"]
    )
    for outcome in ("sent", "failed", "repeated", "limited", "dropped") if alerts is not None else ():
        family.add_metric([outcome], getattr(alerts, outcome))
    return family


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


def _folder_size(folder: Path) -> float:
    try:
        return float(sum(entry.stat().st_size for entry in os.scandir(folder)))
    except OSError:
        return 0.0


def _size(journal: Path) -> float:
    total = 0
    for path in (journal, journal.with_name(f"{journal.name}-wal")):
        try:
            total += path.stat().st_size
        except OSError:
            continue
    return float(total)
