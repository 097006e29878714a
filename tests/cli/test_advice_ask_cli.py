"""`drift-e3 advice ask`: one analysis on demand, over a tape, the synthetic market and a venue's candles."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drift_e3.advisors.prompts import prompt_hash
from drift_e3.cli.exits import Exit
from drift_e3.drill.ollama_acts import ACTS, GOOD_ANSWER, says
from tests.cli.runs import one_line
from tests.cli.served_market import served_market
from tests.live.ollama_thread import ollama_thread
from tests.live.program import Ran, program
from tests.live.tapes import START, random_walk, write_candles

HOUR_S = 3_600


def asked(folder: Path, url: str, *arguments: object, **variables: str) -> Ran:
    return program(folder, "advice", "ask", *arguments, OLLAMA__URL=url, OLLAMA__MODELS="good", **variables)


def test_prompt_and_answer_are_shown_and_nothing_is_left_behind(tmp_path: Path) -> None:
    write_candles(tmp_path / "tape.csv", random_walk(4, 100, minutes=60))
    with ollama_thread() as url:
        ran = asked(tmp_path, url, "--tape", "tape.csv", "--template", "guide-v1")
    assert (ran.code, ran.err) == (Exit.OK, "")
    assert "You are an expert cryptocurrency trader analyzing SOL-PERP market conditions." in ran.out
    assert ran.out.count(GOOD_ANSWER) == 1
    assert "--- good: advice after " in ran.out
    assert "regime      bull_trend\ndirection   long\nconfidence  0.7\n" in ran.out
    assert [file.name for file in tmp_path.iterdir()] == ["tape.csv"]


def test_the_whole_of_it_comes_as_json_and_a_time_chooses_the_candle(tmp_path: Path) -> None:
    candles = random_walk(4, 100, minutes=60)
    write_candles(tmp_path / "tape.csv", candles)
    at_s = START // 1_000 + 50 * HOUR_S
    with ollama_thread() as url:
        ran = asked(tmp_path, url, "--tape", "tape.csv", "--at", _iso(at_s + 30 * 60), "--json")
    told = json.loads(ran.out)
    assert told["question_id"] == f"{at_s * 1_000}-ask"
    assert told["template"] == "default-v1"
    assert told["prompt_hash"] == prompt_hash(told["prompt"])
    assert f"price: {candles[49].close:.6g}"[:12] in told["prompt"]
    assert "POSITION\nnone\n" in told["prompt"]
    assert told["advice"] == {
        "regime": "bull_trend",
        "direction": "long",
        "confidence": 0.7,
        "multiplier": 1.0,
        "reasoning": "up",
    }
    assert [attempt["outcome"] for attempt in told["attempts"]] == ["advice"]


def test_the_model_is_chosen_on_the_command_line(tmp_path: Path) -> None:
    with ollama_thread({"good": says(), "other": says(GOOD_ANSWER.replace("0.7", "0.6"))}) as url:
        told = json.loads(asked(tmp_path, url, "--model", "other", "--json").out)
    assert (told["model"], told["advice"]["confidence"]) == ("other", 0.6)


@pytest.mark.slow
def test_a_venue_is_asked_about_by_its_own_candles(tmp_path: Path) -> None:
    with served_market() as served, ollama_thread() as url:
        ran = asked(tmp_path, url, "--venue", "velocity", "--json", **served.variables)
        last = served.market.bars[-2].fill[3]
    told = json.loads(ran.out)
    prices = [line for line in told["prompt"].splitlines() if line.startswith("price: ")]
    assert len(prices) == 1
    assert abs(float(prices[0].split()[1]) / last - 1.0) < 0.01
    assert "spread: unknown bps" in told["prompt"]


@pytest.mark.parametrize(
    ("act", "reason", "code"),
    [("prose", "no_answer", Exit.CHECK_FAILED), ("errs", "http_error", Exit.CHECK_FAILED)],
)
def test_an_answer_that_is_no_advice_is_shown_with_its_reason(
    act: str, reason: str, code: Exit, tmp_path: Path
) -> None:
    with ollama_thread({"good": ACTS[act].act}) as url:
        ran = asked(tmp_path, url)
    assert ran.code == code
    assert f"no advice: {reason}" in ran.out


def test_without_a_server_it_is_unavailable(tmp_path: Path) -> None:
    with ollama_thread() as url:
        pass
    ran = asked(tmp_path, url)
    assert ran.code == Exit.UNAVAILABLE
    assert "no advice: unreachable" in ran.out


def test_what_cannot_be_is_one_line(tmp_path: Path) -> None:
    write_candles(tmp_path / "tape.csv", random_walk(4, 5, minutes=60))
    url = "http://127.0.0.1:9"
    line = one_line(asked(tmp_path, url, "--template", "poem"), Exit.CONFIGURATION)
    assert line == "ollama.template: 'poem' is no prompt template; packaged: brief-v1, default-v1, guide-v1"
    line = one_line(asked(tmp_path, url, "--tape", "tape.csv", "--at", "2001-01-01"), Exit.DATA)
    assert line == "SOL-PERP: no candle has closed by then"
    line = one_line(asked(tmp_path, url, "--at", "2001-01-01"), Exit.USAGE)
    assert "a time belongs to a tape" in line
    line = one_line(asked(tmp_path, url, "--template", "poem", OLLAMA__TEMPLATE_DIR="no"), Exit.CONFIGURATION)
    assert line == "DRIFT_E3_OLLAMA__TEMPLATE_DIR: there is no folder 'no'"


def _iso(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat()
