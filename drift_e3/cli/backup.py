"""`drift-e3 backup` and `restore`: a state directory as one file, and back."""

from pathlib import Path
from typing import Annotated

import typer

from drift_e3.cli.options import StateDir, state_directory


def backup(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The file to write (tar.gz).")],
    state: StateDir = None,
) -> None:
    """Keep the whole state directory in one file; its daemon may run meanwhile."""
    from drift_e3.journal.backup import back_up

    directory = state_directory(state)
    kept = back_up(directory, out)
    typer.echo(f"{out}: {kept.files} files, up to event {kept.last_seq}")
    if not kept.noted:
        typer.echo(f"note: {directory} cannot be written: retention will not count on this backup", err=True)


def restore(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="What `backup` wrote.")],
    state: StateDir = None,
) -> None:
    """Put a backup into a state directory that is empty or not there yet.

    A live account goes on from what it holds now, not from what it held then.
    """
    from drift_e3.journal.backup import restore as restore_backup

    directory = state_directory(state)
    kept = restore_backup(source, directory)
    typer.echo(f"{directory}: {kept.files} files, up to event {kept.last_seq}")
