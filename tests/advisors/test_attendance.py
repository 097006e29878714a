"""Looking after the models over real HTTP: loaded at the start, resting after failures, tried again."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

import drift_e3.advisors.attendance
from drift_e3.advisors.fitness import KNOWN_QUESTION
from drift_e3.advisors.ollama import OllamaAdvisor
from drift_e3.advisors.ollama_server import OllamaOptions
from drift_e3.drill.ollama_acts import GOOD_ANSWER, Act, hangs, in_turn, part, refuses, says, streams
from drift_e3.drill.scripted_ollama import ScriptedOllama, scripted_ollama
from drift_e3.ports import AttendedAdvisor
from tests.advisors.asking import AMPLE_MS, failed, received
from tests.advisors.questions import a_question
from tests.live.daemons import KeptLog

CALM = GOOD_ANSWER.replace("bull_trend", "chop")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> KeptLog:
    log = KeptLog()
    monkeypatch.setattr(drift_e3.advisors.attendance, "log", log)
    return log


@pytest.fixture
def restless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks follow one another at once."""
    monkeypatch.setattr(drift_e3.advisors.attendance, "REST_S", 0.01)


@asynccontextmanager
async def attended(
    server: ScriptedOllama, *models: str, warm_up_s: float = 5.0, options: OllamaOptions | None = None
) -> AsyncGenerator[OllamaAdvisor]:
    advisor = OllamaAdvisor(server.url, models or ("one",), options, warm_up_s=warm_up_s)
    async with asyncio.TaskGroup() as tasks:
        attending = tasks.create_task(advisor.attend())
        await asyncio.sleep(0)
        yield advisor
        attending.cancel()
    await advisor.close()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5.0):
        while not condition():  # noqa: ASYNC110 (what is waited for is the other side's)
            await asyncio.sleep(0.002)


def installed(*models: str) -> dict[str, str]:
    return {f"{model}:latest": f"sha-{model}-0123456789" for model in models}


async def test_models_are_loaded_from_the_last_to_the_first_and_told_of(told: KeptLog) -> None:
    acts = {"one": says(CALM), "two": says()}
    async with scripted_ollama(acts, installed("one", "two")) as server, attended(server, "one", "two") as a:
        await until(lambda: len(told.named("advisor.probed")) == 2)
        assert isinstance(a, AttendedAdvisor)
        assert server.models_asked == ["two", "one"]
        assert {body["messages"][0]["content"] for body in server.asked} == {KNOWN_QUESTION}
        assert all("format" in body for body in server.asked)
        assert received(await a.ask(a_question(), AMPLE_MS)).model == "one"
    probed = [(line["model"], line["digest"], line["knows"]) for line in told.named("advisor.probed")]
    assert probed == [("two", "sha-two-0123", False), ("one", "sha-one-0123", True)]
    assert {line["problem"] for line in told.named("advisor.probed")} == {""}


async def test_a_question_waits_for_the_first_model_that_is_ready_and_passes_over_the_others(
    told: KeptLog,
) -> None:
    acts = {"one": hangs(), "two": in_turn(says(delay_s=0.2), says())}
    async with scripted_ollama(acts, installed("one", "two")) as server, attended(server, "one", "two") as a:
        event = received(await a.ask(a_question(), AMPLE_MS))
    assert event.model == "two"
    assert [attempt.outcome for attempt in event.attempts] == ["warming", "advice"]
    assert event.latency_ms >= 150
    assert [line["model"] for line in told.named("advisor.probed")] == ["two"]


async def test_a_question_waits_no_longer_than_its_deadline_for_a_model(told: KeptLog) -> None:
    async with scripted_ollama({"one": hangs()}, installed("one")) as server, attended(server) as a:
        event = failed(await a.ask(a_question(), 100))
        assert len(server.asked) <= 1
    assert (event.reason, event.detail) == ("warming", "one: warming")
    assert event.latency_ms < 150
    assert told.lines == []


async def test_a_model_that_cannot_be_loaded_in_time_rests_and_is_tried_again(
    told: KeptLog, restless: None
) -> None:
    acts = {"one": in_turn(hangs(), says())}
    async with (
        scripted_ollama(acts, installed("one")) as server,
        attended(server, warm_up_s=0.05) as a,
    ):
        await until(lambda: told.named("advisor.resumed"))
        assert received(await a.ask(a_question(), AMPLE_MS)).text == GOOD_ANSWER
    assert [name for _, name, _ in told.lines] == ["advisor.probed", "advisor.probed", "advisor.resumed"]
    assert told.lines[0][0] == "warning"
    assert told.lines[0][2]["problem"] == "does not answer: timeout"


async def test_a_model_that_fails_questions_rests_and_costs_no_more_time_until_a_look_succeeds(
    told: KeptLog,
) -> None:
    acts = {"one": in_turn(says(), refuses(500), refuses(500), refuses(500), hangs()), "two": says()}
    async with scripted_ollama(acts, installed("one", "two")) as server, attended(server, "one", "two") as a:
        await until(lambda: len(told.named("advisor.probed")) == 2)
        for _ in range(3):
            event = received(await a.ask(a_question(), AMPLE_MS))
            assert [attempt.outcome for attempt in event.attempts] == ["http_error", "advice"]
        await until(lambda: server.answering)
        event = received(await a.ask(a_question(), AMPLE_MS))
        assert [attempt.outcome for attempt in event.attempts] == ["resting", "advice"]
        assert event.latency_ms < 1_000
        assert event.attempts[0].latency_ms == 0
    (rested,) = told.named("advisor.rested")
    assert rested == {"model": "one", "reason": "http_error", "failures": 3}


async def test_a_single_model_that_rests_fails_at_once_by_name(told: KeptLog) -> None:
    acts = {"one": in_turn(says(), refuses(503), refuses(503), refuses(503), hangs())}
    async with scripted_ollama(acts, installed("one")) as server, attended(server) as a:
        for _ in range(3):
            assert failed(await a.ask(a_question(), AMPLE_MS)).reason == "http_error"
        event = failed(await a.ask(a_question(), AMPLE_MS))
    assert (event.reason, event.detail) == ("resting", "one: resting http_error")
    assert event.latency_ms < 1_000
    assert len(told.named("advisor.rested")) == 1


async def test_a_server_that_is_not_there_is_told_once_and_found_when_it_comes(
    told: KeptLog, restless: None
) -> None:
    looks = 0

    async def broken(request: web.Request) -> web.StreamResponse:
        nonlocal looks
        looks += 1
        return await refuses(500, "starting")(request)

    async with scripted_ollama({"one": says()}, installed("one")) as server:
        working, server.version_act = server.version_act, broken
        async with attended(server) as a:
            event = failed(await a.ask(a_question(), AMPLE_MS))
            assert (event.reason, event.detail) == ("resting", "one: resting http_error")
            await until(lambda: looks > 3)
            server.version_act = working
            await until(lambda: told.named("advisor.resumed"))
            assert received(await a.ask(a_question(), AMPLE_MS)).digest == "sha-one-0123456789"
    (unreachable,) = told.named("advisor.unreachable")
    assert unreachable == {"url": server.url.removeprefix("http://"), "reason": "http_error 500 starting"}


async def test_a_model_that_is_pulled_later_is_found(told: KeptLog, restless: None) -> None:
    async with scripted_ollama({"one": says()}) as server, attended(server) as a:
        await until(lambda: told.named("advisor.probed"))
        assert server.asked == []
        server.installed = installed("one")
        await until(lambda: told.named("advisor.resumed"))
        assert received(await a.ask(a_question(), AMPLE_MS)).model == "one"
    problems = [line["problem"] for line in told.named("advisor.probed")]
    assert problems == ["not installed", ""]


async def test_without_anybody_who_looks_after_them_models_do_not_rest() -> None:
    async with scripted_ollama({"one": refuses(500)}) as server:
        advisor = OllamaAdvisor(server.url, ("one",))
        for _ in range(5):
            assert failed(await advisor.ask(a_question(), AMPLE_MS)).reason == "http_error"
        await advisor.close()
        assert len(server.asked) == 5


# -- one look ------------------------------------------------------------------------------------------------


COUNTS: dict[str, Any] = {"load_duration": 2_000_000, "eval_count": 9}


@pytest.mark.parametrize(
    ("act", "failure", "schema", "flaw", "knows", "warning"),
    [
        (says(CALM), "", True, "", True, ""),
        (says(), "", True, "", False, ""),
        (says(f"Sure! {CALM}"), "", False, "", True, "does not keep to the JSON schema"),
        (says("[" * 9_999), "", False, "no_answer", False, "its answers are no advice: no_answer"),
        (says("It is calm."), "", False, "no_answer", False, "its answers are no advice: no_answer"),
        (says(""), "", False, "empty", False, "its answers are no advice: empty"),
        (says(CALM[:30], "length"), "", False, "cut", False, "its answers are no advice: cut"),
        (hangs(), "timeout", False, "", False, "does not answer: timeout"),
        (refuses(500), "http_error", False, "", False, "does not answer: http_error"),
    ],
)
async def test_a_look_shows_whether_a_model_will_do(
    act: Act, failure: str, schema: bool, flaw: str, knows: bool, warning: str
) -> None:
    async with scripted_ollama({"one": act}, installed("one")) as server:
        advisor = OllamaAdvisor(server.url, ("one", "none"))
        report = await advisor.examine(200 if failure == "timeout" else AMPLE_MS)
        await advisor.close()
    one, none = report.fitness
    assert (one.failure, one.schema, one.flaw, one.knows) == (failure, schema, flaw, knows)
    assert one.warning == warning
    assert one.digest == "sha-one-0123456789"
    assert (none.model, none.warning) == ("none", "not installed")


async def test_a_look_without_a_schema_asks_for_none() -> None:
    act = streams([part("Market Regime: chop\nDirection: FLAT\nConfidence: 0.5"), part("", True, **COUNTS)])
    async with scripted_ollama({"one": act}, installed("one")) as server:
        advisor = OllamaAdvisor(server.url, ("one",), OllamaOptions(structured=False))
        [fitness] = (await advisor.examine(AMPLE_MS)).fitness
        await advisor.close()
    assert (fitness.warning, fitness.knows, fitness.load_ms, fitness.answer_tokens) == ("", True, 2, 9)


async def test_nothing_is_looked_at_without_a_server() -> None:
    async with scripted_ollama({}) as server:
        pass
    advisor = OllamaAdvisor(server.url, ("one",))
    report = await advisor.examine(AMPLE_MS)
    await advisor.close()
    assert report.problem.startswith("unreachable")
    assert (report.fitness, report.missing) == ((), ("one",))
