"""Names what tapes are made from: a venue's services, live or their history, and the files they go to."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from drift_e3.config import ConfigError, Settings
from drift_e3.ports import Clock
from drift_e3.wiring.chain import FRAMES_MS

if TYPE_CHECKING:
    from drift_e3.venues.dataapi.download import Downloaded
    from drift_e3.venues.dataapi.recording import Recorded
    from drift_e3.venues.dataapi.tape_files import Market
    from drift_e3.venues.tape.series import TapeReport

Meter = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]
"""Shows how far something has come: gives the function that is told how much is done of how much."""


class History(NamedTuple):
    """What a download came to: the files, and what there is to say of those that were read back."""

    candles: "Downloaded"
    funding: "Downloaded"
    reports: "tuple[TapeReport, ...]"


async def record(settings: Settings, folder: Path, clock: Clock, stop: asyncio.Event) -> "Recorded":
    """Record the venue's live market until `stop` is set. Raises `ConfigError` for a venue without one."""
    market = served_market(settings)
    from drift_e3.venues.dataapi.client import HOSTS, DataApi, DlobApi, open_session
    from drift_e3.venues.dataapi.feed import FeedOptions, LiveFeed
    from drift_e3.venues.dataapi.recorder import Recorder
    from drift_e3.venues.dataapi.recording import record as record_market

    hosts = HOSTS[market.venue]
    options = FeedOptions(
        symbol=market.symbol, frame_ms=market.frame_ms, candles=settings.data_api.candles, oracle_ticks=True
    )
    recorder = Recorder(folder, market, options.book_levels)
    async with open_session() as session:
        api = DataApi(settings.data_api.url or hosts.data_api, session)
        dlob = DlobApi(settings.dlob.url or hosts.dlob, session)
        feed = LiveFeed(api, dlob, session, clock, options, recorder)
        return await record_market(feed, recorder, clock, stop)


async def download(
    settings: Settings, folder: Path, from_ts: int, before_ts: int, clock: Clock, meter: Meter
) -> History:
    """Fetch the venue's candles and funding from `from_ts` to before `before_ts` (ms) and read them back.

    Raises `ConfigError` for a venue without them, else as `dataapi.download` does.
    """
    market = served_market(settings)
    from drift_e3.venues.dataapi.client import HOSTS, DataApi, open_session
    from drift_e3.venues.dataapi.download import Order, download_candles, download_funding
    from drift_e3.venues.tape.reading import read_candles, read_funding

    order = Order(
        market=market, from_ts=from_ts, before_ts=before_ts, choice=settings.data_api.candles, folder=folder
    )
    async with open_session() as session:
        api = DataApi(settings.data_api.url or HOSTS[market.venue].data_api, session)
        with meter("candles") as progress:
            candles = await download_candles(api, order, clock.now_ms(), progress)
        with meter("funding") as progress:
            funding = await download_funding(api, order, clock.now_ms(), progress)
    reports = [read_candles(candles.path).report] if candles.rows > 1 else []
    if funding.rows > 1:
        reports.append(read_funding(funding.path).report)
    return History(candles, funding, tuple(reports))


def served_market(settings: Settings) -> "Market":
    """The market of the settings. Raises `ConfigError` for a venue without services."""
    if settings.venue not in {"drift", "velocity"}:
        raise ConfigError([f"venue: {settings.venue} has no services to ask; give --venue drift or velocity"])
    # It knows of files only; what it brings along is small.
    from drift_e3.venues.dataapi.tape_files import Market

    return Market(settings.venue, settings.symbol, FRAMES_MS[settings.data_api.frame])
