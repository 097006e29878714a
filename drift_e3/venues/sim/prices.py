"""Leaf rules of price and size: rounding to the venue's grid, slippage, walking a book.

Scalar functions that the compiled lab uses as they stand. `side` is the sign of an order (buy +1, sell -1);
prices in USD, sizes in base, slippage as a fraction of the price.
"""

from collections.abc import MutableSequence, Sequence
from math import floor, log, sqrt

from drift_e3.core.terms import BPS, MS_PER_HOUR
from drift_e3.venues.sim.settings import SimSettings

ABSOLUTE_NOISE = 1e-9
RELATIVE_NOISE = 1e-15
"""Parts of a step that float arithmetic may have added or lost: 0.29 / 0.01 is 28.999999999999996."""

LIQUIDITY_CELLS = 4
"""Length of the rolling state of `update_liquidity`; see the offsets below."""
VARIANCE_1H, VOLUME_1H, LAST_CLOSE, CANDLES = 0, 1, 2, 3


def on_grid(steps: float, step: float) -> float:
    """`steps` whole steps as the float nearest to that decimal, so that 3 steps of 0.1 are 0.3.

    Multiplying by 0.01 adds its own rounding error; dividing by 100 does not.
    """
    per_unit = floor(1.0 / step + 0.5)
    if per_unit >= 1 and abs(1.0 / step - per_unit) <= ABSOLUTE_NOISE * per_unit:
        return steps / per_unit
    return steps * step


def round_down(value: float, step: float) -> float:
    """The largest multiple of `step` that is not above `value` (>= 0), give or take float noise."""
    steps = value / step
    return on_grid(floor(steps + ABSOLUTE_NOISE + steps * RELATIVE_NOISE), step)


def round_up(value: float, step: float) -> float:
    """The smallest multiple of `step` that is not below `value` (>= 0), give or take float noise."""
    steps = value / step
    return on_grid(-floor(ABSOLUTE_NOISE + steps * RELATIVE_NOISE - steps), step)


def round_nearest(value: float, step: float) -> float:
    """The multiple of `step` nearest to `value`, of either sign: takes the noise off a sum of multiples."""
    return on_grid(floor(value / step + 0.5), step)


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
