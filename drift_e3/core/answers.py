"""Finding the fields of an answer in a model's raw text, without judging their values.

Every function is total and linear in the length of the text. What the values mean, and which are acceptable,
is `core.advice`'s business.
"""

import json
import re
from enum import StrEnum
from typing import Final, Never

Fields = dict[str, object]
"""Known fields under their own names; values as JSON decodes them (numbers are floats), or a line's text."""

TEXT_CHARS_MAX: Final = 65_536
DEPTH_MAX: Final = 16
NUMBER_CHARS_MAX: Final = 40


class Flaw(StrEnum):
    """Why a text is no advice."""

    EMPTY = "empty"
    TOO_LONG = "too_long"
    TRUNCATED = "truncated"
    """The text ends inside a JSON object, or before the model has finished thinking."""
    NO_ANSWER = "no_answer"
    """Neither a JSON object with a known key nor a labelled line."""
    BAD_JSON = "bad_json"
    DUPLICATE_KEY = "duplicate_key"
    CONTRADICTORY = "contradictory"
    """Several answers that differ."""
    MISSING_REGIME = "missing_regime"
    MISSING_DIRECTION = "missing_direction"
    MISSING_CONFIDENCE = "missing_confidence"
    BAD_REGIME = "bad_regime"
    BAD_DIRECTION = "bad_direction"
    BAD_CONFIDENCE = "bad_confidence"
    """Not a number from 0 to 1, ``8/10``, ``85/100`` or ``85%``; a plain 85 could mean anything."""
    BAD_MULTIPLIER = "bad_multiplier"
    """Not a number or ``1.5x`` from 0.5 to 2; never clamped: that answers a question nobody asked."""


KEYS: Final = {
    "regime": "regime",
    "market_regime": "regime",
    "direction": "direction",
    "confidence": "confidence",
    "multiplier": "multiplier",
    "size_multiplier": "multiplier",
    "position_size": "multiplier",
    "position_size_multiplier": "multiplier",
    "reasoning": "reasoning",
}
"""Names of the fields, in JSON and as labels of lines; case, blanks and hyphens do not matter."""

_THINKING_STARTS = re.compile(r"<think(?:ing)?>", re.IGNORECASE | re.ASCII)
_THINKING_ENDS = re.compile(r"</think(?:ing)?>", re.IGNORECASE | re.ASCII)
_OBJECT_STARTS = re.compile(r'\{\s*(?:["}]|\Z)')
_TOKENS = re.compile(r'["\\{}\[\]]')
_MARKDOWN = " \t*_`()[]"
_BULLETS = _MARKDOWN + ">#-•.0123456789"
_QUOTED = _MARKDOWN + "\"'"


def answer_part(text: str) -> str | Flaw:
    """The text without what the model thought aloud before it answered.

    Only the last closing tag counts: some servers swallow the opening one. A text that begins as JSON has no
    such preface, and may speak of the tags; but one that goes on thinking after it has not made up its mind.
    """
    if len(text) > TEXT_CHARS_MAX:
        return Flaw.TOO_LONG
    text = text.strip()
    begins_as_json = text.startswith("{")
    start = text.rfind("}") + 1 if begins_as_json else 0
    for tag in _THINKING_ENDS.finditer(text, start):
        start = tag.end()
    if _THINKING_STARTS.search(text, start):
        return Flaw.TRUNCATED
    if not begins_as_json:
        text = text[start:].strip()
    return text or Flaw.EMPTY


def json_answers(text: str) -> list[Fields] | Flaw:
    """The fields of every outermost JSON object that has any; one broken object spoils them all."""
    documents = _objects(text)
    if isinstance(documents, Flaw):
        return documents
    answers: list[Fields] = []
    for document in documents:
        fields = _fields(document)
        if isinstance(fields, Flaw):
            return fields
        if fields:
            answers.append(fields)
    return answers


def labelled_answer(text: str) -> Fields | Flaw:
    """The fields written as labelled lines, as in the guide; unlabelled lines continue the reasoning."""
    fields: Fields = {}
    reasoning: list[str] = []
    last = ""
    for line in text.splitlines():
        label, colon, rest = line.partition(":")
        name = KEYS.get(normal(label.strip(_BULLETS)), "") if colon else ""
        if name == "reasoning" or (not name and last == "reasoning"):
            reasoning.append(rest if name else line)
        elif name:
            # One full stop may end the sentence; one in front is part of a number.
            value = rest.strip(_QUOTED).removesuffix(".").rstrip(_QUOTED)
            if fields.setdefault(name, value) != value:
                return Flaw.CONTRADICTORY
        last = name or last
    if fields and reasoning:
        fields["reasoning"] = "\n".join(reasoning).strip(_QUOTED)
    return fields or Flaw.NO_ANSWER


def _objects(text: str) -> list[str] | Flaw:
    """The outermost JSON objects, in one pass: trying a decoder at every brace would be quadratic."""
    found: list[str] = []
    start = depth = 0
    in_string = False
    escaped = -1
    for token in _TOKENS.finditer(text):
        at = token.start()
        char = text[at]
        if depth == 0:
            if char == "{" and _OBJECT_STARTS.match(text, at):
                start, depth = at, 1
        elif in_string:
            if at == escaped:
                continue
            if char == "\\":
                escaped = at + 1
            elif char == '"':
                in_string = False
        elif char == '"':
            in_string = True
        elif char in "{[":
            depth += 1
            if depth > DEPTH_MAX:
                return Flaw.BAD_JSON
        elif char in "}]":
            depth -= 1
            if depth == 0:
                found.append(text[start : at + 1])
    return found if depth == 0 else Flaw.TRUNCATED


class _DuplicateKeyError(ValueError):
    """A JSON object names a key twice; json itself would silently keep the last."""


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise _DuplicateKeyError
    return fields


def _number(digits: str) -> float:
    if len(digits) > NUMBER_CHARS_MAX:
        raise ValueError(digits[:NUMBER_CHARS_MAX])
    return float(digits)


def _constant(name: str) -> Never:
    raise ValueError(name)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_number, parse_float=_number, parse_constant=_constant, strict=False
)


def _fields(document: str) -> Fields | Flaw:
    """The known fields of a JSON object under their own names; empty if it is no answer at all."""
    try:
        decoded = _DECODER.decode(document)
    except _DuplicateKeyError:
        return Flaw.DUPLICATE_KEY
    except ValueError:
        return Flaw.BAD_JSON
    fields: Fields = {}
    for key, value in decoded.items():
        name = KEYS.get(normal(key))
        if name is None or value is None:
            continue
        if name in fields:
            return Flaw.DUPLICATE_KEY
        fields[name] = value
    return fields


def normal(text: str) -> str:
    """A name without the differences that do not matter: case, and blanks or hyphens for underscores."""
    return text.strip().lower().replace(" ", "_").replace("-", "_")
