"""`drift-e3 optimize`: the search for parameters, from a configuration to a parameter card."""

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drift_e3.cli.exits import Exit
from drift_e3.cli.moments import DAY, NO_TIME, End, moment_ms
from drift_e3.cli.options import FundingFile, ParamsCard, Symbol

if TYPE_CHECKING:
    from drift_e3.config import Settings
    from drift_e3.config.search import SearchConfig
    from drift_e3.lab.search.plan import Period
    from drift_e3.lab.search.session import Session
    from drift_e3.lab.search.workers import Workers

INTERRUPTED = 130
"""What a shell expects of a program that was ended by Ctrl-C."""
PATIENCE_S = 5.0
"""For workers to end after that."""


def optimize(
    config: Annotated[
        Path, typer.Option("--config", metavar="FILE", help="What to search: a file, or the name of ours.")
    ],
    symbol: Symbol = None,
    start: Annotated[
        str | None,
        typer.Option(metavar="D", help="First day to search on, UTC, in place of backtestPeriods."),
    ] = None,
    end: End = None,
    tape: Annotated[
        Path | None,
        typer.Option("--tape", metavar="FILE", help="Candles (Parquet or CSV) of all periods."),
    ] = None,
    funding: FundingFile = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=1_024, metavar="N", help="Processes; one a core by default.")
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Have the workers of this Dask scheduler do the work."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with what the folder holds.")] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Folder of the results; by default in the state folder."),
    ] = None,
    advice: Annotated[
        Path | None,
        typer.Option(
            "--advice", metavar="ARCHIVE", help="Recorded answers: ai_ parameters are searched too."
        ),
    ] = None,
    ledger: Annotated[
        Path | None,
        typer.Option(
            "--ledger", metavar="FILE", help="Who counts all trials; by default in the state folder."
        ),
    ] = None,
    params: ParamsCard = None,
) -> None:
    """Search for the best parameters, judge whether they are more than luck, and write a parameter card."""
    from drift_e3.cli.search_progress import search_meter
    from drift_e3.cli.search_result import show
    from drift_e3.config import ConfigError
    from drift_e3.config.search import read_search
    from drift_e3.lab.report.sheet import NoPlots, check_plots
    from drift_e3.lab.search.log import LogOfAnother, Unfinished
    from drift_e3.lab.trial_ledger import LEDGER_NAME

    if cluster is not None and workers is not None:
        raise typer.BadParameter("the workers are the cluster's: drop --workers", param_hint="--cluster")
    try:
        check_plots()
    except NoPlots as error:
        raise ConfigError([f"optimize: {error}"]) from None
    found = read_search(config)
    training = _training(found, start, end)
    settings = _settings(found, tape, funding, params, symbol)
    session, crew = _prepare(
        found, settings, training, advice, workers or len(os.sched_getaffinity(0)), cluster
    )
    folder = out or settings.state_dir / "searches" / session.hashes.search[:16]
    if folder.exists() and not folder.is_dir():
        raise ConfigError([f"--out: {folder} is no folder"])
    counted = ledger or settings.state_dir / LEDGER_NAME
    card = session.finished(folder) if resume else None
    if card is not None and not session.is_judged(card):
        _note(f"{folder}: judged by other code than this; it is searched again and judged anew")
        card = None
    if card is not None:
        typer.echo(f"note: {folder}: this search is finished already", err=True)
    else:
        try:
            with crew, search_meter() as progress:
                card = session.run(folder, counted, crew, progress, resume=resume)
        except Unfinished:
            raise ConfigError(
                [f"--out: {folder} holds an unfinished search; go on with --resume, or give another folder"]
            ) from None
        except LogOfAnother:
            raise ConfigError(
                [f"--resume: {folder} holds another search, or this one over other data or code"]
            ) from None
        except KeyboardInterrupt:
            typer.echo(f"drift-e3: stopped; {folder} keeps what is done: go on with --resume", err=True)
            _end_anyway()
            raise typer.Exit(INTERRUPTED) from None
    show(card, folder)
    if card["about"]["score"] is None:
        raise typer.Exit(Exit.CHECK_FAILED)


def _end_anyway() -> None:
    """End this process in some seconds if it has not ended by then: one whose workers a signal met at a bad
    moment might wait for them for ever. All that is done is on the disk."""
    timer = threading.Timer(PATIENCE_S, os._exit, (INTERRUPTED,))
    timer.daemon = True
    timer.start()


def _training(config: "SearchConfig", start: str | None, end: str | None) -> "tuple[Period, ...]":
    """The periods to search on: the command line's, or the file's."""
    from drift_e3.lab.search.plan import Period

    if start is None and end is None:
        return config.training
    start_ts, end_ts = moment_ms("--start", start, NO_TIME), moment_ms("--end", end, DAY)
    if start_ts is None or end_ts is None:
        raise typer.BadParameter("--start and --end belong together", param_hint="--start")
    if end_ts <= start_ts:
        raise typer.BadParameter(f"{end} is before --start {start}: an empty period", param_hint="--end")
    return (Period("training", start_ts, end_ts, 1.0),)


def _settings(
    config: "SearchConfig", tape: Path | None, funding: Path | None, params: Path | None, symbol: str | None
) -> "Settings":
    """The settings in force, with the configuration's account and caps, and what there is to note."""
    from drift_e3.config import load

    loaded = load(
        overrides=config.settings
        | {
            "venue": "tape",
            "tape.path": tape,
            "tape.funding": funding,
            "params_card": params,
            "symbol": symbol or config.file.symbol,
            "advisor": "off",
        }
    )
    notes = [*loaded.notes, *config.axes.notes]
    if symbol not in {None, config.file.symbol}:
        notes.append(f"{config.path} is for {config.file.symbol}, this is {symbol}")
    for note in notes:
        _note(note)
    return loaded.settings


def _prepare(
    config: "SearchConfig",
    settings: "Settings",
    training: "tuple[Period, ...]",
    advice: Path | None,
    workers: int,
    cluster: str | None,
) -> "tuple[Session, Workers]":
    """The search and who does it. Raises `ConfigError`, `DataError`."""
    from drift_e3 import wiring
    from drift_e3.config.search import plan_of
    from drift_e3.lab.search.card import timeframe
    from drift_e3.lab.search.identity import hashes_of
    from drift_e3.lab.search.session import Session
    from drift_e3.wiring import searches

    # What the file itself gets wrong is said before a tape is read.
    plan_of(config, settings.trading().params, training, {})
    tapes = searches.open_tapes(settings)
    for oddity in wiring.oddities(tapes.reports):
        _note("{path}: {what} x {count}: {note}".format(**oddity))
    frame = timeframe(tapes.candles.frame_ms)
    if config.file.timeframe != frame:
        _note(f"timeframe {config.file.timeframe}: the tape's {frame} candles are what is searched on")
    held = searches.not_searched(tapes, config.axes.values, advised=advice is not None)
    for reason in dict.fromkeys(held.values()):
        keys = ", ".join(key for key in held if held[key] == reason)
        _note(f"{reason}: {keys} stay as they are in force and are not searched")
    periods = []
    for period in (*training, config.validation):
        part, note = searches.covered(tapes, period)
        periods.append(part)
        if note:
            _note(note)
    plan = plan_of(config, settings.trading().params, tuple(periods[:-1]), held)._replace(
        symbol=settings.symbol, validation=periods[-1]
    )
    account = searches.account_of(settings)
    answers = None if advice is None else searches.open_advice(advice, tapes, settings.symbol, periods)
    if answers is not None:
        header = answers.archive.header
        _note(f"answers of {header.model} ({header.mode}): the result is {answers.mark}")
    deadline_ms = settings.ollama.deadline_ms
    evaluator, note = searches.chosen_evaluator(plan, tapes, account, answers, deadline_ms)
    if note:
        _note(note)
    session = Session(
        plan=plan,
        account=account,
        hashes=hashes_of(
            plan,
            account,
            tapes.candles,
            tapes.funding,
            "" if answers is None else f"{answers.content_hash} {deadline_ms}",
        ),
        candles=sum(searches.candles_in(tapes, period) for period in plan.training),
        frame_ms=tapes.candles.frame_ms,
        legs=tapes.legs,
        advice=None if answers is None else answers.document,
    )
    return session, searches.crew(plan, evaluator, workers, cluster)


def _note(text: str) -> None:
    typer.echo(f"note: {text}", err=True)
