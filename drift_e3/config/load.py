"""Settings gathered from their sources, each value with where it came from.

The later source wins: defaults (for the state directory a service manager's STATE_DIRECTORY), parameter card,
`.env` in the working directory, secret files, environment, command line.
Whatever is unknown, given twice, of the wrong type, out of range or contradictory is gathered into one
`ConfigError`, a line each. This is the only place that reads variables and the `.env` file.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from dotenv.parser import parse_stream
from pydantic import ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource

from drift_e3.config import card as cards
from drift_e3.config import secret_files
from drift_e3.config.fees import OWN
from drift_e3.config.keys import ConfigError, Key, by_variable, did_you_mean, table
from drift_e3.config.sections import DELIMITER, PREFIX, Settings

ENV_FILE = Path(".env")
NOT_SETTINGS = frozenset({f"{PREFIX}PROGRAMS"})
"""Variables of the environment that belong to the drill: where the binaries of the programs are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One value that somebody gave: `origin` for the overview, `place` as it is named in a complaint."""

    value: Any
    origin: str
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Usable settings, the origin of each value that is not a default (by path), what is to be said, and the
    parameter card, if there is one."""

    settings: Settings
    origins: dict[str, str]
    notes: tuple[str, ...]
    card: cards.Card | None = None


@dataclass(slots=True)
class _Gathering:
    values: dict[str, Given] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def load(
    *,
    overrides: Mapping[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
    env_file: Path = ENV_FILE,
    secrets_dir: Path = secret_files.SECRETS_DIR,
) -> Loaded:
    """Gather, check and return the settings; `ConfigError` with every problem found.

    `overrides` are the command line's, by path (``{"speed": "max", "tape.path": file}``); None does not count
    and enumerations do by their value, so options can be passed as they come. `environment` is the process's
    own unless given, `secrets_dir` where a container engine puts secrets.
    """
    found = _Gathering()
    around = os.environ if environment is None else environment
    found.values |= _from_service_manager(around)
    variables = dict(_from_file(env_file, found))
    secrets = secret_files.read(secret_files.folders(around, secrets_dir), found.problems)
    variables |= _from_variables(list(secrets), found)
    variables |= _from_environment(around, found)
    options = {
        path: Given(
            value=value.value if isinstance(value, Enum) else value,
            origin="command line",
            place=f"command line: {path}",
        )
        for path, value in (overrides or {}).items()
        if value is not None
    }
    card_path = (options | variables).get("params_card")
    card = _read_card(Path(str(card_path.value)), found) if card_path is not None else None
    if card is not None:
        found.values |= _from_card(card)
    found.values |= variables | options
    _convert_guide_scale(found)
    settings = _validate(found)
    if settings is not None:
        found.problems.extend(_contradictions(settings, found.values))
    if settings is None or found.problems:
        raise ConfigError(found.problems)
    if card is not None and card.symbol not in {"", settings.symbol}:
        found.notes.append(f"the parameter card was made for {card.symbol}, this is {settings.symbol}")
    return Loaded(
        settings=settings,
        origins={path: given.origin for path, given in found.values.items()},
        notes=tuple(found.notes),
        card=card,
    )


class _Variables(EnvSettingsSource):
    """The library's reading of variables (case, nesting), of pairs that are already at hand."""

    def __init__(self, settings_cls: type[BaseSettings], pairs: Mapping[str, str]) -> None:
        self._pairs = {name.lower(): value for name, value in pairs.items()}
        super().__init__(settings_cls)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return self._pairs


def _from_service_manager(environment: Mapping[str, str]) -> dict[str, Given]:
    """The state directory that systemd, or a container made like it, has prepared: a better default."""
    folder = environment.get("STATE_DIRECTORY", "").partition(":")[0]
    given = Given(value=folder, origin="STATE_DIRECTORY", place="STATE_DIRECTORY")
    return {"state_dir": given} if folder else {}


def _from_environment(environment: Mapping[str, str], found: _Gathering) -> dict[str, Given]:
    named = [
        (name, name, value, "environment")
        for name, value in environment.items()
        if name.upper().startswith(PREFIX) and name.upper() not in NOT_SETTINGS
    ]
    return _from_variables(named, found)


def _from_file(path: Path, found: _Gathering) -> dict[str, Given]:
    """The values of a file of variables, if there is one; there, names of others are unknown keys as well."""
    named: list[tuple[str, str, str, str]] = []
    try:
        with path.open(encoding="utf-8") as stream:
            for binding in parse_stream(stream):
                place = f"{path}:{binding.original.line}"
                if binding.error or (binding.key is not None and binding.value is None):
                    found.problems.append(f"{place}: is not NAME=value")
                elif binding.key is not None and binding.value is not None:
                    named.append((binding.key, f"{place}: {binding.key}", binding.value, place))
    except FileNotFoundError:
        return {}
    except OSError as error:
        found.problems.append(f"{path}: cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        found.problems.append(f"{path}: is not UTF-8 text")
    return _from_variables(named, found)


def _from_variables(named: list[tuple[str, str, str, str]], found: _Gathering) -> dict[str, Given]:
    """Values by path from (name, place, text, origin); an empty text leaves a setting as it is."""
    pairs: dict[str, tuple[Key, str, str]] = {}
    texts: dict[str, str] = {}
    for name, place, text, origin in named:
        key = by_variable().get(name.upper())
        if key is None:
            found.problems.append(f"{place}: {_unknown_variable(name)}")
        elif key.variable in pairs:
            found.problems.append(f"{place}: is given twice")
        elif text.strip():
            pairs[key.variable] = (key, place, origin)
            texts[key.variable] = text
    flat = dict(_flattened(_Variables(Settings, texts)()))
    return {
        key.path: Given(value=flat[key.path], origin=origin, place=place)
        for key, place, origin in pairs.values()
    }


def _unknown_variable(name: str) -> str:
    if f"{name.upper()}{DELIMITER}" in {v.rpartition(DELIMITER)[0] + DELIMITER for v in by_variable()}:
        return f"is a section: set one of its keys, {name.upper()}{DELIMITER}..."
    return f"unknown key{did_you_mean(name, by_variable())}"


def _flattened(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from ((f"{name}.{leaf}", inner) for leaf, inner in value.items())
        else:
            yield name, value


def _read_card(path: Path, found: _Gathering) -> cards.Card | None:
    try:
        card = cards.read_card(path)
    except ConfigError as error:
        found.problems.extend(error.problems)
        return None
    found.notes.append(f"parameter card {card.name!r} from {path}")
    return card


def _from_card(card: cards.Card) -> dict[str, Given]:
    return {
        path: Given(value=value, origin=f"card {card.path}", place=f"{card.path}: {cards.place(path)}")
        for path, value in card.values.items()
    }


def _convert_guide_scale(found: _Gathering) -> None:
    """Once, over what is in force: a value that overrides another also overrides its scale."""
    prefix = "strategy."
    given = {path: value for path, value in found.values.items() if path.startswith(prefix)}
    try:
        values, notes = cards.from_guide_scale(
            {path.removeprefix(prefix): value.value for path, value in given.items()}
        )
    except ConfigError as error:
        for problem in error.problems:
            name, _, fault = problem.partition(": ")
            found.problems.append(f"{found.values.pop(prefix + name).place}: {fault}")
        return
    if not notes:
        return
    found.notes.extend(notes)
    sources = {"m_rv1hMin": "m_realizedVol", "f_fundingRateMin": "f_fundingZ"}
    for path in given:
        del found.values[path]
    for name, value in values.items():
        source = given.get(prefix + name) or given[prefix + sources[name]]
        found.values[prefix + name] = Given(value=value, origin=source.origin, place=source.place)


def _validate(found: _Gathering) -> Settings | None:
    nested: dict[str, Any] = {}
    for path, given in found.values.items():
        section, _, leaf = path.partition(".")
        if leaf:
            nested.setdefault(section, {})[leaf] = given.value
        else:
            nested[section] = given.value
    try:
        return Settings(**nested)
    except ValidationError as error:
        wrong = dict.fromkeys(_path(fault["loc"]) for fault in error.errors())
        for path in wrong:
            given = found.values[path]
            found.problems.append(f"{given.place}: {table()[path].complaint(given.value)}")
        return None


def _path(location: tuple[int | str, ...]) -> str:
    """The path of a key from where validation found the fault; unions and lists go deeper than the key."""
    first = str(location[0])
    return first if first in table() else f"{first}.{location[1]}"


def _contradictions(settings: Settings, given: Mapping[str, Given]) -> Iterator[str]:
    """What each value alone may be and all together may not, and files that are not there."""

    def place(path: str) -> str:
        return given[path].place if path in given else table()[path].variable

    if settings.venue == "tape" and settings.tape.path is None:
        yield f"{place('tape.path')}: is needed for venue tape"
    for name, file in settings.tape:
        if file is not None and not file.is_file():
            yield f"{place(f'tape.{name}')}: there is no file {str(file)!r}"
    folder = settings.ollama.template_dir
    if folder is not None and not folder.is_dir():
        yield f"{place('ollama.template_dir')}: there is no folder {str(folder)!r}"
    if settings.state_dir.exists() and not settings.state_dir.is_dir():
        yield f"{place('state_dir')}: {str(settings.state_dir)!r} is no folder"
    for fee in ("paper.taker_fee_bps", "paper.maker_fee_bps"):
        if settings.paper.fee_tier != OWN and fee in given:
            tier = settings.paper.fee_tier
            yield f"{place(fee)}: paper.fee_tier {tier} sets the fees already; one of the two is a mistake"
    initial, maintenance = settings.paper.initial_margin_frac, settings.paper.maintenance_margin_frac
    if maintenance > initial:
        yield (
            f"{place('paper.maintenance_margin_frac')}: {maintenance:g} is above "
            f"paper.initial_margin_frac {initial:g}: every position would be liquidated at once"
        )
