"""`drift-e3 report`: what was really traded, told from the journal.

The verbs below `report` stand in modules of their own and are added here.
"""

import typer

app = typer.Typer(
    help="Report on what was really traded, from the journal.",
    invoke_without_command=True,
    rich_markup_mode=None,
)


@app.callback()
def report() -> None:
    """Report on what was really traded, from the journal."""
