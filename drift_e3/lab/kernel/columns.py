"""Columns that were computed once, kept on disk and read by every process from the same pages of memory.

One file for each content; what it holds follows from its name, so that nothing in it ever grows old. Files
appear whole or not at all.
"""

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np

from drift_e3.lab.kernel.compiling import cache_folder
from drift_e3.lab.kernel.layout import Table

KEPT_BYTES_MAX: Final = 4 * 2**30
"""Together the kept files are no larger than this: those that were not used for the longest time go."""


def kept(name: str, rows: int, dtype: "np.dtype[Any]", compute: Callable[[], Table]) -> Table:
    """The table of this name, computed where it is not kept yet.

    Where nothing can be kept it is only computed: a cache is no reason to fail.
    """
    path = cache_folder() / "columns" / f"{name}.bin"
    try:
        return _read(path, rows, dtype)
    except OSError:
        made = compute()
    with suppress(OSError):
        _write(path, made)
    return made


def _read(path: Path, rows: int, dtype: "np.dtype[Any]") -> Table:
    """The pages of the file, shared with all who read it; what is written to them is not shared."""
    if path.stat().st_size != rows * dtype.itemsize:
        raise OSError("another length")
    os.utime(path)
    return np.asarray(np.memmap(path, dtype, mode="c", shape=(rows,)))


def _write(path: Path, made: Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            made.tofile(file)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _prune(path)


def _prune(newest: Path) -> None:
    """Take the oldest files away while all together are too large; another process may do so as well."""
    files = []
    for path in newest.parent.glob("*.bin"):
        try:
            stat = path.stat()
        except OSError:
            continue
        files.append((stat.st_mtime, stat.st_size, path))
    size = sum(each[1] for each in files)
    for _, bytes_, path in sorted(files):
        if size <= KEPT_BYTES_MAX or path == newest:
            return
        path.unlink(missing_ok=True)
        size -= bytes_
