"""Makes numba compile the core's rules as they stand, and keeps what it has compiled.

Nothing in the core knows of this. What is compiled is kept below the user's cache folder, in one folder for
each state of the code: numba itself looks only at the file of the function that is called, not at those of
the rules it is made of.
"""

import os
import tempfile
from bisect import bisect_left
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numba
from numba import types
from numba.extending import overload, register_jitable

import drift_e3
from drift_e3.core import (
    base_candles,
    blend,
    features,
    funding,
    grid,
    levels,
    open_interest,
    regime,
    risk,
    strategies,
    terms,
    windows,
)
from drift_e3.journal.code_hash import DECIDING, hash_of
from drift_e3.lab.kernel import desk, entering, entry_points, guarding, playing, venue
from drift_e3.venues.sim import margin, prices

CODE: Final = hash_of(Path(drift_e3.__file__).parent, (*DECIDING, "lab/kernel"))
"""The state of all code that a compiled run is made of."""

LEAF_RULES: Final[tuple[ModuleType, ...]] = (
    base_candles,
    blend,
    features,
    funding,
    grid,
    levels,
    margin,
    open_interest,
    prices,
    regime,
    strategies,
    windows,
)
"""Modules of which every function is a leaf rule, or is not called from the loop."""
OTHER_RULES: Final[tuple[Callable[..., Any], ...]] = (
    terms.clamp,
    risk.bounded_size,
    risk.breach,
    risk.is_overexposed,
    risk.liquidation_price,
    risk.notional_within,
    risk.size_within_cap,
)
INLINED: Final = frozenset({desk.standing})
"""What returns a record, which a compiled function of its own cannot."""
LOOP: Final[tuple[ModuleType, ...]] = (desk, entering, guarding, playing, venue, entry_points)


def cache_folder() -> Path:
    """Where this user's caches of the lab are: ``drift_e3`` below $XDG_CACHE_HOME or ~/.cache, where one can
    write there; else a folder for temporary files."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = Path(home) / "drift_e3"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        pass
    else:
        if os.access(folder, os.W_OK):
            return folder
    return Path(tempfile.gettempdir()) / f"drift_e3-{os.getuid()}"


def _functions(module: ModuleType) -> list[Callable[..., Any]]:
    return [
        value
        for value in vars(module).values()
        if callable(value) and type(value) is type(cache_folder) and value.__module__ == module.__name__
    ]


@overload(bisect_left)  # type: ignore[untyped-decorator]
def _bisect_left(ordered: Any, value: Any, low: Any, high: Any) -> Any:
    """`bisect.bisect_left`, which numba does not know."""

    def find(ordered: Any, value: Any, low: Any, high: Any) -> Any:
        while low < high:
            middle = (low + high) // 2
            if ordered[middle] < value:
                low = middle + 1
            else:
                high = middle
        return low

    return find


@overload(int)  # type: ignore[untyped-decorator]
def _number_of(member: Any) -> Any:
    """The number of an enumeration's member, which numba knows by `value` alone."""

    def find(member: Any) -> Any:
        return member.value

    return find if isinstance(member, types.IntEnumMember) else None


def _compiled(function: Callable[..., None]) -> Callable[..., None]:
    made: Callable[..., None] = numba.njit(cache=True, nogil=True)(function)
    return made


if not numba.config.CACHE_DIR:
    numba.config.CACHE_DIR = str(cache_folder() / f"compiled-{CODE}")
for _function in (*OTHER_RULES, *(each for module in (*LEAF_RULES, *LOOP) for each in _functions(module))):
    _inline = "always" if _function in INLINED else "never"
    register_jitable(inline=_inline, no_cfunc_wrapper=True, no_cpython_wrapper=True)(_function)

fill_columns: Final = _compiled(entry_points.fill_columns)
play_sets: Final = _compiled(entry_points.play_sets)
