"""Layouts of Drift v2's accounts, made of the interface description that driftpy carries.

The program's accounts are plain structures without gaps, so that the description's order and types are their
layout.
"""

import re
from functools import lru_cache
from typing import Any

from drift_e3.venues.drift.library import DRIFT_IDL
from drift_e3.venues.velocity.wire import AccountLayout, Layout


@lru_cache(maxsize=1)
def drift_layouts() -> dict[str, AccountLayout]:
    """The layout of every account that the emulation needs, by name."""
    names = ("State", "PerpMarket", "SpotMarket", "User", "UserStats")
    return {account.name: _account(account) for account in DRIFT_IDL.accounts if account.name in names}


def _account(account: Any) -> AccountLayout:
    table, parts = _table(account.ty.fields)
    return AccountLayout(account.name, table, *parts)


def _table(fields: Any) -> tuple[str, list[Layout]]:
    parts: dict[str, Layout] = {}
    entries = []
    for field in fields:
        kind = _kind(field.ty, parts)
        entries.append(f"{_snake(field.name)}:{kind}")
    return " ".join(entries), list(parts.values())


def _kind(kind: Any, parts: dict[str, Layout]) -> str:
    """A field's type in the words of `Layout`; structures are added to `parts`."""
    if hasattr(kind, "array"):
        inner, count = kind.array
        of = _kind(inner, parts)
        return f"bytes*{count}" if of == "u8" else f"{of}*{count}"
    word = str(kind).rpartition(".")[2].lower()
    if not hasattr(kind, "defined"):
        return "key" if word == "publickey" else word
    name = str(kind.defined)
    declared = next(one for one in DRIFT_IDL.types if one.name == name)
    if not hasattr(declared.ty, "fields"):
        return "u8"  # an enumeration
    if name not in parts:
        table, inner_parts = _table(declared.ty.fields)
        parts[name] = Layout(name, table, *inner_parts)
    return name


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()
