"""A status as text for people: a name and what there is to say of it, a line each, without secrets.

Here live the words; the numbers are `drift_e3.status`'.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import typer

from drift_e3.core.breakers import UNTIL_RESUMED_TS
from drift_e3.logs import redact_text, redact_value
from drift_e3.status import AlertStatus, ArrivalStatus, OrderStatus, PositionStatus, ServerStatus, Status

NAME_CHARS = 14
MINUTE_S = 60.0
HOUR_S = 3_600.0
DAY_S = 86_400.0


def show(lines: Iterator[tuple[str, str]]) -> None:
    """Print lines in two columns."""
    for name, text in lines:
        typer.echo(f"{name.ljust(NAME_CHARS)}{redact_text(text)}".rstrip())


def document(value: object) -> str:
    """Plain values as a JSON object for machines."""
    import msgspec

    plain: Any = redact_value(msgspec.to_builtins(value))
    return msgspec.json.format(msgspec.json.encode(plain), indent=2).decode()


def everything(status: Status) -> Iterator[tuple[str, str]]:
    """How the trader stands, from the daemon down to the journal."""
    yield "daemon", who(status)
    for note in status.notes:
        yield "", note
    yield "market", f"{status.symbol}, {status.account} account, price {_usd(status.price_usd, 4)}"
    yield "mode", _mode(status)
    yield "equity", _usd(status.equity_usd)
    yield from positions(status)
    yield "day's loss", _against(status.limits.daily_loss_frac, status.limits.daily_loss_max)
    limits = status.limits
    deepest = f"; deepest so far {limits.drawdown_frac_max:.2%}"
    yield "drawdown", _against(limits.drawdown_frac, limits.drawdown_max) + deepest
    yield "losing streak", f"{limits.loss_streak} of {limits.loss_streak_max}"
    yield "decision", _decision(status)
    yield "feeds", _feeds(status)
    bare = f"{status.unprotected_s:.1f} s now, {status.unprotected_s_max:.1f} s at the longest"
    yield "without stop", f"{bare}, {status.unprotected_s_total:.1f} s in all"
    yield "entries", f"barred: {'; '.join(status.barred)}" if status.barred else "not barred by the venue"
    yield "advisor", _advisor(status)
    for number, server in enumerate(status.rpc):
        yield "" if number else "rpc", _server(server)
    if status.arrivals is not None:
        yield "arrivals", _arrivals(status.arrivals)
    if status.alerts is not None:
        yield "notices", _notices(status.alerts)
    yield "journal", f"event {status.seq}, {_moment(status.event_ts)}"


def positions(status: Status) -> Iterator[tuple[str, str]]:
    """The position with its stop, and the orders."""
    if status.position is None:
        yield "position", "flat"
    else:
        yield from _position(status.position, status)
    yield "orders", f"{len(status.orders)} open" if status.orders else "none"
    for order in status.orders:
        yield "", _order(order)


def who(status: Status) -> str:
    """Who tells, and how old that is."""
    daemon = status.daemon
    if daemon is None:
        age_s = max((datetime.now(UTC).timestamp() - status.written_ts / 1_000.0), 0.0)
        return f"does not run; so says the journal, last written {_lasted(age_s)} ago"
    pace = "as fast as it goes" if daemon.speed is None else f"speed {daemon.speed:g}"
    venue = f", venue {daemon.venue}" if daemon.venue else ""
    played = "" if status.live_feed else f", {pace}"
    return f"runs as process {daemon.pid} for {_lasted(daemon.uptime_s)}{venue}{played}"


def what_is_open(status: Status) -> str:
    """Position and orders in a few words."""
    position = status.position
    held = (
        f"{position.side} {position.size_base:g} {status.symbol}" if position is not None else "no position"
    )
    count = len(status.orders)
    return f"{held}, {count} order{'' if count == 1 else 's'}"


def _mode(status: Status) -> str:
    mode = "stopped" if status.daemon is None and status.mode == "stopping" else status.mode
    if status.halted:
        cause = "a person" if status.halt_cause == "halt_asked" else f"its limit ({status.halt_cause})"
        return f"{mode}; {cause} has halted it, until a person resumes"
    if status.limits.paused_until_ts:
        if status.limits.paused_until_ts == UNTIL_RESUMED_TS:
            return f"{mode} ({status.mode_cause}), until somebody resumes"
        return f"{mode} ({status.mode_cause}), paused until {_moment(status.limits.paused_until_ts)}"
    return f"{mode} ({status.mode_cause})"


def _position(position: PositionStatus, status: Status) -> Iterator[tuple[str, str]]:
    since = _moment(position.opened_ts)
    entry = f"{position.side} {position.size_base:g} at {_usd(position.entry_usd, 4)}"
    yield "position", f"{entry}, {position.strategy}, since {since}"
    yield "", f"unrealised {_usd(position.unrealised_usd)}, with costs and funding {_usd(position.net_usd)}"
    away = "" if position.stop_distance_frac is None else f", {position.stop_distance_frac:.2%} away"
    where = "on the venue" if position.stop_rests else "NOT ON THE VENUE"
    yield "", f"stop {_usd(position.stop_usd, 4)}{away}, {where}; target {_usd(position.target_usd, 4)}"
    leverage = "unknown" if position.leverage_x is None else f"{position.leverage_x:.2f}x"
    cap = f"{position.leverage_x_max:g}x ({status.regime})"
    yield "", f"leverage {leverage} of {cap}, notional {_usd(position.notional_usd)}"


def _order(order: OrderStatus) -> str:
    filled = f", {order.filled_base:g} filled" if order.filled_base else ""
    reduces = ", reduce-only" if order.reduce_only else ""
    return (
        f"{order.order_id}: {order.side} {order.size_base:g} {order.kind} at {_usd(order.price_usd, 4)}, "
        f"{order.reason}, {order.state}{filled}{reduces}"
    )


def _decision(status: Status) -> str:
    decision = status.decision
    if decision is None:
        return "none yet"
    confidence = "" if decision.confidence is None else f", confidence {decision.confidence:.2f}"
    what = f"{decision.direction} by {decision.strategy} in {decision.regime}{confidence}"
    said = f": {decision.verdict}" + (f" ({decision.reason})" if decision.reason else "")
    return f"{_moment(decision.ts)} {what}{said}"


def _feeds(status: Status) -> str:
    told = []
    for feed in status.feeds:
        age = "nothing yet" if feed.age_s is None else f"{feed.age_s:.1f} s"
        told.append(f"{feed.name} {age}" + ("" if feed.limit_s is None else f" of {feed.limit_s:g} s"))
    return ", ".join(told) + (f"; {status.stale}" if status.stale else "")


def _advisor(status: Status) -> str:
    advisor = status.advisor
    if not advisor.enabled:
        return "off"
    asking = ", asking" if advisor.asking else ""
    if advisor.share_frac is not None:
        asking += f"; weight {advisor.share_frac:.0%} earned in {advisor.counted} counted answers"
    if advisor.age_s is None:
        return f"no advice: {advisor.missed}{asking}"
    held = f"{advisor.direction}, {advisor.regime}, confidence {advisor.confidence or 0.0:.2f}"
    missed = f"; since then: {advisor.missed}" if advisor.missed else ""
    return f"{held}, {_lasted(advisor.age_s)} old{missed}{asking}"


def _server(server: ServerStatus) -> str:
    took = "" if server.latency_ms is None else f", last answer in {server.latency_ms:.0f} ms"
    rests = ", left alone for a moment" if server.resting else ""
    return f"{server.host}: {server.calls} calls, {server.errors} failed{took}{rests}"


def _arrivals(arrivals: ArrivalStatus) -> str:
    merged = ", ".join(f"{number} of {what}" for what, number in arrivals.merged.items() if number)
    return (
        f"{arrivals.waiting} waiting, {arrivals.waiting_most} at most (room for {arrivals.room}), "
        f"merged: {merged or 'none'}"
    )


def _notices(alerts: AlertStatus) -> str:
    held_back = alerts.repeated + alerts.limited + alerts.dropped
    waiting = f", {alerts.waiting} waiting" if alerts.waiting else ""
    last = "; THE LAST ONE FAILED" if alerts.last_failed else ""
    return f"{alerts.sent} sent, {alerts.failed} failed, {held_back} held back{waiting}{last}"


def _against(value: float | None, limit: float) -> str:
    return f"{'unknown' if value is None else format(value, '.2%')} of {limit:.2%}"


def _usd(value: float | None, digits: int = 2) -> str:
    return "unknown" if value is None else f"{value:,.{digits}f} USD"


def _moment(ts: int) -> str:
    return datetime.fromtimestamp(ts / 1_000.0, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _lasted(seconds: float) -> str:
    """A length of time in its largest unit."""
    for unit_s, name in ((DAY_S, "d"), (HOUR_S, "h"), (MINUTE_S, "min")):
        if seconds >= unit_s:
            return f"{seconds / unit_s:.1f} {name}"
    return f"{seconds:.1f} s"
