"""Which prices a candle has for the core: the venue's fills or the oracle's. Pure.

On a thin market the candles of fills are flat or missing, and features of them are noise: there the oracle's
prices are used, with the volume of the fills. Which of the two is meant is a setting; ``auto`` judges by how
many candles had any volume.
"""

from collections import deque
from collections.abc import Iterable
from typing import Final, Literal

from drift_e3.core.terms import MS_PER_DAY
from drift_e3.venues.dataapi.records import CandleRecord, Ohlc

Choice = Literal["auto", "fills", "oracle"]

THIN: Final = 0.2
"""A market is thin while more than this share of the last day's candles are without volume ..."""
THICK: Final = 0.05
"""... and no longer once it is at most this: the two prices differ, and features dislike a change of them."""


class Prices:
    """Chooses the prices of one candle after the other; `thin` is what ``auto`` goes by."""

    def __init__(self, choice: Choice, frame_ms: int) -> None:
        self.thin = False
        self._choice = choice
        self._idle: deque[bool] = deque(maxlen=max(MS_PER_DAY // frame_ms, 1))
        self._idle_count = 0
        self._last_close = 0.0

    @property
    def source(self) -> Literal["fills", "oracle"]:
        """Whose prices are used now."""
        if self._choice == "auto":
            return "oracle" if self.thin else "fills"
        return self._choice

    @property
    def idle_share(self) -> float:
        """Share of the last day's candles without volume, 0..1."""
        return self._idle_count / len(self._idle) if self._idle else 0.0

    def judge(self, records: Iterable[CandleRecord]) -> None:
        """Look at candles, oldest first, without choosing: history gets the prices that its end calls for."""
        for record in records:
            if len(self._idle) == self._idle.maxlen:
                self._idle_count -= self._idle[0]
            self._idle.append(record.volume_base == 0.0)
            self._idle_count += record.volume_base == 0.0
        share = self.idle_share
        self.thin = share > THIN if not self.thin else share > THICK

    def choose(self, record: CandleRecord) -> Ohlc | None:
        """The candle's prices from the present source.

        Without fills a candle stays at the last close, as nothing was traded; without the oracle's prices the
        fills' are used. None where there is neither.
        """
        if self.source == "oracle":
            chosen = record.oracle or record.fill
        elif record.fill is not None:
            chosen = record.fill
        elif self._last_close > 0.0:
            chosen = Ohlc(self._last_close, self._last_close, self._last_close, self._last_close)
        else:
            chosen = record.oracle
        if chosen is not None:
            self._last_close = chosen.close
        return chosen
