"""Broken input of the lab's verbs: what is wrong, and what is to be said of it."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
from pyarrow import feather

from drift_e3.cli.exits import Exit
from tests.bad_tapes import CONFIG, COUNT, DATA, HEADER, NEXT, Case, funding, nothing, row, text
from tests.live.tapes import START as H
from tests.live.tapes import random_walk, write_candles, write_funding

USAGE = Exit.USAGE
BACKTEST = ("backtest", "--tape", "tape.csv")
REPORT = ("report", "--state", "state")
COMPARE = ("report", "compare", "--state", "state")
LOOK = ("lookahead-check", "--tape", "tape.csv", "--moments", "1")
CHECK = ("data", "check", "tape.csv")
INFO = ("data", "info", "tape.csv")
CONVERT = ("data", "convert", "tape.csv", "--out", "out.parquet")
PAIR = f"{H},1,2,1,2,5\n{NEXT},1,2,1,2,5\n"


def good(folder: Path) -> None:
    write_candles(folder / "tape.csv", random_walk(1, COUNT, minutes=60))
    write_funding(folder / "funding.csv", 1, COUNT)


def also(*more: Callable[[Path], object]) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        good(folder)
        for each in more:
            each(folder)

    return make


def journal(content: bytes) -> Callable[[Path], object]:
    """A state directory whose journal has this content."""

    def make(folder: Path) -> None:
        (folder / "state" / "journal.db").write_bytes(content)

    return make


def no_state(folder: Path) -> None:
    (folder / "state").rename(folder / "elsewhere")


def damaged(folder: Path) -> None:
    """A journal with a byte of an event's payload changed."""
    path = folder / "state" / "journal.db"
    content = bytearray(path.read_bytes())
    at = content.rindex(b'"open_ts"')
    content[at + 1] ^= 1
    path.write_bytes(bytes(content))


def feathered(**columns: object) -> Callable[[Path], object]:
    return lambda folder: feather.write_feather(pa.table(columns), str(folder / "tape.feather"))


FEATHER = ("data", "convert", "tape.feather", "--out", "out.parquet")
ONES = {name: [1.0, 1.0] for name in ("open", "high", "low", "close", "volume")}

BACKTESTS = [
    Case("a report that is no page", good, (*BACKTEST, "--report", "r.pdf"), USAGE, r"'r.pdf' must end in"),
    Case("a page nowhere", good, (*BACKTEST, "--report", "no/r.html"), DATA, "no/r.html: cannot be written"),
    Case(
        "a page and its JSON in one",
        good,
        (*BACKTEST, "--report", "r.html", "--json", "r.html"),
        USAGE,
        "r.html is another file of this very command",
    ),
    Case("a JSON nowhere", good, (*BACKTEST, "--json", "no/r.json"), DATA, "no/r.json: cannot be written"),
    Case("a JSON over the tape", good, (*BACKTEST, "--json", "tape.csv"), USAGE, "is an input of this very"),
    Case("a start that is no day", good, (*BACKTEST, "--start", "May"), USAGE, "'May' is no date"),
    Case("an end that is no day", good, (*BACKTEST, "--end", "2025-13-01"), USAGE, "is no date"),
    Case(
        "an end before its start",
        good,
        (*BACKTEST, "--start", "2025-01-03", "--end", "2025-01-01"),
        DATA,
        "no candle from 2025-01-03",
    ),
    Case("a time of another year", good, (*BACKTEST, "--end", "2001-01-01"), DATA, "no candle from"),
    Case("no tape named", nothing, ("backtest",), USAGE, "--tape"),
    Case("funding that is not there", good, (*BACKTEST, "--funding", "f.csv"), CONFIG, "no file 'f.csv'"),
    Case(
        "a card that is not there", good, (*BACKTEST, "--params", "c.json"), CONFIG, "c.json: cannot be read"
    ),
    Case(
        "a card that is a list",
        also(text("[]", "c.json")),
        (*BACKTEST, "--params", "c.json"),
        CONFIG,
        "is not a JSON object",
    ),
    Case(
        "a card with a limit too many",
        also(text('{"limits": {"risk_fraction": 1}}', "c.json")),
        (*BACKTEST, "--params", "c.json"),
        CONFIG,
        "risk_fraction: unknown key",
    ),
    Case("a symbol of signs", good, (*BACKTEST, "--symbol", "$"), CONFIG, "symbol"),
    Case("an option unknown", good, (*BACKTEST, "--fast"), USAGE, "--fast"),
    Case("a fee beyond reason", good, BACKTEST, CONFIG, "TAKER_FEE_BPS", {"PAPER__TAKER_FEE_BPS": "5000"}),
]
REPORTS = [
    Case("a report of nothing", no_state, REPORT, DATA, "journal.db: no journal there"),
    Case("a report of a text", journal(b"hello"), REPORT, DATA, "journal.db: "),
    Case("a report of a damaged journal", damaged, REPORT, DATA, "journal.db: .*checksum differs"),
    Case(
        "a report that is no page either", nothing, (*REPORT, "--html", "r.txt"), USAGE, "must end in .html"
    ),
    Case("a report's page nowhere", nothing, (*REPORT, "--html", "no/r.html"), DATA, "cannot be written"),
    Case("a report's JSON nowhere", nothing, (*REPORT, "--json", "no/r.json"), DATA, "cannot be written"),
    Case("a verb that report has not", nothing, ("report", "guess"), USAGE, "guess"),
    Case(
        "options before the verb",
        nothing,
        ("report", "--json", "-", "compare", "--state", "state"),
        USAGE,
        "options belong after compare",
    ),
    Case("nothing to compare", no_state, COMPARE, DATA, "journal.db: no journal there"),
    Case("a damaged journal to compare", damaged, COMPARE, DATA, "checksum differs"),
    Case("a comparison that is no page", nothing, (*COMPARE, "--html", "c.svg"), USAGE, "must end in .html"),
    Case("a comparison nowhere", nothing, (*COMPARE, "--json", "no/c.json"), DATA, "cannot be written"),
    Case(
        "a venue that travels in time",
        nothing,
        COMPARE,
        CONFIG,
        "ORDER_LATENCY_MS",
        {"PAPER__ORDER_LATENCY_MS": "-1"},
    ),
]
LOOKS = [
    Case("funding of no tape", nothing, ("lookahead-check", "--funding", "f.csv"), USAGE, "belong to a tape"),
    Case("no moment", good, (*LOOK, "--moments", "0"), USAGE, "--moments"),
    Case("a moment in words", good, (*LOOK, "--moments", "few"), USAGE, "--moments"),
    Case("a seed below nothing", good, (*LOOK, "--seed", "-1"), USAGE, "--seed"),
    Case("no tape to look at", nothing, LOOK, CONFIG, "there is no file 'tape.csv'"),
    Case("a tape with a duplicate to look at", row(9, ts_ms=H + 7 * 3_600_000), LOOK, DATA, "duplicate"),
    Case("two candles to look at", text(f"{HEADER}\n{PAIR}"), LOOK, DATA, "2 candles are too few"),
    Case("a look by a card unknown", good, (*LOOK, "--params", "c.json"), CONFIG, "c.json: cannot be read"),
]
CHECKS = [
    Case("a duplicate to check", row(9, ts_ms=H + 7 * 3_600_000), CHECK, DATA, r"row 9 .*duplicate"),
    Case("disorder to check", row(9, ts_ms=H + 3_600_000), CHECK, DATA, r"row 9 .*disorder"),
    Case("a candle off the grid to check", row(5, ts_ms=H + 4 * 3_600_000 + 7), CHECK, DATA, "off the grid"),
    Case("a low above all to check", row(5, low=9e9), CHECK, DATA, r"row 5 .*low is"),
    Case("NaN to check", row(5, close=float("nan")), CHECK, DATA, r"row 5 .*close is nan, must be finite"),
    Case(
        "seconds to check",
        text(f"{HEADER}\n1735689600,1,2,1,2,5\n1735689660,1,2,1,2,5\n"),
        CHECK,
        DATA,
        "looks like seconds",
    ),
    Case("no tape at all to check", text("a,b\n1,2\n"), CHECK, DATA, "is no tape: has a, b, needs one of"),
    Case("no file to check", nothing, CHECK, DATA, "tape.csv: cannot be read"),
    Case("no name to check", nothing, ("data", "check"), USAGE, "FILE"),
    Case("a kind unknown to check", text("x", "tape.txt"), ("data", "check", "tape.txt"), DATA, "'.txt'"),
    Case(
        "percent for fractions to check",
        funding(f"{H},0\n{NEXT},5\n"),
        ("data", "check", "funding.csv"),
        DATA,
        r"rate is 5",
    ),
    Case(
        "a book to describe",
        text(f"ts_ms,bid_price_1,bid_size_1,ask_price_1,ask_size_1\n{H},1,1,2,1\n"),
        INFO,
        USAGE,
        "holds book, only candles and funding",
    ),
    Case(
        "funding of funding",
        good,
        ("data", "info", "funding.csv", "--funding", "funding.csv"),
        USAGE,
        "holds funding itself",
    ),
    Case("nothing to describe", nothing, INFO, DATA, "cannot be read"),
]
CONVERSIONS = [
    Case("out as text", good, ("data", "convert", "tape.csv", "--out", "o.csv"), USAGE, "end in .parquet"),
    Case(
        "out over in", good, ("data", "convert", "t.parquet", "--out", "t.parquet"), USAGE, "is an input of"
    ),
    Case("out nowhere", good, ("data", "convert", "tape.csv", "--out", "no/o.parquet"), DATA, "cannot be"),
    Case(
        "candles of 7 minutes", good, (*CONVERT, "--frame", "7m"), DATA, "frame 7 minutes must be a multiple"
    ),
    Case("candles of 2 hours", good, (*CONVERT, "--frame", "2h"), USAGE, "up to 1h"),
    Case("candles of a fortnight", good, (*CONVERT, "--frame", "fortnight"), USAGE, "'fortnight' must be"),
    Case("shorter candles of longer", good, (*CONVERT, "--frame", "30m"), DATA, "the file's 60 minutes"),
    Case(
        "funding in candles",
        good,
        ("data", "convert", "funding.csv", "--out", "o.parquet", "--frame", "15m"),
        USAGE,
        "does not hold candles",
    ),
    Case("no time to convert", text("open,high,low,close,volume\n1,2,1,2,5\n"), CONVERT, DATA, "of times"),
    Case("no close to convert", text(f"ts_ms,open,high,low,volume\n{H},1,2,1,5\n"), CONVERT, DATA, "missing"),
    Case("words to convert", text(f"{HEADER}\n{H},one,2,1,2,5\n"), CONVERT, DATA, "must be numbers"),
    Case("a year unknown", text(f"{HEADER}\n5,1,2,1,2,5\n6,1,2,1,2,5\n"), CONVERT, DATA, "no time between"),
    Case("a candle that cannot be", row(5, high=1.0), CONVERT, DATA, r"row 5 .*high is 1.0"),
    Case(
        "a sheet", text("x", "t.xlsx"), ("data", "convert", "t.xlsx", "--out", "o.parquet"), DATA, "'.xlsx'"
    ),
    Case("feathers of lead", text("lead", "tape.feather"), FEATHER, DATA, "cannot be read as feather"),
    Case(
        "a value missing",
        feathered(date=[H, NEXT], **ONES | {"low": [1.0, None]}),
        FEATHER,
        DATA,
        "row 2: low",
    ),
    Case("a time missing", feathered(date=[H, None], **ONES), FEATHER, DATA, "row 2: date is empty"),
    Case("a time in words", feathered(date=["noon", "one"], **ONES), FEATHER, DATA, "dates or whole numbers"),
    Case("a column by two names", feathered(date=[H, NEXT], Open=[1.0, 1.0], **ONES), FEATHER, DATA, "twice"),
    Case("rates of no interval", text(f"ts_ms,rate\n{H},0\n"), CONVERT, DATA, "interval unclear"),
    Case(
        "not one whole candle",
        text(f"{HEADER}\n{H + 60_000},1,2,1,2,5\n{H + 120_000},1,2,1,2,5\n"),
        (*CONVERT, "--frame", "1h"),
        DATA,
        "has no whole candle of 60 minutes",
    ),
    Case("no row to convert", text(f"{HEADER}\n"), CONVERT, DATA, "has no rows"),
]
LAB = BACKTESTS + REPORTS + LOOKS + CHECKS + CONVERSIONS
