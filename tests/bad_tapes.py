"""Broken recordings: what is wrong with each file, and what is to be said of it."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from drift_e3.cli.exits import Exit
from tests.live.tapes import START as H
from tests.live.tapes import Candle, random_walk, write_candles

DATA, CONFIG = Exit.DATA, Exit.CONFIGURATION
TAPE = ("--tape", "tape.csv")
RUN = ("run", *TAPE, "--speed", "max", "--advisor", "off", "--state", "state")
BACKTEST = ("backtest", *TAPE)
COUNT = 80
HEADER = "ts_ms,open,high,low,close,volume"


class Case(NamedTuple):
    """One thing that is wrong: what is done to the folder, what is run, and what is to be said of it."""

    name: str
    spoil: Callable[[Path], object]
    arguments: Sequence[object]
    code: Exit
    says: str
    variables: Mapping[str, str] = MappingProxyType({})


def tape(change: Callable[[list[Candle]], object]) -> Callable[[Path], object]:
    """A tape of candles of which some were changed in place."""

    def make(folder: Path) -> None:
        candles = random_walk(1, COUNT, minutes=60)
        change(candles)
        write_candles(folder / "tape.csv", candles)

    return make


def row(number: int, **values: float) -> Callable[[Path], object]:
    """A tape whose 1-based row has these values."""

    def change(candles: list[Candle]) -> None:
        candles[number - 1] = Candle(**(candles[number - 1]._asdict() | values))

    return tape(change)


def text(content: str | bytes, name: str = "tape.csv") -> Callable[[Path], object]:
    raw = content.encode() if isinstance(content, str) else content
    return lambda folder: (folder / name).write_bytes(raw)


def funding(content: str) -> Callable[[Path], object]:
    return lambda folder: (folder / "funding.csv").write_text("ts_ms,rate\n" + content)


def parquet(**columns: object) -> Callable[[Path], object]:
    return lambda folder: pq.write_table(pa.table(columns), folder / "tape.parquet")


def nothing(_: Path) -> None:
    pass


NEXT = H + 3_600_000
GOOD_ROW = f"{H},1,2,1,2,5"
WITH_FUNDING = (*BACKTEST, "--funding", "funding.csv")
ONES = {name: [1.0, 1.0] for name in ("high", "low", "close", "volume")}
PARQUET = ("backtest", "--tape", "tape.parquet")
TAPES = [
    Case("a duplicate", row(9, ts_ms=H + 7 * 3_600_000), RUN, DATA, r"tape.csv: row 9 .*duplicate"),
    Case("disorder", row(9, ts_ms=H), RUN, DATA, r"tape.csv: row 9 .*disorder"),
    Case("NaN", row(5, close=float("nan")), RUN, DATA, r"row 5 .*close is nan, must be finite"),
    Case("infinity", row(5, high=float("inf")), RUN, DATA, r"row 5 .*high is inf, must be finite"),
    Case("a price of nothing", row(5, low=0.0), RUN, DATA, r"row 5 .*low is 0.0, must be above 0"),
    Case("a low above the open", row(5, low=9e9), RUN, DATA, r"row 5 .*"),
    Case("a high below the close", row(5, high=1.0), RUN, DATA, r"row 5 .*high is 1.0, must not be below"),
    Case("a volume below nothing", row(5, volume=-1.0), RUN, DATA, r"row 5 .*volume is -1.0"),
    Case("a candle off the grid", row(5, ts_ms=H + 4 * 3_600_000 + 7), RUN, DATA, r"row \d+ .*off the grid"),
    Case(
        "seconds for milliseconds", text(f"{HEADER}\n1735689600,1,2,1,2,5\n"), RUN, DATA, "looks like seconds"
    ),
    Case("a single row", text(f"{HEADER}\n{GOOD_ROW}\n"), RUN, DATA, "must be followed by another row"),
    Case("no row", text(f"{HEADER}\n"), RUN, DATA, "tape.csv: has no rows"),
    Case("an empty file", text(""), RUN, DATA, "tape.csv: is empty"),
    Case("no header", text(f"{GOOD_ROW}\n{NEXT},1,2,1,2,5\n"), RUN, DATA, "column ts_ms is missing"),
    Case("a column too few", text("ts_ms,open,high,low,close\n1,1,1,1,1\n"), RUN, DATA, "volume is missing"),
    Case("a column twice", text(f"{HEADER},open\n{GOOD_ROW},1\n"), RUN, DATA, "column open is there 2 times"),
    Case("a field too few", text(f"{HEADER}\n{GOOD_ROW}\n{NEXT},1\n"), RUN, DATA, r"row 2 \(line 3\): has 2"),
    Case("a word for a number", text(f"{HEADER}\n{H},one,2,1,2,5\n"), RUN, DATA, r"row 1 .*open is 'one'"),
    Case("a time with a fraction", text(f"{HEADER}\n{H}.5,1,2,1,2,5\n"), RUN, DATA, r"row 1 .*ts_ms is"),
    Case("bytes that are no text", text(b"\xff\xfe\x00"), RUN, DATA, "tape.csv: cannot be read as CSV"),
    Case(
        "a day's candles", text(f"{HEADER}\n{H},1,2,1,2,5\n{H + 86_400_000},1,2,1,2,5\n"), RUN, DATA, "frame"
    ),
    Case("a kind of file unknown", text("x", "tape.txt"), ("backtest", "--tape", "tape.txt"), DATA, "'.txt'"),
    Case("a folder for a file", lambda folder: (folder / "tape.csv").mkdir(), RUN, CONFIG, "no file"),
    Case("no such file", nothing, RUN, CONFIG, r"tape.path: there is no file 'tape.csv'"),
    Case(
        "no Parquet at all", text(b"PAR1 not really", "tape.parquet"), PARQUET, DATA, "tape.parquet: cannot"
    ),
    Case(
        "a Parquet column of text",
        parquet(ts_ms=[H, NEXT], open=["a", "b"], **ONES),
        PARQUET,
        DATA,
        "column open is of type string",
    ),
    Case(
        "a Parquet value missing",
        parquet(ts_ms=[H, NEXT], open=[1.0, None], **ONES),
        PARQUET,
        DATA,
        "row 2: open is empty",
    ),
    Case(
        "funding that is no number",
        lambda folder: (row(1)(folder), funding(f"{H},high\n")(folder)),
        WITH_FUNDING,
        DATA,
        r"funding.csv: row 1 .*rate is 'high'",
    ),
    Case(
        "funding twice",
        lambda folder: (row(1)(folder), funding(f"{H},0\n{H},0\n")(folder)),
        WITH_FUNDING,
        DATA,
        r"funding.csv: row 2 .*duplicate",
    ),
    Case(
        "funding of 500 % an hour",
        lambda folder: (row(1)(folder), funding(f"{H},0\n{NEXT},5\n")(folder)),
        WITH_FUNDING,
        DATA,
        r"funding.csv: row 2 .*rate is 5",
    ),
    Case("no candle in the range", row(1), (*BACKTEST, "--start", "2030-01-01"), DATA, "no candle from 2030"),
    Case(
        "ticks of another time",
        lambda folder: (row(1)(folder), (folder / "ticks.csv").write_text(f"ts_ms,price\n{H - 9_000},1\n")),
        RUN,
        DATA,
        "ticks.csv: no tick among the candles",
        {"TAPE__TICKS": "ticks.csv"},
    ),
    Case(
        "a crossed book",
        lambda folder: (
            row(1)(folder),
            (folder / "book.csv").write_text(
                f"ts_ms,bid_price_1,bid_size_1,ask_price_1,ask_size_1\n{H},11,1,10,1\n"
            ),
        ),
        RUN,
        DATA,
        r"book.csv: row 1 .*crossed",
        {"TAPE__BOOK": "book.csv"},
    ),
]
