"""`drift-e3 report`: what was really traded, told from the journal.

The verbs below `report` stand in modules of their own and are added here.
"""

from pathlib import Path
from typing import Annotated

import typer

from drift_e3.cli import report_compare, report_shadow
from drift_e3.cli.journals import open_state
from drift_e3.cli.options import StateDir, state_directory

app = typer.Typer(
    help="Report on what was really traded, from the journal.",
    invoke_without_command=True,
    rich_markup_mode=None,
)
app.command()(report_compare.compare)
app.command()(report_shadow.shadow)
JsonOut = Annotated[
    Path | None, typer.Option("--json", metavar="FILE|-", help="Write the whole report as JSON.")
]
PageOut = Annotated[
    Path | None,
    typer.Option("--html", metavar="FILE.html", help="Write a page, and the run card beside it."),
]


@app.callback()
def report(context: typer.Context, state: StateDir = None, page: PageOut = None, out: JsonOut = None) -> None:
    """Report on what was really traded: by regime, strategy and source, and what was refused and why."""
    if context.invoked_subcommand is not None:
        if state is not None or page is not None or out is not None:
            raise typer.BadParameter(f"options belong after {context.invoked_subcommand}")
        return
    from drift_e3.cli.progress import meter
    from drift_e3.cli.recorded import STDOUT, check_page, show_figures, show_pnl, write_json
    from drift_e3.journal.schema import JOURNAL_NAME
    from drift_e3.lab.report.card import run_card
    from drift_e3.lab.report.output import write_report
    from drift_e3.lab.report.summary import summarise, trade_document
    from drift_e3.lab.traded import traded

    journal = state_directory(state) / JOURNAL_NAME
    if page is not None:
        check_page(page, journal, out)
    with open_state(state) as reader, meter("report") as progress:
        told = traded(reader, progress)
    history = told.history
    summary = summarise(history)
    card = run_card(
        told.kind,
        history,
        [{"role": "journal", "name": JOURNAL_NAME, "sha256": told.sha256, "events": told.events}],
        seed=None,
        advice=summary["advice"]["models"] or "off",
        simulation=None,
    )
    if page is not None:
        write_report(page, f"{history.instrument.symbol}, traded {told.kind}", history, summary, card)
    if out is not None:
        trades = [trade_document(trade) for trade in history.trades]
        write_json({"report": summary, "trades": trades, "card": card}, out)
    if out != STDOUT:
        show_pnl(summary)
        show_figures(summary)
        for sentence in summary["warnings"]:
            typer.echo(f"note: {sentence}", err=True)
