"""`drift-e3 download`: a market's history, fetched to a folder."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drift_e3.cli.moments import DAY, NO_TIME, End, moment_ms
from drift_e3.cli.options import Symbol
from drift_e3.cli.record import TapeFolder, TapeVenue

if TYPE_CHECKING:
    from drift_e3.config import Settings
    from drift_e3.wiring.tapes import History

Start = Annotated[str, typer.Option(metavar="D", help="First day or time, UTC.")]


def download(
    out: TapeFolder, start: Start, end: End = None, venue: TapeVenue = None, symbol: Symbol = None
) -> None:
    """Fetch candles and funding to a folder: candles.parquet and funding.parquet.

    What is there already is not fetched again, whether a download ended before its time or another span of
    time is wanted now. The length of the candles and whose prices they have are the settings data_api.frame
    and data_api.candles.
    """
    from drift_e3.config import load

    from_ts, before_ts = moment_ms("--start", start, NO_TIME), moment_ms("--end", end, DAY)
    assert from_ts is not None
    if before_ts is not None and before_ts <= from_ts:
        raise typer.BadParameter("is not after --start", param_hint="--end")
    loaded = load(overrides={"venue": venue, "symbol": symbol})
    history = asyncio.run(_download(loaded.settings, out, from_ts, before_ts))
    for note in _notes(history):
        typer.echo(f"note: {note}", err=True)
    candles, funding = history.candles, history.funding
    typer.echo(
        f"{candles.path}: {candles.rows} candles of the {_whose(candles.source)}, {candles.new} of them new"
    )
    if funding.rows:
        typer.echo(f"{funding.path}: {funding.rows} rates, {funding.new} of them new")


async def _download(settings: "Settings", out: Path, from_ts: int, before_ts: int | None) -> "History":
    from drift_e3.cli.progress import meter
    from drift_e3.journal.state_lock import StateLock
    from drift_e3.live.clock import WallClock
    from drift_e3.wiring import tapes

    clock = WallClock()
    # Before the folder is made: a wrong venue must leave no trace.
    tapes.served_market(settings)
    until_ts = clock.now_ms() if before_ts is None else before_ts
    with StateLock(out, clock.now_ms()):
        return await tapes.download(settings, out, from_ts, until_ts, clock, meter)


def _notes(history: "History") -> Iterator[str]:
    """What a person should know of the files."""
    from drift_e3 import wiring

    for what, files in (("candles", history.candles), ("rates", history.funding)):
        if files.corrected:
            yield f"{files.path}: {files.corrected} {what} differ from what was fetched before; now as served"
    if not history.funding.rows:
        yield "no funding in that time"
    if history.funding.unserved_ts:
        first = datetime.fromtimestamp(history.funding.unserved_ts // 1_000, UTC)
        yield f"the service gives no funding before {first:%Y-%m-%d %H:%M} UTC"
    for oddity in wiring.oddities(history.reports):
        yield "{path}: {what} x {count}: {note}".format(**oddity)


def _whose(source: str) -> str:
    return "oracle" if source == "oracle" else "venue's fills"
