"""From a file of another program to a tape: loaded, checked by the readers' rules, made longer, written."""

from pathlib import Path
from typing import NamedTuple

from drift_e3.lab.tapes.loading import load_candles, load_funding
from drift_e3.lab.tapes.resample import resample
from drift_e3.lab.tapes.writing import write_tape
from drift_e3.venues.tape.checks import check_candles, check_times, frame_of
from drift_e3.venues.tape.columns import Columns
from drift_e3.venues.tape.funding import check_funding, funding_hours


class Converted(NamedTuple):
    """What was written, and what was translated or left out, in words."""

    rows: int
    first_ts: int
    last_ts: int
    notes: list[str]


def convert_candles(file: Path, out: Path, longer_ms: int | None) -> Converted:
    """Write candles as a tape, made longer where that is wanted. Raises `DataError` for what a backtest would
    refuse."""
    columns, notes = load_candles(file)
    frame_ms = frame_of(columns, check_times(columns))
    check_candles(columns)
    if longer_ms is not None:
        columns, left_out = resample(columns, frame_ms, longer_ms)
        if left_out:
            notes.append(f"{left_out} longer candles left out, parts of them are missing")
    return _written(columns, out, notes)


def convert_funding(file: Path, out: Path) -> Converted:
    """Write funding as a tape. Raises `DataError` for what a backtest would refuse."""
    columns, notes = load_funding(file)
    check_times(columns)
    check_funding(columns, funding_hours(columns))
    return _written(columns, out, notes)


def _written(columns: Columns, out: Path, notes: list[str]) -> Converted:
    write_tape(columns, out)
    return Converted(len(columns.ts_ms), columns.ts_ms[0], columns.ts_ms[-1], notes)
