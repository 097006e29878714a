"""Before real money moves: the live checks, what is about to be traded and within what, and a person's yes.

Everything here is told on standard error: standard output is the daemon's log.
"""

import asyncio
import sys
from collections.abc import Iterator
from typing import Final

import typer

from drift_e3.cli.doctor import show_check
from drift_e3.cli.exits import Exit
from drift_e3.cli.licensing import standing
from drift_e3.config import ConfigError, Loaded, Settings
from drift_e3.core.terms import Regime
from drift_e3.journal.state_lock import LOCK_NAME, StateLocked, held_by
from drift_e3.live.clock import WallClock
from drift_e3.ports import VenueUnavailable
from drift_e3.wiring.doctor import Purpose, Report, Status, examine

SETTINGS: Final = frozenset({"key", "account", "delegate", "foreign", "deployment", "cluster"})
"""Checks that no waiting mends: a person must change a setting, or the account."""
TOLD: Final = ("account", "delegate", "market", "pauses", "liveness", "oracle", "order")


def confirm(loaded: Loaded, *, yes: bool) -> None:
    """Return if trading may begin.

    Raises `StateLocked` where a daemon runs already; `ConfigError` (exit code 78) if a check failed that a
    person must mend in settings or account, `VenueUnavailable` (69) if only others did, each naming what
    failed; `typer.Exit` with 1 for a no, and with 2 where there is neither a terminal to ask on nor `yes`.
    """
    settings = loaded.settings
    holder = held_by(settings.state_dir)
    if holder is not None:
        raise StateLocked(settings.state_dir / LOCK_NAME, *holder)
    report = asyncio.run(examine(loaded, Purpose.LIVE, WallClock(), starting=True))
    if not report.ok:
        raise _refusal(report)
    for line in summary(settings, report, standing(loaded)):
        typer.echo(line, err=True)
    for check in report.checks:
        if check.status is Status.WARN:
            show_check(check, err=True)
    if not yes:
        _ask(settings)


def summary(settings: Settings, report: Report, licence: str) -> Iterator[str]:
    """Venue, account, limits and licence in a few lines."""
    yield f"LIVE on {settings.venue}: real money, orders are sent"
    for name in TOLD:
        if detail := report.detail(name):
            yield f"  {name}: {detail}"
    limits = settings.trading().limits
    caps = ", ".join(f"{regime.label} {limits.leverage_caps[regime]:g}x" for regime in Regime)
    yield f"  leverage: {caps}"
    yield (
        f"  limits: {limits.max_position_usd:,.0f} USD a position, {limits.risk_frac:.1%} of equity at risk "
        f"a trade, {limits.daily_loss_max:.1%} daily loss, {limits.drawdown_max:.1%} drawdown"
    )
    yield f"  licence: {licence}"


def _refusal(report: Report) -> ConfigError | VenueUnavailable:
    # What could not be looked at has no cause of its own. Whether the venue trades at all comes first.
    failures = [check for check in report.failures if check.made] or list(report.failures)
    failures.sort(key=lambda check: check.name != "liveness")
    lines = [f"trading live is refused: {', '.join(check.name for check in failures)} failed"]
    lines += [f"{check.name}: {check.detail} -> {check.remedy}" for check in failures]
    if any(check.name in SETTINGS for check in failures):
        return ConfigError(lines)
    return VenueUnavailable("\n".join(lines))


def _ask(settings: Settings) -> None:
    if not sys.stdin.isatty():
        typer.echo("drift-e3: trading live needs --yes where there is no terminal to ask on", err=True)
        raise typer.Exit(Exit.USAGE)
    # Not typer's own question, which writes to standard output as well.
    typer.echo(f"Trade this account live on {settings.venue}? [y/N]: ", err=True, nl=False)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        typer.echo("drift-e3: not started", err=True)
        raise typer.Exit(Exit.CHECK_FAILED)
