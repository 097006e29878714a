"""`drift-e3 optimize` with recorded answers."""

import json
from pathlib import Path

import pytest

from drift_e3.cli.exits import Exit
from drift_e3.lab.leakage import Mode
from drift_e3.venues.tape.reading import read_candles
from tests.cli.searches import COMMAND, SEARCH, make_market, record_answers
from tests.live.program import program
from tests.live.tapes import HOUR, LIVELY

ALONE = ("--workers", "1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("advised")
    small = SEARCH["search"] | {"refinement": "none", "evidenceSets": 2}
    make_market(
        folder,
        SEARCH
        | {
            "parameters": {"m_volumeZ": [0.5, 1.0], "ai_confidenceWeight": [0.0, 1.0]},
            "search": small,
        },
    )
    record_answers(folder, read_candles(folder / "tape.csv"))
    return folder


def test_with_recorded_answers_the_advisors_parameters_are_searched(folder: Path) -> None:
    ran = program(folder, *COMMAND, *ALONE, "--advice", "answers.jsonl", "--out", "with", **LIVELY)
    assert ran.code == Exit.OK
    assert "note: answers of bear (recorded): the result is clean" in ran.err
    advised = json.loads((folder / "with" / "card.json").read_text())
    assert list(advised["about"]["search"]["searched"]) == ["m_volumeZ", "ai_confidenceWeight"]
    assert advised["about"]["advice"]["model"] == "bear"
    program(folder, *COMMAND, *ALONE, "--out", "without", **LIVELY)
    alone = json.loads((folder / "without" / "card.json").read_text())
    assert list(alone["about"]["search"]["searched"]) == ["m_volumeZ"]
    assert alone["about"]["advice"] is None
    assert alone["licence"]["search"] != advised["licence"]["search"]
    assert alone["about"]["periods"] != advised["about"]["periods"]


def test_answers_about_another_tape_are_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "tape.csv").write_text("\n".join((folder / "tape.csv").read_text().splitlines()[:-1]) + "\n")
    for name in ("funding.csv", "search.json", "answers.jsonl"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    ran = program(tmp_path, *COMMAND, *ALONE, "--advice", "answers.jsonl", "--out", "with", **LIVELY)
    assert ran.code == Exit.DATA
    assert "answers.jsonl: was recorded over tape" in ran.err.splitlines()[-1]


def test_answers_known_and_unknown_to_the_model_are_not_mixed(folder: Path, tmp_path: Path) -> None:
    make_market(tmp_path)
    candles = read_candles(tmp_path / "tape.csv")
    record_answers(tmp_path, candles, Mode.PLAIN, cutoff_ts=candles.ts_ms[0] + 20 * 24 * HOUR)
    ran = program(tmp_path, *COMMAND, *ALONE, "--advice", "answers.jsonl", "--out", "with", **LIVELY)
    assert ran.code == Exit.DATA
    assert "never mixed" in ran.err.splitlines()[-1]
