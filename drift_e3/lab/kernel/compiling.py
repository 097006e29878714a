"""Makes numba compile the core's rules as they stand, and keeps what it has compiled.

Nothing in the core knows of this. What is compiled is kept below the user's cache folder, in one folder for
each state of the code: numba itself looks only at the file of the function that is called, not at those of
the rules it is made of.
"""

import fcntl
import os
import shutil
import tempfile
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple

import numba
import numpy as np
from numba import types
from numba.core.compiler import Compiler
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
from drift_e3.lab.collector import collector_paused
from drift_e3.lab.kernel import (
    clearing,
    desk,
    entering,
    entry_points,
    guarding,
    matching,
    orders,
    playing,
    venue,
)
from drift_e3.lab.kernel.books import ANSWER, BOOKS, DECISION, EVENT, TRADE
from drift_e3.lab.kernel.layout import BAR, FUNDING, INSTRUMENT, RULES, table
from drift_e3.venues.sim import margin, prices

CODE: Final = hash_of(Path(drift_e3.__file__).parent, (*DECIDING, "lab/kernel"))
"""The state of all code that a compiled run is made of."""
FOLDER: Final = "compiled-"
OTHER_CODE_KEPT: Final = 4
"""So many other states of the code are kept: several checkouts may take turns."""

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
INLINED: Final = frozenset({orders.standing})
"""What returns a record, which a compiled function of its own cannot."""
LOOP: Final[tuple[ModuleType, ...]] = (
    clearing,
    desk,
    entering,
    entry_points,
    guarding,
    matching,
    orders,
    playing,
    venue,
)


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


def _number_of(member: Any) -> Any:
    """The number of an enumeration's member, which numba knows by `value` alone."""

    def find(member: Any) -> Any:
        return member.value

    return find if isinstance(member, types.IntEnumMember) else None


@cache
def _make_known() -> None:
    """Tell numba of all that the loop calls."""
    overload(bisect_left)(_bisect_left)
    overload(int)(_number_of)
    for function in (*OTHER_RULES, *(each for module in (*LEAF_RULES, *LOOP) for each in _functions(module))):
        inline = "always" if function in INLINED else "never"
        register_jitable(inline=inline, no_cfunc_wrapper=True, no_cpython_wrapper=True)(function)


def _knowing_compiler(*state: Any) -> Compiler:
    """Numba's compiler, which knows the rules. It is made only for what is not in the cache, so that a start
    that finds everything there does without telling numba of two hundred rules."""
    _make_known()
    return Compiler(*state)


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that calls the core's rules, out of the cache or compiled when it is called first."""
    made: Callable[..., Any] = numba.njit(cache=True, nogil=True, pipeline_class=_knowing_compiler)(function)
    return made


class Loops(NamedTuple):
    """The compiled functions; see `entry_points` for each."""

    fill_columns: Callable[..., None]
    play_sets: Callable[..., None]


@cache
@collector_paused()
def loops() -> Loops:
    """The compiled functions, out of the cache or compiled now, which takes half a minute.

    One process at a time does so, that several which start together do not all compile the same.
    """
    folder = Path(numba.config.CACHE_DIR)
    made = Loops(compiled(entry_points.fill_columns), compiled(entry_points.play_sets))
    with _one_at_a_time(folder):
        # A tape of no candles: nothing is played, but all is there that is needed for it.
        nothing = entry_points.Candles(*(np.empty(0, kind) for kind in entry_points.CANDLE_KINDS))
        state = entry_points.arrays_of(features.new_state(features.windows_for(terms.MS_PER_HOUR)))
        made.fill_columns(
            nothing._replace(funding_from=np.zeros(1, np.int64)),
            features.windows_for(terms.MS_PER_HOUR),
            state,
            table(1, INSTRUMENT),
            1.0,
            np.empty((0, len(features.Features._fields))),
            np.zeros((1, prices.LIQUIDITY_CELLS)),
        )
        kept = entry_points.Kept(
            table((0, 0), TRADE), table((0, 0), EVENT), table((0, 0), DECISION), np.empty((0, 0))
        )
        made.play_sets(
            table(0, BAR),
            table(0, FUNDING),
            0,
            table(0, RULES),
            table(1, ANSWER),
            table(0, BOOKS),
            kept,
            0,
            False,
        )
        _forget_old_code(folder)
    return made


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Keep other processes out; where nothing can be written there is nothing to wait for."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError:
        yield
        return
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _forget_old_code(folder: Path) -> None:
    """Delete what was compiled of code that is long gone."""
    others = [path for path in folder.parent.glob(f"{FOLDER}*") if path != folder]
    with suppress(OSError):
        others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        for path in others[OTHER_CODE_KEPT:]:
            shutil.rmtree(path, ignore_errors=True)


numba.config.CACHE_DIR = str(Path(numba.config.CACHE_DIR or cache_folder()) / f"{FOLDER}{CODE}")
