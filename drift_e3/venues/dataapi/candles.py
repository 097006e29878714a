"""Which candles are closed, in their order and each once, whatever the stream does. Pure: no I/O, no clock.

The stream tells of candles while they form: doubled, late, in disorder, with holes. What a candle came to is
only known from an answer over HTTP that was asked for after its end; such an answer is the truth, and the
stream stands in where nobody answers. Prices for the core are chosen in `prices`.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from drift_e3.core.terms import MS_PER_SECOND
from drift_e3.venues.dataapi.records import CandleRecord, Ohlc

GRACE_MS: Final = 2 * MS_PER_SECOND
"""How long after its end a candle may still change: fills are recorded a moment after they happen."""
PATIENCE_MS: Final = 6 * MS_PER_SECOND
"""How long after its end a candle waits: for an answer where the stream has gone on without a break, for a
later candle where the market is still."""
UNBROKEN_MS: Final = 15 * MS_PER_SECOND
"""A stream that was silent for longer between a candle's last word and the next candle may have lost some."""
SKEW_MS: Final = 5 * MS_PER_SECOND
"""How far ahead of ours the service's clock may be; what claims to be later is no candle of this market."""
TOLD_KEPT: Final = 64
NOISE: Final = 1e-9


class Closed(NamedTuple):
    """A closed candle; `confirmed` by an answer over HTTP, or else as the stream had it last."""

    record: CandleRecord
    confirmed: bool


class Diverged(NamedTuple):
    """A candle that was told, and what it is by the service's present word."""

    told: CandleRecord
    now: CandleRecord


class CandleAssembly:
    """Makes closed candles of what the stream and answers over HTTP say.

    `next_ts` is the open time of the next candle to tell; those before it are the past. All times in ms.
    """

    def __init__(
        self, frame_ms: int, next_ts: int, *, grace_ms: int = GRACE_MS, patience_ms: int = PATIENCE_MS
    ) -> None:
        if next_ts % frame_ms:
            raise ValueError(f"{next_ts} is not on the grid of {frame_ms} ms")
        self.frame_ms = frame_ms
        self.next_ts = next_ts
        self.skipped = 0
        """Candles that the service does not have."""
        self.refused = 0
        """Candles off the grid or of the future."""
        self._grace_ms = grace_ms
        self._patience_ms = patience_ms
        self._newest_ts = next_ts - frame_ms
        self._stream_ts = self._stream_ms = 0
        self._followed: set[int] = set()
        self._waiting: dict[int, CandleRecord] = {}
        self._final: set[int] = set()
        self._absent: set[int] = set()
        self._told: dict[int, CandleRecord] = {}
        self._still: tuple[CandleRecord, int] | None = None
        """The newest candle that an answer had, and since when (ms) answers have said the same of it."""

    def remember(self, told: Iterable[CandleRecord]) -> None:
        """Take candles as told already, oldest first: later answers are held against the last of them."""
        for record in told:
            self._told[record.open_ts] = record
            if len(self._told) > TOLD_KEPT:
                del self._told[next(iter(self._told))]

    def observe(self, record: CandleRecord, now_ms: int) -> None:
        """Hear of a candle from the stream, forming or not, in any order."""
        if not self._possible(record, now_ms):
            return
        ts = record.open_ts
        unbroken = now_ms - self._stream_ms <= UNBROKEN_MS
        if ts == self._stream_ts + self.frame_ms and unbroken and self._stream_ts >= self.next_ts:
            self._followed.add(self._stream_ts)
        if ts >= self._stream_ts:
            in_time = now_ms <= ts + self.frame_ms + self._patience_ms
            self._stream_ts, self._stream_ms = ts, now_ms if in_time else 0
        self._newest_ts = max(self._newest_ts, ts)
        self._learn(record, newer=True)

    def confirm(self, records: Iterable[CandleRecord], since_ts: int, asked_ms: int) -> list[Diverged]:
        """Take an answer over HTTP, asked for at `asked_ms`, that has all candles from `since_ts` on.

        A candle in it is final if it was over for the grace and a later one is in the answer too, which may
        be stale. Where nobody has seen a later one it is final once it has been over for the patience; one of
        which the stream tells must be said to be the same for a while, too: by a clock that is ahead of the
        service's it is over while it still forms.
        Returns the candles told already that are now said to be others.
        """
        given = {record.open_ts: record for record in records if self._possible(record, asked_ms)}
        if not given:
            return []
        top_ts = max(given)
        self._newest_ts = max(self._newest_ts, top_ts)
        if self._still is None or not _alike(self._still[0], given[top_ts]):
            self._still = given[top_ts], asked_ms
        diverged: list[Diverged] = []
        for ts, record in sorted(given.items()):
            if not self._final_in(ts, top_ts, asked_ms):
                self._learn(record)
            elif ts >= self.next_ts:
                self._waiting[ts] = record
                self._final.add(ts)
            elif ts in self._told and not same(self._told[ts], record):
                diverged.append(Diverged(self._told[ts], record))
                self._told[ts] = record
        for ts in range(max(self.next_ts, since_ts), top_ts, self.frame_ms):
            if ts not in given and self._final_in(ts, top_ts, asked_ms):
                self._absent.add(ts)
        return diverged

    def asks(self, now_ms: int) -> int | None:
        """The open time of the first candle that an answer over HTTP is due for; None if there is none."""
        return self.next_ts if self.next_ts + self.frame_ms + self._grace_ms <= now_ms else None

    def take(self, now_ms: int) -> list[Closed]:
        """The closed candles that have not been told yet, oldest first; they count as told from now on."""
        closed: list[Closed] = []
        while (ends_ts := self.next_ts + self.frame_ms) <= now_ms:
            ts = self.next_ts
            record = self._waiting.get(ts)
            final = ts in self._final
            late = ends_ts + self._patience_ms <= now_ms
            if record is not None and (final or (late and ts in self._followed)):
                closed.append(Closed(record, final))
                self.remember([record])
            elif ts in self._absent and (record is None or late):
                self.skipped += 1
            else:
                break
            self._waiting.pop(ts, None)
            self._final.discard(ts)
            self._followed.discard(ts)
            self._absent.discard(ts)
            self.next_ts = ends_ts
        return closed

    def _final_in(self, ts: int, top_ts: int, asked_ms: int) -> bool:
        over_ms = asked_ms - ts - self.frame_ms
        if ts < top_ts:
            return over_ms >= self._grace_ms
        if ts < self._newest_ts or over_ms < self._patience_ms:
            return False
        still_ms = 0 if self._still is None else asked_ms - self._still[1]
        return ts != self._stream_ts or still_ms >= self._patience_ms - self._grace_ms

    def _learn(self, record: CandleRecord, *, newer: bool = False) -> None:
        """Keep a word on a candle that is not final: the one with more volume, which only grows while a
        candle forms. Of equal ones the later word counts only if it is `newer`: answers may be stale."""
        ts = record.open_ts
        if ts < self.next_ts or ts in self._final:
            return
        known = self._waiting.get(ts)
        more = known is None or record.volume_base > known.volume_base
        if more or (newer and known is not None and record.volume_base == known.volume_base):
            self._waiting[ts] = record

    def _possible(self, record: CandleRecord, now_ms: int) -> bool:
        possible = record.open_ts % self.frame_ms == 0 and record.open_ts <= now_ms + SKEW_MS
        self.refused += not possible
        return possible


def same(one: CandleRecord, other: CandleRecord) -> bool:
    """Whether two words on a candle agree, give or take the noise of writing numbers down."""
    pairs = ((one.fill, other.fill), (one.oracle, other.oracle))
    return _near(one.volume_base, other.volume_base) and all(_same_prices(*pair) for pair in pairs)


def _alike(one: CandleRecord, other: CandleRecord) -> bool:
    """Whether they are the same candle and say the same."""
    return one.open_ts == other.open_ts and same(one, other)


def _same_prices(one: Ohlc | None, other: Ohlc | None) -> bool:
    if one is None or other is None:
        return one is other
    return all(map(_near, one, other))


def _near(one: float, other: float) -> bool:
    return abs(one - other) <= NOISE * max(abs(one), abs(other))
