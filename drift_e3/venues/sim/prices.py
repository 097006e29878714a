"""Leaf rules of price: rounding for and against us, slippage, walking a book.

Scalar functions that the compiled lab uses as they stand. `side` is the sign of an order (buy +1, sell -1);
prices in USD, sizes in base, slippage as a fraction of the price.
"""

from collections.abc import MutableSequence, Sequence
from math import log, sqrt

from drift_e3.core.grid import round_down, round_up
from drift_e3.core.terms import BPS, MS_PER_HOUR
from drift_e3.venues.sim.settings import SimSettings

LIQUIDITY_CELLS = 4
"""Length of the rolling state of `update_liquidity`; see the offsets below."""
VARIANCE_1H, VOLUME_1H, LAST_CLOSE, CANDLES = 0, 1, 2, 3


def against_us(side: int, price: float, tick: float) -> float:
    """A price rounded to the tick at which we trade worse: up for a buy, down for a sell."""
    return round_up(price, tick) if side > 0 else round_down(price, tick)


def within_limit(side: int, price: float, tick: float) -> float:
    """A limit price rounded to the tick that allows no more than was asked: down for a buy, up for a sell."""
    return round_down(price, tick) if side > 0 else round_up(price, tick)


def worse_of(side: int, a: float, b: float) -> float:
    """The price at which we trade worse."""
    return max(a, b) if side > 0 else min(a, b)


def slipped(side: int, price: float, slippage_frac: float) -> float:
    """`price` made worse by a slippage."""
    return price * (1.0 + side * slippage_frac)


def update_liquidity(
    cells: MutableSequence[float], close: float, volume_base: float, frame_ms: int, span_candles: float
) -> None:
    """Take one closed candle into the moving averages of variance and volume, both scaled to an hour.

    Exponential with weight 2/(span+1), begun with the first value. The cells are variance of log returns per
    hour, volume in USD per hour, last close, candles seen.
    """
    weight = 2.0 / (span_candles + 1.0)
    per_hour = MS_PER_HOUR / frame_ms
    volume_usd = volume_base * close * per_hour
    seen = cells[CANDLES]
    if seen < 1.0:
        cells[VOLUME_1H] = volume_usd
    else:
        log_return = log(close / cells[LAST_CLOSE])
        variance = log_return * log_return * per_hour
        if seen < 2.0:
            cells[VARIANCE_1H] = variance
        else:
            cells[VARIANCE_1H] += weight * (variance - cells[VARIANCE_1H])
        cells[VOLUME_1H] += weight * (volume_usd - cells[VOLUME_1H])
    cells[LAST_CLOSE] = close
    cells[CANDLES] = seen + 1.0


def slippage_frac(notional_usd: float, cells: Sequence[float], settings: SimSettings) -> float:
    """How much worse than the oracle or tape price a taker of `notional_usd` trades, as a fraction.

    half spread + c * volatility + Y * volatility * sqrt(notional / volume), the square-root law of impact
    (Almgren et al. 2005; Toth et al. 2011). Over a longer time volatility grows with the root of the time and
    volume with the time, so it does not matter which time both are taken over: here an hour.
    """
    if cells[CANDLES] < 2.0:
        return settings.slippage_unknown_bps * BPS
    volume_usd = cells[VOLUME_1H] * settings.volume_share
    if not volume_usd > 0.0:
        return settings.slippage_max_bps * BPS
    volatility = sqrt(cells[VARIANCE_1H])
    spread = settings.half_spread_bps * BPS + settings.half_spread_per_volatility * volatility
    impact = settings.impact_per_volatility * volatility * sqrt(notional_usd / volume_usd)
    return min(spread + impact, settings.slippage_max_bps * BPS)


def walk_book(
    side: int, size: float, limit: float, levels: Sequence[tuple[float, float]], taken: float
) -> tuple[float, float]:
    """What `size` finds within `limit` on the other side's `levels`: the size found and its cost in USD.

    Levels are (price, size), best first. `taken` is what we took of the same levels before: it is not there
    a second time.
    """
    filled = 0.0
    cost = 0.0
    for price, depth in levels:
        if side * (price - limit) > 0.0 or not filled < size:
            break
        skipped = min(taken, depth)
        taken -= skipped
        part = min(depth - skipped, size - filled)
        filled += part
        cost += part * price
    return filled, cost


def touches(above: bool, trigger: float, low: float, high: float) -> bool:
    """Whether prices from `low` to `high` (the same for one price) fire a trigger; to touch is enough."""
    return high >= trigger if above else low <= trigger


def stops(side: int, above: bool) -> bool:
    """Whether a trigger order trades the way the price goes (a stop), not against it (a target)."""
    return (side > 0) == above
