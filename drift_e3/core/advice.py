"""What the advisor is asked, and what its answer means.

Here live the question, the advice and the total function from a model's raw text to advice, or to the reason
why there is none. Nothing here decides or trades: weighing advice is `core.decision`'s, prompts and transport
are `advisors`'.
"""

import re
from dataclasses import dataclass
from typing import Final

from drift_e3.core.answers import Fields, Flaw, answer_part, json_answers, labelled_answer, normal
from drift_e3.core.features import Features
from drift_e3.core.terms import Direction, Regime, Strategy

CandleRow = tuple[int, float, float, float, float, float]
"""A closed candle as (open time in ms, open, high, low, close in USD, volume in the base asset)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thesis:
    """Why the open position was entered, and where it is left: stop (the trailing one included) and target
    in USD, NaN while unknown."""

    strategy: Strategy
    regime: Regime
    stop_usd: float
    target_usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """All that an advisor is told: plain values, so that the journal holds the question as it was asked.

    `ts` is the event time (UTC, ms) of the candle close that provoked it. `candles` are oldest first, at most
    30. `position_base` is signed; `entry_usd` is NaN and `held_ms` 0 when flat. `leverage_x_max` is the cap
    of the rule regime; `daily_loss_frac` and `drawdown_frac` are positive losses, NaN where unknown. `thesis`
    is None when flat.
    """

    question_id: str
    ts: int
    symbol: str
    price_usd: float
    features: Features
    rule_regime: Regime
    candles: tuple[CandleRow, ...]
    position_base: float
    entry_usd: float
    held_ms: int
    leverage_x_max: float
    equity_usd: float
    daily_loss_frac: float
    drawdown_frac: float
    thesis: Thesis | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """An answer that was understood: confidence 0..1, size multiplier 0.5..2, reasoning of at most 500
    printable characters (for people only)."""

    regime: Regime
    direction: Direction
    confidence: float
    multiplier: float
    reasoning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoAdvice:
    """There is no advice; `reason` is a `Flaw` of the text, or the word of whoever had no use for it."""

    reason: str


REASONING_CHARS_MAX: Final = 500
MULTIPLIER_MIN, MULTIPLIER_MAX = 0.5, 2.0

ADVICE_SCHEMA: Final[dict[str, object]] = {
    "type": "object",
    "properties": {
        "regime": {"type": "string", "enum": ["bull_trend", "bear_trend", "high_vol", "crash", "chop"]},
        "direction": {"type": "string", "enum": ["LONG", "SHORT", "FLAT"]},
        "confidence": {"type": "number", "minimum": 0.0, "maximum": 1.0},
        "multiplier": {"type": "number", "minimum": MULTIPLIER_MIN, "maximum": MULTIPLIER_MAX},
        "reasoning": {"type": "string", "maxLength": 240},
    },
    "required": ["regime", "direction", "confidence", "multiplier", "reasoning"],
    "additionalProperties": False,
}
"""The JSON schema a model is asked to answer in. Reasoning is last and short: small models ramble."""

REGIMES: Final = {regime.label: regime for regime in Regime}
DIRECTIONS: Final = {
    "long": Direction.LONG,
    "buy": Direction.LONG,
    "short": Direction.SHORT,
    "sell": Direction.SHORT,
    "flat": Direction.FLAT,
    "neutral": Direction.FLAT,
    "hold": Direction.FLAT,
}
"""The words for a direction. Only the whole value counts, so that "short-term" is not SHORT."""

_CONFIDENCE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,17})?|\.[0-9]{1,17})\s{0,3}(%|/\s{0,3}10|/\s{0,3}100)?")
_MULTIPLIER = re.compile(
    r"([0-9](?:\.[0-9]{1,17})?|\.[0-9]{1,17})\s{0,3}[x×]?(?:\s{1,3}multiplier)?"  # noqa: RUF001 (the sign itself)
)


def parse_advice(text: str) -> Advice | NoAdvice:
    """The advice in a model's raw answer, or why there is none. Total: never raises, linear in the length.

    Understood are one JSON object with the keys of `ADVICE_SCHEMA` (plain, fenced, after ``<think>``, inside
    prose) and the labelled lines of the user's guide (``1. **Market Regime:** chop``). Doubt means no advice:
    a default confidence would be an invention. Only a missing multiplier has a default, 1.
    """
    part = answer_part(text)
    if isinstance(part, Flaw):
        return NoAdvice(reason=part)
    objects = json_answers(part)
    if isinstance(objects, Flaw):
        return NoAdvice(reason=objects)
    judged = [_judge(fields) for fields in objects]
    lines = labelled_answer(part)
    written = NoAdvice(reason=lines) if isinstance(lines, Flaw) else _judge(lines)
    # Beside JSON, lines that look labelled are mostly prose: they count only if they too are a whole answer.
    if not judged or isinstance(written, Advice):
        judged.append(written)
    understood: list[Advice] = []
    for answer in judged:
        if isinstance(answer, NoAdvice):
            return answer
        understood.append(answer)
    if any(_substance(answer) != _substance(understood[0]) for answer in understood):
        return NoAdvice(reason=Flaw.CONTRADICTORY)
    return understood[0]


def _substance(advice: Advice) -> tuple[Regime, Direction, float, float]:
    return advice.regime, advice.direction, advice.confidence, advice.multiplier


def _judge(fields: Fields) -> Advice | NoAdvice:
    """Advice from fields that were found, or the first flaw among them."""
    for name, flaw in (
        ("regime", Flaw.MISSING_REGIME),
        ("direction", Flaw.MISSING_DIRECTION),
        ("confidence", Flaw.MISSING_CONFIDENCE),
    ):
        if name not in fields:
            return NoAdvice(reason=flaw)
    regime = REGIMES.get(normal(str(fields["regime"])))
    if regime is None:
        return NoAdvice(reason=Flaw.BAD_REGIME)
    direction = DIRECTIONS.get(str(fields["direction"]).strip().lower())
    if direction is None:
        return NoAdvice(reason=Flaw.BAD_DIRECTION)
    confidence = _confidence(fields["confidence"])
    if confidence is None:
        return NoAdvice(reason=Flaw.BAD_CONFIDENCE)
    multiplier = _multiplier(fields.get("multiplier", 1.0))
    if multiplier is None:
        return NoAdvice(reason=Flaw.BAD_MULTIPLIER)
    reasoning = fields.get("reasoning")
    return Advice(
        regime=regime,
        direction=direction,
        confidence=confidence,
        multiplier=multiplier,
        reasoning=_printable(reasoning) if isinstance(reasoning, str) else "",
    )


def _confidence(value: object) -> float | None:
    """A fraction 0..1. With a unit, values between 0 and 1 are refused too: 0.8/10 was meant otherwise."""
    if isinstance(value, str):
        match = _CONFIDENCE.fullmatch(value.strip())
        if match is None:
            return None
        value = float(match[1])
        if match[2]:
            if 0.0 < value < 1.0:
                return None
            value /= 10.0 if match[2].endswith("10") else 100.0
    return value + 0.0 if isinstance(value, float) and 0.0 <= value <= 1.0 else None


def _multiplier(value: object) -> float | None:
    if isinstance(value, str):
        match = _MULTIPLIER.fullmatch(value.strip().lower())
        if match is None:
            return None
        value = float(match[1])
    return value if isinstance(value, float) and MULTIPLIER_MIN <= value <= MULTIPLIER_MAX else None


def _printable(text: str) -> str:
    """One line of printable characters: control, direction and lone surrogate characters become blanks."""
    line = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(line.split())[:REASONING_CHARS_MAX].rstrip()
