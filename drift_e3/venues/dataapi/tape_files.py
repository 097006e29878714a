"""Tape files on the disk: which columns each kind has, whose market a file is of, and how it is replaced.

Recordings and downloads write these; `venues.tape` reads them and ignores the columns beyond its own, which
keep what it has no use for: both prices of a candle, and when a record was published. A file is only ever
replaced as a whole. Needs pyarrow, imported on first use.
"""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from drift_e3.ports import DataError
from drift_e3.venues.dataapi.records import CandleRecord, Ohlc

PRICES: Final = ("open", "high", "low", "close")
MARKET_KEY: Final = b"drift_e3"
TIME: Final = "ts_ms"
WHOLE: Final = frozenset({TIME, "publish_ts_ms", "side"})
"""Columns of whole numbers; ``key`` is text, all others are floats."""

CANDLES: Final = (
    TIME,
    *PRICES,
    "volume",
    "quote_volume",
    *(f"fill_{name}" for name in PRICES),
    *(f"oracle_{name}" for name in PRICES),
)
FUNDING: Final = (TIME, "rate", "premium")
TICKS: Final = (TIME, "price", "publish_ts_ms")
TRADES: Final = (TIME, "price", "size", "side", "publish_ts_ms", "key")

Row = tuple[int | float | str | None, ...]


def book_columns(levels: int) -> tuple[str, ...]:
    """The columns of books with so many levels on each side."""
    sides = ("bid_price", "bid_size", "ask_price", "ask_size")
    return (TIME, *(f"{side}_{level}" for level in range(1, levels + 1) for side in sides), "publish_ts_ms")


def funding_columns(rows: Iterable[Row]) -> tuple[str, ...]:
    """The columns of these rows of `FUNDING`. A premium that is not always known gets a name that tapes do
    not read, because they take a premium column at its word."""
    return FUNDING if all(row[2] is not None for row in rows) else (*FUNDING[:2], "premium_or_none")


class Market(NamedTuple):
    """Whose market a file is of; files of another one are not added to."""

    venue: str
    symbol: str
    frame_ms: int

    def encoded(self) -> bytes:
        """For a file's metadata."""
        return json.dumps(self._asdict()).encode()


def candle_row(record: CandleRecord, prices: Ohlc) -> Row:
    """A candle with the prices that the tape is played with, and both that the service has."""
    return (record.open_ts, *prices, *flat(record)[1:])


def record_of(row: Sequence[Any]) -> CandleRecord:
    """The service's candle of a row of `CANDLES`."""
    return unflat((row[0], *row[5:]))


def flat(record: CandleRecord) -> Row:
    """The service's candle as one row of plain values, for `unflat`."""
    nothing = (None, None, None, None)
    volumes = (record.volume_base, record.volume_quote)
    return (record.open_ts, *volumes, *(record.fill or nothing), *(record.oracle or nothing))


def unflat(row: Sequence[Any]) -> CandleRecord:
    """The candle of a row that `flat` made."""
    ts, base, quote = row[:3]
    fill, oracle = row[3:7], row[7:11]
    return CandleRecord(
        ts, None if None in fill else Ohlc(*fill), None if None in oracle else Ohlc(*oracle), base, quote
    )


def schema(columns: Sequence[str], market: Market) -> Any:
    """The Arrow schema of a kind of file."""
    import pyarrow as pa

    def kind(name: str) -> Any:
        return pa.int64() if name in WHOLE else pa.string() if name == "key" else pa.float64()

    return pa.schema([(name, kind(name)) for name in columns], metadata={MARKET_KEY: market.encoded()})


def table(rows: Iterable[Row], columns: Sequence[str], market: Market) -> Any:
    """Rows as an Arrow table."""
    import pyarrow as pa

    whole = schema(columns, market)
    by_column = list(zip(*rows, strict=True)) or [()] * len(columns)
    arrays = [pa.array(values, field.type) for values, field in zip(by_column, whole, strict=True)]
    return pa.Table.from_arrays(arrays, schema=whole)


@contextmanager
def opened(path: Path, columns: Sequence[str], market: Market) -> Iterator[Any]:
    """A file of ours that is there, as a `ParquetFile`. Raises `DataError` for any other file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).strip().split("\n", 1)[0]
        raise DataError(f"{path}: cannot be read as Parquet: {reason}") from error
    with file:
        found = file.schema_arrow
        metadata = (found.metadata or {}).get(MARKET_KEY)
        if metadata is None or len(found.names) != len(columns):
            raise DataError(f"{path}: was not written by this command: give another --out")
        if metadata != market.encoded():
            there = Market(**json.loads(metadata))
            raise DataError(
                f"{path}: holds {there.symbol} of {there.venue} in frames of {there.frame_ms} ms, "
                f"not {market.symbol} of {market.venue} in frames of {market.frame_ms} ms: give another --out"
            )
        yield file


def rows_of(piece: Any) -> Iterator[Row]:
    """The rows of an Arrow table or batch."""
    return zip(*(column.to_pylist() for column in piece.columns), strict=True)


def read_rows(path: Path, columns: Sequence[str], market: Market) -> list[Row]:
    """All rows of a file, none where there is no file. Raises `DataError`."""
    if not path.exists():
        return []
    with opened(path, columns, market) as file:
        return list(rows_of(file.read()))


def last_rows(path: Path, columns: Sequence[str], market: Market) -> list[Row]:
    """The rows that were written to a file last, none where there is no file. Raises `DataError`."""
    if not path.exists():
        return []
    with opened(path, columns, market) as file:
        groups = file.metadata.num_row_groups
        return list(rows_of(file.read_row_group(groups - 1))) if groups else []


def replace_file(path: Path, batches: Iterable[Any], columns: Sequence[str], market: Market) -> None:
    """Write a whole file of Arrow tables or batches in the place of the old one, in one step."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    new = path.with_suffix(".new")
    wanted = schema(columns, market)
    with pq.ParquetWriter(new, wanted, compression="zstd") as writer:
        for batch in batches:
            piece = pa.Table.from_batches([batch]) if isinstance(batch, pa.RecordBatch) else batch
            writer.write_table(piece.rename_columns(list(columns)).cast(wanted))
    sync(new)
    new.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Wait until a file, or what a folder holds, is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
