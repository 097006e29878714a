"""`drift-e3 advice record`: an archive of a model's answers about a recorded market, for backtests."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from drift_e3.cli.moments import DAY, NO_TIME, End, moment_ms
from drift_e3.cli.options import FundingFile, ParamsCard, Symbol, TapeFile
from drift_e3.cli.recorded import Start

INTERRUPTED = 130
"""What a shell expects of a program that was ended by Ctrl-C."""
SECONDS_A_MINUTE = 60.0


def record(
    tape: TapeFile,
    out: Annotated[
        Path, typer.Option("--out", metavar="ARCHIVE", help="JSON lines; gone on with where it is there.")
    ],
    model: Annotated[str | None, typer.Option(metavar="M", help="The model that is asked.")] = None,
    masked: Annotated[
        bool, typer.Option("--masked", help="Leave out dates, symbol and price level.")
    ] = False,
    cutoff: Annotated[
        str | None,
        typer.Option(
            metavar="D",
            help="End of the model's training data; without, what is unmasked counts as contaminated.",
        ),
    ] = None,
    every: Annotated[
        float | None,
        typer.Option(
            min=1.0,
            max=1_440.0,
            metavar="MIN",
            help="Ask at least so often; ai_ttlSeconds if not "
            "given. Signals and new regimes are asked about as well.",
        ),
    ] = None,
    funding: FundingFile = None,
    start: Start = None,
    end: End = None,
    template: Annotated[str | None, typer.Option(metavar="T", help="Wording of the prompt.")] = None,
    timeout_s: Annotated[
        float | None, typer.Option("--timeout", metavar="S", min=0.1, max=3_600.0, help="For each answer.")
    ] = None,
    params: ParamsCard = None,
    symbol: Symbol = None,
) -> None:
    """Ask a model about the candles of a recorded market and keep its answers.

    Whoever is killed goes on with the same command. Exit code 69 when the server does not answer.
    """
    from drift_e3 import wiring
    from drift_e3.cli.progress import meter
    from drift_e3.config import load
    from drift_e3.wiring.archiving import Plan, archive

    if out.resolve() in {tape.resolve(), None if funding is None else funding.resolve()}:
        raise typer.BadParameter(f"{out} is an input of this very command", param_hint="--out")
    loaded = load(
        overrides={
            "venue": "tape",
            "tape.path": tape,
            "tape.funding": funding,
            "params_card": params,
            "symbol": symbol,
            "ollama.models": model,
            "ollama.template": template,
        }
    )
    settings = loaded.settings
    recording = wiring.recording(settings, moment_ms("--start", start, NO_TIME), moment_ms("--end", end, DAY))
    for oddity in wiring.oddities(recording.reports):
        typer.echo("note: {path}: {what} x {count}: {note}".format(**oddity), err=True)
    plan = Plan(
        out=out,
        masked=masked,
        every_s=settings.strategy.model_dump()["ai_ttlSeconds"]
        if every is None
        else every * SECONDS_A_MINUTE,
        deadline_ms=settings.ollama.deadline_ms if timeout_s is None else int(timeout_s * 1_000),
        cutoff_ts=moment_ms("--cutoff", cutoff, NO_TIME),
    )
    try:
        with meter("answers") as progress:
            done = asyncio.run(archive(settings, recording, plan, progress))
    except KeyboardInterrupt:
        typer.echo(f"drift-e3: stopped; {out} keeps what is done: give the same command again", err=True)
        raise typer.Exit(INTERRUPTED) from None
    typer.echo(
        f"{out}: {done.answers} answers, {done.answers - done.before} of them new, {done.failed} of these "
        f"failures; a result over them is {done.mark}"
    )
