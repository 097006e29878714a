"""`drift-e3 advice score`: what the advisor's word was worth."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drift_e3.cli.advice_ledger import open_ledger, refuse_overwriting, show_table
from drift_e3.cli.options import StateDir

if TYPE_CHECKING:
    from drift_e3.lab.scoring_card import Card

STDOUT = Path("-")


class Horizon(StrEnum):
    """How long after an answer the market is looked at."""

    MINUTES_15 = "15m"
    HOUR = "1h"
    HOURS_4 = "4h"
    DAY = "24h"


def score(
    state: StateDir = None,
    horizon: Annotated[
        Horizon | None, typer.Option(metavar="H", help="Only at 15m, 1h, 4h or 24h; all by default.")
    ] = None,
    json_out: Annotated[
        Path | None, typer.Option("--json", metavar="FILE|-", help="Write every figure as JSON.")
    ] = None,
    html_out: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write a page with plots.")
    ] = None,
) -> None:
    """Score every answer of a journal by what the market did: skill, honesty, agreement, service."""
    import msgspec

    from drift_e3.cli.progress import meter
    from drift_e3.lab.ledger_reading import read_ledger, round_trip_frac
    from drift_e3.lab.report.output import write_text
    from drift_e3.lab.scoring_card import score as score_ledger

    if html_out is not None:
        _check_page()
    with open_ledger(state) as reader, meter("score") as progress:
        for out in (json_out, html_out):
            if out is not None:
                refuse_overwriting(out, reader)
        horizons = [member.value for member in Horizon] if horizon is None else [horizon.value]
        card = score_ledger(read_ledger(reader, progress), round_trip_frac(reader), horizons)
    if json_out is not None:
        encoded = msgspec.json.format(msgspec.json.encode(card), indent=2).decode() + "\n"
        if json_out == STDOUT:
            typer.echo(encoded, nl=False)
        else:
            write_text(json_out, encoded)
    if html_out is not None:
        from drift_e3.lab.scoring_page import page

        write_text(html_out, page(card))
    if json_out != STDOUT:
        _show(card)


def _check_page() -> None:
    """Refuse, before any work, a page that could not be drawn."""
    from drift_e3.lab.report.sheet import NoPlots, check_plots

    try:
        check_plots()
    except NoPlots as error:
        raise typer.BadParameter(str(error), param_hint="--html") from None


def _show(card: "Card") -> None:
    from drift_e3.lab.scoring_words import (
        HORIZON_HEAD,
        MODEL_HEAD,
        day,
        findings,
        horizon_row,
        model_row,
        percent,
        seconds,
    )

    outcomes = ", ".join(f"{name} {count:,}" for name, count in card.outcomes.items())
    typer.echo(
        f"{card.questions:,} questions, {day(card.first_ts)} to {day(card.last_ts)} UTC: {outcomes or '-'}"
    )
    if not card.questions:
        return
    for finding in findings(card):
        typer.echo(finding)
    columns = [HORIZON_HEAD, *map(horizon_row, card.horizons)]
    typer.echo()
    show_table([[column[place] for column in columns] for place in range(len(HORIZON_HEAD))])
    typer.echo()
    show_table([MODEL_HEAD, *map(model_row, card.models)])
    typer.echo()
    beyond = "-" if card.regimes.kappa is None else f"{card.regimes.kappa:.2f}"
    typer.echo(f"regimes: as the rules say in {percent(card.regimes.agreed_frac)}, kappa {beyond}")
    for name, together in (("regime", card.rule_confidence), ("signal", card.signal_confidence)):
        if together.pearson is not None and together.spearman is not None:
            told = f"Pearson {together.pearson.value:+.2f}, Spearman {together.spearman.value:+.2f}"
            typer.echo(f"confidence against the rules' {name}: {told} ({together.pearson.pairs:,} pairs)")
    if card.latency_ms:
        percentiles = ", ".join(f"{name} {seconds(ms)}" for name, ms in card.latency_ms.items())
        typer.echo(f"latency: {percentiles}")
