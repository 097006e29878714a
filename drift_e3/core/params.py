"""What a person may tune: rule parameters and risk limits, each with unit, range and meaning.

Keys are the user's own (``m_`` momentum, ``f_`` fade, ``thr_`` regimes, ``ai_`` advisor, ``risk_`` and plain
names for limits). Both are named tuples of numbers, because the compiled lab takes them as they stand. The
tables of ranges are the one source for validation, the settings' help and the documentation.
"""

from typing import NamedTuple

from drift_e3.core.terms import Regime, Strategy, WeightMode


class Params(NamedTuple):
    """Parameters of the rules. ``Pct`` in these keys is a fraction; zero switches `m_rv1hMin` and
    `f_fundingRateMin` off."""

    m_enabled: bool = True
    m_bodyOverAtr: float = 0.5
    m_volumeZ: float = 2.0
    m_realizedVol: float = 0.60
    m_rv1hMin: float = 0.0
    m_spreadBps: float = 30.0
    m_premiumPct: float = 0.002
    m_imbalance: float = 0.1
    m_bigMoveVolumeZ: float = 2.5
    m_bigMoveBodyAtr: float = 0.8
    m_confidenceMultiplier: float = 1.0
    m_stopLossPct: float = 0.01
    m_trailingStopPct: float = 0.005
    m_takeProfitPct: float = 0.02
    m_maxHoldHours: float = 4.0
    f_enabled: bool = True
    f_fundingZ: float = 2.0
    f_fundingRateMin: float = 0.0
    f_premiumPct: float = 0.0005
    f_spreadBps: float = 40.0
    f_volumeZ: float = 1.0
    f_stopLossPct: float = 0.01
    f_takeProfitPct: float = 0.015
    f_minHoldHours: float = 1.0
    f_fundingNormalizeZ: float = 0.5
    f_fundingNormalizeThreshold: float = 0.00005
    f_maxHoldHours: float = 24.0
    thr_crashMove: float = 0.05
    thr_volHigh: float = 0.03
    thr_trendSlope: float = 1.0
    thr_trendEfficiency: float = 0.12
    thr_useFundingVolume: bool = True
    ai_confidenceWeight: float = 0.5
    ai_regimeOverride: bool = True
    ai_minConfidence: float = 0.3
    ai_vetoConfidence: float = 0.8
    ai_ttlSeconds: float = 300.0
    ai_allowSizeUp: bool = False
    routing: tuple[int, int, int, int, int] = (
        Strategy.E3,
        Strategy.E3,
        Strategy.E3,
        Strategy.FUNDING_FADE,
        Strategy.FUNDING_FADE,
    )
    """The strategy of each regime, indexed by `Regime`."""
    ai_weightMode: WeightMode = WeightMode.FIXED
    """Last, because a journal holds the parameters by their place."""


class Limits(NamedTuple):
    """Limits outside the model. Fractions unless the name's suffix says otherwise."""

    leverage_caps: tuple[float, float, float, float, float] = (1.0, 2.5, 3.0, 2.0, 1.0)
    """The largest notional over equity in each regime, indexed by `Regime`."""
    risk_frac: float = 0.02
    risk_minConfidence: float = 0.5
    max_position_usd: float = 10_000.0
    book_share: float = 0.1
    collateral_buffer: float = 0.1
    slippage_allowance_bps: float = 20.0
    exit_slippage_bps: float = 500.0
    liquidation_buffer: float = 0.02
    daily_loss_max: float = 0.05
    drawdown_max: float = 0.20
    loss_streak_max: int = 5
    pause_minutes: float = 60.0
    trades_per_hour_max: int = 6
    trades_per_day_max: int = 30
    cooldown_minutes: float = 5.0
    min_hold_minutes: float = 3.0
    oracle_age_max_s: float = 10.0
    data_age_max_s: float = 90.0
    unprotected_max_s: float = 60.0


class Span(NamedTuple):
    """The allowed range of a key (ends included), its unit and what it does, in one line."""

    low: float
    high: float
    unit: str
    meaning: str


PARAM_SPANS: dict[str, Span] = {
    "m_enabled": Span(0, 1, "bool", "E3 momentum may trade"),
    "m_bodyOverAtr": Span(0, 20, "x ATR14", "smallest candle body of an entry"),
    "m_volumeZ": Span(-5, 20, "z", "smallest volume z-score of an entry"),
    "m_realizedVol": Span(0, 1, "rank", "smallest 7-day rank of realised volatility of an entry"),
    "m_rv1hMin": Span(0, 1, "fraction per hour", "smallest realised volatility of an entry, 0 = off"),
    "m_spreadBps": Span(0, 1_000, "bps", "widest spread of an entry"),
    "m_premiumPct": Span(0, 1, "fraction", "largest premium, either sign, of an entry"),
    "m_imbalance": Span(0, 1, "fraction", "smallest book imbalance on the entry's side, where known"),
    "m_bigMoveVolumeZ": Span(-5, 50, "z", "volume z-score that adds 0.15 confidence"),
    "m_bigMoveBodyAtr": Span(0, 50, "x ATR14", "candle body that adds 0.10 confidence"),
    "m_confidenceMultiplier": Span(0, 5, "x", "scales the momentum confidence"),
    "m_stopLossPct": Span(0.0005, 0.5, "fraction", "momentum stop distance from entry"),
    "m_trailingStopPct": Span(0.0005, 0.5, "fraction", "trailing distance from the peak, once armed"),
    "m_takeProfitPct": Span(0.0005, 0.9, "fraction", "momentum target distance from entry"),
    "m_maxHoldHours": Span(0.01, 10_000, "hours", "momentum positions are closed after this time"),
    "f_enabled": Span(0, 1, "bool", "FundingFade may trade"),
    "f_fundingZ": Span(0.05, 20, "z", "funding z-score that is faded"),
    "f_fundingRateMin": Span(0, 0.05, "fraction per hour", "raw rate that is faded instead, 0 = off"),
    "f_premiumPct": Span(0, 1, "fraction", "smallest premium that is faded, where known"),
    "f_spreadBps": Span(0, 1_000, "bps", "widest spread of a fade entry"),
    "f_volumeZ": Span(-5, 20, "z", "smallest volume z-score of a fade entry"),
    "f_stopLossPct": Span(0.0005, 0.5, "fraction", "fade stop distance from entry"),
    "f_takeProfitPct": Span(0.0005, 0.9, "fraction", "fade target distance from entry"),
    "f_minHoldHours": Span(0, 10_000, "hours", "funding is not called normal before this time"),
    "f_fundingNormalizeZ": Span(0, 20, "z", "funding z-score below which a fade is closed"),
    "f_fundingNormalizeThreshold": Span(0, 0.05, "fraction per hour", "the same in raw mode"),
    "f_maxHoldHours": Span(0.01, 10_000, "hours", "fade positions are closed after this time"),
    "thr_crashMove": Span(0.001, 1, "fraction", "15-minute move of a crash (5 minutes: 0.6 of it)"),
    "thr_volHigh": Span(0.0001, 1, "fraction per hour", "realised volatility of high_vol"),
    "thr_trendSlope": Span(0.01, 100, "x ATR14", "EMA20 - EMA60 of a trend"),
    "thr_trendEfficiency": Span(0.001, 1, "fraction", "net over summed moves of a trend"),
    "thr_useFundingVolume": Span(0, 1, "bool", "trends also need funding and volume on their side"),
    "ai_confidenceWeight": Span(0, 1, "fraction", "weight of the advisor's confidence in the blend"),
    "ai_regimeOverride": Span(0, 1, "bool", "the advisor's regime replaces the rules', save a crash"),
    "ai_minConfidence": Span(0, 1, "fraction", "advice below this is ignored"),
    "ai_vetoConfidence": Span(0, 1, "fraction", "advice against the signal at or above this vetoes it"),
    "ai_ttlSeconds": Span(1, 86_400, "s", "how long advice lives; its weight fades linearly"),
    "ai_allowSizeUp": Span(0, 1, "bool", "the advisor's multiplier may also enlarge"),
}

LIMIT_SPANS: dict[str, Span] = {
    "risk_frac": Span(0.0001, 0.5, "fraction of equity", "lost at most when a stop is hit"),
    "risk_minConfidence": Span(0, 1, "fraction", "decisions below this are refused"),
    "max_position_usd": Span(1, 1e9, "USD", "largest position"),
    "book_share": Span(0.001, 1, "fraction", "of the depth within 10 bps that an entry may take"),
    "collateral_buffer": Span(0, 0.9, "fraction", "of free collateral that stays unused"),
    "slippage_allowance_bps": Span(0, 1_000, "bps", "worst entry price against the decision's"),
    "exit_slippage_bps": Span(10, 5_000, "bps", "worst exit price against the decision's"),
    "liquidation_buffer": Span(0, 0.5, "fraction", "a stop stays this far on the safe side of liquidation"),
    "daily_loss_max": Span(0.0001, 1, "fraction of day-open equity", "then only reducing until 00:00 UTC"),
    "drawdown_max": Span(0.0001, 1, "fraction of the high-water mark", "then halted until a person resumes"),
    "loss_streak_max": Span(1, 1_000, "count", "losing trades in a row before a pause"),
    "pause_minutes": Span(0, 100_000, "minutes", "length of that pause"),
    "trades_per_hour_max": Span(1, 10_000, "count", "entries in any 60 minutes"),
    "trades_per_day_max": Span(1, 100_000, "count", "entries in any 24 hours"),
    "cooldown_minutes": Span(0, 100_000, "minutes", "no entry after an exit"),
    "min_hold_minutes": Span(0, 100_000, "minutes", "no time or funding exit before; stops always act"),
    "oracle_age_max_s": Span(0.1, 3_600, "s", "older oracle prices stop entries, live"),
    "data_age_max_s": Span(1, 86_400, "s", "older candles or books stop entries, live"),
    "unprotected_max_s": Span(5, 86_400, "s", "a position without a stop on the venue is closed after this"),
}
LEVERAGE_SPAN = Span(0.01, 20, "x", "largest notional over equity in the regime")


class InvalidParameter(ValueError):
    """A parameter or limit is unknown, of the wrong type or out of range; the message names key and limit."""


def check_params(params: Params) -> Params:
    """Return `params` when every value is in its range; else raise `InvalidParameter` naming the first."""
    _check(params._asdict(), PARAM_SPANS)
    if len(params.routing) != len(Regime) or any(route not in tuple(Strategy) for route in params.routing):
        raise InvalidParameter("routing: needs one strategy (none, e3, funding_fade) for each regime")
    if params.ai_weightMode not in tuple(WeightMode):
        raise InvalidParameter(f"ai_weightMode: {params.ai_weightMode!r} is not one of fixed, earned")
    return params


def check_limits(limits: Limits) -> Limits:
    """Return `limits` when every value is in its range; else raise `InvalidParameter` naming the first."""
    _check(limits._asdict(), LIMIT_SPANS)
    if len(limits.leverage_caps) != len(Regime):
        raise InvalidParameter("leverage_caps: needs one value for each regime")
    for regime in Regime:
        _check_value(f"leverage_caps.{regime.label}", limits.leverage_caps[regime], LEVERAGE_SPAN)
    return limits


def _check(values: dict[str, object], spans: dict[str, Span]) -> None:
    for key, span in spans.items():
        _check_value(key, values[key], span)


def _check_value(key: str, value: object, span: Span) -> None:
    if not isinstance(value, int | float) or (span.unit == "bool") != isinstance(value, bool):
        raise InvalidParameter(
            f"{key}: {value!r} is not a {'true/false' if span.unit == 'bool' else 'number'}"
        )
    if not span.low <= value <= span.high:
        raise InvalidParameter(f"{key}: {value!r} is outside {span.low:g}..{span.high:g} {span.unit}")
    if span.unit == "count" and not isinstance(value, int):
        raise InvalidParameter(f"{key}: {value!r} is not a whole number")
