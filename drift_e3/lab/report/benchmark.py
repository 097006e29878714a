"""What doing nothing clever would have given: the equity bought once and held.

Pure; the other benchmark, staying flat, needs no code.
"""

from drift_e3.core.terms import BPS
from drift_e3.lab.history import History


def buy_and_hold(history: History) -> list[tuple[int, float]]:
    """Equity (candle close in ms, USD) of one long position of all the equity, never changed.

    Bought at the first candle's open and valued at each close, the taker's fee paid on both ways and funding
    on the position as it was published; no slippage, no margin call, nothing paid in.
    """
    candles, frame_ms = history.candles, history.feed.frame_ms
    if not candles.open_ts:
        return []
    initial_usd, first_usd = history.account.initial_usd, candles.open[0]
    fee_frac = history.instrument.taker_fee_bps * BPS
    size_base = initial_usd / (first_usd * (1.0 + fee_frac))
    cash_usd = initial_usd - size_base * first_usd * (1.0 + fee_frac)
    curve: list[tuple[int, float]] = []
    published, due = history.published, 0
    last_usd = first_usd
    for open_ts, close_usd in zip(candles.open_ts, candles.close, strict=True):
        close_ts = open_ts + frame_ms
        while due < len(published) and published[due][0] <= close_ts:
            cash_usd -= size_base * last_usd * published[due][1]
            due += 1
        curve.append((close_ts, cash_usd + size_base * close_usd * (1.0 - fee_frac)))
        last_usd = close_usd
    return curve
