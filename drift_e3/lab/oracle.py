"""What came next on a tape: the outcomes that a statistical twin is handed, and nothing that may decide."""

from drift_e3.core.terms import FLAT, LONG, SHORT, Direction
from drift_e3.venues.tape.series import CandleTape


class TapeOracle:
    """Which way the price went from a candle's close until `horizon_ms` later.

    Flat for any other moment, where the price did not move, and where no candle of the tape closes then.
    """

    def __init__(self, candles: CandleTape, horizon_ms: int) -> None:
        self._closes = {
            open_ts + candles.frame_ms: close
            for open_ts, close in zip(candles.ts_ms, candles.close, strict=True)
        }
        self._horizon_ms = horizon_ms

    def __call__(self, close_ts: int) -> Direction:
        """The direction from `close_ts` (UTC, ms) on."""
        now_usd, later_usd = self._closes.get(close_ts), self._closes.get(close_ts + self._horizon_ms)
        if now_usd is None or later_usd is None or now_usd == later_usd:
            return FLAT
        return LONG if later_usd > now_usd else SHORT
