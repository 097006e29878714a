"""Finding fields in text: hostile texts take no longer than long ones."""

import time

import pytest

from drift_e3.core.advice import parse_advice
from drift_e3.core.answers import TEXT_CHARS_MAX, Flaw, answer_part, json_answers, labelled_answer

HOSTILE = {
    "braces": "{",
    "openings": '{"',
    "nesting": '{"a":',
    "lists": '{"a":[',
    "escapes": '{"\\"',
    "quotes": '"',
    "empty objects": "{}",
    "half objects": '{"a":1}{',
    "backslashes": "{\"\\",
    "blank openings": "{ ",
    "tags": "<think>",
    "closing tags": "</think",
    "colons": ":",
    "labels": "Confidence: 1\n",
    "bullets": "1. * - ",
    "blanks": "\t",
    "new lines": "a\n",
    "digits": "9",
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_texts_take_linear_time(kind: str) -> None:
    piece = HOSTILE[kind]
    text = "x" + piece * ((TEXT_CHARS_MAX - 1) // len(piece))
    began = time.process_time()
    parse_advice(text)
    # Twenty times what it takes; quadratic time would be several seconds.
    assert time.process_time() - began < 1.0


def test_only_what_follows_the_last_thought_is_the_answer() -> None:
    assert answer_part("a</think>b</THINKING> c ") == "c"
    assert answer_part('{"a": "</think>"}') == '{"a": "</think>"}'
    assert answer_part("<think>a") is Flaw.TRUNCATED


def test_objects_without_a_known_key_are_passed_over() -> None:
    assert json_answers('{"a": 1} {"Regime": 2, "b": 3} {"size-multiplier": 1, "regime": null}') == [
        {"regime": 2.0},
        {"multiplier": 1.0},
    ]


def test_labels_are_whole_and_values_lose_their_decoration() -> None:
    assert labelled_answer("My direction: up\n**2. Direction:** `LONG`.\nreasoning: a\nb") == {
        "direction": "LONG",
        "reasoning": "a\nb",
    }
