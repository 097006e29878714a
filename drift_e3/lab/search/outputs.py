"""The files of a finished search, written so that a crash leaves old ones or new ones, never halves."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

CARD, TRIALS, REPORT = "card.json", "trials.parquet", "report.html"


def write_json(document: Mapping[str, Any], path: Path) -> None:
    """Write a document as JSON that people can read."""
    content = json.dumps(document, indent=2, allow_nan=False) + "\n"
    replace(path, lambda part: part.write_text(content, encoding="utf-8"))


def replace(path: Path, write: Callable[[Path], object]) -> None:
    """Have a file written beside its place and put it there whole. Raises `OSError`."""
    part = path.with_name(f".{path.name}.part")
    write(part)
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(path)
