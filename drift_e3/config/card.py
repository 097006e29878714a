"""Parameter cards: a strategy's parameters and limits as one JSON file, and the guide's scale made ours.

A card is what a search writes and a person passes on. Here live its reading and its conversion; ranges are
the settings' own. Keys that are not known are refused, because a misspelt limit is no limit.

    {"name": "...", "parameters": {"m_volumeZ": 2.5, ...}, "limits": {"risk_frac": 0.01},
     "leverage": {"bull_trend": 2.0}, "routing": {"chop": "none"}}

`symbol`, `strategy`, `timeframe` and `about` (anything) say where a card comes from and steer nothing.
`licence` is what a search's verdict covers (`lab.licence`); whether it is needed is not decided here.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from drift_e3.config.keys import ConfigError, Key, did_you_mean, table
from drift_e3.lab.licence import InvalidLicence, Licence, read_licence

SECTIONS = {"parameters": "strategy", "limits": "risk", "leverage": "leverage", "routing": "routing"}
"""A card's objects and the sections of the settings that they fill."""
TEXTS = ("name", "symbol", "strategy", "timeframe")
LARGEST_BYTES = 1_000_000

GUIDE_VOLATILITY = (1.0, 1_000.0)
"""An `m_realizedVol` above the first is the guide's: thousandths of volatility an hour, no rank. One above
the second is neither and is left for validation to refuse."""
GUIDE_FUNDING_MAX = 0.05
"""An `f_fundingZ` below this is the guide's: a raw hourly rate, no z-score."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A card's values by the paths of the settings, as they stand in the file; no `symbol` is empty, and a
    hand-written card has no `licence`."""

    path: Path
    name: str
    symbol: str
    values: dict[str, object]
    licence: Licence | None = None


def place(path: str) -> str:
    """Where a setting stands in a card: ``risk.risk_frac`` is ``limits.risk_frac``."""
    section, _, leaf = path.partition(".")
    return f"{next(ours for ours, theirs in SECTIONS.items() if theirs == section)}.{leaf}"


def read_card(path: Path) -> Card:
    """Read a card; `ConfigError` with a line for each unknown key, wrong type or fault of the file."""
    content = read_object(path, "parameter card")
    values, problems = _gather(content)
    licence: Licence | None = None
    if "licence" in content:
        try:
            licence = read_licence(content["licence"])
        except InvalidLicence as error:
            problems.append(f"licence: {error}" if str(error).startswith("is ") else f"licence.{error}")
    if problems:
        raise ConfigError(f"{path}: {problem}" for problem in problems)
    return Card(
        path=path,
        name=content.get("name", path.stem),
        symbol=content.get("symbol", ""),
        values=values,
        licence=licence,
    )


def read_object(path: Path, what: str) -> dict[str, Any]:
    """The JSON object in a file that a person wrote; `ConfigError` for a fault of the file, a key that is
    there twice, or NaN."""
    try:
        raw = path.expanduser().read_bytes()
    except (OSError, RuntimeError) as error:
        raise ConfigError([f"{path}: cannot be read: {getattr(error, 'strerror', error)}"]) from error
    if len(raw) > LARGEST_BYTES:
        raise ConfigError([f"{path}: {len(raw)} bytes are more than {LARGEST_BYTES}: this is no {what}"])
    try:
        content = json.loads(raw, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ConfigError([f"{path}: is not JSON: {error}"]) from error
    if not isinstance(content, dict):
        raise ConfigError([f"{path}: is not a JSON object"])
    return content


def from_guide_scale(strategy: Mapping[str, object]) -> tuple[dict[str, object], list[str]]:
    """Turn the guide's scale of two parameters into ours, and say so.

    Takes and gives strategy parameters by key; values that are no numbers are left for validation. An
    `m_realizedVol` above 1 becomes `m_rv1hMin` (fraction per hour) and its rank leg is switched off; an
    `f_fundingZ` below 0.05 becomes `f_fundingRateMin` (fraction per hour). `ConfigError` where the parameter
    of our own scale is given as well: one of the two is then a mistake.
    """
    values, notes, problems = dict(strategy), [], []
    volatility = _number(strategy.get("m_realizedVol"))
    if volatility is not None and GUIDE_VOLATILITY[0] < volatility <= GUIDE_VOLATILITY[1]:
        if "m_rv1hMin" in strategy:
            problems.append(
                f"m_realizedVol: {volatility:g} is on the guide's scale and m_rv1hMin is given too"
            )
        values["m_rv1hMin"] = volatility / 1_000.0
        values["m_realizedVol"] = 0.0
        notes.append(
            f"m_realizedVol {volatility:g} is on the guide's scale: taken as m_rv1hMin "
            f"{volatility / 1_000.0:g} (fraction per hour), with m_realizedVol 0, so that any rank will do"
        )
    funding = _number(strategy.get("f_fundingZ"))
    if funding is not None and 0.0 < funding < GUIDE_FUNDING_MAX:
        if "f_fundingRateMin" in strategy:
            problems.append(
                f"f_fundingZ: {funding:g} is on the guide's scale and f_fundingRateMin is given too"
            )
        values["f_fundingRateMin"] = funding
        del values["f_fundingZ"]
        notes.append(
            f"f_fundingZ {funding:g} is on the guide's scale: taken as f_fundingRateMin {funding:g} "
            "(fraction per hour); funding is then faded by its raw rate, not by its z-score"
        )
    if problems:
        raise ConfigError(problems)
    return values, notes


def _gather(content: dict[str, object]) -> tuple[dict[str, object], list[str]]:
    """The values by path, and what is wrong with the rest."""
    values: dict[str, object] = {}
    problems: list[str] = []
    for name, value in content.items():
        if name in SECTIONS:
            if isinstance(value, dict):
                _gather_section(name, value, values, problems)
            else:
                problems.append(f"{name}: is not an object of keys and values")
        elif name in TEXTS:
            if not isinstance(value, str):
                problems.append(f"{name}: {value!r} is not text")
        elif name == "enabled":
            if value is not True:
                problems.append(f"enabled: {value!r} is not true: a card that is switched off cannot be used")
        elif name not in {"about", "licence"}:
            problems.append(_unknown(name, [*SECTIONS, *TEXTS, "enabled", "about", "licence"]))
    return values, problems


def _gather_section(
    section: str, content: dict[str, object], values: dict[str, object], problems: list[str]
) -> None:
    prefix = SECTIONS[section] + "."
    known = {path.removeprefix(prefix): key for path, key in table().items() if path.startswith(prefix)}
    for name, value in content.items():
        key = known.get(name)
        if key is None:
            problems.append(f"{section}.{_unknown(name, known)}")
        elif isinstance(value, list):
            problems.append(f"{section}.{name}: is a list: a card holds one value per key, a search many")
        elif not _fits(key, value):
            problems.append(f"{section}.{name}: {key.complaint(value)}")
        else:
            values[key.path] = value


def _unknown(name: str, known: Mapping[str, Key] | list[str]) -> str:
    """The line on an unknown name, with the section it belongs to if it is known there."""
    for section, ours in SECTIONS.items():
        if f"{ours}.{name}" in table() and name not in known and section not in {"leverage", "routing"}:
            return f"{name}: belongs into {section}"
    return f"{name}: unknown key{did_you_mean(name, known)}"


def _fits(key: Key, value: object) -> bool:
    """JSON has types: text is no number and a number is no switch, unlike in variables."""
    if key.kind is bool:
        return isinstance(value, bool)
    if key.kind is str:
        return isinstance(value, str)
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return float(value)  # type: ignore[arg-type]  # whatever is no number says so
    except (TypeError, ValueError, OverflowError):
        return None


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)} is there twice")
    return content


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")
