"""Writes a tape: Parquet with our names, the same bytes for the same values."""

from pathlib import Path

from drift_e3.ports import DataError
from drift_e3.venues.tape.columns import TIME, Columns


def write_tape(columns: Columns, path: Path) -> None:
    """Write the columns; raises `DataError` where that cannot be done."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(
        {TIME: pa.array(columns.ts_ms, pa.int64())}
        | {name: pa.array(values, pa.float64()) for name, values in columns.floats.items()}
    )
    try:
        pq.write_table(table, path, compression="zstd")
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror or error}") from error
