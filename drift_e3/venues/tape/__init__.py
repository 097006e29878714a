"""The recorded market: files of candles, funding, oracle ticks and books, checked and played in time.

`columns` opens the files, `checks` and `funding` say what is refused and what is only counted, `series` holds
what was read, `reading` joins them, `feed` plays it. Data is never repaired here, nothing is fetched, and
nothing here knows of orders: fills belong to `venues.sim`.
"""

from drift_e3.venues.tape.feed import TapeFeed
from drift_e3.venues.tape.reading import read_book, read_candles, read_funding, read_ticks
from drift_e3.venues.tape.series import (
    Anomaly,
    BookTape,
    CandleTape,
    Finding,
    FundingTape,
    TapeReport,
    TickTape,
)

__all__ = [
    "Anomaly",
    "BookTape",
    "CandleTape",
    "Finding",
    "FundingTape",
    "TapeFeed",
    "TapeReport",
    "TickTape",
    "read_book",
    "read_candles",
    "read_funding",
    "read_ticks",
]
