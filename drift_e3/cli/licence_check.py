"""`drift-e3 licence-check`: what a licence is worth, measured on markets made for it."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drift_e3.cli.exits import Exit

if TYPE_CHECKING:
    from drift_e3.lab.luck.operating import Characteristics

STDOUT = Path("-")
FULL_SEARCH = 2_500
"""Trials of the guide's own search."""
POWERED_SHARE, POWERED_MIN = 5, 20
"""One search with an edge for so many without, and the fewest that make a curve."""
INTERRUPTED = 130


def licence_check(
    searches: Annotated[
        int, typer.Option(min=20, max=100_000, metavar="N", help="Searches over luck, for each cost.")
    ] = 1_000,
    workers: Annotated[
        int | None, typer.Option(min=1, max=1_024, metavar="N", help="Processes; one a core by default.")
    ] = None,
    days: Annotated[
        int,
        typer.Option(min=60, max=3_650, metavar="N", help="Days of training; a quarter of it comes after."),
    ] = 730,
    seed: Annotated[int, typer.Option(min=0, max=2**31, help="The same seed is the same luck.")] = 53,
    tape: Annotated[
        Path | None,
        typer.Option("--tape", metavar="FILE", help="Hourly candles to shuffle in place of made ones."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--json", metavar="FILE|-", help="Write the result as JSON.")
    ] = None,
) -> None:
    """Count how many searches over luck get a licence, and how many over an edge; 1 if an aim is missed."""
    from drift_e3.cli.progress import meter
    from drift_e3.lab.luck.market import made_shapes, recorded_shapes
    from drift_e3.lab.luck.operating import measure
    from drift_e3.lab.luck.searching import Span

    source = made_shapes(seed) if tape is None else recorded_shapes(tape)
    span = Span(days, days // 4)
    powered = max(searches // POWERED_SHARE, POWERED_MIN)
    crew = workers or len(os.sched_getaffinity(0))
    try:
        with meter("searches") as show:
            found = measure(source, span, searches, powered, seed, crew, show)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    if out is not None:
        _write_json(found, out, {"searches": searches, "seed": seed, "tape": tape is not None})
    if out != STDOUT:
        _show(found)
    if not found.holds:
        raise typer.Exit(Exit.CHECK_FAILED)


def _show(found: "Characteristics") -> None:
    span = found.span
    typer.echo(
        f"searches of {found.trials} trials over {span.training_days} days of training "
        f"and {span.after_days} days after it"
    )
    typer.echo(f"{'market':<24}{'licensed':>12}{'share':>9}{'95 % interval':>18}   aim")
    for row in found.rows:
        aim = f"{row.aim}: {'held' if row.holds else 'MISSED'}" if row.aim else ""
        interval = f"{row.interval.low:.1%}..{row.interval.high:.1%}"
        counted = f"{row.licensed}/{row.searches}"
        typer.echo(f"{row.name:<24}{counted:>12}{row.rate:>9.1%}{interval:>18}   {aim}".rstrip())
    for row in found.rows:
        why = ", ".join(f"{check} {count}" for check, count in row.failed.items())
        typer.echo(f"refused, {row.name}: {why or 'none'}")
    for edge in found.planted:
        typer.echo(
            f"planted {edge.wanted:g}: a drift of {edge.drift:.3f} mean ranges a candle after a push; "
            f"on markets of its own the reference set has {edge.found:.2f}"
        )
    for trials in (found.trials, FULL_SEARCH):
        lengths = ", ".join(
            f"Sharpe {edge.wanted:g}: {_days(found.needed_days(edge.wanted, trials))}"
            for edge in found.planted
        )
        typer.echo(f"days of training that {trials} trials need for 80 %, by theory: {lengths}")


def _days(needed: int | None) -> str:
    return "more than a century" if needed is None else f"{needed}"


def _write_json(found: "Characteristics", out: Path, asked: dict[str, object]) -> None:
    import json

    from drift_e3.ports import DataError

    text = json.dumps(asked | found.document(), indent=2, allow_nan=False)
    if out == STDOUT:
        typer.echo(text)
        return
    try:
        out.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise DataError(f"{out}: cannot be written: {error.strerror or error}") from error
