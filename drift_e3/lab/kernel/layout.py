"""What the compiled loop reads: candles, funding and the rules of a run, as records.

Records made of the core's named tuples have their field names, so that rules written for these read the
records as they stand. A record is handed from function to function as an address and nothing more, which is
why all that a run remembers is one: see `books`. Nothing here computes anything.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from drift_e3.core.features import Features
from drift_e3.core.params import Limits, Params
from drift_e3.core.terms import Instrument
from drift_e3.venues.sim.prices import LIQUIDITY_CELLS
from drift_e3.venues.sim.settings import SimSettings

Row = Any
"""One record; numba and numpy both read its fields as attributes."""
Table = npt.NDArray[np.void]
"""Rows of records."""
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Fields = Sequence[tuple[Any, ...]]

WORD: Final = 8


def record(fields: Fields) -> np.dtype[Any]:
    """A record whose fields are attributes also where nothing is compiled, each at a multiple of a word."""
    names: list[str] = []
    formats: list[Any] = []
    offsets: list[int] = []
    end = 0
    for name, *form in fields:
        one = np.dtype((form[0], *form[1:]) if len(form) > 1 else form[0])
        names.append(name)
        formats.append(one)
        offsets.append(end)
        end += -(-one.itemsize // WORD) * WORD
    spaced = np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": end})
    return np.dtype((np.record, spaced))


def record_like(values: tuple[Any, ...], names: Sequence[str]) -> np.dtype[Any]:
    """A record for a named tuple of numbers and of tuples of numbers."""
    fields: list[tuple[Any, ...]] = []
    for name, value in zip(names, values, strict=True):
        if isinstance(value, tuple):
            fields.append((name, np.float64 if isinstance(value[0], float) else np.int64, (len(value),)))
        elif isinstance(value, bool):
            fields.append((name, np.bool_))
        else:
            fields.append((name, np.int64 if isinstance(value, int) else np.float64))
    return record(fields)


def table(rows: int | tuple[int, ...], dtype: np.dtype[Any]) -> Table:
    """A table of zeros; what is never written to takes no memory."""
    return np.zeros(rows, dtype)


# -- what a run goes by --------------------------------------------------------------------------------------

INSTRUMENT_FIELDS: Final = tuple(name for name in Instrument._fields if name != "symbol")
PARAMS: Final = record_like(Params(), Params._fields)
LIMITS: Final = record_like(Limits(), Limits._fields)
INSTRUMENT: Final = record_like(Instrument()[1:], INSTRUMENT_FIELDS)
SIM: Final = record_like(SimSettings(), SimSettings._fields)

RULES: Final = record(
    [
        ("params", PARAMS),
        ("limits", LIMITS),
        ("instrument", INSTRUMENT),
        ("sim", SIM),
        ("needs_premium", np.bool_),
        ("ai_enabled", np.bool_),
        ("ai_deadline_ms", np.int64),
        ("frame_ms", np.int64),
        ("start_ts", np.int64),
        ("begins_ts", np.int64),
    ]
)
"""What a run goes by. `start_ts` is when the trader starts, `begins_ts` when trading does (UTC, ms)."""

# -- the tape ------------------------------------------------------------------------------------------------

BAR: Final = record(
    [
        ("open_ts", np.int64),
        ("open", np.float64),
        ("high", np.float64),
        ("low", np.float64),
        ("close", np.float64),
        ("funding_from", np.int64),
        ("funding_to", np.int64),
        ("liquidity", np.float64, (LIQUIDITY_CELLS,)),
        *((name, np.float64) for name in Features._fields),
    ]
)
"""A candle with its features as of its close; `liquidity` are the fill model's cells as of its open, and the
funding up to its close is in the rows from `funding_from` on to before `funding_to`."""
FUNDING: Final = record([("ts", np.int64), ("rate_frac_1h", np.float64), ("hours", np.float64)])
