"""From a question to the words that a model is given. Pure: the wording is a template read before.

The market's part of a prompt is numbers, units and words of our own: nothing from outside can speak to the
model through it. Dates are left out, since a model may remember what happened then.
"""

import hashlib
import math
from typing import Final

from drift_e3.advisors.prompt_templates import PromptTemplate
from drift_e3.core.advice import CandleRow, Question, Thesis
from drift_e3.core.features import Features
from drift_e3.core.terms import BPS, MS_PER_MINUTE, UNKNOWN, Strategy

CANDLES_MAX: Final = 30
SYMBOL_CHARS_MAX: Final = 20
UNKNOWN_WORD: Final = "unknown"
IMBALANCE_SOURCES: Final = {1.0: " (order book)", 2.0: " (taker flow of the candle)"}
STRATEGIES_TOLD: Final = {
    Strategy.NONE: "no",
    Strategy.E3: "momentum",
    Strategy.FUNDING_FADE: "funding fade",
}
_SYMBOL_SIGNS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")


def render(question: Question, template: PromptTemplate) -> str:
    """The prompt for `question`. The same question and template always give the same text."""
    return template.text.substitute(
        symbol=_symbol(question.symbol),
        market="\n".join(_market(question)),
        candles="\n".join(_candles(question)),
        position=_position(question),
        limits="\n".join(_limits(question)),
    )


def prompt_hash(prompt: str) -> str:
    """The first 16 hexadecimal digits of the prompt's SHA-256: whether two answers had the same question."""
    return hashlib.sha256(prompt.encode()).hexdigest()[:16]


def _symbol(symbol: str) -> str:
    return (
        "".join(sign for sign in symbol.upper() if sign in _SYMBOL_SIGNS)[:SYMBOL_CHARS_MAX] or UNKNOWN_WORD
    )


def _market(question: Question) -> list[str]:
    f = question.features
    return [
        f"price: {_amount(question.price_usd)} USD",
        f"regime by rules: {question.rule_regime.label}",
        f"return over 5 / 15 / 240 minutes: {_percent(f.r5)} / {_percent(f.r15)} / {_percent(f.r4h)}",
        f"candle body: {_signed(f.body_over_atr)} x ATR14",
        f"ATR14: {_amount(f.atr_usd)} USD",
        f"volume: {_signed(f.volume_z)} standard deviations from the last 60 candles",
        f"realised volatility: {_percent(f.rv_1h, '')} an hour, {_percentile(f.rv_rank)} of the last 7 days",
        f"trend slope (EMA20 - EMA60): {_signed(f.slope)} x ATR14",
        f"trend efficiency: {_plain(f.efficiency)} (0 noise, 1 straight line)",
        f"volume trend (EMA20 / EMA60 - 1): {_percent(f.volume_trend)}",
        f"imbalance: {_signed(f.imbalance)} (-1 sellers, 1 buyers){_imbalance_source(f)}",
        f"spread: {_plain(f.spread_bps)} bps",
        f"premium of mark over oracle: {_signed(f.premium_frac / BPS)} bps",
        f"funding (positive: longs pay): {_signed(f.funding_frac_1h / BPS, 4)} bps an hour",
        f"funding above the venue's floor: {_signed(f.funding_excess / BPS, 4)} bps an hour",
        f"funding: {_signed(f.funding_z)} standard deviations from the last 168 rates",
        f"open interest: {_amount(f.open_interest_usd)} USD",
        f"open interest change over 1 / 24 hours: {_percent(f.oi_change_1h)} / {_percent(f.oi_change_24h)}",
    ]


def _imbalance_source(features: Features) -> str:
    return IMBALANCE_SOURCES.get(features.imbalance_source, "") if _known(features.imbalance) else ""


def _candles(question: Question) -> list[str]:
    rows = ["opened minutes ago | open | high | low | close (USD) | volume (base)"]
    rows.extend(_candle(row, question.ts) for row in question.candles[-CANDLES_MAX:])
    return rows


def _candle(row: CandleRow, now_ts: int) -> str:
    minutes_ago = _plain((now_ts - row[0]) / MS_PER_MINUTE, 0)
    return " | ".join((minutes_ago, *(_amount(number) for number in row[1:])))


def _position(question: Question) -> str:
    size = question.position_base
    if not _known(size):
        return UNKNOWN_WORD
    if size == 0.0:
        return "none"
    entry = question.entry_usd
    gain = (question.price_usd / entry - 1.0) * math.copysign(1.0, size) if entry > 0.0 else UNKNOWN
    return (
        f"{'LONG' if size > 0.0 else 'SHORT'} {_amount(abs(size))} base units from {_amount(entry)} USD, "
        f"held {_plain(question.held_ms / MS_PER_MINUTE, 0)} minutes, price gain {_percent(gain)}"
        f"{_thesis(question.thesis)}"
    )


def _thesis(thesis: Thesis | None) -> str:
    if thesis is None:
        return ""
    return (
        f"; entered by the {STRATEGIES_TOLD[thesis.strategy]} rules in {thesis.regime.label}; "
        f"stop {_amount(thesis.stop_usd)} USD, target {_amount(thesis.target_usd)} USD"
    )


def _limits(question: Question) -> list[str]:
    return [
        f"equity: {_amount(question.equity_usd)} USD",
        f"largest leverage in this regime: {_plain(question.leverage_x_max, 1)} x equity",
        f"lost today: {_percent(question.daily_loss_frac, '')} of the day's first equity",
        f"below the highest equity: {_percent(question.drawdown_frac, '')}",
    ]


def _known(value: float) -> bool:
    return math.isfinite(value)


def _plain(value: float, digits: int = 2) -> str:
    return f"{value:.{digits}f}" if _known(value) else UNKNOWN_WORD


def _signed(value: float, digits: int = 2) -> str:
    return f"{value:+.{digits}f}" if _known(value) else UNKNOWN_WORD


def _percent(fraction: float, sign: str = "+") -> str:
    return f"{fraction * 100.0:{sign}.2f} %" if _known(fraction) else UNKNOWN_WORD


def _percentile(rank: float) -> str:
    return f"percentile {rank * 100.0:.0f}" if _known(rank) else f"{UNKNOWN_WORD} percentile"


def _amount(value: float) -> str:
    """Six significant digits without an exponent: prices of cents and volumes of millions read alike."""
    if not _known(value):
        return UNKNOWN_WORD
    magnitude = math.floor(math.log10(abs(value))) if value else 0
    return f"{value:.{min(max(5 - magnitude, 0), 12)}f}"
