"""`drift-e3 lookahead-check`: another future must not change what was decided before it."""

from datetime import UTC, datetime
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from drift_e3.cli.exits import Exit
from drift_e3.cli.options import FundingFile, ParamsCard, Symbol

MADE_CANDLES = 6_000


def lookahead_check(
    tape: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Candles (Parquet or CSV); without, a tape made from the seed."),
    ] = None,
    funding: FundingFile = None,
    params: ParamsCard = None,
    symbol: Symbol = None,
    moments: Annotated[int, typer.Option(min=1, max=10_000, help="At how many moments to try.")] = 12,
    in_compiled: Annotated[
        bool, typer.Option("--compiled", help="Try the loop that a search runs, not the daemon's.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of moments and futures.")] = 1,
) -> None:
    """Exchange the future at many moments and show that nothing before them changes: exit code 0, else 1.

    Futures are cut off, mirrored, shuffled, reversed, frozen, gapped and made noisy, funding among them.
    Decisions with all their features, sizes, order ids and equity, and fills are compared to the last bit.
    """
    if funding is not None and tape is None:
        raise typer.BadParameter(
            "funding rates belong to a tape: give --tape as well", param_hint="--funding"
        )
    if in_compiled and find_spec("numba") is None:
        raise typer.BadParameter(
            "needs numba: install the program with its extra 'lab'", param_hint="--compiled"
        )
    from drift_e3 import wiring
    from drift_e3.cli.progress import meter
    from drift_e3.config import load
    from drift_e3.lab.lookahead import backtests, check, compiled
    from drift_e3.lab.lookahead_tapes import made, recorded

    overrides = {"params_card": params, "symbol": symbol, "advisor": "off"}
    if tape is not None:
        overrides |= {"venue": "tape", "tape.path": tape, "tape.funding": funding}
    loaded = load(overrides=overrides)
    for note in loaded.notes:
        typer.echo(f"note: {note}", err=True)
    settings = loaded.settings
    if settings.tape.ticks is not None or settings.tape.book is not None:
        typer.echo("note: ticks and books are left out, candles and funding are tried", err=True)
    tapes = made(seed, MADE_CANDLES) if tape is None else recorded(tape, settings.tape.funding)
    trading, equity_usd = settings.trading(), settings.paper.equity_usd
    if in_compiled:
        engine = compiled(settings.simulation(), trading, equity_usd)
    else:
        engine = backtests(partial(wiring.paper_market, settings), trading, equity_usd)
    with meter("lookahead-check") as progress:
        checked = check(engine, *tapes, settings.instrument(), moments=moments, seed=seed, progress=progress)
    for leak in checked.leaking:
        typer.echo(
            f"LEAK: another future ({leak.kind}) after {_moment(leak.cut_ts)} changes {leak.what} at "
            f"{_moment(leak.ts)}: {leak.was} became {leak.became}"
        )
    typer.echo(
        f"{checked.futures} futures at {checked.moments} moments of {tapes.candles.report.path}: "
        f"{checked.decisions} decisions and {checked.fills} fills before them compared, "
        f"{len(checked.leaking) or 'no'} kinds of future leak"
    )
    if checked.leaking:
        raise typer.Exit(Exit.CHECK_FAILED)


def _moment(ts: int) -> str:
    return datetime.fromtimestamp(ts / 1_000.0, UTC).strftime("%Y-%m-%d %H:%M:%S")
