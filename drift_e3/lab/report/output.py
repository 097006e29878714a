"""A report's files: the page, and the run card beside it."""

import json
from pathlib import Path

from drift_e3.lab.history import History
from drift_e3.lab.report.page import page
from drift_e3.lab.report.summary import Document
from drift_e3.ports import DataError


def card_path(out: Path) -> Path:
    """Where the run card of a page stands: ``report.html`` has ``report.card.json``."""
    return out.with_suffix(".card.json")


def write_report(out: Path, title: str, history: History, summary: Document, card: Document) -> None:
    """Write page and card. Raises `DataError` where they cannot be written, `NoPlots` as `page` does."""
    whole = page(title, history, summary, card)
    write_text(out, whole)
    write_text(card_path(out), json.dumps(card, indent=2, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a file as UTF-8; raises `DataError` where that cannot be done."""
    try:
        path.write_bytes(text.encode())
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror or error}") from error
