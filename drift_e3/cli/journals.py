"""The journal of a state directory, as every verb that looks at the whole of it opens it."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from drift_e3.cli.options import state_directory

if TYPE_CHECKING:
    from drift_e3.journal.reader import JournalReader


def open_state(state: Path | None) -> "JournalReader":
    """Open it for reading, and say so where it does not begin with the first event any more.

    Raises `JournalUnreadable` as `open_journal` does.
    """
    from drift_e3.journal.beginning import deleted
    from drift_e3.journal.reader import open_journal
    from drift_e3.journal.schema import JOURNAL_NAME

    reader = open_journal(state_directory(state) / JOURNAL_NAME)
    if since := deleted(reader):
        typer.echo(f"note: the journal {since}", err=True)
    return reader
