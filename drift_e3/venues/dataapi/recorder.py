"""Writes a live market to a folder as a tape: appended row by row, lost for at most a minute by a crash.

New rows are appended to CSV files, which are tape files themselves; once a day, at the start and at the end
they are folded into the Parquet files beside them. A crash at any moment leaves both readable: a torn last
line is cut off, and what was folded twice is there once. What is recorded is what the feed told the core.
"""

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from drift_e3.core.events import BookSeen, CandleClosed, FundingPublished, MarketEvent, OracleTick
from drift_e3.ports import DataError
from drift_e3.venues.dataapi.candles import TOLD_KEPT
from drift_e3.venues.dataapi.records import CandleRecord, Ohlc, Trade
from drift_e3.venues.dataapi.tape_files import (
    CANDLES,
    FUNDING,
    TICKS,
    TRADES,
    Market,
    Row,
    book_columns,
    candle_row,
    funding_columns,
    last_rows,
    opened,
    record_of,
    replace_file,
    rows_of,
    schema,
    sync,
)

BATCH_ROWS: Final = 50_000


@dataclass(slots=True)
class Series:
    """One kind of rows: `NAME.parquet` with what was folded, `NAME.csv` with what came since.

    Rows come in order of time; with `once` each time is there once, and a row of a time already there is
    left out. `append` and `hand_over` belong to the event loop, the others, which touch the disk, to one
    thread.
    """

    folder: Path
    name: str
    columns: tuple[str, ...]
    market: Market
    once: bool = True
    rows: int = 0
    """Rows taken since the start."""
    last_ts: int = -1
    _new: list[Row] = field(default_factory=list)
    _handed: deque[list[Row]] = field(default_factory=deque)
    """Filled by the loop and emptied by the thread at any time, which a deque's two ends allow."""

    @property
    def parquet(self) -> Path:
        """What was folded."""
        return self.folder / f"{self.name}.parquet"

    @property
    def csv(self) -> Path:
        """What came since."""
        return self.folder / f"{self.name}.csv"

    @property
    def _folding(self) -> Path:
        return self.folder / f"{self.name}.folding.csv"

    def append(self, row: Row) -> None:
        """Take a row; nothing is written yet."""
        ts = int(row[0] or 0)
        if ts > self.last_ts or (ts == self.last_ts and not self.once):
            self.last_ts = ts
            self.rows += 1
            self._new.append(row)

    def hand_over(self) -> None:
        """Leave the rows taken so far to the next `write`."""
        self._handed.append(self._new)
        self._new = []

    def write(self) -> None:
        """Bring what was handed over to the disk."""
        rows: list[Row] = []
        while self._handed:
            rows += self._handed.popleft()
        if not rows:
            return
        fresh = not self.csv.exists()
        with self.csv.open("a", encoding="ascii") as file:
            if fresh:
                file.write(",".join(self.columns) + "\n")
            for row in rows:
                file.write(",".join("" if value is None else str(value) for value in row) + "\n")
            file.flush()
            os.fsync(file.fileno())
        if fresh:
            sync(self.folder)

    def set_aside(self) -> None:
        """Let what was written so far be folded; new rows go to a new file."""
        if self.csv.exists() and not self._folding.exists():
            self.csv.rename(self._folding)

    def fold(self) -> None:
        """Move what was set aside into the Parquet file. Raises `DataError` for a file that is not ours."""
        if not self._folding.exists():
            return
        columns, batches = self.columns, self._merged()
        if columns == FUNDING:
            pieces = list(batches)
            columns = funding_columns(row for piece in pieces for row in rows_of(piece))
            batches = iter(pieces)
        replace_file(self.parquet, batches, columns, self.market)
        self._folding.unlink()

    def recover(self) -> None:
        """Take up what an earlier run left, however it ended. Raises `DataError`."""
        for path in (self._folding, self.csv):
            _cut_torn_line(path)
        self.fold()
        self.set_aside()
        self.fold()
        rows = last_rows(self.parquet, self.columns, self.market)
        self.last_ts = int(rows[-1][0] or 0) if rows else -1

    def _merged(self) -> Iterator[Any]:
        """What is folded already, and the rows set aside that are not among it."""
        rows = _read_csv(self._folding, self.columns, self.market)
        there = last_rows(self.parquet, self.columns, self.market)
        if there:
            import pyarrow.compute as pc

            with opened(self.parquet, self.columns, self.market) as file:
                yield from file.iter_batches(BATCH_ROWS)
            rows = rows.filter(pc.field("ts_ms") > there[-1][0])
        yield rows


def _cut_torn_line(path: Path) -> None:
    """End the file with its last whole line; without even a header it goes."""
    if not path.exists():
        return
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if not whole:
        path.unlink()
    elif whole < len(content):
        os.truncate(path, whole)


def _read_csv(path: Path, columns: Sequence[str], market: Market) -> Any:
    import pyarrow as pa
    from pyarrow import csv

    wanted = schema(columns, market)
    options = csv.ConvertOptions(
        column_types={field.name: field.type for field in wanted}, null_values=[""], strings_can_be_null=True
    )
    try:
        found = csv.read_csv(path, convert_options=options)
        return found.select(list(columns)).cast(wanted)
    except (pa.ArrowException, KeyError, ValueError) as error:
        reason = str(error).strip().split("\n", 1)[0]
        raise DataError(f"{path}: cannot be read: {reason}") from error


class Recorder:
    """A tape that grows. Implements `feed.Tap` for what the core is not told, and `sink` for what it is."""

    def __init__(self, folder: Path, market: Market, levels: int) -> None:
        self._levels = levels
        self.candles = Series(folder, "candles", CANDLES, market)
        self.funding = Series(folder, "funding", FUNDING, market)
        self.ticks = Series(folder, "ticks", TICKS, market)
        self.books = Series(folder, "book", book_columns(levels), market)
        self.trades_seen = Series(folder, "trades", TRADES, market, once=False)
        self.left_out = 0
        """Books that a tape cannot hold: one-sided or crossed."""
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def series(self) -> tuple[Series, ...]:
        """All kinds of rows."""
        return self.candles, self.funding, self.ticks, self.books, self.trades_seen

    def recover(self) -> list[CandleRecord]:
        """Take up what is in the folder; the last candles of it, oldest first. Raises `DataError`."""
        for series in self.series:
            series.recover()
        rows = last_rows(self.candles.parquet, CANDLES, self.candles.market)
        return [record_of(row) for row in rows[-TOLD_KEPT:]]

    def candle(self, record: CandleRecord, event: CandleClosed) -> None:
        """Record a candle with the prices that the core gets, and both that there are."""
        self.candles.append(candle_row(record, Ohlc(event.open, event.high, event.low, event.close)))

    def trades(self, trades: Iterable[Trade], seen_ts: int) -> None:
        """Record everybody's trades."""
        for trade in trades:
            key = trade.key if trade.key.isascii() and not set(trade.key) & set(',"\n\r') else ""
            self.trades_seen.append(
                (seen_ts, trade.price_usd, trade.size_base, int(trade.side), trade.ts, key)
            )

    async def sink(self, events: Sequence[MarketEvent]) -> None:
        """Record what the core would be told; candles come by `candle`."""
        for event in events:
            match event:
                case FundingPublished():
                    self.funding.append((event.publish_ts, event.rate_frac_1h, event.premium_frac))
                case OracleTick():
                    self.ticks.append((event.seen_ts, event.price_usd, event.publish_ts))
                case BookSeen():
                    self._book(event)
                case _:
                    pass

    def hand_over(self) -> None:
        """Leave everything taken so far to the next `write`."""
        for series in self.series:
            series.hand_over()

    def write(self) -> None:
        """Bring what was handed over to the disk."""
        for series in self.series:
            series.write()

    def fold(self) -> None:
        """Move everything written into the Parquet files. Raises `DataError` for files that are not ours."""
        for series in self.series:
            series.fold()
            series.set_aside()
            series.fold()

    def _book(self, book: BookSeen) -> None:
        if not book.bids or not book.asks or book.bids[0][0] >= book.asks[0][0]:
            self.left_out += 1
            return
        row: list[int | float | str | None] = [book.seen_ts]
        for level in range(self._levels):
            for side in (book.bids, book.asks):
                row += side[level] if level < len(side) else (0.0, 0.0)
        self.books.append((*row, book.publish_ts))
