"""A small rule set that array backtesters can express as well, to compare speeds over the same work.

One position of fixed size, entered at the close of its signal's candle, one order a candle, a fee on each
side. The stop trails the best price of *earlier* candles and is tried before the target; a gap fills at the
open. Not the strategy that is traded: that is `drift_e3.lab.kernel`'s, whose rules for features these use.
"""

from math import log1p
from typing import Final, NamedTuple

import numpy as np

from drift_e3.core.features import (
    ATR,
    PREVIOUS_CLOSE,
    RANGES,
    SIZE,
    VOLUME_WINDOW,
    known_atr,
    push_volume,
    relative_body,
)
from drift_e3.core.terms import UNKNOWN
from drift_e3.core.windows import new_ring, true_range, wilder_average
from drift_e3.lab.kernel.compiling import compiled
from drift_e3.lab.kernel.layout import Floats, Table, record, table

BODY_OVER_ATR: Final = 0.5
VOLUME_Z: Final = 2.0
TICK_USD: Final = 1e-4


class Market(NamedTuple):
    """The columns of a tape."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats


STATE: Final = record(
    [("scalars", np.float64, (SIZE,)), ("log_volumes", np.float64, (len(new_ring(VOLUME_WINDOW)),))]
)
"""What rolls, as one record: numba counts who holds an array, but not who holds a part of a record."""


def signals_of(m: Market, state: Table, entries: Floats) -> None:
    """1, -1 or 0 for each candle: the sign of a large body on high volume, both the core's features."""
    scalars, log_volumes = state[0].scalars, state[0].log_volumes
    for row in range(len(m.close)):
        body = relative_body(known_atr(scalars), TICK_USD, m.open[row], m.close[row])
        range_usd = true_range(m.high[row], m.low[row], scalars[PREVIOUS_CLOSE])
        scalars[PREVIOUS_CLOSE] = m.close[row]
        scalars[RANGES] += 1.0
        scalars[ATR] = wilder_average(scalars[ATR], range_usd, scalars[RANGES])
        volume_z = push_volume(scalars, log_volumes, log1p(m.volume[row]))
        entries[row] = 0.0
        if volume_z >= VOLUME_Z and abs(body) >= BODY_OVER_ATR:
            entries[row] = 1.0 if body > 0.0 else -1.0


def trade_signals(
    m: Market,
    entries: Floats,
    stop_frac: float,
    target_frac: float,
    fee_frac: float,
    cash_usd: float,
    equity_usd: Floats,
) -> int:
    """Trade one unit at a time; equity at each close, and how many trades were closed."""
    position = 0.0
    peak = target = 0.0
    trades = 0
    for row in range(len(m.close)):
        close = m.close[row]
        if position != 0.0:
            stop = peak * (1.0 - position * stop_frac)
            price = 0.0
            if position > 0.0:
                if m.low[row] <= stop:
                    price = min(m.open[row], stop)
                elif m.high[row] >= target:
                    price = max(m.open[row], target)
                peak = max(peak, m.high[row])
            else:
                if m.high[row] >= stop:
                    price = max(m.open[row], stop)
                elif m.low[row] <= target:
                    price = min(m.open[row], target)
                peak = min(peak, m.low[row])
            if price > 0.0:
                cash_usd += position * price - price * fee_frac
                position = 0.0
                trades += 1
        elif entries[row] != 0.0:
            position = entries[row]
            cash_usd -= position * close + close * fee_frac
            peak = close
            target = close * (1.0 + position * target_frac)
        equity_usd[row] = cash_usd + position * close
    return trades


def new_state() -> Table:
    """What `signals_of` begins with."""
    state = table(1, STATE)
    state[0].scalars[PREVIOUS_CLOSE] = UNKNOWN
    return state


compiled_signals: Final = compiled(signals_of)
compiled_trades: Final = compiled(trade_signals)
