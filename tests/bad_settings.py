"""Broken settings, parameter cards and command lines, and what is to be said of each."""

from collections.abc import Callable
from pathlib import Path

from drift_e3.cli.exits import Exit
from tests.bad_tapes import BACKTEST, RUN, Case, nothing, row

CONFIG, USAGE, DATA = Exit.CONFIGURATION, Exit.USAGE, Exit.DATA


def card(content: str) -> Callable[[Path], object]:
    return lambda folder: (row(1)(folder), (folder / "card.json").write_text(content))


WITH_CARD = (*RUN, "--params", "card.json")
SETTINGS = [
    Case(
        "a limit out of range",
        row(1),
        RUN,
        CONFIG,
        r"RISK_FRAC: '2' is not .* 0.0001 to 0.5",
        {"RISK__RISK_FRAC": "2"},
    ),
    Case("NaN for a limit", row(1), RUN, CONFIG, "DAILY_LOSS_MAX: 'nan'", {"RISK__DAILY_LOSS_MAX": "nan"}),
    Case("infinity for a cap", row(1), RUN, CONFIG, "LEVERAGE__CHOP: 'inf'", {"LEVERAGE__CHOP": "inf"}),
    Case("a word for a number", row(1), RUN, CONFIG, "'many' is not", {"RISK__TRADES_PER_HOUR_MAX": "many"}),
    Case("a fraction of a count", row(1), RUN, CONFIG, "'1.5' is not", {"RISK__LOSS_STREAK_MAX": "1.5"}),
    Case(
        "a key misspelt",
        row(1),
        RUN,
        CONFIG,
        "RISK_FRACC: unknown key; did you mean",
        {"RISK__RISK_FRACC": "1"},
    ),
    Case("a section for a key", row(1), RUN, CONFIG, "RISK: is a section", {"RISK": "1"}),
    Case("a strategy unknown", row(1), RUN, CONFIG, "ROUTING__CHOP: 'scalp'", {"ROUTING__CHOP": "scalp"}),
    Case(
        "margins that contradict",
        row(1),
        RUN,
        CONFIG,
        "above paper.initial",
        {"PAPER__MAINTENANCE_MARGIN_FRAC": "0.5"},
    ),
    Case(
        "an address that is none", row(1), RUN, CONFIG, "OLLAMA__URL: 'ftp://x'", {"OLLAMA__URL": "ftp://x"}
    ),
    Case("no model", row(1), RUN, CONFIG, "OLLAMA__MODELS", {"OLLAMA__MODELS": ","}),
    Case("a symbol with a path in it", row(1), (*RUN, "--symbol", "../x"), CONFIG, "symbol: '../x' is not"),
    Case("a speed of nothing", row(1), (*RUN, "--speed", "0"), CONFIG, "speed: '0' is not max, or a number"),
    Case("a tape without a file", nothing, ("run", "--venue", "tape"), CONFIG, "TAPE__PATH: is needed"),
    Case(
        "a live market for the journal of a recorded one",
        nothing,
        ("run", "--venue", "velocity", "--advisor", "off"),
        DATA,
        "was begun with frame_ms 3600000, this market has 60000",
    ),
    Case("real money", nothing, ("run", "--live"), CONFIG, "--live: no live venue"),
    Case(
        "a file of variables with a fault",
        lambda folder: (row(1)(folder), (folder / ".env").write_text("DRIFT_E3_SPEED\n")),
        RUN,
        CONFIG,
        ".env:1: is not NAME=value",
    ),
    Case(
        "a variable given twice",
        lambda folder: (row(1)(folder), (folder / ".env").write_text("DRIFT_E3_SPEED=1\nDRIFT_E3_SPEED=2\n")),
        RUN,
        CONFIG,
        ".env:2: DRIFT_E3_SPEED: is given twice",
    ),
    Case("a card that is no JSON", card("{"), WITH_CARD, CONFIG, "card.json: is not JSON"),
    Case("a card that is a list", card("[]"), WITH_CARD, CONFIG, "card.json: is not a JSON object"),
    Case("a card with NaN", card('{"limits": {"risk_frac": NaN}}'), WITH_CARD, CONFIG, "card.json: "),
    Case(
        "a card with a key twice",
        card('{"limits": {"risk_frac": 0.1, "risk_frac": 0.2}}'),
        WITH_CARD,
        CONFIG,
        "card.json: .*risk_frac",
    ),
    Case("a card with a key unknown", card('{"parameters": {"m_volumz": 1}}'), WITH_CARD, CONFIG, "m_volumz"),
    Case(
        "a card with a limit out of range",
        card('{"limits": {"risk_frac": 1}}'),
        WITH_CARD,
        CONFIG,
        "card.json: limits.risk_frac: 1 is not",
    ),
    Case("no card", row(1), (*RUN, "--params", "none.json"), CONFIG, "none.json: cannot be read"),
    Case("an option misspelt", nothing, ("run", "--spee", "max"), USAGE, "No such option: --spee"),
    Case("a verb unknown", nothing, ("trade",), USAGE, "No such command 'trade'"),
    Case("an option missing", nothing, ("backtest",), USAGE, "Missing option '--tape'"),
    Case("an option without its value", nothing, ("run", "--tape"), USAGE, "--tape"),
    Case("a word too many", nothing, ("replay", "state"), USAGE, "unexpected extra argument"),
    Case("a venue unknown", nothing, ("run", "--venue", "ftx"), USAGE, "'ftx' is not one of"),
    Case(
        "a date that is none",
        row(1),
        (*BACKTEST, "--start", "2025-13-01"),
        USAGE,
        "--start: '2025-13-01' is no date",
    ),
    Case(
        "a date at the end of time",
        row(1),
        (*BACKTEST, "--end", "9999-12-31"),
        USAGE,
        "--end: '9999-12-31' is no date",
    ),
    Case(
        "a start after the end",
        row(1),
        (*BACKTEST, "--start", "2025-01-03", "--end", "2025-01-02"),
        DATA,
        "no candle from",
    ),
    Case(
        "a kind of record unknown",
        nothing,
        ("journal", "export", "--state", "state", "--kind", "fils"),
        USAGE,
        "fils: no such kind",
    ),
    Case(
        "a result with nowhere to go",
        row(1),
        (*BACKTEST, "--json", "no/result.json"),
        DATA,
        "no/result.json: cannot be written",
    ),
    Case(
        "a state directory that is a file", row(1), (*RUN[:-1], "tape.csv"), CONFIG, "'tape.csv' is no folder"
    ),
    Case(
        "a state directory that cannot be made",
        row(1),
        (*RUN[:-1], "tape.csv/state"),
        Exit.UNAVAILABLE,
        "tape.csv/state: Not a directory",
    ),
]
