"""`drift-e3 backtest --advice`: recorded answers are heard, and what a result over them is worth is said."""

import json
from pathlib import Path

import pytest

from drift_e3.cli.exits import Exit
from drift_e3.core.events import AdviceFailed, AdviceReceived, AdvisorEvent
from drift_e3.lab.archive import ArchiveWriter, Header, tape_digest
from drift_e3.lab.leakage import Mode
from drift_e3.venues.tape.reading import read_candles
from tests.live.program import Ran, program
from tests.live.tapes import HOUR, LIVELY, START, random_walk, write_candles, write_funding

CANDLES = 400
AGREE = '{{"regime": "{}", "direction": "{}", "confidence": 0.9, "multiplier": 1.0, "reasoning": "so"}}'


def archive(folder: Path, mode: Mode, *, every: int = 1, cutoff_ts: int | None = None, skip: int = 0) -> Path:
    """Answers about each candle of the tape: long in a bull trend, every tenth a failure."""
    candles = read_candles(folder / "tape.csv")
    header = Header(
        tape=tape_digest(candles),
        symbol="SOL-PERP",
        frame_ms=candles.frame_ms,
        mode=mode,
        model="some-model",
        cutoff_ts=cutoff_ts,
    )
    path = folder / f"{mode}.jsonl"
    with ArchiveWriter(path, header) as writer:
        for number, open_ts in enumerate(candles.ts_ms):
            close_ts = open_ts + candles.frame_ms
            event: AdvisorEvent = AdviceReceived(
                seen_ts=close_ts,
                question_id="x",
                text=AGREE.format("bull_trend", "LONG"),
                latency_ms=900,
                model="some-model",
            )
            if number % 10 == 9:
                event = AdviceFailed(seen_ts=close_ts, question_id="x", reason="timeout", latency_ms=8_000)
            if number >= skip and number % every == 0:
                writer.append(close_ts, event)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_candles(tmp_path / "tape.csv", random_walk(4, CANDLES, minutes=60))
    write_funding(tmp_path / "funding.csv", 1, CANDLES + 1)
    return tmp_path


def advised(folder: Path, *more: object) -> Ran:
    arguments = ("backtest", "--tape", "tape.csv", "--funding", "funding.csv", *more)
    return program(folder, *arguments, **LIVELY)


def test_answers_are_heard_after_as_long_as_they_took(folder: Path) -> None:
    path = archive(folder, Mode.RECORDED)
    whole = json.loads(advised(folder, "--advice", path, "--json", "-").out)
    alone = json.loads(advised(folder, "--json", "-").out)
    assert whole["fills"] != alone["fills"]
    told = whole["report"]["advice"]
    assert told["answers"] > 20
    assert told["missed"]["timeout"] > 0
    assert told["models"] == {"some-model": told["answers"]}
    assert whole["report"]["attribution"]["source"]["groups"].keys() == {"ai", "rule"}
    weighed = [made for made in whole["decisions"] if made["advice"] is not None]
    assert {made["advice_age_ms"] for made in weighed} >= {0}
    assert whole["card"]["advice"]["mark"] == "clean"
    assert whole["card"]["advice"]["sha256"]


def test_off_is_rules_alone(folder: Path) -> None:
    assert advised(folder, "--advice", "off", "--json", "-").out == advised(folder, "--json", "-").out


def test_what_was_not_recorded_counts_as_a_failure(folder: Path) -> None:
    path = archive(folder, Mode.RECORDED, skip=CANDLES)
    whole = json.loads(advised(folder, "--advice", path, "--json", "-").out)
    told = whole["report"]["advice"]
    assert (told["answers"], list(told["missed"])) == (0, ["not_recorded"])
    assert any("rules alone" in sentence for sentence in whole["report"]["warnings"])
    alone = json.loads(advised(folder, "--json", "-").out)
    assert whole["fills"] == alone["fills"]


@pytest.mark.parametrize(
    ("mode", "says"),
    [
        (Mode.PLAIN, "trained on this very time"),
        (Mode.MASKED, "neither dates nor the level of prices"),
        (Mode.STUB, "told the outcomes"),
    ],
)
def test_a_result_that_proves_nothing_says_so(mode: Mode, says: str, folder: Path) -> None:
    path = archive(folder, mode, every=40)
    ran = advised(folder, "--advice", path)
    assert ran.code == Exit.OK
    assert says in ran.err
    whole = json.loads(advised(folder, "--advice", path, "--json", "-").out)
    assert any(says in sentence for sentence in whole["report"]["warnings"])


def refused(ran: Ran, code: Exit, says: str) -> None:
    assert (ran.code, ran.out) == (code, "")
    (line,) = [line for line in ran.err.splitlines() if not line.startswith("note: ")]
    assert says in line


def test_answers_about_another_tape_are_refused(folder: Path) -> None:
    path = archive(folder, Mode.RECORDED, every=40)
    write_candles(folder / "tape.csv", random_walk(5, CANDLES, minutes=60))
    refused(advised(folder, "--advice", path), Exit.DATA, "was recorded over tape")


def test_a_window_on_both_sides_of_the_cutoff_is_refused(folder: Path) -> None:
    path = archive(folder, Mode.PLAIN, every=40, cutoff_ts=START + 100 * HOUR)
    refused(advised(folder, "--advice", path), Exit.DATA, "both sides")


@pytest.mark.parametrize("content", [None, b"", b"no archive\n", b'{"format": 99}\n'])
def test_a_file_that_is_no_archive_is_one_line(content: bytes | None, folder: Path) -> None:
    if content is not None:
        (folder / "a.jsonl").write_bytes(content)
    refused(advised(folder, "--advice", "a.jsonl"), Exit.DATA, "a.jsonl")


def test_a_result_never_overwrites_its_answers(folder: Path) -> None:
    path = archive(folder, Mode.RECORDED, every=40)
    ran = advised(folder, "--advice", path, "--json", path)
    assert ran.code == Exit.USAGE
    assert path.stat().st_size > 1_000
