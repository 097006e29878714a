"""Real generations of a small model through the real adapter: plumbing, not skill.

The server is the drill's stand-in for Ollama with llama.cpp behind it; no Ollama server is tested here.
"""

import asyncio
from collections.abc import Iterator

import aiohttp
import msgspec
import pytest

from drift_e3.advisors.ollama import OllamaAdvisor
from drift_e3.advisors.ollama_server import OllamaOptions
from drift_e3.advisors.prompt_templates import load_template
from drift_e3.core.advice import ADVICE_SCHEMA, Advice, parse_advice
from drift_e3.core.answers import Flaw
from drift_e3.core.events import AdvisorEvent
from drift_e3.drill.llama_stand_in import MODEL
from tests.advisors.asking import failed, received
from tests.advisors.questions import a_question
from tests.advisors.real_model import INSTALLED, served_model

pytestmark = [
    pytest.mark.model,
    pytest.mark.torture,
    pytest.mark.skipif(not INSTALLED, reason="the extra `model` is not installed"),
]

PATIENT_MS = 120_000
"""For whole answers, on a machine that others use too."""
WHOLE = OllamaOptions(num_predict=400)
"""Room for the longest answer that the schema allows, even where the model rambles to its end."""
OUT_OF_RANGE = {Flaw.BAD_CONFIDENCE, Flaw.BAD_MULTIPLIER}
"""The server's grammar knows keys, types and words, but not the ranges of numbers."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with served_model() as address:
        yield address


async def ask(url: str, options: OllamaOptions = WHOLE, deadline_ms: int = PATIENT_MS) -> AdvisorEvent:
    advisor = OllamaAdvisor(url, (MODEL,), options, load_template("brief-v1"))
    try:
        await advisor.probe()
        return await advisor.ask(a_question(), deadline_ms)
    finally:
        await advisor.close()


async def is_busy(url: str) -> bool:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/stand-in/busy") as answer:
        return bool((await answer.json())["busy"])


async def freed(url: str) -> None:
    """Return once the model generates no more."""
    async with asyncio.timeout(10.0):
        while await is_busy(url):
            pass


async def test_real_answers_keep_to_the_schema_and_are_advice_unless_a_number_is_out_of_range(
    url: str,
) -> None:
    outcomes = []
    for seed in range(4):
        event = received(await ask(url, OllamaOptions(num_predict=400, seed=seed, temperature=0.8)))
        assert [*msgspec.json.decode(event.text)] == ADVICE_SCHEMA["required"]
        [attempt] = event.attempts
        assert len(event.digest) == 64
        assert 200 < attempt.prompt_tokens < 2_000
        assert 20 < attempt.answer_tokens <= 400
        assert isinstance(parse_advice(event.text), Advice) == (attempt.outcome == "advice")
        outcomes.append(attempt.outcome)
    assert "advice" in outcomes
    assert {*outcomes} <= {"advice", *OUT_OF_RANGE}


async def test_the_same_seed_says_the_same_again(url: str) -> None:
    first, second = received(await ask(url)), received(await ask(url))
    assert first.text == second.text


async def test_a_deadline_in_mid_answer_holds_and_frees_the_model(url: str) -> None:
    event = failed(await ask(url, deadline_ms=400))
    assert (event.reason, event.attempts[0].outcome) == ("timeout", "timeout")
    assert event.latency_ms <= 450
    await freed(url)


async def test_a_question_that_is_cancelled_frees_the_model(url: str) -> None:
    advisor = OllamaAdvisor(url, (MODEL,), WHOLE, load_template("brief-v1"))
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(advisor.ask(a_question(equity_usd=17.0), PATIENT_MS))
        async with asyncio.timeout(30.0):
            while not await is_busy(url):
                pass
        asking.cancel()
    await freed(url)
    await advisor.close()


async def test_an_answer_that_is_cut_at_its_limit_is_no_advice(url: str) -> None:
    event = failed(await ask(url, OllamaOptions(num_predict=16)))
    [attempt] = event.attempts
    assert (event.reason, attempt.outcome, attempt.answer_tokens) == ("cut", "cut", 16)
    assert attempt.text.startswith("{")


async def test_without_the_schema_whatever_it_says_is_advice_or_has_a_reason(url: str) -> None:
    event = await ask(url, OllamaOptions(num_predict=80, structured=False))
    [attempt] = event.attempts
    assert attempt.outcome in {"advice", "cut", *(flaw.value for flaw in Flaw)}


async def test_a_look_tells_that_the_model_keeps_to_the_schema(url: str) -> None:
    advisor = OllamaAdvisor(url, (MODEL, "not-there"), WHOLE)
    report = await advisor.examine(PATIENT_MS)
    await advisor.close()
    assert report.version == "0.0.0-stand-in"
    assert report.missing == ("not-there",)
    small, missing = report.fitness
    assert (small.failure, small.schema) == ("", True)
    assert small.flaw in {"", *OUT_OF_RANGE}
    assert missing.warning == "not installed"
