"""What the journal holds, a page at a time, newest first: the one source of everything that is past.

Read on a thread of its own, so that nobody who looks holds up the trading loop. Cursors are the journal's
numbers of events: a page never changes while it is turned.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from drift_e3.core.decision import Decision
from drift_e3.core.events import CandleClosed, Started
from drift_e3.core.notes import DecisionMade
from drift_e3.journal.reader import JournalReader, open_journal
from drift_e3.journal.records import Record, record

Read = TypeVar("Read")

ITEMS_MAX: Final = 500
POINTS_MAX: Final = 5_000
END: Final = 2**62
"""After every event."""


class Shelf(NamedTuple):
    """Kinds of messages that are looked at together; `events` else outputs (commands and notes)."""

    events: bool
    kinds: tuple[str, ...]


SHELVES: Final[dict[str, Shelf]] = {
    "decisions": Shelf(False, ("decision_made",)),
    "advice": Shelf(True, ("advice_received", "advice_failed")),
    "fills": Shelf(True, ("fill",)),
    "funding": Shelf(True, ("funding_paid",)),
    "orders": Shelf(False, ("submit_order", "cancel_order", "order_refused")),
    "trades": Shelf(False, ("position_opened", "position_closed")),
    "stops": Shelf(False, ("stop_armed",)),
    "modes": Shelf(False, ("mode_changed", "regime_changed", "settings_taken", "data_stale")),
}
"""What can be paged through, by the name it has in the API."""


class Page(NamedTuple):
    """Records, newest first, each with `seq`; `before` is where the next page begins, None at the end."""

    items: list[Record]
    before: int | None


class Chart(NamedTuple):
    """Columns of equal length, oldest first: candles by their close (UTC, ms), and what was decided on each.

    `equity_usd` and `regime` are null where nothing was decided (history that only warmed the features).
    """

    ts: list[int]
    open: list[float]
    high: list[float]
    low: list[float]
    close: list[float]
    regime: list[str | None]
    equity_usd: list[float | None]


class History:
    """The journal of one state directory, opened for reading when first asked."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader: JournalReader | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="history")

    def close(self) -> None:
        """Let go of the file."""
        self._thread.submit(self._close).result()
        self._thread.shutdown()

    async def page(self, shelf: Shelf, before: int, limit: int) -> Page:
        """At most `limit` records of events before seq `before`."""
        return await self._read(lambda reader: _page(reader, shelf, before, limit))

    async def chart(self, candles: int) -> Chart:
        """The last `candles` candles."""
        return await self._read(lambda reader: _chart(reader, candles))

    async def equity(self, since_ts: int, points: int) -> tuple[list[int], list[float]]:
        """Equity (USD) by decision time since `since_ts`, at most about `points`: of each stretch its lowest
        and its highest, so that no drawdown is smoothed away."""
        return await self._read(lambda reader: _thinned(_equity(reader, since_ts), points))

    async def _read(self, what: Callable[[JournalReader], Read]) -> Read:
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: what(self._opened()))

    def _opened(self) -> JournalReader:
        if self._reader is None:
            self._reader = open_journal(self._path, beside_writer=True)
        return self._reader

    def _close(self) -> None:
        if self._reader is not None:
            self._reader.close()


def _page(reader: JournalReader, shelf: Shelf, before: int, limit: int) -> Page:
    newest = reader.newest_events if shelf.events else reader.newest_outputs
    rows = newest(shelf.kinds, before, limit)
    items = [{"seq": row.seq, **record(reader.message(row), row.ts)} for row in rows]
    return Page(items, rows[-1].seq if len(rows) >= limit else None)


def _chart(reader: JournalReader, candles: int) -> Chart:
    frame_ms = _frame_ms(reader)
    closed = [reader.message(row) for row in reader.newest_events(("candle_closed",), END, candles)]
    made = _decisions(reader, candles)
    rows: list[tuple[Any, ...]] = []
    for candle in reversed(closed):
        assert isinstance(candle, CandleClosed), "the rows are of this kind"
        decision = made.get(candle.open_ts + frame_ms)
        regime = None if decision is None else decision.regime.label
        equity_usd = None if decision is None else decision.equity_usd
        rows.append(
            (
                candle.open_ts + frame_ms,
                candle.open,
                candle.high,
                candle.low,
                candle.close,
                regime,
                equity_usd,
            )
        )
    return Chart._make([list(column) for column in zip(*rows, strict=True)] or [[] for _ in Chart._fields])


def _frame_ms(reader: JournalReader) -> int:
    """The length of a candle, by the first start: no other market is taken on."""
    started = reader.first_event()
    return started.feed.frame_ms if isinstance(started, Started) else 0


def _decisions(reader: JournalReader, count: int) -> dict[int, Decision]:
    notes = [reader.message(row) for row in reader.newest_outputs(("decision_made",), END, count)]
    return {note.decision.ts: note.decision for note in notes if isinstance(note, DecisionMade)}


def _equity(reader: JournalReader, since_ts: int) -> list[tuple[int, float]]:
    points: list[tuple[int, float]] = []
    before = END
    while rows := reader.newest_outputs(("decision_made",), before, ITEMS_MAX):
        for row in rows:
            note = reader.message(row)
            if isinstance(note, DecisionMade) and note.decision.ts >= since_ts:
                points.append((note.decision.ts, note.decision.equity_usd))
        before = rows[-1].seq
        if rows[-1].ts < since_ts:
            break
    points.reverse()
    return points


def _thinned(points: Sequence[tuple[int, float]], most: int) -> tuple[list[int], list[float]]:
    stretch = max(1, -(-2 * len(points) // most))
    kept: list[tuple[int, float]] = []
    for start in range(0, len(points), stretch):
        part = points[start : start + stretch]
        low, high = min(part, key=_value), max(part, key=_value)
        kept += sorted({low, high})
    return [ts for ts, _ in kept], [value for _, value in kept]


def _value(point: tuple[int, float]) -> float:
    return point[1]
