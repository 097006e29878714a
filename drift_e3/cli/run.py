"""`drift-e3 run`: the daemon."""

import asyncio
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from drift_e3.cli.early_stop import listen
from drift_e3.cli.exits import Exit
from drift_e3.cli.options import ParamsCard, StateDir, Symbol


class Venue(StrEnum):
    """Markets that `run` knows."""

    SYNTHETIC = "synthetic"
    TAPE = "tape"
    DRIFT = "drift"
    VELOCITY = "velocity"


class AdvisorChoice(StrEnum):
    """Who is asked for advice."""

    OLLAMA = "ollama"
    OFF = "off"


class Accepted(StrEnum):
    """What a person may accept of a licence that does not cover what is to be traded: `lab.licence.Flaw`."""

    UNLICENSED = "unlicensed"
    FEWER_LEGS = "fewer-legs"
    OTHER_MARKET = "other-market"


class LogFormat(StrEnum):
    """How the log is written."""

    AUTO = "auto"
    JSON = "json"
    CONSOLE = "console"


def run(
    live: Annotated[
        bool, typer.Option("--live/--paper", help="Trade real money, or on paper (the default).")
    ] = False,
    venue: Annotated[Venue | None, typer.Option(help="The market; synthetic by default.")] = None,
    tape: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Candles to play (Parquet or CSV); implies --venue tape."),
    ] = None,
    funding: Annotated[Path | None, typer.Option(metavar="FILE", help="Funding rates of the tape.")] = None,
    speed: Annotated[
        str | None, typer.Option(metavar="N|max", help="Event time over wall time; 1 is real time.")
    ] = None,
    advisor: Annotated[
        AdvisorChoice | None, typer.Option(help="ollama by default; off: the rules alone.")
    ] = None,
    params: ParamsCard = None,
    symbol: Symbol = None,
    state: StateDir = None,
    log_format: Annotated[
        LogFormat | None, typer.Option(help="auto: readable on a terminal, JSON lines elsewhere.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before trading live.")] = False,
    accept: Annotated[
        list[Accepted] | None,
        typer.Option("--accept", help="Trade live although the licence does not cover this; repeatable."),
    ] = None,
) -> None:
    """Run the daemon: on paper and on the embedded synthetic market unless told otherwise."""
    market = market_overrides(venue, tape, funding)
    if accept and not live:
        raise typer.BadParameter("there is nothing to accept on paper", param_hint="--accept")
    listen()
    from drift_e3.cli.launch import CHAIN_VENUES, launch
    from drift_e3.cli.licensing import refuse, warnings
    from drift_e3.config import ConfigError, Loaded, load
    from drift_e3.lab.licence import Flaw
    from drift_e3.live.daemon import ForcedStop

    read = partial(
        load,
        overrides=market
        | {
            "speed": speed,
            "advisor": advisor,
            "params_card": params,
            "symbol": symbol,
            "state_dir": state,
            "log.format": log_format,
        },
    )

    def licensed(loaded: Loaded) -> Loaded:
        """The settings, if they may be traded; a reload must not bring in what a start refuses."""
        if live:
            refuse(loaded, [Flaw(flaw) for flaw in accept or ()])
        return loaded

    loaded = read()
    if live and loaded.settings.venue not in CHAIN_VENUES:
        chosen = loaded.settings.venue
        raise ConfigError([f"--live: no live venue is configured, venue is {chosen}; drop it for paper"])
    if live:
        from drift_e3.cli.live_start import confirm

        licensed(loaded)
        confirm(loaded, yes=yes)
    try:
        cautions = warnings(loaded, live=live)
        ended = asyncio.run(launch(loaded, lambda: licensed(read()).settings, live=live, cautions=cautions))
    except ForcedStop:
        raise typer.Exit(Exit.CHECK_FAILED) from None
    if ended.trader.state.started_halted:
        resume = f"drift-e3 resume --state {loaded.settings.state_dir}"
        typer.echo(f"drift-e3: trading is halted; look at the journal, then: {resume}", err=True)
        raise typer.Exit(Exit.HALTED)


def market_overrides(venue: Venue | None, tape: Path | None, funding: Path | None) -> dict[str, object]:
    """The settings that say which market it is; options that contradict each other are refused."""
    if tape is not None and venue not in {None, Venue.TAPE}:
        raise typer.BadParameter(f"a tape is not played with --venue {venue}", param_hint="--tape")
    if funding is not None and tape is None and venue is not Venue.TAPE:
        raise typer.BadParameter(
            "funding rates belong to a tape: give --tape as well", param_hint="--funding"
        )
    return {
        "venue": Venue.TAPE if tape is not None and venue is None else venue,
        "tape.path": tape,
        "tape.funding": funding,
    }
