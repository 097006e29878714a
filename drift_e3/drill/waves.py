"""A market for live drills that goes where it is told: each minute up, down or nowhere, its book with it.

A day of quiet, seeded history comes first, so that the rules are warm and a minute's move is a large one.
Here are also the settings under which such a market is traded all the time.
"""

import random
from collections import deque
from collections.abc import Sequence

from drift_e3.core.events import BookSeen, CandleClosed, Feed, FundingPublished, OracleTick
from drift_e3.core.terms import MS_PER_HOUR, MS_PER_MINUTE, MS_PER_SECOND, Instrument
from drift_e3.venues.sim.steps import Step

START_TS = 1_736_121_600_000
"""2025-01-06 00:00 UTC."""
PRICE_USD = 150.0
HISTORY_MINUTES = 1_520
"""What the slowest rule needs to know its inputs, and a little more."""
MOVE_FRAC = 0.0008
QUIET_FRAC = 0.0002
GAPS = tuple(0.0001 + 0.0001 * level for level in range(10))
LAG_MS = 15 * MS_PER_SECOND
"""For so long, unless told otherwise, the book leans where the last minute went: a candle is decided a moment
after its close."""
THICK, THIN = 400.0, 150.0
"""Size of a book's level on the side where the minute goes, and on the other."""
EAGER = {
    "ADVISOR": "off",
    "STRATEGY__M_BODYOVERATR": "0.5",
    "STRATEGY__M_VOLUMEZ": "-5",
    "STRATEGY__M_REALIZEDVOL": "0",
    "STRATEGY__M_IMBALANCE": "0.1",
    "STRATEGY__M_PREMIUMPCT": "1",
    "STRATEGY__M_SPREADBPS": "1000",
    "STRATEGY__M_MAXHOLDHOURS": "0.01",
    "STRATEGY__F_ENABLED": "false",
    "ROUTING__BEAR_TREND": "e3",
    "ROUTING__CHOP": "e3",
    "RISK__RISK_MINCONFIDENCE": "0.1",
    "RISK__COOLDOWN_MINUTES": "0",
    "RISK__MIN_HOLD_MINUTES": "0",
    "RISK__TRADES_PER_HOUR_MAX": "10000",
    "RISK__TRADES_PER_DAY_MAX": "10000",
    "RISK__LOSS_STREAK_MAX": "1000",
    "RISK__DAILY_LOSS_MAX": "1",
    "RISK__DRAWDOWN_MAX": "1",
}
"""Settings (variables without their prefix) under which each minute that moves is an entry, held for 36 s."""


class Waves:
    """Implements `drill.oracle.StepFeed`. `plan` has a direction for each minute from the start on, and is
    played again and again."""

    def __init__(
        self,
        plan: Sequence[int] = (1, 1, -1, -1),
        *,
        start_ts: int = START_TS,
        seed: int = 5,
        rate_frac_1h: float = 0.00001,
        lag_ms: int = LAG_MS,
    ) -> None:
        self.instrument = Instrument()
        self.feed = Feed(frame_ms=MS_PER_MINUTE, oracle_ticks=True)
        self.begins_ts = start_ts - start_ts % MS_PER_MINUTE
        self._plan = tuple(plan)
        self._dice = random.Random(seed)  # noqa: S311  (a drill, not a secret)
        self._rate_frac_1h = rate_frac_1h
        self._lag_ms = lag_ms
        self._opens_usd = PRICE_USD
        self._ts = self.begins_ts
        self._steps: deque[tuple[int, Step]] = deque(self._history())

    def next_ts(self) -> int:
        if not self._steps:
            self._play_second()
        return self._steps[0][0]

    def advance(self) -> Step:
        self.next_ts()
        return self._steps.popleft()[1]

    def _history(self) -> list[tuple[int, Step]]:
        steps: list[tuple[int, Step]] = []
        price_usd = PRICE_USD
        for minute in range(1, HISTORY_MINUTES + 1):
            open_ts = self.begins_ts - minute * MS_PER_MINUTE
            opened = price_usd * (1.0 + self._dice.gauss(0.0, QUIET_FRAC))
            steps.append((open_ts + MS_PER_MINUTE, self._candle(open_ts, opened, price_usd, history=True)))
            price_usd = opened
            if open_ts % MS_PER_HOUR == 0:
                steps.append((open_ts, self._funding(open_ts, history=True)))
        return sorted(steps, key=lambda step: step[0])

    def _play_second(self) -> None:
        """Line up the next second: what ends with it, then its price and book."""
        ts, minute_ts = self._ts, self._ts % MS_PER_MINUTE
        minute = (ts - self.begins_ts) // MS_PER_MINUTE
        if minute_ts == 0 and minute:
            opened, before = self._opens_usd, self._plan[(minute - 1) % len(self._plan)]
            self._opens_usd = opened * (1.0 + before * MOVE_FRAC)
            self._steps.append((ts, self._candle(ts - MS_PER_MINUTE, opened, self._opens_usd, history=False)))
            if ts % MS_PER_HOUR == 0:
                self._steps.append((ts, self._funding(ts, history=False)))
        direction = self._plan[minute % len(self._plan)]
        leaning = self._plan[max(ts - self._lag_ms - self.begins_ts, 0) // MS_PER_MINUTE % len(self._plan)]
        price_usd = self._opens_usd * (1.0 + direction * MOVE_FRAC * minute_ts / MS_PER_MINUTE)
        self._steps.append((ts, OracleTick(seen_ts=ts, publish_ts=ts, price_usd=price_usd)))
        self._steps.append((ts, self._book(ts, price_usd, leaning)))
        self._ts += MS_PER_SECOND

    def _candle(self, open_ts: int, opened: float, closed: float, *, history: bool) -> CandleClosed:
        return CandleClosed(
            seen_ts=open_ts + MS_PER_MINUTE,
            open_ts=open_ts,
            open=opened,
            high=max(opened, closed),
            low=min(opened, closed),
            close=closed,
            volume=self._dice.uniform(5_000.0, 15_000.0),
            history=history,
        )

    def _funding(self, ts: int, *, history: bool) -> FundingPublished:
        return FundingPublished(
            seen_ts=ts, publish_ts=ts, rate_frac_1h=self._rate_frac_1h, premium_frac=0.0, history=history
        )

    @staticmethod
    def _book(ts: int, price_usd: float, direction: int) -> BookSeen:
        bid, ask = (THICK, THIN) if direction >= 0 else (THIN, THICK)
        return BookSeen(
            seen_ts=ts,
            publish_ts=ts,
            bids=tuple((price_usd * (1.0 - gap), bid) for gap in GAPS),
            asks=tuple((price_usd * (1.0 + gap), ask) for gap in GAPS),
        )
