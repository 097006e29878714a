"""What is searched, over which time, and what counts as good: plain values, checked where they are read."""

from typing import NamedTuple

from drift_e3.core.params import Params
from drift_e3.core.terms import MS_PER_DAY, MS_PER_MINUTE, Regime

Value = float | bool
"""A parameter's value; whole numbers do as floats."""

MIN_TRADES = 10
"""A period with fewer trades has no score: a handful says nothing."""

HIGH_IMPACT = frozenset(
    {
        "m_bodyOverAtr",
        "m_volumeZ",
        "m_realizedVol",
        "m_rv1hMin",
        "m_takeProfitPct",
        "m_stopLossPct",
        "m_trailingStopPct",
        "m_maxHoldHours",
        "f_fundingZ",
        "f_fundingRateMin",
        "f_premiumPct",
        "f_volumeZ",
        "f_takeProfitPct",
        "f_stopLossPct",
        "f_maxHoldHours",
        "thr_volHigh",
        "thr_crashMove",
        "thr_trendSlope",
        "thr_trendEfficiency",
        "thr_useFundingVolume",
    }
)
"""Parameters that decide whether and where a trade begins and ends: the first stage samples these. The rest
shade confidence, so size, or filter what seldom occurs, and are left to the refinement."""


class Axis(NamedTuple):
    """One parameter and the values it may take, rising, at least one."""

    key: str
    values: tuple[Value, ...]


class Period(NamedTuple):
    """A stretch of time, `end_ts` excluded (UTC, ms), and how much its score counts."""

    name: str
    start_ts: int
    end_ts: int
    weight: float

    @property
    def days(self) -> float:
        """Its length in days."""
        return (self.end_ts - self.start_ts) / MS_PER_DAY


class EarlyStop(NamedTuple):
    """Rules that a set of parameters must keep; fractions, trades per day."""

    profit_factor_min: float = 1.0
    drawdown_frac_max: float = 0.30
    trades_per_day_max: float = 50.0
    win_rate_min: float = 0.15


class Scoring(NamedTuple):
    """The weight of each term of a period's score; the last two are taken off."""

    profit_factor: float = 0.30
    sharpe: float = 0.25
    drawdown: float = 0.20
    win_rate: float = 0.15
    trade_return: float = 0.10
    trades_per_day: float = 0.10
    volatility: float = 0.05


class Plan(NamedTuple):
    """A whole search.

    `axes` are searched, `held` are parameters of the configuration that are not, with why. `sample` of the
    axes are varied in stage 1 unless the whole grid is small enough; the others stand at their `start` there.
    `base` are the parameters in force for all that is not searched. `rungs` are the growing shares of the
    training time after which sets are dropped, the last is 1; `keep_min` sets always go on. `folds` of 0 or 1
    means no walk-forward. `evidence_sets` of the sample are traded to the end whatever becomes of them, so
    that luck can be judged by all that was tried. `chunk_sets` of 0 lets the size of the tape decide.
    """

    name: str
    symbol: str
    base: Params
    axes: tuple[Axis, ...]
    held: tuple[tuple[str, str], ...]
    training: tuple[Period, ...]
    validation: Period
    max_combinations: int = 2_500
    early_stop: EarlyStop = EarlyStop()
    regime_weights: tuple[float, ...] = (1.0,) * len(Regime)
    scoring: Scoring = Scoring()
    seed: int = 53
    rungs: tuple[float, ...] = (0.125, 0.25, 0.5, 1.0)
    keep_min: int = 16
    refinement: str = "half_steps"
    refinement_trials: int = 1_000
    refine_best: int = 5
    folds: int = 0
    evidence_sets: int = 256
    chunk_sets: int = 0

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of the axes."""
        return tuple(axis.key for axis in self.axes)


def start_level(axis: Axis, base: Params) -> int:
    """The place in the axis of the value nearest to the one in force; the lower of two that are as near."""
    wanted = float(getattr(base, axis.key))
    return min(range(len(axis.values)), key=lambda level: (abs(float(axis.values[level]) - wanted), level))


def between(periods: tuple[Period, ...], from_share: float, to_share: float) -> tuple[Period, ...]:
    """The periods' time from one share of it (0..1) to another, in the order given; periods that are cut are
    cut to a minute, and their weight with them."""
    total_ms = 0
    for period in periods:
        total_ms += period.end_ts - period.start_ts
    from_ms, to_ms = _cut_ms(total_ms, from_share), _cut_ms(total_ms, to_share)
    taken: list[Period] = []
    passed_ms = 0
    for period in periods:
        length_ms = period.end_ts - period.start_ts
        first_ms = min(max(from_ms - passed_ms, 0), length_ms)
        last_ms = min(max(to_ms - passed_ms, 0), length_ms)
        if first_ms < last_ms:
            weight = period.weight * ((last_ms - first_ms) / length_ms)
            starts_ts = period.start_ts + first_ms
            taken.append(period._replace(start_ts=starts_ts, end_ts=period.start_ts + last_ms, weight=weight))
        passed_ms += length_ms
    return tuple(taken)


def _cut_ms(total_ms: int, share: float) -> int:
    if share >= 1.0:
        return total_ms
    cut_ms = int(total_ms * share)
    return cut_ms - cut_ms % MS_PER_MINUTE
