"""The identity of the code that decides. Nothing but the hash lives here."""

import hashlib
from functools import cache
from pathlib import Path

import drift_e3

DECIDING = ("core", "venues/sim")
"""The packages whose every line can change a decision or a simulated fill."""


@cache
def code_hash() -> str:
    """Sixteen hexadecimal digits over the names and contents of all source files that decide."""
    return hash_of(Path(drift_e3.__file__).parent, DECIDING)


def hash_of(root: Path, packages: tuple[str, ...]) -> str:
    """SHA-256, cut to sixteen digits, over the Python files of `packages` under `root`, in the order of their
    names; an absent package counts as empty."""
    digest = hashlib.sha256()
    for package in packages:
        sources = {path.relative_to(root).as_posix(): path for path in (root / package).rglob("*.py")}
        for name in sorted(sources):
            content = sources[name].read_bytes()
            digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]
