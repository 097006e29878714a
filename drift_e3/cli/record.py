"""`drift-e3 record`: a live market, written to a folder as a tape."""

import asyncio
import signal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drift_e3.cli.options import Symbol

if TYPE_CHECKING:
    from drift_e3.config import Loaded


class ServedVenue(StrEnum):
    """Venues with services of their own."""

    DRIFT = "drift"
    VELOCITY = "velocity"


TapeVenue = Annotated[ServedVenue | None, typer.Option("--venue", help="Whose market.")]
TapeFolder = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="Folder of the tape; made if need be.")
]


def record(out: TapeFolder, venue: TapeVenue = None, symbol: Symbol = None) -> None:
    """Write a live market to a folder as a tape until stopped; a further start goes on with it.

    The folder gets candles.parquet, funding.parquet, ticks.parquet, book.parquet and trades.parquet; what is
    newer than they are is in .csv files of the same names meanwhile.
    """
    from drift_e3.config import load

    loaded = load(overrides={"venue": venue, "symbol": symbol})
    asyncio.run(_record(loaded, out))


async def _record(loaded: "Loaded", out: Path) -> None:
    import structlog

    from drift_e3.journal.state_lock import StateLock
    from drift_e3.live.clock import WallClock
    from drift_e3.logs import configure
    from drift_e3.wiring import tapes

    settings, clock, stop = loaded.settings, WallClock(), asyncio.Event()
    configure(settings.log.format, settings.log.level)
    # Before the folder is made: a wrong venue must leave no trace.
    tapes.served_market(settings)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    log = structlog.get_logger()
    with StateLock(out, clock.now_ms()):
        log.info("tape.begun", path=str(out), venue=settings.venue, symbol=settings.symbol)
        recorded = await tapes.record(settings, out, clock, stop)
    log.info("tape.recorded", **recorded._asdict())
