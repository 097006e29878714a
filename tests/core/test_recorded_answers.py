"""The recorded answers of other people's trading models: none passes for advice, for the right reason."""

import gzip
import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from drift_e3.core.advice import NoAdvice, parse_advice
from drift_e3.core.answers import Flaw
from tests.core.recorded_answers import SAMPLE, Read

HOLD = '{"coin": "SOL", "signal": "hold", "quantity": 3.5, "leverage": 10, "confidence": 0.65, "why": ""}'
BUY = HOLD.replace("hold", "buy_to_enter").replace("0.65", "0.9")
MADE = {
    "one coin's object": (HOLD, Flaw.MISSING_REGIME),
    "an object per coin": (f'{{"SOL": {HOLD}, "BTC": {BUY}}}', Flaw.NO_ANSWER),
    "a list of objects": (f"[{HOLD}, {BUY}]", Flaw.MISSING_REGIME),
    "plan, then half an object": (f"I hold.\n```json\n{{\n  {HOLD[1:-20]}", Flaw.TRUNCATED),
    "the form asked for": ('For hold:\n{"COIN": {"quantity": <full size>, "stop": <float>}}', Flaw.BAD_JSON),
    "a sketch with dots": ('So: {"SOL": { ... }, "BTC": { ... }}. I think that is it.', Flaw.BAD_JSON),
    "several confidences": (
        "SOL:\n - Confidence: 0.7\nBTC:\n - Confidence: 0.6",
        Flaw.CONTRADICTORY,
    ),
    "a confidence in prose": ("I short it.\n* **Confidence:** I give it 65%.", Flaw.MISSING_REGIME),
    "a summary": ("Despite a choppy market I am long SOL and sure of it, 90 %.", Flaw.NO_ANSWER),
    "nothing": ("", Flaw.EMPTY),
}
"""Texts of the same sorts, made here."""


@pytest.mark.parametrize("sort", MADE)
def test_an_answer_to_another_question_is_no_advice(sort: str) -> None:
    text, flaw = MADE[sort]
    assert parse_advice(text) == NoAdvice(reason=flaw)


def recorded(shared_data: Path) -> list[dict[str, Any]]:
    path = shared_data / "llm" / "nof1_responses.jsonl.gz"
    if not path.is_file():
        pytest.skip("no recorded answers")
    with gzip.open(path, "rt", encoding="utf-8") as rows:
        return [json.loads(row) for row in rows]


def texts(row: dict[str, Any]) -> dict[str, str]:
    """Every text of a row by its field; what is recorded as an object as its JSON."""
    fields = {name: row[name] for name in ("llm_response", "cot_trace", "cot_trace_summary")}
    fields |= {f"llm_response.{coin}": answer for coin, answer in row["llm_response"].items()}
    return {name: text if isinstance(text, str) else json.dumps(text) for name, text in fields.items()}


def test_none_of_all_recorded_answers_is_advice(shared_data: Path) -> None:
    reasons: Counter[str] = Counter()
    for row in recorded(shared_data):
        for text in texts(row).values():
            advice = parse_advice(text)
            reasons[advice.reason if isinstance(advice, NoAdvice) else "advice"] += 1
    assert reasons["advice"] == 0
    assert reasons.total() > 3_000


def test_sixty_that_a_person_has_read_are_understood_as_they_were_read(shared_data: Path) -> None:
    rows = recorded(shared_data)
    assert len({(read.row, read.field) for read in SAMPLE}) == 60
    assert {rows[read.row]["model"] for read in SAMPLE} == {row["model"] for row in rows}
    wrong: list[tuple[Read, object]] = []
    for read in SAMPLE:
        text = texts(rows[read.row])[read.field]
        assert hashlib.sha256(text.encode()).hexdigest().startswith(read.digest), read
        if (understood := parse_advice(text)) != NoAdvice(reason=read.flaw):
            wrong.append((read, understood))
    assert wrong == []
