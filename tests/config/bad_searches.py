"""Broken search configurations: what is changed in a sound one, and what is to be said of it."""

from collections.abc import Callable
from typing import Any, NamedTuple

Content = dict[str, Any]


class Bad(NamedTuple):
    """One thing that is wrong with a configuration."""

    name: str
    spoil: Callable[[Content], object]
    says: str


def sound() -> Content:
    """A configuration with nothing wrong."""
    return {
        "name": "sound",
        "parameters": {"m_volumeZ": [1.0, 2.0], "m_stopLossPct": [0.01, 0.02], "f_volumeZ": [1.0, 1.5]},
        "constraints": {"maxCombinations": 10, "earlyStopRules": {"minWinRate": 0.1}},
        "backtestPeriods": [
            {"name": "a", "start": "2025-01-01", "end": "2025-01-10", "weight": 1.5},
            {"name": "b", "start": "2025-01-11", "end": "2025-01-20"},
        ],
        "validationPeriod": {"start": "2025-02-01", "end": "2025-02-10"},
        "execution": {"initialEquity": 500, "tradingFees": 0.0005, "maxLeverage": 2.0},
    }


def put(*path: Any) -> Callable[[Content], object]:
    """Put a value (the last of `path`) at a place."""
    *places, last, value = path

    def spoil(content: Content) -> None:
        at: Any = content
        for place in places:
            at = at.setdefault(place, {}) if isinstance(at, dict) else at[place]
        at[last] = value

    return spoil


def parameter(key: str, values: Any) -> Callable[[Content], object]:
    return put("parameters", key, values)


def without(key: str) -> Callable[[Content], object]:
    return lambda content: content.pop(key)


def only(parameters: Content) -> Callable[[Content], object]:
    return put("parameters", parameters)


RULES = ("constraints", "earlyStopRules")
PERIOD = ("backtestPeriods", 0)
BAD = [
    # keys
    Bad("a key unknown", put("strategyy", "x"), "strategyy: unknown key; did you mean strategy?"),
    Bad("a constraint unknown", put("constraints", "maxCombination", 5), "did you mean maxCombinations?"),
    Bad(
        "a rule unknown", put(*RULES, "minProfit", 1), r"earlyStopRules.minProfit: unknown key; did you mean"
    ),
    Bad("a key of a period unknown", put(*PERIOD, "begin", "x"), r"backtestPeriods.0.begin: unknown key"),
    Bad("a score unknown", put("scoring", {"metrics": {"sharp": 1}}), "scoring.metrics.sharp: unknown key"),
    Bad("a search key unknown", put("search", {"sed": 1}), "search.sed: unknown key; did you mean seed?"),
    Bad("a parameter unknown", parameter("m_volumZ", [1]), "m_volumZ: unknown key; did you mean m_volumeZ?"),
    Bad("no name", without("name"), "name: is missing"),
    Bad("no parameters", without("parameters"), "parameters: is missing"),
    Bad("no periods", without("backtestPeriods"), "backtestPeriods: is missing"),
    Bad("no validation", without("validationPeriod"), "validationPeriod: is missing"),
    # types
    Bad("text for a number", put("constraints", "maxCombinations", "9"), "maxCombinations: '9': .*integer"),
    Bad("a number for an object", put("constraints", 5), "constraints: 5: "),
    Bad("a fraction of a count", put("constraints", "maxCombinations", 2.5), "maxCombinations: 2.5: "),
    Bad("true for a number", put("execution", "initialEquity", True), "initialEquity: True: .*number"),
    Bad("a value that is no list", parameter("m_volumeZ", 2.0), "m_volumeZ: 2.0 is not a list of values"),
    Bad("text among values", parameter("m_volumeZ", [1, "2"]), "m_volumeZ: '2' is not a number"),
    Bad("a number for a switch", parameter("ai_regimeOverride", [0, 1]), "0 is not true or false"),
    Bad("a switch for a number", parameter("m_volumeZ", [True]), "m_volumeZ: True is not a number"),
    Bad("parameters as a list", put("parameters", []), r"parameters: \[\]: "),
    # ranges
    Bad("a parameter out of range", parameter("m_stopLossPct", [0.01, 0.9]), "0.9 is outside 0.0005..0.5"),
    Bad("volatility beyond both scales", parameter("m_realizedVol", [5000.0]), "5000 is outside 0..1 rank"),
    Bad("no combinations", put("constraints", "maxCombinations", 0), "maxCombinations: 0: .*equal to 1"),
    Bad("too many combinations", put("constraints", "maxCombinations", 10**9), "equal to 250000"),
    Bad("a win rate in percent", put(*RULES, "minWinRate", 15), "minWinRate: 15: .*equal to 1"),
    Bad("a drawdown of nothing", put(*RULES, "maxDrawdownPct", 0), "maxDrawdownPct: 0: .*greater than 0"),
    Bad("a negative rule", put(*RULES, "minProfitFactor", -1), "minProfitFactor: -1: "),
    Bad("a regime unknown", put("constraints", "regimeWeights", {"boom": 1}), "boom is no regime; these are"),
    Bad("a negative regime weight", put("constraints", "regimeWeights", {"chop": -1.0}), "chop: -1.0: "),
    Bad("fees in percent", put("execution", "tradingFees", 1), "tradingFees: 1: .*equal to 0.1"),
    Bad("equity of nothing", put("execution", "initialEquity", 0), "initialEquity: 0: "),
    Bad("leverage of 100", put("execution", "maxLeverage", 100), "maxLeverage: 100: .*equal to 20"),
    Bad(
        "a schedule with a regime unknown", put("execution", "regimeLeverageSchedule", {"x": 1}), "no regime"
    ),
    Bad("a weight of nothing", put(*PERIOD, "weight", 0), "backtestPeriods.0.weight: 0: .*greater than 0"),
    Bad("rungs that fall", put("search", {"rungs": [0.5, 0.2, 1.0]}), "rungs: .*must rise and end with 1"),
    Bad("rungs without an end", put("search", {"rungs": [0.2, 0.5]}), "must rise and end with 1"),
    Bad("a refinement unknown", put("search", {"refinement": "magic"}), "refinement: 'magic': "),
    Bad("a strategy unknown", put("strategy", "scalp"), "strategy: 'scalp': .*regimeAdaptive"),
    Bad("a symbol with a path in it", put("symbol", "../x"), "symbol: '../x': "),
    Bad("a timeframe that is none", put("timeframe", "5 minutes"), "timeframe: '5 minutes': "),
    # lists and grids
    Bad("no parameter", put("parameters", {}), "parameters: {}: .*at least 1"),
    Bad("an empty list of values", parameter("m_volumeZ", []), "m_volumeZ: is an empty list"),
    Bad("an empty list of periods", put("backtestPeriods", []), r"backtestPeriods: \[\]: .*at least 1"),
    Bad("a value twice", parameter("m_volumeZ", [1, 2, 1.0]), "m_volumeZ: 1 is there twice"),
    Bad("values without end", parameter("m_volumeZ", [*range(1_001)]), "1001 values are more than 1000"),
    Bad("one set alone", only({"m_volumeZ": [1.0]}), "there is only one set, so nothing to search"),
    Bad("scales mixed", parameter("m_realizedVol", [0.6, 3.0]), "mixes the guide's scale with ours"),
    Bad(
        "both scales at once",
        only({"m_realizedVol": [2.5, 3], "m_rv1hMin": [0.001]}),
        "parameters.m_realizedVol: 2.5 is on the guide's scale and m_rv1hMin is given too",
    ),
    Bad(
        "nobody may trade",
        only({"m_enabled": [False], "f_enabled": [False], "m_volumeZ": [1, 2]}),
        "m_enabled and f_enabled are both false: no set can trade",
    ),
    Bad(
        "holding at least longer than at most",
        only({"f_minHoldHours": [30, 40], "f_maxHoldHours": [12, 24]}),
        r"f_minHoldHours: 30 is above every f_maxHoldHours \(24\): impossible",
    ),
    # time
    Bad("a day that is none", put(*PERIOD, "start", "2025-02-30"), "start: '2025-02-30': is no date such as"),
    Bad("a time for a day", put(*PERIOD, "end", "2025-01-10T00:00"), "end: .*is no date such as"),
    Bad("a number for a day", put(*PERIOD, "end", 20250110), "end: 20250110: is no date such as"),
    Bad("an end before its start", put(*PERIOD, "end", "2024-12-31"), "backtestPeriods.0: .*an empty period"),
    Bad("periods that overlap", put(*PERIOD, "end", "2025-01-11"), "backtestPeriods: a and b overlap"),
    Bad("two periods of a name", put(*PERIOD, "name", "b"), "two periods have the same name"),
    Bad(
        "validation inside training",
        put("validationPeriod", {"start": "2025-01-12", "end": "2025-01-13"}),
        "validationPeriod: overlaps b: what the search has seen proves nothing",
    ),
    Bad(
        "validation that begins on training's last day",
        put("validationPeriod", "start", "2025-01-20"),
        "validationPeriod: overlaps b",
    ),
    Bad(
        "an empty validation",
        put("validationPeriod", "end", "2025-01-31"),
        "validationPeriod: .*an empty period",
    ),
]
