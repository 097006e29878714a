"""How the synthetic market behaves, minute by minute: hidden regime, volatility, volume, premium, funding.

A hidden Markov chain over the five regimes, each lasting hours on average, sets the volatility that the
market tends to; GARCH(1,1) moves it around that. Within a minute prices diffuse; in some minutes a surge
pushes price and volume together, in either direction with equal chance, and is over when the minute is.

What drift there is, so that nobody takes this for evidence: a trend drifts 0.12 % an hour its way (both ways
alike), about half of what a round trip costs over a typical hold; prices are pulled to 150 USD with a
half-life of 20 days; crashes, once in some ten days, go down twice as often as up. Volume and premium follow
the trend of the past hours and predict nothing, nor do surges. No rule is meant to earn its costs here.

Only arithmetic on a `MarketState` and a given generator of random numbers: no events, no clock.
"""

import math
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from drift_e3.core.terms import Regime, clamp

SECONDS = 60
HOME_USD = 150.0
HOME_PULL = math.log(2.0) / (20.0 * 1440.0)
CALM = 0.0006
"""The volatility, as a fraction per minute, at which volume and depth are as usual."""
USUAL_VOLUME_BASE = 400.0
DISCRETE = 0.075
"""By how many of a minute's deviations the extremes of 60 ticks fall short of those of a continuous path."""
FUNDING_SHARE = 1.0 / 24.0
"""Funding per hour as a share of the hour's mean premium: a full premium is paid off in a day."""
SURGE_REST = 4.0
"""Minutes after a surge without another: surges stand out from the hour around them."""
OPENING_MINUTES = 240
"""The last hours of the history rise lively, so that the market opens in a bull trend. What has been told as
history cannot be traded; from the start on drift is the regime's own."""
OPENING_DRIFT = 0.00015
OPENING_VOLUME = 0.8
OPENING_DEVIATION = 0.0009


class Habit(NamedTuple):
    """How a hidden regime behaves; fractions per minute, chances per minute."""

    deviation: float
    drift: float
    surge_chance: float
    end_chance: float
    crash_chance: float
    successors: tuple[tuple[float, Regime], ...]
    """Cumulative chances of what follows."""


_CRASH, _HIGH, _BULL, _BEAR, _CHOP = Regime
HABITS: tuple[Habit, ...] = (
    Habit(0.0030, 0.0, 0.50, 0.0, 0.0, ((1.0, _HIGH),)),
    Habit(0.0015, 0.0, 0.35, 1.0 / 90.0, 4.5e-4, ((0.2, _CHOP), (0.6, _BULL), (1.0, _BEAR))),
    Habit(0.0008, 2e-5, 0.30, 1.0 / 240.0, 3e-5, ((0.7, _CHOP), (0.85, _HIGH), (1.0, _BEAR))),
    Habit(0.0008, -2e-5, 0.30, 1.0 / 240.0, 9e-5, ((0.7, _CHOP), (0.85, _HIGH), (1.0, _BULL))),
    Habit(0.0005, 0.0, 0.20, 1.0 / 240.0, 3e-5, ((0.42, _BULL), (0.84, _BEAR), (1.0, _HIGH))),
)
"""Indexed by `Regime`."""


@dataclass(slots=True)
class MarketState:
    """All that the market remembers from one minute to the next."""

    minute: int
    """Minutes since the start; negative in the history before it."""
    regime: int = Regime.CHOP
    crash_minutes: float = 0.0
    """Minutes that a crash still lasts, and its drift per minute."""
    crash_drift: float = 0.0
    price_usd: float = HOME_USD
    """The last price."""
    deviation: float = 0.0005
    """Where volatility tends to (fraction per minute): follows the regime's habit."""
    heat: float = 1.0
    """GARCH: variance of the coming minute as a multiple of that."""
    rest_minutes: float = 0.0
    """Minutes until there can be another surge."""
    tide: float = 0.0
    """Slow part of the logarithm of volume."""
    trend: float = 0.0
    """Average of the last two hours' returns in deviations: the premium leans on it."""
    reach: float = 0.0
    """The same over the last ten hours: volume grows as prices leave where they were."""
    lean: float = 0.0
    """Premium without its spikes, as a fraction."""
    spike: float = 0.0
    spike_target: float = 0.0
    premium_added: float = 0.0
    """Premiums of the hour's minutes, added, and how many."""
    premium_minutes: float = 0.0


class Minute(NamedTuple):
    """What is settled before a minute begins: fractions for the whole minute, volume as a logarithm."""

    deviation: float
    drift: float
    log_volume: float
    premium: float
    crash: bool


class Shape(NamedTuple):
    """A candle without its time: prices in USD, volumes in the base asset."""

    open: float
    high: float
    low: float
    close: float
    volume: float
    taker_buy_volume: float


def softsign(x: float) -> float:
    """Squeeze any number into -1..1."""
    return x / (1.0 + abs(x))


def begin_minute(state: MarketState, rng: Random) -> Minute:
    """Let regime, volatility, volume and premium move on, and settle the coming minute."""
    _change_regime(state, rng)
    habit = HABITS[state.regime]
    crash = state.regime == Regime.CRASH
    if crash:
        state.deviation = max(state.deviation, habit.deviation)
    else:
        state.deviation += 0.06 * (habit.deviation - state.deviation)
    deviation = state.deviation * math.sqrt(state.heat)
    drift = habit.drift - HOME_PULL * math.log(state.price_usd / HOME_USD)
    state.tide += 0.05 * (3.0 * abs(softsign(state.reach)) - state.tide) + 0.01 * rng.gauss(0.0, 1.0)
    log_volume = state.tide + 0.5 * math.log(deviation / CALM) + 0.10 * rng.gauss(0.0, 1.0)
    log_volume += OPENING_VOLUME * max(0.0, 1.0 - abs(state.minute) / OPENING_MINUTES)
    if -OPENING_MINUTES <= state.minute < 0:
        state.deviation += 0.1 * (OPENING_DEVIATION - state.deviation)
        drift += OPENING_DRIFT
    state.rest_minutes -= 1.0
    if rng.random() < habit.surge_chance and state.rest_minutes < 0.0:
        state.rest_minutes = SURGE_REST
        up = rng.random() < 0.5
        push = deviation * (1.4 + 1.2 * rng.random())
        drift += push if up else -push
        log_volume += 1.2 + 0.3 * rng.random()
    if crash:
        drift += state.crash_drift
        log_volume += 0.5
    return Minute(deviation, drift, log_volume, _move_premium(state, rng), crash)


def _change_regime(state: MarketState, rng: Random) -> None:
    chance = rng.random()
    if -OPENING_MINUTES <= state.minute <= 0:
        state.regime = Regime.BULL_TREND
        return
    if state.regime == Regime.CRASH:
        state.crash_minutes -= 1.0
        if state.crash_minutes <= 0.0:
            state.regime = Regime.HIGH_VOL
        return
    habit = HABITS[state.regime]
    if chance < habit.crash_chance:
        state.regime = Regime.CRASH
        state.crash_minutes = 8.0 + math.floor(7.0 * rng.random())
        size = 0.06 + 0.035 * rng.random()
        state.crash_drift = (size if rng.random() < 1.0 / 3.0 else -size) / state.crash_minutes
    elif chance < habit.crash_chance + habit.end_chance:
        where = rng.random()
        state.regime = next(regime for share, regime in habit.successors if where < share)


def _move_premium(state: MarketState, rng: Random) -> float:
    """The coming minute's premium: it leans with the trend, and a few times a week it spikes for hours."""
    target = 0.00004 + 0.0005 * softsign(state.trend)
    state.lean += 0.022 * (target - state.lean) + 0.000035 * rng.gauss(0.0, 1.0)
    if rng.random() < 1.0 / 1900.0:
        size = 0.0013 + 0.0008 * rng.random()
        state.spike_target = size if rng.random() < 0.6 else -size
    state.spike_target *= 0.9945
    state.spike += 0.1 * (state.spike_target - state.spike)
    premium = clamp(state.lean + state.spike, -0.004, 0.004)
    state.premium_added += premium
    state.premium_minutes += 1.0
    return premium


def sketch_candle(state: MarketState, minute: Minute, per_usd: float, rng: Random) -> Shape:
    """The minute's candle without its ticks: ends of a diffusion, and extremes of the bridge between them."""
    deviation = minute.deviation * state.price_usd
    drift = minute.drift * state.price_usd
    second = deviation / math.sqrt(SECONDS)
    open_ = state.price_usd + drift / SECONDS + second * rng.gauss(0.0, 1.0)
    span = deviation * math.sqrt((SECONDS - 1.0) / SECONDS)
    close = open_ + drift * (SECONDS - 1.0) / SECONDS + span * rng.gauss(0.0, 1.0)
    high = max(open_, close, _extreme(open_, close, span, 1.0, rng) - DISCRETE * deviation)
    low = min(open_, close, _extreme(open_, close, span, -1.0, rng) + DISCRETE * deviation)
    prices = [math.floor(price * per_usd + 0.5) / per_usd for price in (open_, high, low, close)]
    return end_minute(state, minute, (prices[0], prices[1], prices[2], prices[3]), rng)


def _extreme(open_: float, close: float, deviation: float, side: float, rng: Random) -> float:
    """A draw of the highest (side 1) or lowest (-1) price of a Brownian bridge."""
    move = close - open_
    reach = math.sqrt(move * move - 2.0 * deviation * deviation * math.log(1.0 - rng.random()))
    return 0.5 * (open_ + close + side * reach)


def walk_ticks(state: MarketState, minute: Minute, per_usd: float, rng: Random) -> list[float]:
    """The minute's prices in USD, one a second, on the grid of 1/`per_usd`."""
    step = minute.deviation * state.price_usd / math.sqrt(SECONDS) * per_usd
    drift = minute.drift * state.price_usd / SECONDS * per_usd + 0.5
    at = state.price_usd * per_usd
    gauss = rng.gauss
    prices: list[float] = []
    add = prices.append
    for _ in range(SECONDS):
        # Every price is rounded and the walk goes on from there: what two machines' last bits may differ by
        # does not add up.
        at = float(int(at + drift + step * gauss(0.0, 1.0)))
        add(at / per_usd)
    return prices


def end_minute(
    state: MarketState, minute: Minute, prices: tuple[float, float, float, float], rng: Random
) -> Shape:
    """Trade the minute's volume at `prices` (open, high, low, close); let it heat or cool what follows."""
    open_, high, low, close = prices
    usual = state.price_usd * minute.deviation
    body = (close - open_) / usual
    volume = math.floor(USUAL_VOLUME_BASE * math.exp(minute.log_volume) * 100.0 + 1.0) / 100.0
    share = clamp(0.5 + 0.4 * softsign(body) + 0.05 * rng.gauss(0.0, 1.0), 0.02, 0.98)
    taker_buy_volume = math.floor(volume * share * 100.0) / 100.0
    move = (close - state.price_usd) / state.price_usd
    # A crash's drift is no volatility: taken for it, it would keep the market hot long after.
    if not minute.crash:
        shock = move / state.deviation
        state.heat = clamp(0.06 + 0.86 * state.heat + 0.07 * min(shock * shock, 30.0), 0.3, 6.0)
    # Averages of independent returns over 2 and over 10 hours, scaled to a deviation of about 1.
    state.trend += 0.008 * (16.0 * move / minute.deviation - state.trend)
    state.reach += 0.0017 * (34.0 * move / minute.deviation - state.reach)
    state.price_usd = close
    state.minute += 1
    return Shape(open_, high, low, close, volume, taker_buy_volume)


def settle_funding(state: MarketState) -> tuple[float, float]:
    """Funding of the hour that ends (fraction per hour) and its mean premium; the next hour starts anew."""
    premium = math.floor(state.premium_added / state.premium_minutes * 1e8 + 0.5) / 1e8
    state.premium_added = 0.0
    state.premium_minutes = 0.0
    return math.floor(premium * FUNDING_SHARE * 1e10 + 0.5) / 1e10, premium
