"""`drift-e3 advice archive`: a journal's own answers as an archive, for backtests over the same market."""

from pathlib import Path
from typing import Annotated

import typer

from drift_e3.cli.journals import open_state
from drift_e3.cli.options import StateDir, TapeFile


def archive(
    tape: TapeFile,
    out: Annotated[
        Path, typer.Option("--out", metavar="ARCHIVE", help="JSON lines; gone on with where it is there.")
    ],
    state: StateDir = None,
) -> None:
    """Keep the answers of a journal for backtests over the tape that it was recorded on. Nobody is asked."""
    from drift_e3 import wiring
    from drift_e3.config import load
    from drift_e3.lab.archive_journal import archive_journal

    if out.resolve() == tape.resolve():
        raise typer.BadParameter(f"{out} is an input of this very command", param_hint="--out")
    settings = load(overrides={"venue": "tape", "tape.path": tape, "advisor": "off"}).settings
    candles = wiring.recording(settings).feed.played.candles
    with open_state(state) as reader:
        count = archive_journal(reader, candles, out)
    typer.echo(f"{out}: {count} answers; a result over them is clean")
