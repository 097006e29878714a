"""The features of a recorded market as a table, computed by the trader's own view of it."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from drift_e3.core.events import CandleClosed
from drift_e3.core.features import Features
from drift_e3.core.market import new_market
from drift_e3.ports import DataError
from drift_e3.venues.sim.steps import BarLook
from drift_e3.venues.tape.feed import TapeFeed


def feature_table(feed: TapeFeed, progress: Callable[[], None]) -> pa.Table:
    """One row a candle: `ts_ms` (its open, UTC) and the features as of its close, null where unknown.

    `progress` is called after each candle.
    """
    view = new_market(feed.instrument, feed.feed)
    opened: list[int] = []
    rows: list[Features] = []
    while feed.next_ts() is not None:
        step = feed.advance()
        if isinstance(step, BarLook):
            continue
        features = view.observe(step)
        if features is not None and isinstance(step, CandleClosed):
            opened.append(step.open_ts)
            rows.append(features)
            progress()
    columns = {"ts_ms": pa.array(opened, pa.int64())}
    for name, values in zip(Features._fields, zip(*rows, strict=True), strict=True):
        columns[name] = pa.array(values, pa.float64(), from_pandas=True)
    return pa.table(columns)


def write_features(table: pa.Table, path: Path) -> None:
    """Write the table as Parquet; raises `DataError` where that cannot be done."""
    try:
        pq.write_table(table, path, compression="zstd")
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror or error}") from error
