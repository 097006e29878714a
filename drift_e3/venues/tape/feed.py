"""Plays recorded tapes as a market feed, one step at a time and strictly in order of time.

Order of equal times: funding, then a book, then the close of a candle, then what belongs to the next candle
(its opening, or an oracle tick). What is stamped at H was published by H, so a decision on the candle that
closes at H may use it; what is stamped a millisecond later is seen after that decision. Real funding comes
some milliseconds after its hour and is so first used a candle later; a file whose stamps were rounded to the
hour gives it to the decision at the hour itself. A tick stamped H is the first price of the next candle.

The feed ends with its last candle. Order fills are not its business (`venues.sim`), nor are file formats.
"""

import struct
from array import array
from bisect import bisect_left, bisect_right
from hashlib import sha256
from math import inf
from operator import itemgetter
from typing import NamedTuple

from drift_e3.core.events import BookSeen, CandleClosed, Feed, FundingPublished, OracleTick
from drift_e3.core.terms import MS_PER_DAY, Instrument
from drift_e3.ports import DataError
from drift_e3.venues.sim.steps import BarOpened, BarRange, Step
from drift_e3.venues.tape.checks import day_time
from drift_e3.venues.tape.series import BookTape, CandleTape, FundingTape, TickTape

HISTORY_MS = 8 * MS_PER_DAY
"""How much of the tape before `start_ts` warms the features: more than their longest window, 7 days."""
HISTORY_FUNDING = 169
"""Funding rows told before the first candle: the latest rate and the 168 of its z-score's window."""

_FUNDING, _BOOK, _CLOSE, _NEXT_CANDLE = range(4)
_CHECKPOINT = struct.Struct("<16sqq")


class Played(NamedTuple):
    """What a feed plays: the rows of its candles from `first` (history) and `live` on to before `end`, and of
    its funding from `first_funding` on; `first_ts` is the event time (UTC, ms) of the first step."""

    candles: CandleTape
    funding: FundingTape | None
    first: int
    live: int
    end: int
    first_funding: int
    first_ts: int


class TapeFeed:
    """A market feed over recorded tapes.

    Candles that open from `start_ts` on and close by `end_ts` are traded (both UTC ms, both optional); up to
    8 days before them are told as history. Without `ticks` a traded candle is three steps: BarOpened,
    BarRange 1 ms before its close, CandleClosed at its close. With `ticks` it is its oracle ticks and its
    close. Raises `DataError` if no candle, or no tick, lies in the range.
    """

    def __init__(
        self,
        candles: CandleTape,
        funding: FundingTape | None,
        instrument: Instrument,
        *,
        start_ts: int | None = None,
        end_ts: int | None = None,
        ticks: TickTape | None = None,
        book: BookTape | None = None,
    ) -> None:
        self.instrument = instrument
        self.feed = Feed(
            frame_ms=candles.frame_ms,
            oracle_ticks=ticks is not None,
            book=book is not None,
            premium=funding is not None and funding.premium_frac is not None,
        )
        self._candles = candles
        self._funding = funding
        self._ticks = ticks
        self._book = book
        times = candles.ts_ms
        start = times[0] if start_ts is None else start_ts
        end = times[-1] + candles.frame_ms if end_ts is None else end_ts
        self._live = bisect_left(times, start)
        self._first = bisect_left(times, start - HISTORY_MS)
        self._end = bisect_right(times, end - candles.frame_ms)
        if self._live >= self._end:
            there = f"the file has {day_time(times[0])} to {day_time(times[-1] + candles.frame_ms)}"
            raise DataError(
                f"{candles.report.path}: no candle from {day_time(start)} to {day_time(end)} UTC; {there}"
            )
        self.begins_ts = times[self._live]
        if ticks is not None:
            last_close = times[self._end - 1] + candles.frame_ms
            if bisect_left(ticks.ts_ms, self.begins_ts) == bisect_left(ticks.ts_ms, last_close):
                span = f"{day_time(self.begins_ts)} to {day_time(last_close)}"
                raise DataError(f"{ticks.report.path}: no tick among the candles traded, {span} UTC")
        self._digest = b""
        self._candle = self._taken = 0
        self._next_funding = self._next_tick = self._next_book = 0
        self._due_ts = 0.0
        self._steps: list[Step] = []
        self._times: list[int] = []
        self._next_ts: int | None = None
        self._play_from(self._first)
        self._first_ts = self._times[0]

    @property
    def progress(self) -> tuple[int, int]:
        """Candles closed so far and candles in all, history included."""
        return self._candle - self._first, self._end - self._first

    @property
    def played(self) -> Played:
        """What is played, for whoever reads it at once."""
        return Played(
            self._candles,
            self._funding,
            self._first,
            self._live,
            self._end,
            self._first_funding(),
            self._first_ts,
        )

    def next_ts(self) -> int | None:
        """Event time (UTC, ms) of the next step, or None at the end."""
        return self._next_ts

    def advance(self) -> Step:
        """The step that is due at `next_ts`. Not to be called at the end."""
        step = self._steps[self._taken]
        taken = self._taken + 1
        if taken < len(self._steps):
            self._taken = taken
            self._next_ts = self._times[taken]
        else:
            self._candle += 1
            self._taken = 0
            self._fill()
        return step

    def checkpoint(self) -> bytes:
        """The position in the tape, and which tape it is a position in."""
        return _CHECKPOINT.pack(self._content(), self._candle, self._taken)

    def restore(self, state: bytes) -> None:
        """Go to a position that `checkpoint` gave. Raises `DataError` if that was in other data."""
        if len(state) != _CHECKPOINT.size:
            raise DataError(f"{self._candles.report.path}: the checkpoint is not one of a tape")
        content, candle, taken = _CHECKPOINT.unpack(state)
        if content != self._content():
            path = self._candles.report.path
            raise DataError(f"{path}: the data or the range differs from that of the checkpoint")
        self._play_from(candle)
        self._taken = taken
        if taken:
            self._next_ts = self._times[taken]

    def _content(self) -> bytes:
        """A hash of all that decides which steps are played."""
        if not self._digest:
            candles, funding, ticks, book = self._candles, self._funding, self._ticks, self._book
            columns: list[array[int] | array[float] | None] = [
                array("q", (candles.frame_ms, self._first, self._live, self._end)),
                candles.ts_ms,
                candles.open,
                candles.high,
                candles.low,
                candles.close,
                candles.volume,
                candles.taker_buy_volume,
            ]
            if funding is not None:
                columns += [funding.ts_ms, funding.rate_frac_1h, funding.hours, funding.premium_frac]
            if ticks is not None:
                columns += [ticks.ts_ms, ticks.price_usd]
            if book is not None:
                levels = (*book.bid_prices, *book.bid_sizes, *book.ask_prices, *book.ask_sizes)
                columns += [book.ts_ms, *levels]
            digest = sha256()
            for column in columns:
                digest.update(struct.pack("<q", -1 if column is None else len(column)))
                digest.update(b"" if column is None else column)
            self._digest = digest.digest()[:16]
        return self._digest

    def _play_from(self, candle: int) -> None:
        """Begin with the first step of the 0-based `candle`; all else follows from the time it begins at."""
        self._candle = candle
        self._taken = 0
        times, frame_ms = self._candles.ts_ms, self._candles.frame_ms
        first = candle == self._first
        after_ts = times[candle] if first else times[candle - 1] + frame_ms
        self._next_funding = self._next_tick = self._next_book = 0
        if first:
            self._next_funding = self._first_funding()
        elif self._funding is not None:
            self._next_funding = bisect_right(self._funding.ts_ms, after_ts)
        if self._ticks is not None:
            self._next_tick = bisect_left(self._ticks.ts_ms, max(after_ts, self.begins_ts))
        if self._book is not None:
            told = 0 if first else bisect_right(self._book.ts_ms, after_ts)
            self._next_book = max(told, bisect_left(self._book.ts_ms, self.begins_ts))
        self._due_ts = 0.0
        self._fill()

    def _first_funding(self) -> int:
        if self._funding is None:
            return 0
        known = bisect_left(self._funding.ts_ms, self._candles.ts_ms[self._first])
        return max(0, known - HISTORY_FUNDING)

    def _fill(self) -> None:
        """Line up the steps that end with the close of the present candle."""
        row = self._candle
        if row >= self._end:
            self._steps = []
            self._times = []
            self._next_ts = None
            return
        tape = self._candles
        open_ts = tape.ts_ms[row]
        close_ts = open_ts + tape.frame_ms
        open_, high, low, close = tape.open[row], tape.high[row], tape.low[row], tape.close[row]
        taker_buy_volume = tape.taker_buy_volume
        live = row >= self._live
        closed = CandleClosed(
            seen_ts=close_ts,
            open_ts=open_ts,
            open=open_,
            high=high,
            low=low,
            close=close,
            volume=tape.volume[row],
            taker_buy_volume=None if taker_buy_volume is None else taker_buy_volume[row],
            history=not live,
        )
        if live and self._ticks is None:
            whole = BarRange(close_ts - 1, open_, high, low, close)
            self._steps = [BarOpened(open_ts, open_), whole, closed]
            self._times = [open_ts, close_ts - 1, close_ts]
        else:
            self._steps = [closed]
            self._times = [close_ts]
        if self._due_ts <= close_ts:
            self._merge(close_ts)
        self._next_ts = self._times[0]

    def _merge(self, close_ts: int) -> None:
        """Put the funding, books and ticks up to the candle's close between its own steps."""
        others: list[tuple[int, int, int, Step]] = []
        due_ts = inf
        if self._funding is not None:
            row, times = self._next_funding, self._funding.ts_ms
            while row < len(times) and times[row] <= close_ts:
                others.append((times[row], _FUNDING, row, self._published(self._funding, row)))
                row += 1
            self._next_funding = row
            due_ts = min(due_ts, times[row] if row < len(times) else inf)
        if self._book is not None:
            row, times = self._next_book, self._book.ts_ms
            while row < len(times) and times[row] <= close_ts:
                others.append((times[row], _BOOK, row, _seen(self._book, row)))
                row += 1
            self._next_book = row
            due_ts = min(due_ts, times[row] if row < len(times) else inf)
        if self._ticks is not None:
            row, times = self._next_tick, self._ticks.ts_ms
            while row < len(times) and times[row] < close_ts:
                price_usd = self._ticks.price_usd[row]
                tick = OracleTick(seen_ts=times[row], publish_ts=times[row], price_usd=price_usd)
                others.append((times[row], _NEXT_CANDLE, row, tick))
                row += 1
            self._next_tick = row
            due_ts = min(due_ts, times[row] if row < len(times) else inf)
        self._due_ts = due_ts
        for place, step in enumerate(self._steps):
            rank = _CLOSE if isinstance(step, CandleClosed) else _NEXT_CANDLE
            others.append((self._times[place], rank, place, step))
        others.sort(key=itemgetter(0, 1, 2))
        self._times = [item[0] for item in others]
        self._steps = [item[3] for item in others]

    def _published(self, funding: FundingTape, row: int) -> FundingPublished:
        ts = funding.ts_ms[row]
        return FundingPublished(
            seen_ts=ts,
            publish_ts=ts,
            rate_frac_1h=funding.rate_frac_1h[row],
            hours=funding.hours[row],
            premium_frac=None if funding.premium_frac is None else funding.premium_frac[row],
            history=ts < self.begins_ts,
        )


def _seen(book: BookTape, row: int) -> BookSeen:
    ts = book.ts_ms[row]
    return BookSeen(
        seen_ts=ts,
        publish_ts=ts,
        bids=_levels(book.bid_prices, book.bid_sizes, row),
        asks=_levels(book.ask_prices, book.ask_sizes, row),
    )


def _levels(
    prices: "list[array[float]]", sizes: "list[array[float]]", row: int
) -> tuple[tuple[float, float], ...]:
    levels = zip(prices, sizes, strict=True)
    return tuple((price[row], size[row]) for price, size in levels if size[row] > 0.0)
