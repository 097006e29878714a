"""How good the advisor was: what a card comes to in words and figures, and the process that makes it."""

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from drift_e3.config import load
from drift_e3.ops import scorer as module
from drift_e3.ops.advisor_score import AdvisorScore, CardUnreadable, read_card
from drift_e3.ops.scorer import AGAIN_S, Scorer
from drift_e3.ops.server import StatusServer
from drift_e3.wiring import watchers
from tests.live.attended import attended
from tests.live.daemons import KeptLog
from tests.ops.cards import a_card


def test_a_card_of_the_lab_becomes_figures_and_bars() -> None:
    score = read_card(a_card(40), scored_ts=7, took_s=2.0)
    assert (score.state, score.words) == ("scored", "Scored over 40 questions.")
    assert (score.scored_ts, score.took_s, score.outcomes) == (7, 2.0, {"advice": 40})
    (hour,) = score.horizons
    assert (hour.horizon, hour.answers, hour.hit_frac, hour.expected_frac) == ("1h", 40, 0.8, 0.8)
    assert hour.skill == "no more often right than chance explains"
    (bar,) = hour.bins
    assert (bar.low, bar.high, bar.answers, bar.hit_frac) == (0.6, 0.7, 40, 0.8)
    assert bar.hit_frac_low < 0.8 < bar.hit_frac_high


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        (0, "Too few answers: 0 answers with a direction have been judged by the market so far, 30 are"),
        (1, "Too few answers: 1 answer with a direction has been judged by the market so far, 30 are needed"),
        (29, "Too few answers: 29 answers"),
    ],
)
def test_too_few_answers_are_said_to_be_too_few(answers: int, words: str) -> None:
    score = read_card(a_card(answers), scored_ts=7, took_s=2.0)
    assert score.state == "too_few"
    assert score.words.startswith(words)


@pytest.mark.parametrize("card", [b"", b"nothing", b"{}", b'{"questions": "many"}'])
def test_what_is_no_card_is_refused(card: bytes) -> None:
    with pytest.raises(CardUnreadable):
        read_card(card, scored_ts=7, took_s=2.0)


def children() -> str:
    """The processes that this one has begun and that are not gone."""
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text()


def python(program: str) -> tuple[str, ...]:
    return (sys.executable, "-S", "-c", program)


async def scored(scorer: Scorer) -> AdvisorScore:
    """Look, and look again when what that began has come to its end."""
    running = asyncio.create_task(scorer.run())
    began = scorer.look()
    while scorer.look().scoring:
        await asyncio.wait([running], timeout=0.01)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert began.scoring
    return scorer.look()


async def test_a_look_begins_a_score_and_waits_for_none() -> None:
    now = [0.0]
    card = a_card(40).decode()
    scorer = Scorer(python(f"print({card!r})"), {}, lambda: now[0])
    assert scorer.look().state == "not_yet"
    score = await scored(scorer)
    assert (score.state, score.questions) == ("scored", 40)
    assert not score.scoring
    now[0] = AGAIN_S - 1.0
    assert not scorer.look().scoring
    now[0] = AGAIN_S
    assert scorer.look().scoring
    assert scorer.look().questions == 40


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("raise SystemExit(65)", "drift-e3 advice score ended with code 65"),
        ("print('[]')", "Expected `object`"),
        ("while True: print('x' * 99_999)", "the score card has no end"),
        ("import time; time.sleep(99)", "it took too long"),
    ],
)
async def test_what_goes_wrong_is_said_and_nothing_is_left_behind(
    monkeypatch: pytest.MonkeyPatch, program: str, why: str
) -> None:
    # Other tests in this process may have begun some that last, such as multiprocessing's tracker.
    before = children()
    kept = KeptLog()
    monkeypatch.setattr(module, "log", kept)
    monkeypatch.setattr(module, "LONGEST_S", 0.5 if "sleep" in program else 60.0)
    score = await scored(Scorer(python(program), {}))
    assert score.state == "failed"
    assert score.words.startswith(f"The advisor's answers could not be scored: {why}")
    assert kept.named("advice.unscored")[0]["reason"].startswith(why)
    assert children() == before


async def test_a_program_that_cannot_be_started_is_said() -> None:
    score = await scored(Scorer(("/nowhere/at/all",), {}))
    assert score.words.startswith("The advisor's answers could not be scored: [Errno 2]")


async def test_the_other_process_has_little_and_sees_no_secret(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    program = f"""
import os, resource, time
while os.getpriority(os.PRIO_PROCESS, 0) != 19 or resource.getrlimit(resource.RLIMIT_AS)[0] > 1 << 30:
    time.sleep(0.001)
open({str(seen)!r}, "w").write(" ".join(os.environ))
"""
    await scored(Scorer(python(program), {"PATH": "/bin", "DRIFT_E3_SERVER__TOKEN": "secret"}))
    assert set(seen.read_text().split()) <= {"PATH", "LC_CTYPE"}


async def test_the_daemon_scores_its_own_journal(tmp_path: Path) -> None:
    """By the very command that people give."""
    settings = load(overrides={"state_dir": tmp_path / "state"}, environment={}).settings
    (server,) = watchers(settings, os.environ)
    assert isinstance(server, StatusServer)
    async with attended(tmp_path):
        score = await scored(server._scorer)
    assert (score.state, score.questions) == ("too_few", 0)
