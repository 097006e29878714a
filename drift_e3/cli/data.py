"""`drift-e3 data`: what recorded markets hold, what is wrong with them, and other shapes of them."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from drift_e3.cli.exits import Exit
from drift_e3.cli.options import FundingFile

app = typer.Typer(
    help="Check, describe and convert recorded markets.", no_args_is_help=True, rich_markup_mode=None
)
Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Candles, funding, ticks or books.")]
LISTED = 20


@app.command()
def check(
    files: Files,
    every: Annotated[
        bool, typer.Option("--all", help="List every problem, not the first 20 of a sort.")
    ] = False,
) -> None:
    """List all that is wrong with tapes, a line each: exit code 0, or 65 if a backtest would refuse one.

    What is odd and allowed (gaps, candles without volume, late funding, jumps) is said as a note.
    """
    from drift_e3.lab.tapes.survey import survey
    from drift_e3.ports import DataError

    broken = False
    for path in files:
        try:
            found = survey(path)
        except DataError as error:
            _complain(str(error))
            broken = True
            continue
        broken = broken or bool(found.problems)
        told: Counter[str] = Counter()
        for problem in found.problems:
            told[problem.sort] += 1
            if every or told[problem.sort] <= LISTED:
                _complain(problem.text)
        for sort, count in told.items():
            if not every and count > LISTED:
                _complain(f"{path}: and {count - LISTED} more of the sort {sort} (--all lists them)")
        for note in found.notes:
            typer.echo(f"note: {path}: {note}")
        if found.report is not None and not found.problems:
            span = f"{_moment(found.report.first_ts)} to {_moment(found.report.last_ts)}"
            typer.echo(f"{path}: {found.kind} in order: {found.report.rows} rows, {span}")
        elif found.problems:
            typer.echo(f"{path}: {found.kind} refused: {sum(told.values())} problems")
    if broken:
        raise typer.Exit(Exit.DATA)


@app.command()
def info(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file of candles or of funding.")],
    funding: FundingFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object.")] = False,
) -> None:
    """Say what a tape holds and covers; with --funding also how many candles have a funding rate."""
    import msgspec

    from drift_e3.lab.report.card import file_data
    from drift_e3.lab.tapes.coverage import describe
    from drift_e3.lab.tapes.survey import Kind, kind_of

    kind = kind_of(file)
    if kind not in {Kind.CANDLES, Kind.FUNDING}:
        raise typer.BadParameter(f"{file} holds {kind}, only candles and funding are described")
    if kind is Kind.FUNDING and funding is not None:
        raise typer.BadParameter(f"{file} holds funding itself", param_hint="--funding")
    told = describe(file, funding) if kind is Kind.CANDLES else describe(None, file)
    facts = {"file": file.name, "kind": kind.value, "sha256": file_data(kind, file)["sha256"]} | told
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(facts), indent=2).decode())
    else:
        _show(facts)


@app.command()
def convert(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Candles or funding: CSV, Parquet or Feather.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE.parquet", help="The tape to write.")],
    frame: Annotated[
        str | None, typer.Option(metavar="15m|1h", help="Make longer candles; must divide an hour.")
    ] = None,
) -> None:
    """Make a tape of what another program wrote, and longer candles of shorter ones.

    Column names and the unit of time are translated, and that is said; values stay. What a backtest would
    refuse is refused here. A longer candle of which a part is missing is left out.
    """
    from drift_e3.lab.tapes.converting import convert_candles, convert_funding
    from drift_e3.lab.tapes.loading import holds_candles

    if out.suffix.lower() != ".parquet":
        raise typer.BadParameter(f"{str(out)!r} must end in .parquet", param_hint="--out")
    if out.resolve() == file.resolve():
        raise typer.BadParameter(f"{out} is an input of this very command", param_hint="--out")
    longer_ms = None if frame is None else _frame_ms(frame)
    if holds_candles(file):
        made = convert_candles(file, out, longer_ms)
    elif longer_ms is not None:
        raise typer.BadParameter(f"{file} does not hold candles", param_hint="--frame")
    else:
        made = convert_funding(file, out)
    for note in made.notes:
        typer.echo(f"note: {file}: {note}", err=True)
    typer.echo(f"{out}: {made.rows} rows, {_moment(made.first_ts)} to {_moment(made.last_ts)}")


def _frame_ms(text: str) -> int:
    units = {"m": 60_000, "h": 3_600_000}
    number, unit = text[:-1], text[-1:]
    if unit not in units or not number.isdecimal() or not 0 < int(number) * units[unit] <= 3_600_000:
        raise typer.BadParameter(
            f"{text!r} must be minutes or hours up to 1h, such as 15m", param_hint="--frame"
        )
    return int(number) * units[unit]


def _show(facts: dict[str, Any], prefix: str = "") -> None:
    for name, value in facts.items():
        if name == "gaps":
            for gap in value[:LISTED]:
                span = f"{_moment(gap['from_ts'])} to {_moment(gap['to_ts'])}"
                typer.echo("gap".ljust(28) + f"{span}, {gap['missing']} missing")
            if len(value) > LISTED:
                typer.echo("gap".ljust(28) + f"and {len(value) - LISTED} more")
        elif isinstance(value, dict):
            _show(value, f"{name}.")
        elif name.endswith("_ts"):
            typer.echo(f"{prefix}{name.removesuffix('_ts')}".ljust(28) + _moment(value))
        else:
            typer.echo(
                f"{prefix}{name}".ljust(28) + (f"{value:.6g}" if isinstance(value, float) else f"{value}")
            )


def _complain(line: str) -> None:
    typer.echo(f"drift-e3: {line}", err=True)


def _moment(ts: int) -> str:
    return datetime.fromtimestamp(ts / 1_000.0, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
