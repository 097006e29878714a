"""`drift-e3 advice`: the advisor's answers, one on demand or those of a journal. The verbs are elsewhere."""

import typer

from drift_e3.cli import advice_archive, advice_ask, advice_ledger, advice_record, advice_score

app = typer.Typer(
    help="Ask the advisor, and look into what it has said.", no_args_is_help=True, rich_markup_mode=None
)
app.command()(advice_ask.ask)
app.command("list")(advice_ledger.list_questions)
app.command()(advice_ledger.show)
app.command()(advice_ledger.export)
app.command()(advice_score.score)
app.command()(advice_record.record)
app.command()(advice_archive.archive)
