"""A tape made ready for many runs: with its funding, its features and the fill model's cells, computed once.

What a candle tape cannot carry is refused with `Unsupported`: oracle ticks and order books are played by
`lab.backtest` alone. Where the columns are kept on disk is `columns`' business.
"""

from array import array
from bisect import bisect_right
from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from drift_e3.core.events import Feed
from drift_e3.core.features import Features, new_state, windows_for
from drift_e3.core.terms import Instrument
from drift_e3.lab.kernel import columns
from drift_e3.lab.kernel.compiling import CODE, loops
from drift_e3.lab.kernel.entry_points import Candles, arrays_of
from drift_e3.lab.kernel.layout import (
    BAR,
    FUNDING,
    INSTRUMENT,
    INSTRUMENT_FIELDS,
    Floats,
    Integers,
    Table,
    table,
)
from drift_e3.venues.sim.prices import LIQUIDITY_CELLS
from drift_e3.venues.sim.settings import SimSettings, check_sim_settings
from drift_e3.venues.tape.feed import TapeFeed


class Unsupported(ValueError):
    """The compiled loop does not play this; `lab.backtest` does. The message says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A tape with the simulated venue, ready to be run: `bars` from `first_live` on are traded, those before
    only warm. `start_ts` is the time (UTC, ms) of the tape's first step, `begins_ts` that of the first traded
    candle's open.

    `tape_hash` names the candles, the funding and the range of both; instrument, fill model and code are not
    in it.
    """

    instrument: Instrument
    sim: SimSettings
    feed: Feed
    tape_hash: str
    bars: Table
    funding: Table
    first_live: int
    start_ts: int
    begins_ts: int

    @property
    def candles(self) -> int:
        """How many candles are traded."""
        return len(self.bars) - self.first_live

    @property
    def ends_ts(self) -> int:
        """Close time of the last candle (UTC, ms)."""
        return int(self.bars["open_ts"][-1]) + self.feed.frame_ms

    def row_after(self, until_ts: int) -> int:
        """The row of the first candle that does not close by `until_ts` (UTC, ms)."""
        return int(np.searchsorted(self.bars["open_ts"], until_ts - self.feed.frame_ms, side="right"))


def prepare(feed: TapeFeed, sim: SimSettings | None = None, *, keep: bool = True) -> Prepared:
    """Compute what all runs over a feed's tape share, or find it in the cache; `keep` it there.

    Raises `Unsupported` for a feed with oracle ticks or books, `InvalidParameter` for a bad fill model.
    """
    if feed.feed.oracle_ticks or feed.feed.book:
        raise Unsupported("oracle ticks and order books are not played by the compiled loop")
    sim = check_sim_settings(SimSettings() if sim is None else sim)
    candles = _candles(feed)
    played = feed.played
    first_live = played.live - played.first
    tape_hash = _digest(candles, (feed.feed.frame_ms, first_live, feed.feed.premium))
    values = tuple(getattr(feed.instrument, name) for name in INSTRUMENT_FIELDS)
    name = sha256(repr((CODE, tape_hash, values, sim.liquidity_candles)).encode()).hexdigest()

    def compute() -> Table:
        return _bars(candles, feed, values, sim)

    count = len(candles.open_ts)
    funding = table(len(candles.funding_ts), FUNDING)
    funding["ts"] = candles.funding_ts
    funding["rate_frac_1h"] = candles.funding_rate
    funding["hours"] = candles.funding_hours
    return Prepared(
        instrument=feed.instrument,
        sim=sim,
        feed=feed.feed,
        tape_hash=tape_hash,
        bars=columns.kept(name, count, BAR, compute) if keep else compute(),
        funding=funding,
        first_live=first_live,
        start_ts=played.first_ts,
        begins_ts=feed.begins_ts,
    )


def _digest(candles: Candles, range_: tuple[int | bool, ...]) -> str:
    digest = sha256(repr(range_).encode())
    for column in candles:
        digest.update(len(column).to_bytes(8, "little"))
        digest.update(np.ascontiguousarray(column).data)
    return digest.hexdigest()


def _bars(candles: Candles, feed: TapeFeed, instrument: tuple[float, ...], sim: SimSettings) -> Table:
    count = len(candles.open_ts)
    features = np.empty((count, len(Features._fields)))
    liquidity = np.zeros((count + 1, LIQUIDITY_CELLS))
    windows = windows_for(feed.feed.frame_ms)
    market = table(1, INSTRUMENT)
    market[0] = instrument
    span = float(sim.liquidity_candles)
    state = arrays_of(new_state(windows))
    loops().fill_columns(candles, windows, state, market, span, features, liquidity)
    bars = table(count, BAR)
    for name in ("open_ts", "open", "high", "low", "close"):
        bars[name] = getattr(candles, name)
    bars["funding_from"], bars["funding_to"] = candles.funding_from[:-1], candles.funding_from[1:]
    bars["liquidity"] = liquidity[:-1]
    for place, name in enumerate(Features._fields):
        bars[name] = features[:, place]
    return bars


def _candles(feed: TapeFeed) -> Candles:
    """The rows that the feed plays, as arrays."""
    played = feed.played
    tape, funding = played.candles, played.funding
    rows = slice(played.first, played.end)
    open_ts = _integers(tape.ts_ms, rows)
    close_ts = open_ts + tape.frame_ms
    if funding is None:
        none, no_time = np.empty(0), np.empty(0, np.int64)
        nothing = np.zeros(len(open_ts) + 1, np.int64)
        funded = (no_time, none, none, none, nothing)
    else:
        end = bisect_right(funding.ts_ms, int(close_ts[-1]))
        told = slice(played.first_funding, end)
        times = _integers(funding.ts_ms, told)
        until = np.searchsorted(times, close_ts, side="right").astype(np.int64)
        funded = (
            times,
            _floats(funding.rate_frac_1h, told),
            _floats(funding.hours, told),
            _floats(funding.premium_frac, told, len(times)),
            np.concatenate((np.zeros(1, np.int64), until)),
        )
    return Candles(
        open_ts,
        _floats(tape.open, rows),
        _floats(tape.high, rows),
        _floats(tape.low, rows),
        _floats(tape.close, rows),
        _floats(tape.volume, rows),
        _floats(tape.taker_buy_volume, rows, len(open_ts)),
        *funded,
    )


def _floats(column: "array[float] | None", rows: slice, count: int = 0) -> Floats:
    """The rows of a column; unknown throughout where the source has none."""
    return np.full(count, np.nan) if column is None else np.array(column[rows], np.float64)


def _integers(column: "array[int]", rows: slice) -> Integers:
    return np.array(column[rows], np.int64)
