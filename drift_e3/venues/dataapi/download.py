"""Fetches a market's history into a folder, candles and funding, and goes on where it was killed.

Each page is kept at once, beside the file to come; when all are there, the Parquet file takes their place.
Where new pages meet what is there they overlap: if the service now says otherwise, its present word counts,
and how many differ is said.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Generic, NamedTuple, TypeVar

from drift_e3.core.terms import MS_PER_DAY, MS_PER_HOUR
from drift_e3.ports import DataError
from drift_e3.venues.dataapi.backfill import candle_pages, funding_days, funding_since, pages_reach_ts
from drift_e3.venues.dataapi.candles import PATIENCE_MS, same
from drift_e3.venues.dataapi.client import DataApi
from drift_e3.venues.dataapi.failures import ServiceRefused
from drift_e3.venues.dataapi.pages import Pages, Span, missing_from
from drift_e3.venues.dataapi.prices import THIN, Choice, Prices
from drift_e3.venues.dataapi.records import CandleRecord, FundingRecord
from drift_e3.venues.dataapi.tape_files import (
    CANDLES,
    FUNDING,
    Market,
    Row,
    candle_row,
    flat,
    funding_columns,
    read_rows,
    record_of,
    replace_file,
    table,
    unflat,
)

OVERLAP: Final = 5
"""Candles asked for once more on either side of what is missing."""
FUNDING_OVERLAP_MS: Final = 3 * MS_PER_HOUR

Progress = Callable[[int, int], None]
"""Told how much is done of how much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is wanted: candles that open from `from_ts` to before `before_ts`, and the funding published then;
    `choice` says whose prices the candles get."""

    market: Market
    from_ts: int
    before_ts: int
    choice: Choice
    folder: Path


class Downloaded(NamedTuple):
    """What a file now holds: rows in all, how many of them came anew, how many known ones were corrected.

    `source` is whose prices the candles have; before `unserved_ts`, if not 0, the service gives no funding.
    """

    path: Path
    rows: int
    new: int
    corrected: int
    source: str = ""
    unserved_ts: int = 0


async def download_candles(api: DataApi, order: Order, now_ms: int, progress: Progress) -> Downloaded:
    """Fetch what is missing of the candles, then write the file.

    Raises `DataError` where there are none, or where the folder holds another market; `ServiceUnavailable`
    and `ServiceRefused` after what was fetched so far has been kept.
    """
    market, frame_ms = order.market, order.market.frame_ms
    path = order.folder / "candles.parquet"
    stock = _Stock({r.open_ts: r for r in map(record_of, read_rows(path, CANDLES, market))}, same)
    with Pages(order.folder / "candles.pages", market) as pages:
        for page in pages.read():
            stock.take(page.span, {r.open_ts: r for r in map(unflat, page.rows)})
        # The youngest may still be forming, or get late fills.
        over_ts = (now_ms - PATIENCE_MS) // frame_ms * frame_ms
        newest_ts = min(order.before_ts - 1, over_ts - frame_ms) // frame_ms * frame_ms
        wanted = Span(-(-order.from_ts // frame_ms) * frame_ms, newest_ts)
        meter = _Meter(wanted, stock.held, frame_ms, progress)
        for gap in meter.gaps:
            to_ts = gap.to_ts
            # Only where new and old meet: nothing is fetched that nobody wanted.
            before = OVERLAP * frame_ms * (gap.from_ts - frame_ms in stock.known)
            after = OVERLAP * frame_ms * (gap.to_ts + frame_ms in stock.known)
            asked = gap.from_ts - before, min(gap.to_ts + after, newest_ts)
            async for found in candle_pages(api, market.symbol, frame_ms, *asked):
                span = Span(max(found[0].open_ts, gap.from_ts), to_ts)
                pages.keep(span, map(flat, found))
                stock.take(span, {record.open_ts: record for record in found})
                meter.count(span)
                to_ts = span.from_ts - frame_ms
            meter.count(Span(gap.from_ts, to_ts))  # the service has none before
        if not stock.known:
            raise DataError(f"{market.venue} has no candles of {market.symbol} in that time")
        rows, source = _priced(stock.ordered(), order.choice, frame_ms)
        replace_file(path, [table(rows, CANDLES, market)], CANDLES, market)
        pages.drop()
    return Downloaded(path, len(rows), stock.new, stock.corrected, source)


async def download_funding(api: DataApi, order: Order, now_ms: int, progress: Progress) -> Downloaded:
    """Fetch what is missing of the funding, then write the file, if there is any. Raises as for candles.

    The last month comes in pages, older days one by one, as far back as the service has them.
    """
    market = order.market
    path = order.folder / "funding.parquet"
    stock = _Stock({r.publish_ts: r for r in _fundings(read_rows(path, FUNDING, market))}, _equal)
    unserved_ts = 0
    with Pages(order.folder / "funding.pages", market) as pages:
        for page in pages.read():
            stock.take(page.span, {r.publish_ts: r for r in _fundings(page.rows)})
        wanted = Span(order.from_ts, min(order.before_ts, now_ms) - 1)
        meter = _Meter(wanted, stock.held, 1, progress)

        def keep(span: Span, found: Sequence[FundingRecord]) -> None:
            pages.keep(span, found)
            stock.take(span, {record.publish_ts: record for record in found})
            meter.count(span)

        month_ts = pages_reach_ts(now_ms)
        for gap in meter.gaps:
            if gap.to_ts >= month_ts:
                from_ts = max(gap.from_ts, month_ts)
                since = await funding_since(api, market.symbol, from_ts - FUNDING_OVERLAP_MS)
                found = [r for r in since if r.publish_ts >= from_ts or r.publish_ts in stock.known]
                keep(Span(from_ts, gap.to_ts), [r for r in found if r.publish_ts <= gap.to_ts])
            older = Span(gap.from_ts, min(gap.to_ts, month_ts - 1))
            try:
                async for day_ts, found in funding_days(api, market.symbol, older.from_ts, older.to_ts + 1):
                    span = Span(max(day_ts, older.from_ts), min(day_ts + MS_PER_DAY - 1, older.to_ts))
                    keep(span, found)
                    older = Span(older.from_ts, span.from_ts - 1)
            except ServiceRefused:
                unserved_ts = older.to_ts + 1
                break
        records = stock.ordered()
        if records:
            rows: list[Row] = [tuple(record) for record in records]
            columns = funding_columns(rows)
            replace_file(path, [table(rows, columns, market)], columns, market)
        pages.drop()
    return Downloaded(path, len(records), stock.new, stock.corrected, "", unserved_ts)


Record = TypeVar("Record")


class _Stock(Generic[Record]):
    """Records by their times: what is there, for which spans it is whole, and what came to it since."""

    def __init__(self, known: dict[int, Record], alike: Callable[[Record, Record], bool]) -> None:
        self.known = known
        self.held = [Span(min(known), max(known))] if known else []
        self.new = self.corrected = 0
        self._alike = alike

    def take(self, span: Span, found: dict[int, Record]) -> None:
        """Take in all records that there are within a span, and perhaps some around it."""
        for ts, record in found.items():
            self.new += ts not in self.known
            self.corrected += ts in self.known and not self._alike(self.known[ts], record)
        self.known.update(found)
        self.held.append(span)

    def ordered(self) -> list[Record]:
        """All records, oldest first."""
        return [self.known[ts] for ts in sorted(self.known)]


class _Meter:
    """What is missing of the wanted span, newest first, and how far fetching it has come."""

    def __init__(self, wanted: Span, held: Iterable[Span], step_ms: int, progress: Progress) -> None:
        self.gaps = missing_from(wanted, held, step_ms)
        self._total = wanted.steps(step_ms)
        self._left = sum(gap.steps(step_ms) for gap in self.gaps)
        self._step_ms = step_ms
        self._progress = progress

    def count(self, span: Span) -> None:
        """So much has been fetched."""
        self._left -= span.steps(self._step_ms)
        self._progress(self._total - self._left, self._total)


def _priced(records: Sequence[CandleRecord], choice: Choice, frame_ms: int) -> tuple[list[Row], str]:
    """The rows of a file with the prices chosen, and whose they are: one choice for the whole file."""
    if choice == "auto":
        idle = sum(record.volume_base == 0.0 for record in records)
        choice = "oracle" if idle > THIN * len(records) else "fills"
    prices = Prices(choice, frame_ms)
    chosen = ((record, prices.choose(record)) for record in records)
    return [candle_row(record, ohlc) for record, ohlc in chosen if ohlc is not None], choice


def _fundings(rows: Iterable[Sequence[Any]]) -> Iterable[FundingRecord]:
    return (FundingRecord(*row) for row in rows)


def _equal(one: object, other: object) -> bool:
    return one == other
