"""Asks the data API and the order book's server over HTTP.

Every question is an idempotent read: it has a deadline, is asked again with growing, jittered pauses, and is
throttled for each host. Whatever a server does ends in an answer, `ServiceUnavailable` or `ServiceRefused`.
What bodies mean is for `answers` to say, what to ask and when for `backfill` and `feed`.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Final, NamedTuple, TypeVar
from urllib.parse import quote, urlsplit

import aiohttp
import tenacity
from asyncio_throttle import Throttler

from drift_e3 import __version__
from drift_e3.core.terms import MS_PER_SECOND
from drift_e3.venues.dataapi.answers import (
    BadBody,
    CandlePage,
    read_book,
    read_candles,
    read_funding,
    read_problem,
    read_stats,
)
from drift_e3.venues.dataapi.failures import Failure, ServiceRefused, ServiceUnavailable
from drift_e3.venues.dataapi.records import RESOLUTIONS, Book, FundingPage, MarketStats

BODY_BYTES_MAX: Final = 8 * 1_024 * 1_024
"""A page of 1,000 candles has a quarter of a megabyte."""
PROBLEM_BYTES_MAX: Final = 2_048
DETAIL_CHARS_MAX: Final = 120
RETRY_AFTER_MAX_S: Final = 30.0
CANDLES_MAX: Final = 1_000
FUNDING_MAX: Final = 750
FUNDING_DAYS: Final = 31
"""How far back the pages of funding go; older days are asked for one by one."""

Answer = TypeVar("Answer")


class Hosts(NamedTuple):
    """Where a venue's services are."""

    data_api: str
    dlob: str


HOSTS: Final[Mapping[str, Hosts]] = {
    "velocity": Hosts("https://data.velocity.exchange", "https://dlob.velocity.exchange"),
    "drift": Hosts("https://data.api.drift.trade", "https://dlob.drift.trade"),
}
"""The venues' own hosts, where the settings name none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How a host is asked: deadline of one try, tries, the longest pause between two, requests a second."""

    deadline_s: float = 10.0
    tries: int = 4
    pause_s: float = 0.5
    pause_max_s: float = 8.0
    per_second: int = 5


def open_session() -> aiohttp.ClientSession:
    """A session for the services: no cookies, no proxies from the environment, no deadlines of its own."""
    return aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        headers={"User-Agent": f"drift-e3/{__version__}", "Accept": "application/json"},
        trust_env=False,
    )


class Reader:
    """Asks one host. Raises ValueError for an address that is not http(s)."""

    def __init__(self, url: str, session: aiohttp.ClientSession, manners: Manners | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"{url!r} is no http or https address")
        self.url = url.rstrip("/")
        self._host = parts.hostname
        self._session = session
        self._manners = manners or Manners()
        self._throttler = Throttler(rate_limit=self._manners.per_second, period=1.0)

    async def ask(
        self,
        path: str,
        query: Mapping[str, str],
        read: Callable[[bytes], Answer],
        *,
        tries: int | None = None,
        deadline_s: float | None = None,
    ) -> Answer:
        """What `read` makes of the body, tried again while the server is unavailable.

        Raises `ServiceUnavailable` after the last try, `ServiceRefused` at once. `tries` and `deadline_s` (of
        one try) replace the usual ones for who cannot wait.
        """
        manners = self._manners
        attempts = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(ServiceUnavailable),
            stop=tenacity.stop_after_attempt(tries or manners.tries),
            wait=self._pause,
            reraise=True,
        )
        return await attempts(self._ask_once, path, query, read, deadline_s or manners.deadline_s)

    def _pause(self, state: tenacity.RetryCallState) -> float:
        """Grows and jitters; never shorter than what the server asked for."""
        manners = self._manners
        backoff = tenacity.wait_random_exponential(multiplier=manners.pause_s, max=manners.pause_max_s)(state)
        error = state.outcome.exception() if state.outcome is not None else None
        wished = error.retry_after_s if isinstance(error, ServiceUnavailable) else 0.0
        return max(backoff, min(wished, RETRY_AFTER_MAX_S))

    async def _ask_once(
        self, path: str, query: Mapping[str, str], read: Callable[[bytes], Answer], deadline_s: float
    ) -> Answer:
        unavailable = partial(ServiceUnavailable, self._host)
        try:
            async with self._throttler, asyncio.timeout(deadline_s):
                url = self.url + path
                async with self._session.get(url, params=query, allow_redirects=False) as response:
                    body = await self._body(response)
        except TimeoutError:
            raise unavailable(Failure.TIMEOUT) from None
        except aiohttp.ClientConnectorError as error:
            raise unavailable(Failure.UNREACHABLE, error.strerror or type(error).__name__) from None
        except aiohttp.ClientResponseError:
            raise unavailable(Failure.BAD_BODY, "not HTTP") from None
        except (aiohttp.ClientError, OSError) as error:
            raise unavailable(Failure.DISCONNECTED, type(error).__name__) from None
        try:
            return read(body)
        except BadBody as error:
            raise unavailable(Failure.BAD_BODY, str(error)) from None

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        status = response.status
        if status == 200:
            body = await response.content.read(BODY_BYTES_MAX + 1)
            while not response.content.at_eof() and len(body) <= BODY_BYTES_MAX:
                body += await response.content.read(BODY_BYTES_MAX + 1 - len(body))
            if len(body) > BODY_BYTES_MAX:
                raise ServiceUnavailable(self._host, Failure.TOO_LARGE)
            return body
        problem = read_problem(await response.content.read(PROBLEM_BYTES_MAX))
        detail = " ".join(f"{status} {problem}".split())[:DETAIL_CHARS_MAX]
        if status == 429:
            wished = _seconds(response.headers.get("Retry-After", ""))
            raise ServiceUnavailable(self._host, Failure.BUSY, detail, wished)
        if status == 408 or not 400 <= status < 500:
            raise ServiceUnavailable(self._host, Failure.SERVER_ERROR, detail)
        raise ServiceRefused(self._host, detail)


def _seconds(text: str) -> float:
    """A header's seconds; a date counts as not said."""
    return float(text) if text.isascii() and text.isdigit() else 0.0


class DataApi(Reader):
    """The venue's history service."""

    async def candles(
        self, symbol: str, frame_ms: int, *, newer_ts: int, limit: int = CANDLES_MAX, hurry_s: float = 0.0
    ) -> CandlePage:
        """The newest of the candles that open at or before `newer_ts`, up to about `limit`; the last may be
        forming. With `hurry_s` one try of that long.

        One more is asked for, because not every server includes the end it is given. A server that has
        nothing but newer candles does not page: bad body.
        """
        path = f"/market/{quote(symbol, safe='')}/candles/{RESOLUTIONS[frame_ms]}"
        start = (newer_ts + frame_ms) // MS_PER_SECOND
        query = {"limit": str(min(limit + 1, CANDLES_MAX)), "startTs": str(start)}

        def read(body: bytes) -> CandlePage:
            page = read_candles(body)
            if page.records and page.records[0].open_ts > newer_ts + frame_ms:
                raise BadBody("only candles newer than asked for")
            asked_for = tuple(record for record in page.records if record.open_ts <= newer_ts)
            return CandlePage(asked_for, page.refused)

        return await self.ask(path, query, read, tries=1 if hurry_s else None, deadline_s=hurry_s or None)

    async def funding(self, symbol: str, *, page: str = "", limit: int = FUNDING_MAX) -> FundingPage:
        """Funding updates of the last 31 days, newest first; `page` is the cursor of an earlier answer."""
        query = {"limit": str(limit)} | ({"page": page} if page else {})
        return await self.ask(f"/market/{quote(symbol, safe='')}/fundingRates", query, read_funding)

    async def funding_of(self, symbol: str, day: date) -> FundingPage:
        """The funding updates of one day (UTC), however long ago, newest first."""
        path = f"/market/{quote(symbol, safe='')}/fundingRates/{day:%Y/%m/%d}"
        return await self.ask(path, {}, read_funding)

    async def stats(self, symbol: str) -> MarketStats:
        """The market's present figures."""
        return await self.ask("/stats/markets", {}, partial(read_stats, symbol=symbol))


class DlobApi(Reader):
    """The venue's order book service."""

    async def book(self, symbol: str, depth: int) -> Book:
        """The order book, indicative quotes included."""
        query = {"marketName": symbol, "depth": str(depth), "includeIndicative": "true"}
        return await self.ask("/l2", query, read_book)

    async def health(self) -> None:
        """Return if the server says that it is well; raises like every question if not."""
        await self.ask("/health", {}, bytes, tries=1)
