"""`drift-e3 advice`: the advisor's answers, one on demand or those of a journal. The verbs are elsewhere."""

import typer

from drift_e3.cli import advice_ask

app = typer.Typer(
    help="Ask the advisor, and look into what it has said.", no_args_is_help=True, rich_markup_mode=None
)
app.command()(advice_ask.ask)
