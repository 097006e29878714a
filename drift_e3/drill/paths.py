"""Markets for the drill that follow a price path: a function of time, sampled every second.

The same interface as the synthetic market's, so that either can feed the stand-ins. A path is for a story
that a test tells: flat, a step, a slide.
"""

from collections.abc import Callable

from drift_e3.core.events import CandleClosed, Feed, FundingPublished, OracleTick
from drift_e3.core.terms import MS_PER_HOUR, MS_PER_MINUTE, MS_PER_SECOND, Instrument
from drift_e3.venues.sim.steps import Step

PricePath = Callable[[int], float]
"""The price in USD at a time (UTC, ms)."""
START_TS = 1_736_121_600_000
"""2025-01-06 00:00 UTC."""
VOLUME_BASE = 100.0


def flat(price_usd: float) -> PricePath:
    """The same price for ever."""
    return lambda _: price_usd


def stepping(*steps: tuple[int, float]) -> PricePath:
    """Prices that hold from a time on; the first one holds before it too."""

    def path(ts: int) -> float:
        price = steps[0][1]
        for since_ts, since_usd in steps:
            if ts >= since_ts:
                price = since_usd
        return price

    return path


class PathFeed:
    """Plays a path: `minutes` of candles and `hours` of funding before `start_ts`, then ticks and candles.

    Every candle has the same volume; funding is the same every hour.
    """

    def __init__(
        self,
        path: PricePath,
        start_ts: int = START_TS,
        *,
        minutes: int = 120,
        hours: int = 24,
        rate_frac_1h: float = 0.0,
    ) -> None:
        self.instrument = Instrument()
        self.feed = Feed(frame_ms=MS_PER_MINUTE, oracle_ticks=True)
        self.begins_ts = start_ts
        self._path = path
        self._rate = rate_frac_1h
        self._steps: list[tuple[int, Step]] = []
        first_ts = start_ts - start_ts % MS_PER_MINUTE
        past = [
            self._funding(start_ts - start_ts % MS_PER_HOUR - h * MS_PER_HOUR, True) for h in range(hours)
        ]
        past += [self._candle(first_ts - (m + 1) * MS_PER_MINUTE, True) for m in range(minutes)]
        self._steps = sorted(past, key=lambda step: step[0])
        self._tick_ts = start_ts - start_ts % MS_PER_SECOND

    def next_ts(self) -> int:
        """When the next step is due; there always is one."""
        if not self._steps:
            self._fill()
        return self._steps[0][0]

    def advance(self) -> Step:
        """The step that is due at `next_ts`."""
        self.next_ts()
        return self._steps.pop(0)[1]

    def _fill(self) -> None:
        """Line up the next second: what ends with it, then its tick."""
        ts = self._tick_ts
        if ts > self.begins_ts and ts % MS_PER_HOUR == 0:
            self._steps.append(self._funding(ts, False))
        if ts > self.begins_ts and ts % MS_PER_MINUTE == 0:
            self._steps.append(self._candle(ts - MS_PER_MINUTE, False))
        tick = OracleTick(seen_ts=ts, publish_ts=ts, price_usd=self._path(ts))
        self._steps.append((ts, tick))
        self._tick_ts = ts + MS_PER_SECOND

    def _candle(self, open_ts: int, history: bool) -> tuple[int, Step]:
        prices = [self._path(ts) for ts in range(open_ts, open_ts + MS_PER_MINUTE, MS_PER_SECOND)]
        close_ts = open_ts + MS_PER_MINUTE
        candle = CandleClosed(
            seen_ts=close_ts,
            open_ts=open_ts,
            open=prices[0],
            high=max(prices),
            low=min(prices),
            close=prices[-1],
            volume=VOLUME_BASE,
            history=history,
        )
        return close_ts, candle

    def _funding(self, ts: int, history: bool) -> tuple[int, Step]:
        published = FundingPublished(
            seen_ts=ts, publish_ts=ts, rate_frac_1h=self._rate, premium_frac=0.0, history=history
        )
        return ts, published
