"""`drift-e3 doctor`: whether everything is in place, and what to do about what is not."""

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from drift_e3.cli.exits import Exit
from drift_e3.cli.options import ParamsCard, StateDir, Symbol
from drift_e3.cli.run import Venue

if TYPE_CHECKING:
    from drift_e3.config import Loaded
    from drift_e3.wiring.doctor import Check, Report

COLORS = {"pass": typer.colors.GREEN, "warn": typer.colors.YELLOW, "fail": typer.colors.RED}
NAME_CHARS = 12
"""As long as the longest name of a check."""


def doctor(
    venue: Annotated[Venue | None, typer.Option(help="The market; synthetic by default.")] = None,
    live: Annotated[
        bool | None,
        typer.Option(
            "--live/--paper",
            help="What trading live, or on paper, needs; without either, live if an account is named.",
        ),
    ] = None,
    params: ParamsCard = None,
    symbol: Symbol = None,
    state: StateDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write the checks as one JSON object.")] = False,
) -> None:
    """Check everything that the daemon needs: exit code 0, or 1 if a check failed. Changes nothing."""
    from drift_e3.config import ConfigError, load
    from drift_e3.core.params import InvalidParameter
    from drift_e3.live.clock import WallClock
    from drift_e3.logs import configure
    from drift_e3.wiring.doctor import Purpose, Report, examine, unreadable

    # Standard output is the report's.
    configure("auto", "warning", sys.stderr)
    purpose = Purpose.ANY if live is None else Purpose.LIVE if live else Purpose.PAPER
    overrides = {"venue": venue, "params_card": params, "symbol": symbol, "state_dir": state}
    try:
        loaded = load(overrides=overrides)
        loaded.settings.trading()
    except ConfigError as error:
        report = unreadable(error.problems)
    except InvalidParameter as error:
        report = unreadable((str(error),))
    else:
        report = asyncio.run(examine(loaded, purpose, WallClock()))
        if live:
            report = Report(checks=(*report.checks, licence_check(loaded)))
    if as_json:
        typer.echo(json.dumps(report.document(), indent=2))
    else:
        show(report)
    if not report.ok:
        raise typer.Exit(Exit.CHECK_FAILED)


def licence_check(loaded: "Loaded") -> "Check":
    """Whether `run --live` takes these parameters as they are. No failure: it can be told to take others."""
    from drift_e3.cli.licensing import complaints, standing
    from drift_e3.wiring.doctor.report import passed, warned

    found = complaints(loaded)
    if not found:
        return passed("licence", standing(loaded))
    waived = " ".join(f"--accept {flaw}" for flaw in dict.fromkeys(flaw for flaw, _ in found))
    return warned(
        "licence",
        "; ".join(text for _, text in found),
        f"search for parameters that are licensed (drift-e3 optimize), or trade these all the same: {waived}",
    )


def show(report: "Report", *, err: bool = False) -> None:
    """The report for people: a line for each check, beneath it what to do, and the sum at the end."""
    for check in report.checks:
        show_check(check, err=err)
    counts = [check.status.value for check in report.checks]
    typer.echo(", ".join(f"{counts.count(status)} {status}" for status in COLORS), err=err)


def show_check(check: "Check", *, err: bool = False) -> None:
    """One check, and what to do about it."""
    status = typer.style(check.status.value, fg=COLORS[check.status.value])
    typer.echo(f"{status}  {check.name.ljust(NAME_CHARS)}  {check.detail}", err=err)
    if check.remedy and check.made:
        typer.echo(f"{' ' * (NAME_CHARS + 8)}-> {check.remedy}", err=err)
