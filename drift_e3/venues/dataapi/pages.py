"""Pages of a download, kept on the disk until all are there; and what is still missing.

A page is one line of JSON: the span of time that it answers for, and its rows. A line that a crash tore is
dropped, so that its page is fetched again. What rows mean is for whoever keeps them.
"""

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self, TextIO

from drift_e3.ports import DataError
from drift_e3.venues.dataapi.tape_files import Market


class Span(NamedTuple):
    """Times from `from_ts` to `to_ts`, both included (UTC, ms); none where they are the wrong way round."""

    from_ts: int
    to_ts: int

    def steps(self, step_ms: int) -> int:
        """How many times of a grid are in it, if it begins on one."""
        return max((self.to_ts - self.from_ts) // step_ms + 1, 0)


class Page(NamedTuple):
    """All rows that there are within a span."""

    span: Span
    rows: list[list[Any]]


def missing_from(wanted: Span, held: Iterable[Span], step_ms: int) -> list[Span]:
    """What of `wanted` is in none of the spans held, the newest first; neighbours are `step_ms` apart."""
    missing: list[Span] = []
    to_ts = wanted.to_ts
    for span in sorted(held, key=lambda span: -span.to_ts):
        if span.from_ts <= span.to_ts:
            if span.to_ts < to_ts:
                missing.append(Span(max(span.to_ts + step_ms, wanted.from_ts), to_ts))
            to_ts = min(to_ts, span.from_ts - step_ms)
    missing.append(Span(wanted.from_ts, to_ts))
    return [span for span in missing if span.from_ts <= span.to_ts]


class Pages:
    """The list of pages in the file `path`; pages of another market are not added to."""

    def __init__(self, path: Path, market: Market) -> None:
        self._path = path
        self._market = market
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def read(self) -> list[Page]:
        """The pages kept so far. Raises `DataError` for a file that is not ours, or damaged."""
        if not self._path.exists():
            return []
        content = self._path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(self._path, whole)
        lines = content[:whole].splitlines()
        if not lines:
            self._path.unlink()
            return []
        try:
            found, *pages = map(json.loads, lines)
            if found != self._market._asdict():
                raise DataError(f"{self._path}: was begun for {found}: give another --out, or remove it")
            return [Page(Span(*page["span"]), page["rows"]) for page in pages]
        except (ValueError, KeyError, TypeError) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f"{self._path}: is damaged: remove it to begin anew") from error

    def keep(self, span: Span, rows: Iterable[Sequence[Any]]) -> None:
        """Add a page and wait until it is on the disk."""
        if self._file is None:
            fresh = not self._path.exists()
            self._file = self._path.open("a", encoding="ascii")
            if fresh:
                self._file.write(json.dumps(self._market._asdict()) + "\n")
        self._file.write(json.dumps({"span": span, "rows": list(rows)}) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def drop(self) -> None:
        """Forget all pages: they are in the file now."""
        self._path.unlink(missing_ok=True)
