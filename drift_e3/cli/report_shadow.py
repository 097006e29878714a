"""`drift-e3 report shadow`: rules alone, model alone, both and neither, on one recorded market."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drift_e3.cli.journals import open_state
from drift_e3.cli.options import StateDir

if TYPE_CHECKING:
    from drift_e3.lab.rerun import VenueMarket
    from drift_e3.lab.shadow import Book

DAYS_TOLD = 1_000.0
"""What takes longer is told in years."""


def shadow(
    state: StateDir = None,
    out: Annotated[
        Path | None, typer.Option("--json", metavar="FILE|-", help="Write books and differences as JSON.")
    ] = None,
) -> None:
    """Keep shadow books over a journal, and say what their differences prove.

    Each book trades the journal's market and answers on an account of its own, on the simulated venue of the
    paper settings in force. Exit code 0 whatever comes out.
    """
    from drift_e3.cli.progress import meter
    from drift_e3.cli.recorded import STDOUT, write_json
    from drift_e3.config import load
    from drift_e3.journal.beginning import started
    from drift_e3.lab.rerun import JournalFeed
    from drift_e3.lab.shadow import shadows
    from drift_e3.lab.shadow_difference import document
    from drift_e3.wiring.comparing import other_simulation, simulated

    settings = load(overrides={"venue": "synthetic"}).settings

    def make_market(feed: JournalFeed, equity_usd: float) -> "VenueMarket":
        return simulated(settings, feed, equity_usd)

    with open_state(state) as reader, meter("shadow books") as show:
        kept = shadows(reader, make_market, _shares(show))
        snapshot = None if kept.live else reader.last_good_snapshot()
        if snapshot is not None:
            begun = started(reader)
            feed = JournalFeed(reader, begun.instrument, begun.feed)
            told_otherwise = other_simulation(settings, feed, snapshot.market)
            if told_otherwise:
                typer.echo(f"note: {told_otherwise}", err=True)
    told = document(kept)
    if out is not None:
        write_json(told, out)
    if out != STDOUT:
        _show(told)


def _shares(show: Callable[[int, int], None]) -> "Callable[[Book], Callable[[int, int], None]]":
    """Each book's progress as its share of all of them."""
    begun: list[Book] = []

    def of(book: "Book") -> Callable[[int, int], None]:
        before = len(begun)
        begun.append(book)
        return lambda done, total: show(before * total + done, len(type(book)) * total)

    return of


def _show(told: dict[str, Any]) -> None:
    models = ", ".join(told["models"]) or "nobody"
    typer.echo(
        f"{told['candles']} candles, {told['questions']} questions, {told['answers']} answers by {models}; "
        f"weight {told['weight_mode']}"
    )
    typer.echo(
        f"{'book':8}{'equity USD':>14}{'net USD':>12}{'trades':>8}{'won':>6}{'fees USD':>11}{'drawdown':>10}"
    )
    for book in told["books"]:
        start, end = book["equity_start_usd"], book["equity_end_usd"]
        if start is None:
            continue
        typer.echo(
            f"{book['book']:8}{end:14.4f}{end - start:+12.4f}{book['trades']:8}{book['wins']:6}"
            f"{book['fees_usd']:11.4f}{book['drawdown_frac_max']:10.2%}{'  halted' if book['halted'] else ''}"
        )
    typer.echo("difference".ljust(20) + f"{'USD':>12}   95 % interval")
    for pair in told["differences"]:
        typer.echo(f"{pair['book']} less {pair['against']}".ljust(20) + _difference(pair))


def _difference(pair: dict[str, Any]) -> str:
    told = f"{pair['difference_usd']:+12.4f}"
    if pair["low_usd"] is None:
        return f"{told}   too few periods for an interval: {pair['periods']}"
    told += f"   {pair['low_usd']:+.4f} .. {pair['high_usd']:+.4f}"
    if pair["periods_needed"] is None:
        return f"{told}; the books do not differ"
    if pair["is_proven"]:
        return f"{told}; proven"
    days = pair["days_missing"]
    missing = f"{days:.1f} days" if days < DAYS_TOLD else f"{days / 365.0:.0f} years"
    return f"{told}; not proven, needs {missing} more"
