"""Answers by the thousand, sound and spoiled, each with what must be made of it by its own making.

A sound answer is dressed as models dress theirs; a spoiled one has one wrong value, or an injury that leaves
no answer whole. Noise is a sound answer after blind edits: of it is only known that it must not raise.
"""

import json
from collections.abc import Iterator
from random import Random
from typing import Any, Final, NamedTuple

from drift_e3.core.terms import Direction, Regime

Meaning = tuple[Regime, Direction, float, float]


class Made(NamedTuple):
    """A text, and what it must mean: None for no advice, the empty tuple where that is not known."""

    text: str
    meaning: Meaning | tuple[()] | None
    making: str


REGIMES: Final[dict[str, Regime]] = {
    spelling: regime
    for regime in Regime
    for spelling in (regime.label, regime.label.upper(), regime.label.replace("_", " "), f" {regime.label} ")
}
DIRECTIONS: Final = {
    "LONG": Direction.LONG,
    "long": Direction.LONG,
    "Buy": Direction.LONG,
    "SHORT": Direction.SHORT,
    "sell": Direction.SHORT,
    "FLAT": Direction.FLAT,
    "Neutral": Direction.FLAT,
    "hold": Direction.FLAT,
}
CONFIDENCES: Final[dict[object, float]] = {
    0: 0.0, 1: 1.0, 0.55: 0.55, 0.123456: 0.123456, "0.7": 0.7, "8/10": 0.8, "85%": 0.85,
    "60 / 100": 0.6, ".5": 0.5,
}  # fmt: skip
MULTIPLIERS: Final[dict[object, float]] = {1: 1.0, 0.5: 0.5, 2: 2.0, "1.5x": 1.5, "0.75": 0.75}

WRONG_REGIMES: Final[tuple[object, ...]] = (
    "moon", "bull", "bull_trend or chop", "", 7, True, ["chop"], {"chop": 1}, "тренд", "牛市",
    "bull_trend\u200b",
)  # fmt: skip
WRONG_DIRECTIONS: Final[tuple[object, ...]] = (
    "short-term", "LONG/SHORT", "up", "", 1, False, ["LONG"], "long term", "alcista", "买入",
    "not SHORT", "LONGS",
)  # fmt: skip
WRONG_CONFIDENCES: Final[tuple[object, ...]] = (
    85, 1.01, -0.1, 10**40, "NaN", "inf", "high", "", "0.8/10", "0.5%", "8 of 10", "101%", "11/10", "1e-1",
    "0,7", True, [0.7], {"value": 0.7}, "½", "\u0660.\u0667", "-0.0%", "7/10/10",
)  # fmt: skip
WRONG_MULTIPLIERS: Final[tuple[object, ...]] = (
    0, 0.49, 2.01, 100, -1, "3x", "x2", "half", "1.5 SOL", True, [1], "1.0x 2.0x", 1e308,
)  # fmt: skip
REASONING: Final = (
    "funding is positive",
    'it says "SHORT" and {braces} and \\ slashes',
    "Confidence: I would not know",
    "größer, 強い, сильный",
    "",
)
BEFORE: Final = (
    "",
    "Sure, here it is:\n",
    "Let me think about the market first.\n\n",
    "<think>LONG? SHORT? {\"regime\": </think>\n",
    "It thought aloud.</thinking>",
    "La respuesta es:\n",
)  # fmt: skip
AFTER: Final = ("", "\n", "\n\nGood luck!", "\nNote that this is no advice.")
LABELS: Final = (
    ("1. Market Regime: ", "2. Direction: ", "3. Confidence: ", "4. Position Size: ", "5. Reasoning: "),
    ("**Market Regime:** ", "**Direction:** ", "**Confidence:** ", "**Position Size:** ", "**Reasoning:** "),
    ("- regime: ", "- direction: ", "- confidence: ", "- multiplier: ", "- reasoning: "),
    ("Regime: `", "Direction: _", "Confidence: *", "Size multiplier: ", "Reasoning: "),
)
KEYS: Final = ("regime", "direction", "confidence", "multiplier", "reasoning")


def answers(seed: int, count: int) -> Iterator[Made]:
    """So many made answers; the same seed gives the same."""
    rng = Random(seed)
    for _ in range(count):
        kind = rng.random()
        if kind < 0.3:
            yield _sound(rng)
        elif kind < 0.8:
            yield rng.choice((_wrong_value, _missing, _cut_off, _contradictory, _broken))(rng)
        else:
            yield _noise(rng)


def _values(rng: Random) -> tuple[dict[str, Any], Meaning]:
    regime, direction = rng.choice([*REGIMES]), rng.choice([*DIRECTIONS])
    confidence, multiplier = rng.choice([*CONFIDENCES]), rng.choice([*MULTIPLIERS])
    fields = dict(zip(KEYS, (regime, direction, confidence, multiplier, rng.choice(REASONING)), strict=True))
    meaning = REGIMES[regime], DIRECTIONS[direction], CONFIDENCES[confidence], MULTIPLIERS[multiplier]
    return fields, meaning


def _as_json(rng: Random, fields: dict[str, Any]) -> str:
    text = json.dumps(fields, indent=rng.choice((None, 0, 2)), ensure_ascii=rng.random() < 0.5)
    return f"```json\n{text}\n```" if rng.random() < 0.3 else text


def _as_lines(rng: Random, fields: dict[str, Any]) -> str:
    labels = rng.choice(LABELS)
    rows = zip(labels, KEYS, strict=True)
    return "\n".join(f"{label}{fields[key]}" for label, key in rows if key in fields)


def _fits_a_line(fields: dict[str, Any]) -> bool:
    """Whether the values read the same in lines: text without a reasoning that looks like a label."""
    return all(isinstance(value, str | int | float) and value != "" for value in fields.values()) and not any(
        sign in str(fields.get("reasoning")) for sign in ("Confidence:", "{")
    )


def _dressed(rng: Random, fields: dict[str, Any]) -> str:
    lines = _fits_a_line(fields) and rng.random() < 0.4
    body = _as_lines(rng, fields) if lines else _as_json(rng, fields)
    return rng.choice(BEFORE) + body + ("" if lines else rng.choice(AFTER))


def _sound(rng: Random) -> Made:
    fields, meaning = _values(rng)
    if rng.random() < 0.2:
        del fields["multiplier"]
        meaning = (*meaning[:3], 1.0)
    return Made(_dressed(rng, fields), meaning, "sound")


def _wrong_value(rng: Random) -> Made:
    fields, _ = _values(rng)
    wrong = {
        "regime": WRONG_REGIMES,
        "direction": WRONG_DIRECTIONS,
        "confidence": WRONG_CONFIDENCES,
        "multiplier": WRONG_MULTIPLIERS,
    }
    key = rng.choice([*wrong])
    fields[key] = rng.choice(wrong[key])
    return Made(_dressed(rng, fields), None, f"wrong {key}: {fields[key]!r}")


def _missing(rng: Random) -> Made:
    fields, _ = _values(rng)
    key = rng.choice(KEYS[:3])
    if rng.random() < 0.5:
        del fields[key]
    else:
        fields[key] = None
    return Made(rng.choice(BEFORE) + _as_json(rng, fields), None, f"missing {key}")


def _cut_off(rng: Random) -> Made:
    fields, _ = _values(rng)
    text = json.dumps(fields)
    return Made(rng.choice(BEFORE) + text[: rng.randrange(len(text))], None, "cut off")


def _contradictory(rng: Random) -> Made:
    fields, meaning = _values(rng)
    others, other = _values(rng)
    if other == meaning:
        return Made(json.dumps(fields) + "\nor rather\n" + json.dumps(others), meaning, "said twice")
    return Made(json.dumps(fields) + "\nor rather\n" + json.dumps(others), None, "contradictory")


def _broken(rng: Random) -> Made:
    fields, _ = _values(rng)
    text = json.dumps(fields)
    broken = (
        text.replace('"confidence": ', '"confidence": NaN, "x": '),
        text.replace('"confidence": ', '"confidence": Infinity, "x": '),
        text.replace('"confidence"', '"confidence": 0.1, "confidence"'),
        text.replace("}", ", }"),
        text.replace(", ", " ", 1),
        text.replace('"direction"', "'direction'"),
        '{"answer": ' * 40 + text + "}" * 40,
        f"<think>{text}",
        f"{text}<think>no, wait",
        f"[{text[:-1]}]",
        "#" * 70_000 + text,
    )
    return Made(rng.choice(broken), None, "broken")


def _noise(rng: Random) -> Made:
    text = [*_dressed(rng, _values(rng)[0])]
    for _ in range(rng.randint(1, 12)):
        at = rng.randrange(len(text) + 1)
        match rng.randrange(3):
            case 0:
                text[at : at + rng.randint(1, 9)] = []
            case 1:
                text[at:at] = [rng.choice('{}[]",:\\ \n\x00\u202e½٣\uff10<>%/x.-' + "truefalsenull")]
            case _:
                text[at:at] = text[at : at + rng.randint(1, 30)]
    return Made("".join(text), (), "noise")
