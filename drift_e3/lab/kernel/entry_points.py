"""What is compiled as a whole: a pass for a tape's columns, and one for many parameter sets over a stretch.

Plain functions here, so that they can be run and tested uncompiled; `compiling` compiles them.
"""

from typing import Final, NamedTuple

import numpy as np

from drift_e3.core.features import FeatureState, Windows, push_candle, push_funding
from drift_e3.core.funding import PREMIUM, funding_at
from drift_e3.core.terms import UNKNOWN
from drift_e3.lab.kernel.layout import Floats, Integers, Row, Table
from drift_e3.lab.kernel.playing import begin, finish, is_quiet, play_close, play_history, play_within
from drift_e3.venues.sim.prices import update_liquidity

BLOCK: Final = 1_024
"""Candles that are played of one set before the next: a quarter of a megabyte."""


class Candles(NamedTuple):
    """The columns of a candle tape and of its funding; what a source does not have is NaN.

    The funding up to the close of candle `row` is that from `funding_from[row]` on to before
    `funding_from[row + 1]`.
    """

    open_ts: Integers
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    taker_buy_volume: Floats
    funding_ts: Integers
    funding_rate: Floats
    funding_hours: Floats
    premium: Floats
    funding_from: Integers


CANDLE_KINDS: Final = (np.int64, *[np.float64] * 6, np.int64, *[np.float64] * 3, np.int64)
"""What the columns of `Candles` hold."""


def arrays_of(state: FeatureState) -> FeatureState:
    """A rolling state in arrays, which the compiled rules take in place of lists."""
    return FeatureState._make(np.array(window, np.float64) for window in state)


class Kept(NamedTuple):
    """What is kept of each set, by set and place: a table of no places keeps nothing."""

    trades: Table
    fills: Table
    decisions: Table
    equity_usd: Floats


def fill_columns(
    c: Candles,
    windows: Windows,
    state: FeatureState,
    instrument: Table,
    liquidity_candles: float,
    features: Floats,
    liquidity: Floats,
) -> None:
    """The features of every candle, and the fill model's cells before the first and after every candle."""
    tick_usd, floor_frac_1h = instrument[0].tick_usd, instrument[0].funding_floor_frac_1h
    cells = liquidity[0].copy()
    for row in range(len(c.open_ts)):
        open_ts = c.open_ts[row]
        for at in range(c.funding_from[row], c.funding_from[row + 1]):
            push_funding(state, c.funding_ts[at], c.funding_rate[at], c.funding_hours[at], c.premium[at])
        found = push_candle(
            state,
            windows,
            tick_usd,
            floor_frac_1h,
            open_ts,
            c.open[row],
            c.high[row],
            c.low[row],
            c.close[row],
            c.volume[row],
            c.taker_buy_volume[row],
            UNKNOWN,
            funding_at(state.funding, PREMIUM, open_ts + windows.frame_ms),
            UNKNOWN,
        )
        for place in range(len(found)):
            features[row, place] = found[place]
        update_liquidity(cells, c.close[row], c.volume[row], windows.frame_ms, liquidity_candles)
        liquidity[row + 1, :] = cells


def play_sets(
    bars: Table,
    funding: Table,
    first_live: int,
    rules: Table,
    answers: Table,
    books: Table,
    kept: Kept,
    until_row: int,
    ends: bool,
) -> None:
    """Play every set from where it stands to before `until_row`; `ends`: the market does so there.

    Some candles of all sets at a time: what one set has brought into the processor's cache the next ones find
    there. `answers` has the answer about each candle, or one that stands for all.
    """
    row = until_row
    for k in range(len(rules)):
        row = min(row, books[k].row)
        if not books[k].has_begun:
            begin(books[k], rules[k])
    while row < until_row:
        row = min(row + BLOCK, until_row)
        for k in range(len(rules)):
            play_set(bars, funding, first_live, rules[k], answers, books[k], kept, k, row)
    if ends:
        for k in range(len(rules)):
            finish(books[k], rules[k])
            keep(books[k], kept, k)


def play_set(
    bars: Table,
    funding: Table,
    first_live: int,
    r: Row,
    answers: Table,
    b: Row,
    kept: Kept,
    k: int,
    until_row: int,
) -> None:
    """Play set `k` to before `until_row`; a fault ends it."""
    while b.row < until_row and b.fault == 0:
        bar = bars[b.row]
        if b.row < first_live:
            play_history(b, r, bar, funding)
        else:
            if not is_quiet(b, bar):
                play_within(b, r, bar, funding)
            play_close(b, r, bar, answers[min(b.row, len(answers) - 1)])
            keep(b, kept, k)
        b.row += 1


def keep(b: Row, kept: Kept, k: int) -> None:
    """Take what the candle has brought into the tables."""
    for place in range(b.decisions_new):
        at = b.decisions_kept + place
        if at < kept.equity_usd.shape[1]:
            kept.equity_usd[k, at] = b.made[place].equity_usd
        if at < kept.decisions.shape[1]:
            kept.decisions[k, at] = b.made[place]
    b.decisions_kept += b.decisions_new
    b.decisions_new = 0
    for place in range(b.trades_new):
        if b.trades_kept < kept.trades.shape[1]:
            kept.trades[k, b.trades_kept] = b.finished[place]
            b.trades_kept += 1
    b.trades_new = 0
    for place in range(b.fills_new):
        if b.fills_kept < kept.fills.shape[1]:
            kept.fills[k, b.fills_kept] = b.filled[place]
            b.fills_kept += 1
    b.fills_new = 0
