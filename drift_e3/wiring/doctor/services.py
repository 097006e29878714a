"""Asks the venue's services and the model server: whether they answer, and with something fresh."""

import asyncio
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from drift_e3.config import Settings
from drift_e3.core.terms import BPS, MS_PER_SECOND
from drift_e3.ports import Clock, VenueRefused, VenueUnavailable
from drift_e3.wiring import model_server
from drift_e3.wiring.chain import FRAMES_MS
from drift_e3.wiring.doctor.report import Check, failed, passed, warned

if TYPE_CHECKING:
    from drift_e3.advisors.fitness import Fitness
    from drift_e3.venues.dataapi.client import DataApi, DlobApi
    from drift_e3.venues.dataapi.records import Book

DEADLINE_S: Final = 8.0
"""One service, all tries included."""
TRIES: Final = 2
PAUSE_S: Final = 0.3
CANDLES: Final = 5
LEVELS: Final = 10
MODEL_DEADLINE_MS: Final = 60_000
"""For all models together: one that is not in memory has to be loaded first."""
DATA_API: Final = "DRIFT_E3_DATA_API__URL"
DLOB: Final = "DRIFT_E3_DLOB__URL"


class Ages(NamedTuple):
    """How old data may be (s) before entries stop, and the length of a candle (s)."""

    data_max_s: float
    frame_s: float


async def checks(settings: Settings, clock: Clock) -> list[Check]:
    """Candles and book of the venue's services. Never raises for what is outside."""
    from drift_e3.venues.dataapi.client import HOSTS, DataApi, DlobApi, Manners, open_session

    hosts = HOSTS[settings.venue]
    manners = Manners(deadline_s=DEADLINE_S / TRIES, tries=TRIES, pause_s=PAUSE_S)
    async with open_session() as session, asyncio.TaskGroup() as asking:
        data_api = DataApi(settings.data_api.url or hosts.data_api, session, manners)
        dlob = DlobApi(settings.dlob.url or hosts.dlob, session, manners)
        asked = (
            asking.create_task(_candles(data_api, settings, clock)),
            asking.create_task(_book(dlob, settings, clock)),
        )
    return [task.result() for task in asked]


async def machine_clock(settings: Settings, clock: Clock) -> Check:
    """This machine's clock against what the data API's server says in its answer's head, to a second."""
    import aiohttp

    from drift_e3.venues.dataapi.client import HOSTS, open_session
    from drift_e3.wiring.doctor.market import clock as judged

    url = settings.data_api.url or HOSTS[settings.venue].data_api
    host, said = urlsplit(url).hostname, ""
    async with open_session() as session:
        try:
            async with asyncio.timeout(DEADLINE_S), session.get(url, allow_redirects=False) as answer:
                said = answer.headers.get("Date", "")
            their_ts = int(parsedate_to_datetime(said).timestamp() * MS_PER_SECOND)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError):
            return warned("clock", f"not checked: {host} does not tell the time", f"see data_api, {DATA_API}")
    ahead_max_s = settings.risk.model_dump()["oracle_age_max_s"]
    return judged([clock.now_ms() - their_ts], f"the clock of {host}", ahead_max_s)


async def model(settings: Settings) -> Check:
    """The model server and its models. The rules go on without, so nothing here is a failure."""
    if settings.advisor == "off":
        return passed("model", "nobody is asked: the rules alone")
    server = model_server(settings)
    try:
        found = await server.examine(MODEL_DEADLINE_MS)
    finally:
        await server.close()
    where = f"the Ollama server {urlsplit(settings.ollama.url).netloc.rpartition('@')[2]}"
    if found.problem:
        remedy = "start it (ollama serve), correct DRIFT_E3_OLLAMA__URL, or set DRIFT_E3_ADVISOR=off"
        return warned("model", f"{where}: {found.problem}; the rules go on alone", remedy)
    there = [_told(fitness) for fitness in found.fitness if fitness.model not in found.missing]
    detail = f"{where} {found.version} has {', '.join(there) or 'none of the models'}"
    if found.missing:
        remedy = "; ".join(f"ollama pull {name}" for name in found.missing)
        return warned("model", f"{detail}; not installed: {', '.join(found.missing)}", remedy)
    if any(fitness.warning for fitness in found.fitness):
        return warned("model", detail, "see what the model answers: drift-e3 advice ask --model NAME")
    return passed("model", detail)


def _told(fitness: "Fitness") -> str:
    """A model, how long a small question took it, and what is wrong with its answer."""
    if fitness.warning:
        return f"{fitness.model} ({fitness.warning})"
    return f"{fitness.model} (answers by the schema in {fitness.latency_ms / MS_PER_SECOND:.1f} s)"


async def _candles(api: "DataApi", settings: Settings, clock: Clock) -> Check:
    frame_ms, host = FRAMES_MS[settings.data_api.frame], urlsplit(api.url).hostname
    now_ts = clock.now_ms()
    try:
        async with asyncio.timeout(DEADLINE_S):
            page = await api.candles(settings.symbol, frame_ms, newer_ts=now_ts, limit=CANDLES)
    except TimeoutError:
        return failed("data_api", f"{host}: no answer within {DEADLINE_S:g} s", _remedy(DATA_API))
    except (VenueUnavailable, VenueRefused) as failure:
        return failed("data_api", str(failure), _remedy(DATA_API))
    ages = Ages(settings.risk.model_dump()["data_age_max_s"], frame_ms / MS_PER_SECOND)
    newest_ts = max((candle.open_ts for candle in page.records), default=None)
    return candles(str(host), None if newest_ts is None else (now_ts - newest_ts) / MS_PER_SECOND, ages)


async def _book(api: "DlobApi", settings: Settings, clock: Clock) -> Check:
    host = urlsplit(api.url).hostname
    try:
        async with asyncio.timeout(DEADLINE_S):
            found = await api.book(settings.symbol, LEVELS)
    except TimeoutError:
        return failed("dlob", f"{host}: no answer within {DEADLINE_S:g} s", _remedy(DLOB))
    except (VenueUnavailable, VenueRefused) as failure:
        return failed("dlob", str(failure), _remedy(DLOB))
    age_s = (clock.now_ms() - found.ts) / MS_PER_SECOND if found.ts else None
    return book(str(host), found, age_s, settings.risk.model_dump()["data_age_max_s"])


def candles(host: str, opened_s: float | None, ages: Ages) -> Check:
    """Whether candles are fresh: the newest one opened `opened_s` ago, None for no candles. Pure."""
    if opened_s is None:
        return failed("data_api", f"{host} has no candles of this market", _remedy(DATA_API))
    detail = f"{host}: the newest candle opened {opened_s:.0f} s ago"
    # The newest one forms; the one before has closed when it opened.
    if opened_s > ages.frame_s + ages.data_max_s:
        return failed("data_api", f"{detail}, so entries would wait for a newer one", _remedy(DATA_API))
    return passed("data_api", detail)


def book(host: str, found: "Book", age_s: float | None, age_max_s: float) -> Check:
    """Whether the book is fresh and sound; `age_s` None: it does not say of when it is. Pure."""
    if not found.bids or not found.asks:
        return warned("dlob", f"{host}: a side of the book is empty", "wait until somebody quotes")
    best_bid, best_ask = found.bids[0][0], found.asks[0][0]
    spread_bps = (best_ask - best_bid) / ((best_ask + best_bid) / 2.0) / BPS
    told = "of no time" if age_s is None else f"{max(age_s, 0.0):.1f} s old"
    detail = f"{host}: {best_bid:,.4f} to {best_ask:,.4f} USD, {spread_bps:.1f} bps apart, {told}"
    if age_s is not None and age_s > age_max_s:
        return failed("dlob", f"{detail}, so entries would wait for a newer one", _remedy(DLOB))
    if found.crossed:
        return warned("dlob", f"{detail}: it is crossed", "nothing to do if it is for a moment")
    return passed("dlob", detail)


def _remedy(variable: str) -> str:
    return f"see whether the venue's service is well and {variable} is right; it is needed for entries"
