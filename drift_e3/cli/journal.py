"""`drift-e3 journal` and `replay`: what the journal holds, and whether it holds."""

import sys
from enum import StrEnum
from typing import Annotated

import typer

from drift_e3.cli.exits import Exit
from drift_e3.cli.journals import open_state
from drift_e3.cli.options import StateDir

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
    with open_state(state) as reader:
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

    with open_state(state) as reader:
        report = verify_journal(reader, whole=True)
    typer.echo(report.text)
    if not report.intact:
        raise typer.Exit(Exit.CHECK_FAILED)


@app.command()
def segments(state: StateDir = None) -> None:
    """List the finished segments that are kept, oldest first: events, time (UTC) and size."""
    from datetime import UTC, datetime

    with open_state(state) as reader:
        kept = reader.segments
    for segment in kept:
        since, until = (
            f"{datetime.fromtimestamp(ts / 1_000, UTC):%Y-%m-%d %H:%M}"
            for ts in (segment.first_ts, segment.last_ts)
        )
        events = f"{segment.first_seq} to {segment.last_seq}"
        typer.echo(f"{segment.name}  {events:>20}  {since} to {until}  {segment.bytes / 1e6:8.1f} MB")
    whole = sum(segment.bytes for segment in kept)
    typer.echo(f"{len(kept)} segments, {whole / 1e6:.1f} MB; what came after is in the live file")


def replay(state: StateDir = None) -> None:
    """Make every decision and command anew from the journal's events: exit code 0 only if all are equal."""
    from drift_e3.cli.progress import meter
    from drift_e3.core.trader import Trader
    from drift_e3.journal.beginning import oldest_state
    from drift_e3.journal.replay import replay as replay_journal

    with open_state(state) as reader, meter("replay") as progress:
        remembered = oldest_state(reader)
        report = replay_journal(reader, lambda: Trader(remembered), progress)
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
