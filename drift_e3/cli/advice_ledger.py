"""`drift-e3 advice list`, `show` and `export`: every question of a journal, and all that came of it."""

import sys
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drift_e3.cli.journals import open_state
from drift_e3.cli.options import AsJson, StateDir

if TYPE_CHECKING:
    from drift_e3.journal.reader import JournalReader
    from drift_e3.lab.ledger import Record
    from drift_e3.lab.ledger_rows import Row

LIST_HEAD = (
    "asked (UTC)",
    "id",
    "model",
    "outcome",
    "says",
    "conf",
    "rules",
    "took",
    "15m",
    "1h",
    "4h",
    "24h",
)


def list_questions(
    state: StateDir = None,
    as_json: AsJson = False,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="So many, the newest.")] = 20,
) -> None:
    """List the newest questions with their answers and what the market did afterwards, newest last."""
    from drift_e3.lab.ledger_rows import row

    with open_ledger(state) as reader:
        newest: deque[Record] = deque(_records(reader), maxlen=limit)
    if as_json:
        _write_json({"questions": [row(record) for record in newest]})
        return
    show_table([LIST_HEAD, *map(_list_line, newest)])


def show(
    question_id: Annotated[str, typer.Argument(metavar="ID", help="The question, as `advice list` has it.")],
    state: StateDir = None,
    as_json: AsJson = False,
) -> None:
    """Show all of one question: prompt, raw answer, features, decision, order, and what the market did."""
    from drift_e3.lab.ledger_rows import row

    with open_ledger(state) as reader:
        record = next((one for one in _records(reader) if one.question_id == question_id), None)
        if record is None:
            raise typer.BadParameter(f"{reader.path} has no question {question_id!r}", param_hint="ID")
    if as_json:
        _write_json(row(record))
        return
    for name, value in row(record).items():
        if value is not None and name not in {"prompt", "text", "tried"}:
            typer.echo(f"{name.ljust(22)}{_shown(name, value)}")
    if record.reply is not None and record.reply.prompt:
        typer.echo(f"\n--- prompt ---\n{_printable(record.reply.prompt)}")
    for attempt in record.reply.attempts if record.reply is not None else ():
        if attempt is not record.attempt or not record.text:
            took = f"{attempt.latency_ms / 1_000.0:.2f} s"
            typer.echo(f"\n--- {_printable(attempt.model)}: {attempt.outcome}, {took} ---")
            typer.echo(_printable(attempt.text) or "(not a word)")
    if record.text:
        typer.echo(f"\n--- answer ---\n{_printable(record.text)}")


def export(
    state: StateDir = None,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help="Print one JSON object a line; so it is without a choice.")
    ] = False,
    parquet: Annotated[
        Path | None, typer.Option("--parquet", metavar="FILE", help="Write a Parquet file instead.")
    ] = None,
) -> None:
    """Write every question with all that came of it, one row each."""
    import msgspec

    from drift_e3.lab.ledger_rows import row, write_parquet

    if jsonl and parquet is not None:
        raise typer.BadParameter("choose one of --jsonl and --parquet")
    with open_ledger(state) as reader:
        if parquet is not None:
            refuse_overwriting(parquet, reader)
            typer.echo(f"{parquet}: {write_parquet(_records(reader), parquet)} questions")
            return
        encode = msgspec.json.Encoder().encode
        for record in _records(reader):
            sys.stdout.buffer.write(encode(row(record)) + b"\n")


def open_ledger(state: Path | None) -> "JournalReader":
    """The journal of a state directory, opened for reading."""
    return open_state(state)


def refuse_overwriting(out: Path, reader: "JournalReader") -> None:
    """A journal cannot be had again."""
    if out.resolve() == reader.path.resolve():
        raise typer.BadParameter(f"{out} is the journal itself")


def show_table(lines: Sequence[Sequence[str]]) -> None:
    """Print lines of cells in columns."""
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    for line in lines:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _records(reader: "JournalReader") -> "Iterator[Record]":
    from drift_e3.cli.progress import meter
    from drift_e3.lab.ledger_reading import read_ledger

    with meter("ledger") as progress:
        yield from read_ledger(reader, progress)


def _list_line(record: "Record") -> tuple[str, ...]:
    from drift_e3.lab.scoring_words import day

    advice, reply = record.advice, record.reply
    return (
        day(record.question.ts),
        record.question_id,
        _printable(record.model) or "-",
        record.outcome,
        f"{advice.direction.label} {advice.regime.label}" if advice is not None else "-",
        f"{advice.confidence:.2f}" if advice is not None else "-",
        record.question.rule_regime.label,
        f"{reply.latency_ms / 1_000.0:.1f} s" if reply is not None else "-",
        *(
            f"{100.0 * result.return_frac:+.2f} %" if result.knowledge == "known" else result.knowledge.value
            for result in record.results.all()
        ),
    )


def _shown(name: str, value: object) -> str:
    from drift_e3.lab.scoring_words import day

    if name.endswith("_ts") and isinstance(value, int):
        return f"{value} ({day(value)})"
    return f"{value:.6g}" if isinstance(value, float) else _printable(str(value))


def _printable(text: str) -> str:
    """A text from outside without what a terminal would obey; lines stay lines."""
    return "".join(char if char.isprintable() or char == "\n" else " " for char in text)


def _write_json(value: "dict[str, list[Row]] | Row") -> None:
    import msgspec

    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2))
