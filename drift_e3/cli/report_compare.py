"""`drift-e3 report compare`: live or paper against a backtest of the market that the journal recorded."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drift_e3.cli.journals import open_state
from drift_e3.cli.options import StateDir, state_directory

if TYPE_CHECKING:
    from drift_e3.lab.rerun import VenueMarket

LISTED = 10
"""As many trades are listed; all are in the JSON."""


def compare(
    state: StateDir = None,
    out: Annotated[
        Path | None, typer.Option("--json", metavar="FILE|-", help="Write every difference as JSON.")
    ] = None,
    page: Annotated[
        Path | None, typer.Option("--html", metavar="FILE.html", help="Write a page with both curves.")
    ] = None,
) -> None:
    """Set what was traded against a backtest of the same market, and say where and why they part.

    The journal's own market, settings, answers and requests are told once more; only the venue is simulated,
    by the paper settings in force. Exit code 0 whatever the difference.
    """
    from drift_e3.cli.progress import meter
    from drift_e3.cli.recorded import STDOUT, check_page, write_json
    from drift_e3.config import load
    from drift_e3.journal.beginning import started
    from drift_e3.journal.schema import JOURNAL_NAME
    from drift_e3.lab.compare import compare as set_against
    from drift_e3.lab.compare import document
    from drift_e3.lab.report.compare_page import compare_page
    from drift_e3.lab.report.output import write_text
    from drift_e3.lab.rerun import JournalFeed
    from drift_e3.wiring.comparing import other_simulation, simulated

    journal = state_directory(state) / JOURNAL_NAME
    if page is not None:
        check_page(page, journal, out)
    settings = load(overrides={"venue": "synthetic"}).settings

    def make_market(feed: JournalFeed, equity_usd: float) -> "VenueMarket":
        return simulated(settings, feed, equity_usd)

    with open_state(state) as reader, meter("compare") as progress:
        comparison = set_against(reader, make_market, progress)
        snapshot = reader.last_good_snapshot() if comparison.told.kind == "paper" else None
        if snapshot is not None:
            begun = started(reader)
            feed = JournalFeed(reader, begun.instrument, begun.feed)
            told_otherwise = other_simulation(settings, feed, snapshot.market)
            if told_otherwise:
                typer.echo(f"note: {told_otherwise}", err=True)
    told = document(comparison)
    if page is not None:
        title = f"{comparison.again.instrument.symbol}, traded {told['kind']}"
        write_text(page, compare_page(title, comparison, told))
    if out is not None:
        write_json(told, out)
    if out != STDOUT:
        _show(told)


def _show(told: dict[str, Any]) -> None:
    journal, again, less = told["journal"], told["backtest"], told["difference"]
    typer.echo(f"{'':24}{told['kind']:>14}{'backtest':>14}{'difference':>14}")
    for name in ("net_usd", "price_pnl_usd", "slippage_usd", "fees_usd", "funding_usd"):
        typer.echo(f"{name:24}{journal[name]:14.4f}{again[name]:14.4f}{less[name]:14.4f}")
    for name in ("trades", "fills"):
        typer.echo(f"{name:24}{journal[name]:14}{again[name]:14}{journal[name] - again[name]:14}")
    decisions, first = told["decisions"], told["decisions"]["first"]
    typer.echo(f"decisions: {decisions['different']} of {decisions['compared']} differ")
    if first is not None:
        what = first["what"]
        typer.echo(
            f"  the first at {_moment(first['ts'])}: {what} {first['journal'][what]}, "
            f"backtest {first['backtest'][what]}"
        )
    _show_fill(told["first_fill"])
    both = told["in_both"]
    if both["trades"]:
        typer.echo(
            f"in both: {both['trades']} trades, {less['in_both_usd']:+.4f} USD; entries "
            f"{both['entry_worse_bps']:+.2f} bps worse and {both['entry_later_ms']:+.0f} ms later, exits "
            f"{both['exit_worse_bps']:+.2f} bps worse, {both['other_exit']} for another reason"
        )
    _show_trades("missed", told["missed"], less["missed_usd"])
    _show_trades("extra", told["extra"], less["extra_usd"])
    for name in ("open_usd", "aside_usd"):
        if less[name]:
            typer.echo(f"{name.removesuffix('_usd')}: {less[name]:+.4f} USD")


def _show_fill(first: dict[str, Any] | None) -> None:
    if first is None:
        typer.echo("fills: all are equal")
        return
    typer.echo(f"fills: the first that differs is number {first['number']}")
    for side in ("journal", "backtest"):
        fill = first[side]
        typer.echo(
            f"  {side:9}"
            + (
                "none"
                if fill is None
                else f"{_moment(fill['ts'])} {fill['side']} {fill['size_base']:g} at {fill['price_usd']:g}, "
                f"fee {fill['fee_usd']:.6g} ({fill['order_id']})"
            )
        )


def _show_trades(name: str, trades: list[dict[str, Any]], net_usd: float) -> None:
    if not trades:
        return
    typer.echo(f"{name}: {len(trades)} trades, {net_usd:+.4f} USD")
    for trade in trades[:LISTED]:
        what = f"{trade['direction']} by {trade['strategy']} in {trade['regime']}"
        typer.echo(f"  {_moment(trade['entry_ts'])} {what}, {trade['net_usd']:+.4f} USD: {trade['why']}")
    if len(trades) > LISTED:
        typer.echo(f"  and {len(trades) - LISTED} more")


def _moment(ts: int) -> str:
    return datetime.fromtimestamp(ts / 1_000.0, UTC).strftime("%Y-%m-%d %H:%M:%S")
