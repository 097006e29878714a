"""`drift-e3 backtest` and `drift-e3 features`: the core over a recorded market, without waiting."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drift_e3.cli.advised import OFF, Advice, advised, archive_file
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
    advice: Advice = OFF,
    out: Annotated[
        Path | None, typer.Option("--json", metavar="FILE|-", help="Write the whole result as JSON.")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", help="Write the report as a page, and beside it the run card."),
    ] = None,
) -> None:
    """Run the daemon's own core over a recorded market as fast as it goes.

    On rules alone, or with the answers of an archive: one that is not recorded counts as a failure.
    """
    from drift_e3 import wiring
    from drift_e3.cli.progress import candle_meter
    from drift_e3.lab.backtest import backtest as run_backtest
    from drift_e3.lab.historian import Historian
    from drift_e3.lab.report.card import file_data, run_card
    from drift_e3.lab.report.output import write_report
    from drift_e3.lab.report.summary import summarise, trade_document
    from drift_e3.lab.result import document, metrics

    archive = archive_file(advice)
    if out is not None:
        _refuse_overwriting(out, tape, funding, params, archive)
    if report is not None:
        check_page(report, tape, funding, params, archive, out)
    settings = _settings(tape, funding, params, symbol, advisor="off" if archive is None else "ollama")
    recording = _open(settings, start, end)
    heard = None if archive is None else advised(archive, recording)
    market = wiring.paper_market(settings, recording.feed)
    historian = Historian()
    with candle_meter("backtest", lambda: recording.feed.progress) as progress:
        result = run_backtest(
            market,
            settings.trading(),
            settings.paper.equity_usd,
            progress,
            keep_decisions=out is not None,
            advise=None if heard is None else heard.answers,
            watch=lambda event, outcome: historian.tell(event, outcome.notes),
        )
    history = historian.history
    warnings = [heard.warning] if heard is not None and heard.warning else []
    summary = summarise(history, [*warnings, *oddities_in_words(recording)])
    files = {"candles": tape, "funding": funding, "ticks": settings.tape.ticks, "book": settings.tape.book}
    card = run_card(
        "backtest",
        history,
        [file_data(role, path) for role, path in files.items() if path is not None],
        seed=None,
        advice="off" if heard is None else heard.told,
        simulation=settings.simulation()._asdict(),
    )
    if report is not None:
        write_report(report, f"Backtest: {settings.symbol} on {tape.stem}", history, summary, card)
    if out is not None:
        trades = [trade_document(trade) for trade in history.trades]
        write_json(document(result) | {"trades": trades, "report": summary, "card": card}, out)
    if out != STDOUT:
        _show(metrics(result))
        show_figures(summary)
    for warning in warnings:
        typer.echo(f"note: {warning}", err=True)


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


def check_page(report: Path, *others: Path | None) -> None:
    """Refuse, before any work, a page that could not be drawn or would take the place of an input."""
    from drift_e3.lab.report.output import card_path
    from drift_e3.lab.report.sheet import NoPlots, check_plots

    if report.suffix.lower() not in {".html", ".htm"}:
        raise typer.BadParameter(f"{str(report)!r} must end in .html", param_hint="a report")
    for file in (report, card_path(report)):
        if any(other is not None and file.resolve() == other.resolve() for other in others):
            raise typer.BadParameter(f"{file} is another file of this very command", param_hint="a report")
    try:
        check_plots()
    except NoPlots as error:
        raise typer.BadParameter(str(error), param_hint="a report") from None


def _refuse_overwriting(out: Path, *inputs: Path | None) -> None:
    """A recorded market cannot be recorded again."""
    if any(path is not None and out.resolve() == path.resolve() for path in inputs):
        raise typer.BadParameter(f"{out} is an input of this very command")


def _settings(
    tape: Path, funding: Path | None, params: Path | None, symbol: str | None, advisor: str = "off"
) -> "Settings":
    """The settings with what they note said, on standard error: standard output may be the result."""
    from drift_e3.config import load

    loaded = load(
        overrides={
            "venue": "tape",
            "tape.path": tape,
            "tape.funding": funding,
            "params_card": params,
            "symbol": symbol,
            "advisor": advisor,
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


def oddities_in_words(recording: "Recording") -> list[str]:
    """What is odd about the files, by their own names: a sentence each for the report."""
    from drift_e3 import wiring

    return [
        f"{Path(str(oddity['path'])).name}: {oddity['count']} x {oddity['what']}: {oddity['note']}."
        for oddity in wiring.oddities(recording.reports)
    ]


def write_json(whole: dict[str, Any], out: Path) -> None:
    """Write plain values as JSON to a file, or to standard output for ``-``."""
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


def show_pnl(summary: dict[str, Any]) -> None:
    """Print the result in its parts, and by whom it was made."""
    for name, value in summary["pnl"].items():
        typer.echo(f"pnl.{name}".ljust(40) + f"{value:.6g}")
    for split in ("regime", "strategy", "source"):
        for word, group in summary["attribution"][split]["groups"].items():
            told = f"trades {group['trades']}, net_usd {group['net_usd']:.6g}"
            typer.echo(f"{split}.{word}".ljust(40) + told)
    for word, count in summary["decisions"]["refused"].items():
        typer.echo(f"refused.{word}".ljust(40) + f"{count}")


def show_figures(summary: dict[str, Any]) -> None:
    """Print the figures of curve, trades and activity, a line each; one that is not defined says why."""
    for section in ("performance", "trades", "activity"):
        figures = summary[section]
        for name, value in figures.items():
            if name in {"undefined", "drawdown"}:
                continue
            told = f"undefined: {figures['undefined'][name]}" if value is None else f"{value:.6g}"
            typer.echo(f"{section}.{name}".ljust(40) + told)
