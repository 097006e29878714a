"""`drift-e3 journal`, `replay`, `resume`: what the journal holds, whether it holds, a person's word."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drift_e3.cli.exits import Exit
from drift_e3.cli.options import StateDir

if TYPE_CHECKING:
    from drift_e3.journal.reader import JournalReader

app = typer.Typer(
    help="Look into the journal of a state directory.", no_args_is_help=True, rich_markup_mode=None
)


class ExportFormat(StrEnum):
    """How records are written."""

    JSONL = "jsonl"


@app.command()
def export(
    state: StateDir = None,
    kind: Annotated[
        str | None, typer.Option(metavar="KIND", help="Only records of this kind: fill, decision, order, ...")
    ] = None,
    style: Annotated[
        ExportFormat, typer.Option("--format", help="One JSON object a line.")
    ] = ExportFormat.JSONL,
) -> None:
    """Print the journal's records in order."""
    import msgspec

    from drift_e3.journal.export import export as export_records

    encode = msgspec.json.Encoder().encode
    with _open(state) as reader:
        try:
            records = export_records(reader, kind)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--kind") from None
        for record in records:
            sys.stdout.buffer.write(encode(record) + b"\n")


@app.command()
def verify(state: StateDir = None) -> None:
    """Check every row of the journal: exit code 0 if all is intact, else 1."""
    from drift_e3.journal.tail import verify as verify_journal

    with _open(state) as reader:
        report = verify_journal(reader, whole=True)
    typer.echo(report.text)
    if not report.intact:
        raise typer.Exit(Exit.CHECK_FAILED)


def replay(state: StateDir = None) -> None:
    """Make every decision and command anew from the journal's events: exit code 0 only if all are equal."""
    from drift_e3.cli.progress import meter
    from drift_e3.core.trader import Trader
    from drift_e3.journal.replay import replay as replay_journal

    with _open(state) as reader, meter("replay") as progress:
        report = replay_journal(reader, Trader, progress)
    for code, events in report.other_code.items():
        typer.echo(f"note: {events} events were processed by other code ({code})")
    if report.outcome_missing:
        typer.echo("note: the last event's outcome was not written any more; the next start completes it")
    if report.difference is None:
        typer.echo(
            f"replayed {report.events} events: all {report.outputs} decisions and commands are byte-equal"
        )
        return
    different = report.difference
    typer.echo(f"event {different.seq} ({different.event_kind}), output {different.n} differs", err=True)
    typer.echo(f"journal: {different.journaled.decode()}", err=True)
    typer.echo(f"replay:  {different.computed.decode()}", err=True)
    raise typer.Exit(Exit.CHECK_FAILED)


def resume(state: StateDir = None) -> None:
    """Lift a halt or a pause of a daemon that is not running; baselines start anew from present equity."""
    import time

    from drift_e3.core.events import ResumeRequested
    from drift_e3.journal.code_hash import code_hash
    from drift_e3.journal.errors import JournalEmpty
    from drift_e3.journal.state_lock import StateLock
    from drift_e3.journal.writer import JournalWriter
    from drift_e3.live.recovery import recover
    from drift_e3.live.session import Session

    # Looked for first: a mistyped directory must not be made.
    _open(state).close()
    directory = _directory(state)
    with StateLock(directory, time.time_ns() // 1_000_000):
        with _open(state) as reader:
            if reader.last_seq == 0:
                raise JournalEmpty(f"{reader.path}: the journal is empty")
            recovered = recover(reader, None)
        state_then = recovered.trader.state
        halted = state_then.mode.halted
        paused = recovered.last_ts < state_then.breakers.paused_until_ts
        with JournalWriter(_path(directory), code_hash()) as journal:
            session = Session(recovered, journal, lambda *_: None)
            session.take(ResumeRequested(seen_ts=session.last_ts, by=_user()))
    if halted or paused:
        lifted = "halt" if halted else "pause"
        typer.echo(f"the {lifted} is lifted; present equity is the new baseline of every limit")
    else:
        typer.echo("there was neither a halt nor a pause: nothing has changed")


def _user() -> str:
    """Who is asking: in a container the user may have no name."""
    import getpass
    import os

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def _directory(state: Path | None) -> Path:
    from drift_e3.config import load

    return load(overrides={"state_dir": state}).settings.state_dir


def _path(directory: Path) -> Path:
    from drift_e3.journal.schema import JOURNAL_NAME

    return directory / JOURNAL_NAME


def _open(state: Path | None) -> "JournalReader":
    from drift_e3.journal.reader import open_journal

    return open_journal(_path(_directory(state)))
