"""Features of a closed candle: the numbers that regimes, strategies, risk and prompts are made from.

Their definitions stand at the fields of `Features`; windows count candles, also across a gap. All rolls in a
`FeatureState`, one candle at a time: what comes out depends on what went in before, never on what comes
after. Leaf rules: see `windows`. Events, books and what is fresh enough to be passed in belong to `market`.
"""

from array import array
from math import isnan, log, log1p, sqrt
from typing import Final, NamedTuple

from drift_e3.core.base_candles import (
    EFFICIENCY,
    SLOPE,
    VOLUME_TREND,
    base_parts,
    new_base_closes,
    new_base_scalars,
    push_part,
)
from drift_e3.core.funding import RATE, Z, funding_at, new_funding, new_funding_rates, publish_funding
from drift_e3.core.open_interest import (
    latest_open_interest,
    new_open_interest_times,
    new_open_interest_values,
    open_interest_at,
    record_open_interest,
    relative_change,
)
from drift_e3.core.terms import BPS, MS_PER_DAY, MS_PER_HOUR, MS_PER_MINUTE, MS_PER_SECOND, UNKNOWN
from drift_e3.core.windows import (
    ATR_WARM_UP,
    RING_COUNT,
    Floats,
    LongWindow,
    added,
    new_ranking,
    new_ring,
    ring_back,
    ring_newest,
    ring_push,
    rolling_rank,
    true_range,
    wilder_average,
    z_score,
)

VOLUME_WINDOW: Final = 60
VOLUME_LEAST: Final = 30
VOLUME_DEVIATION_LEAST: Final = 0.05

# Places in the scalars; see `base_candles` for why they are no enumeration.
PREVIOUS_CLOSE: Final = 0
ATR: Final = 1
RANGES: Final = 2
ACTIVE_VOLUMES: Final = 3
SIZE: Final = 4


class Features(NamedTuple):
    """What is known at a candle's close; NaN is unknown. Fractions unless the suffix says otherwise."""

    body_over_atr: float
    """(close - open) / max(ATR14 of the candle before, 1 bp of close, tick), signed."""
    volume_z: float
    """z-score of ln(1 + volume) against the previous 60 candles."""
    rv_1h: float
    """Realised volatility: root of the added squared log returns of the last hour's candles."""
    rv_rank: float
    """Share of the previous 7 days' rv_1h strictly below this one."""
    imbalance: float
    """-1..1, positive when buyers lead; `imbalance_source` says whose."""
    premium_frac: float
    """Mark over oracle."""
    spread_bps: float
    funding_frac_1h: float
    """Positive when longs pay."""
    funding_z: float
    """z-score of the latest published rate against the 168 before it."""
    funding_excess: float
    """The rate less the venue's floor."""
    open_interest_usd: float
    oi_change_1h: float
    oi_change_24h: float
    r5: float
    """Simple return over 5 minutes, at least one candle; r15 and r4h alike."""
    r15: float
    r4h: float
    slope: float
    """(EMA20 - EMA60) / ATR14 of base candles."""
    efficiency: float
    """abs(net move) / added abs(moves) of the last 48 base candles, 0..1."""
    volume_trend: float
    """EMA20 / EMA60 of base candles' volume, minus 1."""
    atr_usd: float
    """Wilder's ATR14, this candle included."""
    imbalance_source: float
    """0 none, 1 order book, 2 the candle's taker flow."""


NO_FEATURES: Final = Features._make([UNKNOWN] * (len(Features._fields) - 1) + [0.0])
"""Before the first candle."""


class Windows(NamedTuple):
    """Lengths in candles of a tape's frame; see `windows_for`."""

    frame_ms: int
    base_ms: int
    parts: int
    """Candles in a base candle."""
    hour: int
    day: int
    week: int
    r5: int
    r15: int
    r4h: int


class FeatureState(NamedTuple):
    """All that rolls; see `new_state`. Only the functions of this module change it."""

    scalars: Floats
    closes: Floats
    log_volumes: Floats
    squared_returns: Floats
    rv_arrivals: LongWindow
    rv_ordered: LongWindow
    base: Floats
    base_closes: Floats
    funding: Floats
    funding_rates: Floats
    oi_times: LongWindow
    oi_values: LongWindow


def windows_for(frame_ms: int) -> Windows:
    """The windows of a tape whose candles last `frame_ms`.

    Raises ValueError for frames over 60 minutes, under a second, or that do not divide an hour evenly.
    """
    if not MS_PER_SECOND <= frame_ms <= MS_PER_HOUR or MS_PER_HOUR % frame_ms:
        raise ValueError(
            f"frame {frame_ms / MS_PER_MINUTE:g} min: needs 1 s to 60 min that divide an hour evenly"
        )
    hour = MS_PER_HOUR // frame_ms
    parts = base_parts(frame_ms)
    return Windows(
        frame_ms=frame_ms,
        base_ms=parts * frame_ms,
        parts=parts,
        hour=hour,
        day=24 * hour,
        week=7 * 24 * hour,
        r5=max(1, 5 * MS_PER_MINUTE // frame_ms),
        r15=max(1, 15 * MS_PER_MINUTE // frame_ms),
        r4h=4 * hour,
    )


def new_state(windows: Windows) -> FeatureState:
    """The state before any candle, funding or open interest."""
    return FeatureState(
        scalars=[UNKNOWN, 0.0, 0.0, 0.0],
        closes=new_ring(windows.r4h + 1),
        log_volumes=new_ring(VOLUME_WINDOW),
        squared_returns=new_ring(windows.hour),
        rv_arrivals=new_ranking(windows.week),
        rv_ordered=array("d", bytes(8 * windows.week)),
        base=new_base_scalars(),
        base_closes=new_base_closes(),
        funding=new_funding(),
        funding_rates=new_funding_rates(),
        oi_times=new_open_interest_times(),
        oi_values=new_open_interest_values(),
    )


def push_funding(
    state: FeatureState, publish_ts: int, rate_frac_1h: float, hours: float, premium_frac: float
) -> None:
    """Take a published rate in; see `funding.publish_funding`."""
    publish_funding(state.funding, state.funding_rates, publish_ts, rate_frac_1h, hours, premium_frac)


def push_open_interest(state: FeatureState, seen_ts: int, open_interest_usd: float) -> None:
    """Take an observation in; see `open_interest.record_open_interest`."""
    record_open_interest(state.oi_times, state.oi_values, seen_ts, open_interest_usd)


def push_candle(
    state: FeatureState,
    windows: Windows,
    tick_usd: float,
    funding_floor_frac_1h: float,
    open_ts: int,
    open_usd: float,
    high: float,
    low: float,
    close: float,
    volume: float,
    taker_buy_volume: float,
    book_imbalance: float,
    premium_frac: float,
    spread_bps: float,
) -> Features:
    """Take a closed candle in and return its features.

    Candles come in order and on the grid of the frame. `taker_buy_volume`, `book_imbalance`, `premium_frac`
    and `spread_bps` are the optional inputs as of the candle's close, unknown where there are none.
    """
    scalars = state.scalars
    close_ts = open_ts + windows.frame_ms
    body_over_atr = relative_body(known_atr(scalars), tick_usd, open_usd, close)
    previous_close = scalars[PREVIOUS_CLOSE]
    scalars[PREVIOUS_CLOSE] = close
    scalars[RANGES] += 1.0
    scalars[ATR] = wilder_average(scalars[ATR], true_range(high, low, previous_close), scalars[RANGES])
    volume_z = push_volume(scalars, state.log_volumes, log1p(volume))
    ring_push(state.closes, close)
    rv_1h = UNKNOWN
    rv_rank = UNKNOWN
    if not isnan(previous_close):
        log_return = log(close / previous_close)
        ring_push(state.squared_returns, log_return * log_return)
        if state.squared_returns[RING_COUNT] >= windows.hour:
            rv_1h = sqrt(added(ring_newest(state.squared_returns, windows.hour)))
            rv_rank = rolling_rank(state.rv_arrivals, state.rv_ordered, rv_1h, windows.day)
    push_part(
        state.base, state.base_closes, windows.base_ms, windows.parts, open_ts, high, low, close, volume
    )
    imbalance = book_imbalance
    imbalance_source = 1.0
    if isnan(imbalance):
        imbalance = taker_flow(volume, taker_buy_volume)
        imbalance_source = 0.0 if isnan(imbalance) else 2.0
    rate_frac_1h = funding_at(state.funding, RATE, close_ts)
    open_interest_usd = latest_open_interest(state.oi_times, state.oi_values, close_ts)
    oi_change_1h = UNKNOWN
    oi_change_24h = UNKNOWN
    if not isnan(open_interest_usd):
        hour_ago = open_interest_at(state.oi_times, state.oi_values, close_ts - MS_PER_HOUR)
        day_ago = open_interest_at(state.oi_times, state.oi_values, close_ts - MS_PER_DAY)
        oi_change_1h = relative_change(open_interest_usd, hour_ago)
        oi_change_24h = relative_change(open_interest_usd, day_ago)
    return Features(
        body_over_atr,
        volume_z,
        rv_1h,
        rv_rank,
        imbalance,
        premium_frac,
        spread_bps,
        rate_frac_1h,
        funding_at(state.funding, Z, close_ts),
        rate_frac_1h - funding_floor_frac_1h,
        open_interest_usd,
        oi_change_1h,
        oi_change_24h,
        relative_change(close, ring_back(state.closes, windows.r5)),
        relative_change(close, ring_back(state.closes, windows.r15)),
        relative_change(close, ring_back(state.closes, windows.r4h)),
        state.base[SLOPE],
        state.base[EFFICIENCY],
        state.base[VOLUME_TREND],
        known_atr(scalars),
        imbalance_source,
    )


def known_atr(scalars: Floats) -> float:
    """Wilder's ATR14 in USD up to the latest candle, or unknown while it warms up."""
    if scalars[RANGES] >= ATR_WARM_UP:
        return scalars[ATR]
    return UNKNOWN


def relative_body(atr_usd: float, tick_usd: float, open_usd: float, close: float) -> float:
    """(close - open) / max(ATR, 1 bp of close, tick), signed; unknown where the ATR is."""
    if isnan(atr_usd):
        return UNKNOWN
    return (close - open_usd) / max(atr_usd, BPS * close, tick_usd)


def push_volume(scalars: Floats, log_volumes: Floats, log_volume: float) -> float:
    """z-score of ln(1 + volume) against the previous 60 candles, which it then joins.

    Unknown unless 30 of these had any volume: a market that slept says nothing of what is usual.
    """
    volume_z = UNKNOWN
    if scalars[ACTIVE_VOLUMES] >= VOLUME_LEAST:
        window = ring_newest(log_volumes, int(log_volumes[RING_COUNT]))
        volume_z = z_score(log_volume, window, VOLUME_DEVIATION_LEAST)
    if ring_back(log_volumes, VOLUME_WINDOW - 1) > 0.0:
        scalars[ACTIVE_VOLUMES] -= 1.0
    if log_volume > 0.0:
        scalars[ACTIVE_VOLUMES] += 1.0
    ring_push(log_volumes, log_volume)
    return volume_z


def taker_flow(volume: float, taker_buy_volume: float) -> float:
    """What takers bought less what they sold, over the volume: -1..1, or unknown."""
    if volume > 0.0:
        return 2.0 * taker_buy_volume / volume - 1.0
    return UNKNOWN
