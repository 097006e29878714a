"""The settings as one flat table of keys, with the words for people: names, expectations, suggestions.

Derived from the models of `config.sections` by looking at them; nothing here reads files or variables.
"""

import difflib
import types
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from drift_e3.config.sections import DELIMITER, PREFIX, Settings


class ConfigError(ValueError):
    """Settings that cannot be used: one line for each problem with key, value and limit. Exit code 78."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One setting: its path (``risk.risk_frac``), its variable and what a person needs to know of it.

    `kind` is bool, int, float, str or Path; `unit` is empty where there is none.
    """

    path: str
    variable: str
    kind: type
    default: object
    unit: str
    expects: str
    meaning: str
    secret: bool

    def complaint(self, value: object) -> str:
        """Why `value` will not do, for example ``0.9 is not a number from 0.0001 to 0.5 (USD)``."""
        return f"{'the value' if self.secret else shortened(value)} is not {self.expects}"


@cache
def table() -> dict[str, Key]:
    """Every key by its path, in the order of the sections."""
    keys: dict[str, Key] = {}
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, BaseModel):
            for leaf, inner in type(field.default).model_fields.items():
                keys[f"{name}.{leaf}"] = _key(f"{name}.{leaf}", inner)
        else:
            keys[name] = _key(name, field)
    return keys


@cache
def by_variable() -> dict[str, Key]:
    """Every key by the name of its variable."""
    return {key.variable: key for key in table().values()}


def plain(value: object) -> str:
    """A value as a person would write it in a file of variables; empty for None."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float():
            return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
        case tuple():
            return ",".join(map(str, value))
        case _:
            return str(value)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``; did you mean X?`` for the known name that is nearest to `name`, or nothing."""
    names = {_folded(candidate): candidate for candidate in known}
    folded = _folded(name)
    leaves = [full for candidate, full in names.items() if candidate.rpartition(DELIMITER)[2] == folded]
    if len(leaves) == 1:
        return f"; did you mean {leaves[0]}?"
    near = difflib.get_close_matches(folded, names, n=1, cutoff=0.5)
    return f"; did you mean {names[near[0]]}?" if near else ""


def _folded(name: str) -> str:
    return name.upper().removeprefix(PREFIX)


def shortened(value: object) -> str:
    """A value as it stands in a file, fit for a line."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _key(path: str, field: FieldInfo) -> Key:
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    unit = str(extra.get("unit", ""))
    kinds = _kinds(field.annotation)
    return Key(
        path=path,
        variable=PREFIX + path.replace(".", DELIMITER).upper(),
        kind=next(kind for kind in (bool, float, int, Path, str) if kind is str or kind in kinds),
        default=field.default,
        unit=unit if unit != "count" else "",
        expects=str(extra.get("expects", "")) or _expectation(field, kinds, unit),
        meaning=str(field.description),
        secret=SecretStr in kinds,
    )


def _kinds(annotation: Any) -> tuple[Any, ...]:
    """The types that an annotation allows, None left out."""
    if get_origin(annotation) in {Union, types.UnionType}:
        return tuple(
            kind for part in get_args(annotation) for kind in _kinds(part) if kind is not types.NoneType
        )
    if hasattr(annotation, "__metadata__"):
        return _kinds(get_args(annotation)[0])
    return (annotation,)


def _expectation(field: FieldInfo, kinds: tuple[Any, ...], unit: str) -> str:
    if get_origin(kinds[0]) is Literal:
        return f"one of {', '.join(get_args(kinds[0]))}"
    if bool in kinds:
        return "true or false"
    if Path in kinds:
        return "a path"
    low = next(limit.ge for limit in field.metadata if hasattr(limit, "ge"))
    high = next(limit.le for limit in field.metadata if hasattr(limit, "le"))
    kind = "a whole number" if int in kinds else "a number"
    return f"{kind} from {plain(low)} to {plain(high)}{f' ({unit})' if unit not in {'', 'count'} else ''}"
