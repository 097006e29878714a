"""What a model's text means: the table of answers, the fuzz, and the recorded answers of other bots."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift_e3.core.advice import (
    ADVICE_SCHEMA,
    DIRECTIONS,
    REASONING_CHARS_MAX,
    REGIMES,
    Advice,
    NoAdvice,
    parse_advice,
)
from drift_e3.core.answers import Flaw
from drift_e3.core.terms import Direction, Regime

BULL, CHOP = Regime.BULL_TREND, Regime.CHOP
LONG, SHORT, FLAT = Direction.LONG, Direction.SHORT, Direction.FLAT
Meaning = tuple[Regime, Direction, float, float]

PLAIN = '{"regime": "chop", "direction": "SHORT", "confidence": 0.6, "multiplier": 0.8, "reasoning": "tight"}'
PRETTY = json.dumps(json.loads(PLAIN), indent=2)
GUIDE = """1. Market Regime: bull_trend
2. Direction: LONG
3. Confidence: 0.85
4. Position Size: 1.5x
5. Reasoning: funding is positive
and the trend holds: volume agrees"""
MARKDOWN = """## Analysis
**1. Market Regime:** Bull Trend
**2. Direction:** `LONG`
- **Confidence**: 8/10
* __Position Size__: 1.5x multiplier"""


def json_answer(**changes: object) -> str:
    """A sound JSON answer with some fields changed; None takes a field out."""
    fields: dict[str, object] = {"regime": "chop", "direction": "LONG", "confidence": 0.6} | changes
    return json.dumps({key: value for key, value in fields.items() if value is not None})


def lines(regime: str = "chop", direction: str = "LONG", confidence: str = "0.6", more: str = "") -> str:
    """An answer in labelled lines."""
    return f"Market Regime: {regime}\nDirection: {direction}\nConfidence: {confidence}\n{more}"


def meaning(text: str) -> Meaning | str:
    """What the parser makes of it, without the reasoning: the four values, or the reason."""
    advice = parse_advice(text)
    if isinstance(advice, NoAdvice):
        return advice.reason
    return advice.regime, advice.direction, advice.confidence, advice.multiplier


TIGHT: Meaning = (CHOP, SHORT, 0.6, 0.8)
STRONG: Meaning = (BULL, LONG, 0.85, 1.5)
EASY: Meaning = (CHOP, LONG, 0.6, 1.0)

UNDERSTOOD: list[tuple[str, Meaning]] = [
    (PLAIN, TIGHT),
    (PRETTY, TIGHT),
    (f"  \n{PLAIN}\n", TIGHT),
    (f"```json\n{PRETTY}\n```", TIGHT),
    (f"```\n{PLAIN}\n```", TIGHT),
    (f"<think>Is it {{maybe}} LONG? {GUIDE}</think>\n\n{PLAIN}", TIGHT),
    (f"no opening tag, {json_answer()}</think>{PLAIN}", TIGHT),
    (f"<THINK>a</THINK> b <thinking>c</thinking>```json\n{PLAIN}```", TIGHT),
    (f"Short-term I see strength, yet: {PLAIN} Good luck!", TIGHT),
    (f"Direction: the price is rising.\nConfidence: high.\n{PRETTY}", TIGHT),
    (f"{PLAIN}\n{PRETTY}", TIGHT),
    (f"\\boxed{{{PLAIN}}}", TIGHT),
    (f"Given {{}} and {{x}} and {{'a': 1}} and {{\"r5\": 0.01}}: {PLAIN}", TIGHT),
    (f"[{PLAIN}]", TIGHT),
    (json_answer(reasoning='a "quoted" } brace { and \\ </think> <think>'), EASY),
    ('{"regime": "chop", "direction": "LONG", "confidence": 0.6, "reasoning": "two\nlines"}', EASY),
    (json_answer(), EASY),
    (json_answer(reasoning=None), EASY),
    ('{"regime": "chop", "direction": "LONG", "confidence": 0.6, "multiplier": null}', EASY),
    (json_answer(stop_loss=1.0, symbol="DOGE", nested={"regime": "crash"}), EASY),
    ('{"Market Regime": "CHOP", "DIRECTION": "long", "Confidence": "0.6"}', EASY),
    (json_answer(regime="Bull Trend"), (BULL, LONG, 0.6, 1.0)),
    (json_answer(regime="HIGH-VOL"), (Regime.HIGH_VOL, LONG, 0.6, 1.0)),
    (json_answer(regime="crash"), (Regime.CRASH, LONG, 0.6, 1.0)),
    (json_answer(regime=" bear_trend "), (Regime.BEAR_TREND, LONG, 0.6, 1.0)),
    (json_answer(direction="Buy"), EASY),
    (json_answer(direction="SELL"), (CHOP, SHORT, 0.6, 1.0)),
    (json_answer(direction="hold"), (CHOP, FLAT, 0.6, 1.0)),
    (json_answer(direction="Neutral"), (CHOP, FLAT, 0.6, 1.0)),
    (json_answer(direction="flat"), (CHOP, FLAT, 0.6, 1.0)),
    (json_answer(confidence=1), (CHOP, LONG, 1.0, 1.0)),
    (json_answer(confidence=0), (CHOP, LONG, 0.0, 1.0)),
    (json_answer(confidence="8/10"), (CHOP, LONG, 0.8, 1.0)),
    (json_answer(confidence="8 / 10"), (CHOP, LONG, 0.8, 1.0)),
    (json_answer(confidence="85/100"), (CHOP, LONG, 0.85, 1.0)),
    (json_answer(confidence="85%"), (CHOP, LONG, 0.85, 1.0)),
    (json_answer(confidence="62.5 %"), (CHOP, LONG, 0.625, 1.0)),
    (json_answer(confidence="0/10"), (CHOP, LONG, 0.0, 1.0)),
    (json_answer(confidence=".7"), (CHOP, LONG, 0.7, 1.0)),
    (json_answer(multiplier="1.5x"), (CHOP, LONG, 0.6, 1.5)),
    (json_answer(multiplier="1.5 X"), (CHOP, LONG, 0.6, 1.5)),
    (json_answer(multiplier="2×"), (CHOP, LONG, 0.6, 2.0)),  # noqa: RUF001
    (json_answer(multiplier=0.5), (CHOP, LONG, 0.6, 0.5)),
    (json_answer(position_size=2), (CHOP, LONG, 0.6, 2.0)),
    (GUIDE, STRONG),
    (GUIDE.replace("0.85", "85%"), STRONG),
    (GUIDE.replace("\n", "\r\n"), STRONG),
    (GUIDE.replace("1. ", "1) ").replace("2. ", "- ").replace("3. ", "> * "), STRONG),
    (GUIDE.upper(), STRONG),
    (f"<think>hm</think>\n{GUIDE}", STRONG),
    (MARKDOWN, (BULL, LONG, 0.8, 1.5)),
    (lines(), EASY),
    (lines("[chop]", "[LONG]", "[0.6]"), EASY),
    (lines("chop.", "long.", "0.6."), EASY),
    (lines(confidence=".7"), (CHOP, LONG, 0.7, 1.0)),
    (lines(more="Reasoning: well\nDirection: LONG"), EASY),
    ("Regime: chop\nThe short-term outlook: weak\nDirection: LONG\nNote: none\nConfidence (0-1): 0.6", EASY),
]

NOT_UNDERSTOOD: list[tuple[str, Flaw]] = [
    ("", Flaw.EMPTY),
    (" \n\t ", Flaw.EMPTY),
    ("<think>I am done</think> ", Flaw.EMPTY),
    ("x" * 65_537, Flaw.TOO_LONG),
    (PLAIN + " " * 65_536, Flaw.TOO_LONG),
    ("I would go SHORT here, with confidence 0.9.", Flaw.NO_ANSWER),
    ("short-term weakness in the chop regime", Flaw.NO_ANSWER),
    ("5. Reasoning: because", Flaw.NO_ANSWER),
    ("null", Flaw.NO_ANSWER),
    ("[]", Flaw.NO_ANSWER),
    ("{}", Flaw.NO_ANSWER),
    ('{"answer": ' + PLAIN + "}", Flaw.NO_ANSWER),
    (json.dumps(ADVICE_SCHEMA), Flaw.NO_ANSWER),
    ('{"regime": null}', Flaw.NO_ANSWER),
    ("{'regime': 'chop', 'direction': 'LONG', 'confidence': 0.6}", Flaw.NO_ANSWER),
    (PLAIN[:-1], Flaw.TRUNCATED),
    (PLAIN[:40], Flaw.TRUNCATED),
    ("{", Flaw.TRUNCATED),
    ("```json\n{\n", Flaw.TRUNCATED),
    (PLAIN + PLAIN[:10], Flaw.TRUNCATED),
    ("<think>" + PLAIN, Flaw.TRUNCATED),
    (f"<think>a</think><think>{PLAIN}", Flaw.TRUNCATED),
    (json_answer().replace('"chop"', "chop"), Flaw.BAD_JSON),
    (json_answer().replace("}", ",}"), Flaw.BAD_JSON),
    (json_answer().replace("0.6", "0.6 /* sure */"), Flaw.BAD_JSON),
    (json_answer().replace("0.6", "8/10"), Flaw.BAD_JSON),
    (json_answer().replace("0.6", "NaN"), Flaw.BAD_JSON),
    (json_answer().replace("0.6", "Infinity"), Flaw.BAD_JSON),
    (json_answer().replace("0.6", "-Infinity"), Flaw.BAD_JSON),
    (json_answer().replace("0.6", "0." + "6" * 60), Flaw.BAD_JSON),
    (json_answer().replace("0.6", "9" * 5_000), Flaw.BAD_JSON),
    ('{"a": ' + "[" * 20_000, Flaw.BAD_JSON),
    ('{"a":' * 10_000, Flaw.BAD_JSON),
    ('{"regime": "chop"]', Flaw.BAD_JSON),
    (json_answer(regime="chop")[:-1] + ', "direction": "SHORT"}', Flaw.DUPLICATE_KEY),
    (json_answer(market_regime="crash"), Flaw.DUPLICATE_KEY),
    (json_answer(extra={"a": 1}).replace('"a": 1', '"a": 1, "a": 2'), Flaw.DUPLICATE_KEY),
    (f"{PLAIN} or rather {json_answer()}", Flaw.CONTRADICTORY),
    (f"[{json_answer()}, {json_answer(confidence=0.61)}]", Flaw.CONTRADICTORY),
    (f"{GUIDE}\n\n{PLAIN}", Flaw.CONTRADICTORY),
    (lines(more="On second thought\nDirection: SHORT"), Flaw.CONTRADICTORY),
    (lines(more="Reasoning: x\nConfidence: 0.9"), Flaw.CONTRADICTORY),
    (json_answer(regime=None), Flaw.MISSING_REGIME),
    (json_answer(direction=None), Flaw.MISSING_DIRECTION),
    (json_answer(confidence=None), Flaw.MISSING_CONFIDENCE),
    ('{"coin": "SOL", "signal": "hold", "confidence": 0.65, "leverage": 10}', Flaw.MISSING_REGIME),
    ("Market Regime: chop\nDirection: LONG", Flaw.MISSING_CONFIDENCE),
    (json_answer(regime="bull"), Flaw.BAD_REGIME),
    (json_answer(regime="bull_trend/bear_trend"), Flaw.BAD_REGIME),
    (json_answer(regime=["chop"]), Flaw.BAD_REGIME),
    (json_answer(regime=4), Flaw.BAD_REGIME),
    (json_answer(direction="short-term long"), Flaw.BAD_DIRECTION),
    (json_answer(direction="LONG/SHORT/FLAT"), Flaw.BAD_DIRECTION),
    (json_answer(direction="not LONG"), Flaw.BAD_DIRECTION),
    (json_answer(direction="strong buy"), Flaw.BAD_DIRECTION),
    (json_answer(direction=1), Flaw.BAD_DIRECTION),
    (json_answer(direction=""), Flaw.BAD_DIRECTION),
    (lines("[bull_trend/bear_trend/high_vol/crash/chop]"), Flaw.BAD_REGIME),
    (lines(direction="SHORT is not justified"), Flaw.BAD_DIRECTION),
    (lines(direction="LONG or SHORT"), Flaw.BAD_DIRECTION),
    (lines(confidence="[0.0-1.0]"), Flaw.BAD_CONFIDENCE),
    (lines(confidence="-0.5"), Flaw.BAD_CONFIDENCE),
    (lines(confidence="high"), Flaw.BAD_CONFIDENCE),
    (lines(confidence="0,8"), Flaw.BAD_CONFIDENCE),
    (lines(confidence="1..."), Flaw.BAD_CONFIDENCE),
    (json_answer(confidence=85), Flaw.BAD_CONFIDENCE),
    (json_answer(confidence="85"), Flaw.BAD_CONFIDENCE),
    (json_answer(confidence=1.0001), Flaw.BAD_CONFIDENCE),
    (json_answer(confidence=-0.1), Flaw.BAD_CONFIDENCE),
    (json_answer().replace("0.6", "1e999"), Flaw.BAD_CONFIDENCE),
    (json_answer(confidence="NaN"), Flaw.BAD_CONFIDENCE),
    (json_answer(confidence="inf"), Flaw.BAD_CONFIDENCE),
    (json_answer(confidence=True), Flaw.BAD_CONFIDENCE),
    (json_answer(confidence=[0.6]), Flaw.BAD_CONFIDENCE),
    (json_answer(confidence="11/10"), Flaw.BAD_CONFIDENCE),
    (json_answer(confidence="101%"), Flaw.BAD_CONFIDENCE),
    (json_answer(confidence="8/1"), Flaw.BAD_CONFIDENCE),
    (json_answer(confidence="0.8/10"), Flaw.BAD_CONFIDENCE),
    (json_answer(confidence="0.85%"), Flaw.BAD_CONFIDENCE),
    (json_answer(confidence="\u0660.\u0668"), Flaw.BAD_CONFIDENCE),
    (json_answer(multiplier=2.01), Flaw.BAD_MULTIPLIER),
    (json_answer(multiplier=0.49), Flaw.BAD_MULTIPLIER),
    (json_answer(multiplier=-1), Flaw.BAD_MULTIPLIER),
    (json_answer(multiplier="10x"), Flaw.BAD_MULTIPLIER),
    (json_answer(multiplier="3x"), Flaw.BAD_MULTIPLIER),
    (json_answer(multiplier="large"), Flaw.BAD_MULTIPLIER),
    (json_answer(multiplier=False), Flaw.BAD_MULTIPLIER),
    (json_answer().replace("0.6", '0.6, "multiplier": 1e999'), Flaw.BAD_MULTIPLIER),
    (json_answer(multiplier="1.5x the multiplier"), Flaw.BAD_MULTIPLIER),
    (json_answer(multiplier="0.5-2.0x multiplier"), Flaw.BAD_MULTIPLIER),
]


@pytest.mark.parametrize(("text", "expected"), UNDERSTOOD)
def test_an_answer_is_understood(text: str, expected: Meaning) -> None:
    assert meaning(text) == expected


@pytest.mark.parametrize(("text", "flaw"), NOT_UNDERSTOOD)
def test_a_flawed_answer_is_no_advice(text: str, flaw: Flaw) -> None:
    assert meaning(text) == flaw


def test_minus_zero_is_plain_zero() -> None:
    assert str(meaning(json_answer(confidence=-0.0))) == str((CHOP, LONG, 0.0, 1.0))


def test_the_reasoning_of_lines_goes_on_to_the_next_label() -> None:
    advice = parse_advice(GUIDE)
    assert isinstance(advice, Advice)
    assert advice.reasoning == "funding is positive and the trend holds: volume agrees"


def test_reasoning_is_one_short_line_of_printable_characters() -> None:
    dirty = "a\x00\x1b[31m\n\u202eb\ud800 \u2028c\u200b " + "d" * 2 * REASONING_CHARS_MAX
    advice = parse_advice(json_answer(reasoning=dirty))
    assert isinstance(advice, Advice)
    assert advice.reasoning.startswith("a [31m b c ddd")
    assert len(advice.reasoning) == REASONING_CHARS_MAX
    assert advice.reasoning.encode()


@pytest.mark.parametrize("reasoning", [3, ["a"], {"a": "b"}, True])
def test_reasoning_that_is_no_text_is_left_out(reasoning: object) -> None:
    advice = parse_advice(json_answer(reasoning=reasoning))
    assert isinstance(advice, Advice)
    assert advice.reasoning == ""


def test_the_schema_offers_exactly_the_words_that_are_understood() -> None:
    properties = ADVICE_SCHEMA["properties"]
    assert isinstance(properties, dict)
    assert set(properties["regime"]["enum"]) == set(REGIMES)
    assert {DIRECTIONS[word.lower()] for word in properties["direction"]["enum"]} == set(Direction)
    assert ADVICE_SCHEMA["required"] == list(properties)


# -- fuzz ----------------------------------------------------------------------------------------------------


def check_in_range(text: str) -> None:
    """Whatever is accepted is in range and can be journaled."""
    advice = parse_advice(text)
    if isinstance(advice, NoAdvice):
        assert advice.reason in set(Flaw)
        return
    assert isinstance(advice.regime, Regime)
    assert isinstance(advice.direction, Direction)
    assert 0.0 <= advice.confidence <= 1.0
    assert 0.5 <= advice.multiplier <= 2.0
    assert len(advice.reasoning) <= REASONING_CHARS_MAX
    assert advice.reasoning.encode().decode().isprintable()


any_text = st.text(st.characters(exclude_categories=()), max_size=300)
pieces = st.sampled_from(
    [
        *'{}[]":,\\\n -.%/x',
        *(
            "<think>",
            "</think>",
            "```json",
            "\ud800",
            "NaN",
            "null",
            "true",
            "1e999",
            "8/10",
            "85%",
            "0.6",
            "1.5x",
        ),
        *("regime", "direction", "confidence", "multiplier", "reasoning", "chop", "LONG", "short-term"),
        *("Market Regime:", "Direction:", "Confidence:", PLAIN, GUIDE),
    ]
)
at_leisure = settings(deadline=None)
"""A busy machine is no reason to fail."""


@at_leisure
@given(any_text)
def test_any_text_is_advice_in_range_or_none(text: str) -> None:
    check_in_range(text)


@at_leisure
@given(st.lists(pieces, max_size=40).map("".join))
def test_any_heap_of_pieces_is_advice_in_range_or_none(text: str) -> None:
    check_in_range(text)


@at_leisure
@given(st.sampled_from([PLAIN, PRETTY, GUIDE, MARKDOWN]), st.integers(0), st.integers(0, 30), any_text)
def test_any_mutation_of_an_answer_is_advice_in_range_or_none(
    answer: str, at: int, cut: int, insert: str
) -> None:
    at %= len(answer) + 1
    check_in_range(answer[:at] + insert + answer[at + cut :])


@at_leisure
@given(st.integers(0, len(PLAIN) - 1), st.sampled_from(["", "Sure: ", "```json\n"]))
def test_no_beginning_of_a_json_answer_is_advice(length: int, before: str) -> None:
    assert isinstance(parse_advice(before + PLAIN[:length]), NoAdvice)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=5,
)


@at_leisure
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "regime": st.sampled_from(sorted(REGIMES)) | json_values,
            "direction": st.sampled_from(["LONG", "short", "Flat"]) | json_values,
            "confidence": st.floats(0, 1) | st.floats() | json_values,
            "multiplier": st.floats(0.5, 2) | st.floats() | json_values,
            "reasoning": json_values,
        },
    )
)
def test_any_json_values_are_advice_in_range_or_none(fields: dict[str, object]) -> None:
    check_in_range(json.dumps(fields))


@at_leisure
@given(
    st.sampled_from(Regime),
    st.sampled_from(["LONG", "SHORT", "FLAT"]),
    st.floats(0, 1),
    st.floats(0.5, 2),
    st.text(max_size=50),
)
def test_every_answer_that_keeps_to_the_schema_is_understood(
    regime: Regime, direction: str, confidence: float, multiplier: float, reasoning: str
) -> None:
    text = json_answer(
        regime=regime.label,
        direction=direction,
        confidence=confidence,
        multiplier=multiplier,
        reasoning=reasoning,
    )
    assert meaning(text) == (regime, Direction[direction], confidence, multiplier)
