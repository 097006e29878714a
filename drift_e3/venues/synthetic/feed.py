"""Plays the synthetic market as a market feed: first a week of history, then ticks without end.

The history is 8 days of hourly funding and 7 days of candles. Then every second brings an oracle tick, every
fifth second a book, every minute a candle made of exactly its 60 ticks, every hour a funding rate, which is
published just before the candle that closes with it. A tick at a full minute belongs to the next candle.

The random numbers of a minute depend on the seed and the number of the minute alone: a checkpoint is the
market's state at the beginning of a minute and the number of steps taken since.
"""

import struct
from operator import attrgetter
from random import Random

from drift_e3.core.events import BookSeen, CandleClosed, Feed, FundingPublished, OracleTick
from drift_e3.core.terms import MS_PER_HOUR, MS_PER_MINUTE, MS_PER_SECOND, Instrument
from drift_e3.ports import DataError
from drift_e3.venues.sim.steps import Step
from drift_e3.venues.synthetic.book import quote_book
from drift_e3.venues.synthetic.model import (
    MarketState,
    begin_minute,
    end_minute,
    settle_funding,
    sketch_candle,
    walk_ticks,
)

DEFAULT_SEED = 53
"""Chosen because something happens within its first quarter of an hour, not for what that earns."""
DEFAULT_START_TS = 1_736_121_600_000
"""2025-01-06 00:00 UTC."""
DEFAULT_INSTRUMENT = Instrument()
FUNDING_HISTORY_MINUTES = 8 * 1440
CANDLE_HISTORY_MINUTES = 7 * 1440
BOOK_SECONDS = 5

_VERSION = 1
"""Of the model: a checkpoint of another one cannot be continued."""
_FIELDS = MarketState.__slots__
_values = attrgetter(*_FIELDS)
_CHECKPOINT = struct.Struct(f"<qqqq{len(_FIELDS)}d")


class SyntheticFeed:
    """An endless market feed; the same `seed` and `start_ts` give the same steps.

    `start_ts` (UTC ms) is when trading begins; the history lies before it. Raises ValueError unless that is
    a full hour and the seed is not negative.
    """

    def __init__(
        self,
        seed: int = DEFAULT_SEED,
        start_ts: int = DEFAULT_START_TS,
        instrument: Instrument = DEFAULT_INSTRUMENT,
    ) -> None:
        if start_ts % MS_PER_HOUR or not 0 <= seed < 1 << 63:
            raise ValueError(f"seed {seed} must be 0 or more, start {start_ts} a full hour (UTC, ms)")
        self.instrument = instrument
        self.feed = Feed(frame_ms=MS_PER_MINUTE, oracle_ticks=True, book=True, premium=True)
        self._seed = seed
        self.begins_ts = start_ts
        self._per_usd = float(round(1.0 / self.instrument.tick_usd))
        self._rng = Random()  # noqa: S311  (a market, not a secret)
        self._state = MarketState(minute=-FUNDING_HISTORY_MINUTES)
        self._began: tuple[float, ...] = ()
        self._taken = 0
        self._steps: list[Step] = []
        self._times: list[int] = []
        self._next_ts = 0
        self._fill()

    def next_ts(self) -> int:
        """Event time (UTC, ms) of the next step; there always is one."""
        return self._next_ts

    def advance(self) -> Step:
        """The step that is due at `next_ts`."""
        step = self._steps[self._taken]
        taken = self._taken + 1
        if taken < len(self._steps):
            self._taken = taken
            self._next_ts = self._times[taken]
        else:
            self._fill()
        return step

    def checkpoint(self) -> bytes:
        """The market's state at the present minute's beginning, and the steps taken since."""
        return _CHECKPOINT.pack(_VERSION, self._seed, self.begins_ts, self._taken, *self._began)

    def restore(self, state: bytes) -> None:
        """Go on from a `checkpoint`. Raises `DataError` if it is of another model, seed or start."""
        if len(state) != _CHECKPOINT.size:
            raise DataError("synthetic market: the checkpoint is not one of a synthetic market")
        version, seed, start_ts, taken, minute, regime, *values = _CHECKPOINT.unpack(state)
        for key, there, here in (
            ("model", version, _VERSION),
            ("seed", seed, self._seed),
            ("start", start_ts, self.begins_ts),
        ):
            if there != here:
                raise DataError(f"synthetic market: the checkpoint has {key} {there}, this market {here}")
        self._state = MarketState(int(minute), int(regime), *values)
        self._fill()
        self._taken = taken
        self._next_ts = self._times[taken]

    def _fill(self) -> None:
        """Line up the steps of the next minute that has any."""
        self._steps = []
        self._times = []
        self._taken = 0
        while not self._steps:
            state = self._state
            self._began = _values(state)
            self._rng.seed((self._seed << 32) + state.minute + (1 << 31))
            if state.minute < 0:
                self._play_history(state)
            else:
                self._play_ticks(state)
        self._next_ts = self._times[0]

    def _play_history(self, state: MarketState) -> None:
        open_ts = self.begins_ts + state.minute * MS_PER_MINUTE
        told = state.minute >= -CANDLE_HISTORY_MINUTES
        minute = begin_minute(state, self._rng)
        shape = sketch_candle(state, minute, self._per_usd, self._rng)
        self._publish_funding(state, open_ts + MS_PER_MINUTE, history=True)
        if told:
            self._add(
                open_ts + MS_PER_MINUTE,
                CandleClosed(
                    seen_ts=open_ts + MS_PER_MINUTE,
                    open_ts=open_ts,
                    open=shape.open,
                    high=shape.high,
                    low=shape.low,
                    close=shape.close,
                    volume=shape.volume,
                    taker_buy_volume=shape.taker_buy_volume,
                    history=True,
                ),
            )

    def _play_ticks(self, state: MarketState) -> None:
        open_ts = self.begins_ts + state.minute * MS_PER_MINUTE
        close_ts = open_ts + MS_PER_MINUTE
        rng, per_usd = self._rng, self._per_usd
        minute = begin_minute(state, rng)
        prices = walk_ticks(state, minute, per_usd, rng)
        ts = open_ts
        for second, price in enumerate(prices):
            self._steps.append(OracleTick(seen_ts=ts, publish_ts=ts, price_usd=price))
            self._times.append(ts)
            if second % BOOK_SECONDS == 0:
                bids, asks = quote_book(minute, price, prices[0], per_usd, rng)
                self._add(ts, BookSeen(seen_ts=ts, publish_ts=ts, bids=bids, asks=asks))
            ts += MS_PER_SECOND
        whole = (prices[0], max(prices), min(prices), prices[-1])
        shape = end_minute(state, minute, whole, rng)
        self._publish_funding(state, close_ts, history=False)
        self._add(
            close_ts,
            CandleClosed(
                seen_ts=close_ts,
                open_ts=open_ts,
                open=shape.open,
                high=shape.high,
                low=shape.low,
                close=shape.close,
                volume=shape.volume,
                taker_buy_volume=shape.taker_buy_volume,
            ),
        )

    def _publish_funding(self, state: MarketState, ts: int, *, history: bool) -> None:
        if ts % MS_PER_HOUR == 0:
            rate, premium = settle_funding(state)
            self._add(
                ts,
                FundingPublished(
                    seen_ts=ts, publish_ts=ts, rate_frac_1h=rate, premium_frac=premium, history=history
                ),
            )

    def _add(self, ts: int, step: Step) -> None:
        self._steps.append(step)
        self._times.append(ts)
