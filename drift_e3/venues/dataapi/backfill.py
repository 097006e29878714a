"""History from the data API, page by page from the newest back: what the core warms up on, and downloads.

Nothing is written here.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Final

from drift_e3.core.terms import MS_PER_DAY, MS_PER_SECOND
from drift_e3.venues.dataapi.client import CANDLES_MAX, FUNDING_DAYS, DataApi
from drift_e3.venues.dataapi.records import CandleRecord, FundingRecord

PAGES_MAX: Final = 100
"""Cursors that never end are no reason to ask for ever: the pages of a month of funding are one."""


async def candle_pages(
    api: DataApi, symbol: str, frame_ms: int, from_ts: int, newer_ts: int, *, hurry_s: float = 0.0
) -> AsyncIterator[tuple[CandleRecord, ...]]:
    """Pages of candles that open from `from_ts` to `newer_ts`, both included, the newest page first.

    Each page is oldest first and holds only candles that are older than the pages before; it ends where the
    service has no older ones. The last candle of the first page may be forming. `hurry_s` as in the client.
    """
    while newer_ts >= from_ts:
        wanted = (newer_ts - from_ts) // frame_ms + 1
        limit = min(wanted, CANDLES_MAX)
        page = await api.candles(symbol, frame_ms, newer_ts=newer_ts, limit=limit, hurry_s=hurry_s)
        inside = tuple(record for record in page.records if record.open_ts >= from_ts)
        if not inside:
            return
        yield inside
        newer_ts = page.records[0].open_ts - frame_ms


async def candles_between(
    api: DataApi, symbol: str, frame_ms: int, from_ts: int, newer_ts: int, *, hurry_s: float = 0.0
) -> list[CandleRecord]:
    """All candles that open from `from_ts` to `newer_ts`, oldest first; the last may be forming."""
    pages = [page async for page in candle_pages(api, symbol, frame_ms, from_ts, newer_ts, hurry_s=hurry_s)]
    return [record for page in reversed(pages) for record in page]


async def funding_since(api: DataApi, symbol: str, from_ts: int) -> list[FundingRecord]:
    """Funding updates of the last 31 days from `from_ts` on, oldest first, each time once."""
    found: dict[int, FundingRecord] = {}
    cursor = ""
    for _ in range(PAGES_MAX):
        page = await api.funding(symbol, page=cursor)
        found.update((record.publish_ts, record) for record in page.records)
        cursor = page.next_page
        if not cursor or not page.records or page.records[-1].publish_ts < from_ts:
            break
    return [found[ts] for ts in sorted(found) if ts >= from_ts]


async def funding_days(
    api: DataApi, symbol: str, from_ts: int, before_ts: int
) -> AsyncIterator[tuple[int, list[FundingRecord]]]:
    """The funding updates of each UTC day that has a part of `from_ts` to `before_ts`, the newest day first.

    Gives the day's first ms and its updates, oldest first. Made for days that the pages no longer have.
    """
    day_ts = (before_ts - 1) // MS_PER_DAY * MS_PER_DAY
    while day_ts + MS_PER_DAY > from_ts:
        day = (datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=day_ts)).date()
        page = await api.funding_of(symbol, day)
        inside = [r for r in page.records if day_ts <= r.publish_ts < day_ts + MS_PER_DAY]
        yield day_ts, sorted(inside)
        day_ts -= MS_PER_DAY


def pages_reach_ts(now_ms: int) -> int:
    """From when on the pages of funding are whole; a day's grace, as what leaves them leaves them slowly."""
    return (now_ms // MS_PER_SECOND) * MS_PER_SECOND - (FUNDING_DAYS - 1) * MS_PER_DAY
