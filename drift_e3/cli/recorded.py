"""`drift-e3 backtest` and `drift-e3 features`: the core over a recorded market, without waiting."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drift_e3.cli.moments import DAY, NO_TIME, End, moment_ms
from drift_e3.cli.options import FundingFile, ParamsCard, Symbol, TapeFile

if TYPE_CHECKING:
    from drift_e3.config import Settings
    from drift_e3.wiring import Recording

STDOUT = Path("-")

Start = Annotated[
    str | None,
    typer.Option(metavar="D", help="First day or time, UTC; earlier candles only warm the features."),
]


def backtest(
    tape: TapeFile,
    funding: FundingFile = None,
    start: Start = None,
    end: End = None,
    params: ParamsCard = None,
    symbol: Symbol = None,
    out: Annotated[
        Path | None, typer.Option("--json", metavar="FILE|-", help="Write the whole result as JSON.")
    ] = None,
) -> None:
    """Run the daemon's own core over a recorded market as fast as it goes, on rules alone."""
    from drift_e3 import wiring
    from drift_e3.cli.progress import candle_meter
    from drift_e3.lab.backtest import backtest as run_backtest
    from drift_e3.lab.result import document, metrics

    if out is not None:
        _refuse_overwriting(out, tape, funding, params)
    settings = _settings(tape, funding, params, symbol)
    recording = _open(settings, start, end)
    market = wiring.paper_market(settings, recording.feed)
    with candle_meter("backtest", lambda: recording.feed.progress) as progress:
        result = run_backtest(
            market,
            settings.trading(),
            settings.paper.equity_usd,
            progress,
            keep_decisions=out is not None,
        )
    if out is not None:
        _write_json(document(result), out)
    if out != STDOUT:
        _show(metrics(result))


def features(
    tape: TapeFile,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Parquet file to write.")],
    funding: FundingFile = None,
    symbol: Symbol = None,
) -> None:
    """Write the features of every candle of a recorded market."""
    from drift_e3.cli.progress import candle_meter
    from drift_e3.lab.features import feature_table, write_features

    _refuse_overwriting(out, tape, funding)
    feed = _open(_settings(tape, funding, None, symbol), None, None).feed
    with candle_meter("features", lambda: feed.progress) as progress:
        table = feature_table(feed, progress)
    write_features(table, out)
    typer.echo(f"{out}: {table.num_rows} candles, {table.num_columns - 1} features")


def _refuse_overwriting(out: Path, *inputs: Path | None) -> None:
    """A recorded market cannot be recorded again."""
    if any(path is not None and out.resolve() == path.resolve() for path in inputs):
        raise typer.BadParameter(f"{out} is an input of this very command")


def _settings(tape: Path, funding: Path | None, params: Path | None, symbol: str | None) -> "Settings":
    """The settings with what they note said, on standard error: standard output may be the result."""
    from drift_e3.config import load

    loaded = load(
        overrides={
            "venue": "tape",
            "tape.path": tape,
            "tape.funding": funding,
            "params_card": params,
            "symbol": symbol,
            "advisor": "off",
        }
    )
    for note in loaded.notes:
        typer.echo(f"note: {note}", err=True)
    return loaded.settings


def _open(settings: "Settings", start: str | None, end: str | None) -> "Recording":
    from drift_e3 import wiring

    recording = wiring.recording(settings, moment_ms("--start", start, NO_TIME), moment_ms("--end", end, DAY))
    for oddity in wiring.oddities(recording.reports):
        typer.echo("note: {path}: {what} x {count}: {note}".format(**oddity), err=True)
    return recording


def _write_json(whole: dict[str, Any], out: Path) -> None:
    import msgspec

    from drift_e3.ports import DataError

    encoded = msgspec.json.encode(whole)
    if out == STDOUT:
        typer.echo(encoded)
        return
    try:
        out.write_bytes(encoded)
    except OSError as error:
        raise DataError(f"{out}: cannot be written: {error.strerror or error}") from error


def _show(metrics: dict[str, Any]) -> None:
    for name, value in metrics.items():
        if isinstance(value, dict):
            for inner, parts in value.items():
                told = ", ".join(f"{key} {part:.6g}" for key, part in parts.items() if part)
                if told:
                    typer.echo(f"{name}.{inner}".ljust(40) + told)
        else:
            typer.echo(name.ljust(40) + (f"{value:.6g}" if isinstance(value, float) else f"{value}"))
