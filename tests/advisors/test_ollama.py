"""The Ollama adapter over real loopback HTTP: requests, answers, ladder, hanging up, details, probe."""

import asyncio
import json
from typing import Any

import pytest

from drift_e3.advisors.failures import Failure
from drift_e3.advisors.ollama import OllamaAdvisor, ServerReport
from drift_e3.advisors.ollama_server import OllamaOptions
from drift_e3.advisors.prompt_templates import load_template
from drift_e3.advisors.prompts import prompt_hash, render
from drift_e3.core.advice import ADVICE_SCHEMA
from drift_e3.drill.ollama_acts import (
    DONE,
    GOOD_ANSWER,
    Act,
    answers_whole,
    floods,
    hangs,
    part,
    refuses,
    says,
    streams,
)
from drift_e3.drill.scripted_ollama import scripted_ollama
from tests.advisors.asking import AMPLE_MS, ask, failed, received
from tests.advisors.questions import ASKED_TS, a_question

# -- answers -----------------------------------------------------------------------------------------------


async def test_an_answer_carries_text_model_digest_prompt_hash_and_measured_latency() -> None:
    async with scripted_ollama({"one": says(delay_s=0.03)}, installed={"one:latest": "sha-1"}) as server:
        advisor = OllamaAdvisor(server.url, ("one",))
        report = await advisor.probe()
        event = received(await advisor.ask(a_question(), AMPLE_MS))
        await advisor.close()
    assert report == ServerReport(version="0.0.0-scripted", digests={"one:latest": "sha-1"})
    assert (event.question_id, event.text, event.model, event.digest) == ("q-1", GOOD_ANSWER, "one", "sha-1")
    assert event.prompt_hash == prompt_hash(render(a_question(), load_template()))
    assert 30 <= event.latency_ms <= AMPLE_MS
    assert event.seen_ts == ASKED_TS + event.latency_ms


async def test_the_request_holds_schema_limits_and_the_prompt() -> None:
    options = OllamaOptions(
        num_predict=99, num_ctx=2_048, temperature=0.0, seed=3, keep_alive="5m", think=True
    )
    async with scripted_ollama({"one": says()}) as server:
        await ask(server, options=options)
        body = server.asked[0]
    assert body == {
        "model": "one",
        "messages": [{"role": "user", "content": render(a_question(), load_template())}],
        "stream": True,
        "keep_alive": "5m",
        "options": {"temperature": 0.0, "seed": 3, "num_predict": 99, "num_ctx": 2_048},
        "format": json.loads(json.dumps(ADVICE_SCHEMA)),
        "think": True,
    }


async def test_schema_and_thinking_can_be_left_to_the_model() -> None:
    options = OllamaOptions(structured=False, think=None)
    async with scripted_ollama({"one": says()}) as server:
        advisor = OllamaAdvisor(server.url, ("one",), options, load_template("guide-v1"))
        event = received(await advisor.ask(a_question(), AMPLE_MS))
        await advisor.close()
        body = server.asked[0]
    assert event.template == "guide-v1"
    assert "format" not in body
    assert "think" not in body
    assert body["messages"][0]["content"].startswith(
        "You are an expert cryptocurrency trader analyzing SOL-PERP"
    )


@pytest.mark.parametrize(
    "act",
    [
        says(),
        answers_whole(part(GOOD_ANSWER, done=True)),
        answers_whole(part(GOOD_ANSWER, done=True).strip()),
        streams([b"\n \r\n", part(GOOD_ANSWER), DONE]),
        streams([part(GOOD_ANSWER) + DONE]),
        streams([bytes([byte]) for byte in part(GOOD_ANSWER) + DONE]),
        streams([part(GOOD_ANSWER), DONE, b"what follows the end is not read"]),
        streams(
            [
                b'{"message": {"content": null, "thinking": "hm"}}\n',
                part(GOOD_ANSWER),
                DONE,
            ]
        ),
        streams(
            [part(GOOD_ANSWER, done=True, done_reason="stop")], content_type="application/json; charset=utf-8"
        ),
    ],
    ids=[
        "streamed",
        "whole",
        "no-newline",
        "blank-lines",
        "one-chunk",
        "bytewise",
        "trailing",
        "thinking",
        "charset",
    ],
)
async def test_every_shape_of_a_good_body_is_read(act: Act) -> None:
    async with scripted_ollama({"one": act}) as server:
        assert received(await ask(server)).text == GOOD_ANSWER


async def test_a_server_that_keeps_the_stream_open_after_the_end_is_not_waited_for() -> None:
    async with scripted_ollama({"one": hangs(after=[part(GOOD_ANSWER), DONE])}) as server:
        assert received(await ask(server)).text == GOOD_ANSWER


# -- answers that are no advice ----------------------------------------------------------------------------


async def test_an_answer_that_is_no_advice_hands_over_to_the_next_model() -> None:
    async with scripted_ollama({"one": says("I would rather not."), "two": says()}) as server:
        assert received(await ask(server, "one", "two")).model == "two"


async def test_without_advice_from_any_model_the_first_answer_is_kept_for_the_journal() -> None:
    acts = {
        "one": refuses(500),
        "two": says("I would rather not."),
        "three": says("Nor I."),
        "four": refuses(500),
    }
    async with scripted_ollama(acts) as server:
        event = received(await ask(server, "one", "two", "three", "four"))
    assert (event.model, event.text) == ("two", "I would rather not.")


async def test_an_answer_kept_past_the_deadline_is_a_timeout() -> None:
    async with scripted_ollama({"one": says("I would rather not."), "two": hangs()}) as server:
        event = failed(await ask(server, "one", "two", deadline_ms=150))
    assert event.reason == Failure.TIMEOUT.value
    assert event.detail == "one: no_answer; two: timeout"


# -- what the journal is told of every rung ----------------------------------------------------------------


async def test_every_rung_tells_model_digest_options_outcome_words_and_effort() -> None:
    counts: dict[str, Any] = {"load_duration": 7_900_000, "prompt_eval_count": 512, "eval_count": 41}
    acts = {
        "one": refuses(500, "out of memory"),
        "two": says("I would rather not."),
        "three": streams([part('{"regime": "ch'), part("", done=True, done_reason="length", **counts)]),
        "four": streams([part(GOOD_ANSWER), part("", done=True, done_reason="stop", **counts)]),
    }
    async with scripted_ollama(acts, installed={"four:latest": "sha-4"}) as server:
        advisor = OllamaAdvisor(server.url, tuple(acts))
        await advisor.probe()
        event = received(await advisor.ask(a_question(), AMPLE_MS))
        await advisor.close()
    assert (event.prompt, event.template) == (render(a_question(), load_template()), "default-v1")
    told = [
        (
            *(attempt.model, attempt.digest, attempt.outcome, attempt.text, attempt.load_ms),
            *(attempt.prompt_tokens, attempt.answer_tokens),
        )
        for attempt in event.attempts
    ]
    assert told == [
        ("one", "", "http_error", "", -1, -1, -1),
        ("two", "", "no_answer", "I would rather not.", -1, -1, 3),
        ("three", "", "cut", '{"regime": "ch', 7, 512, 41),
        ("four", "sha-4", "advice", "", 7, 512, 41),
    ]
    options = (
        '{"keep_alive":"30m","options":{"num_ctx":4096,"num_predict":400,"seed":7,"temperature":0.2},'
        '"schema":true,"stream":true,"think":false}'
    )
    assert {attempt.options for attempt in event.attempts} == {options}
    assert all(0 <= attempt.latency_ms <= event.latency_ms for attempt in event.attempts)


@pytest.mark.parametrize("count", [-1, 2**60, None])
async def test_a_count_that_cannot_be_is_not_told(count: int | None) -> None:
    act = streams([part(GOOD_ANSWER, done=True, eval_count=count, load_duration=count)])
    async with scripted_ollama({"one": act}) as server:
        [attempt] = received(await ask(server)).attempts
    assert (attempt.answer_tokens, attempt.load_ms) == (-1, -1)


async def test_what_came_before_the_deadline_is_told_with_the_timeout() -> None:
    async with scripted_ollama({"one": hangs(after=[part("half a")])}) as server:
        event = failed(await ask(server, deadline_ms=150))
    [attempt] = event.attempts
    assert (event.reason, attempt.outcome, attempt.text) == ("timeout", "timeout", "half a")
    assert (event.prompt, event.prompt_hash) == (
        render(a_question(), load_template()),
        prompt_hash(event.prompt),
    )


async def test_an_answer_that_is_complete_after_the_deadline_is_told_and_is_no_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with scripted_ollama({"one": says()}) as server:
        advisor = OllamaAdvisor(server.url, ("one",))
        climb = advisor._climb

        async def busy(prompt: str, ends: float) -> Any:
            tried = await climb(prompt, ends)
            await asyncio.sleep(0.3)
            return tried

        monkeypatch.setattr(advisor, "_climb", busy)
        event = failed(await advisor.ask(a_question(), 250))
        await advisor.close()
    assert event.reason == "timeout"
    assert [(attempt.outcome, attempt.text) for attempt in event.attempts] == [("advice", GOOD_ANSWER)]


# -- hanging up --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ladder", [("one",), ("one", "two")])
async def test_closing_the_advisor_ends_an_open_question_as_cancelled(ladder: tuple[str, ...]) -> None:
    async with scripted_ollama({"one": hangs(), "two": says()}) as server:
        advisor = OllamaAdvisor(server.url, ladder)
        async with asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(advisor.ask(a_question(), AMPLE_MS))
            await server.chat_began.wait()
            await advisor.close()
        assert failed(asking.result()).reason == Failure.CANCELLED.value
        assert server.models_asked == ["one"]


async def test_a_closed_advisor_fails_at_once() -> None:
    async with scripted_ollama({"one": says()}) as server:
        advisor = OllamaAdvisor(server.url, ("one",))
        await advisor.close()
        assert failed(await advisor.ask(a_question(), AMPLE_MS)).reason == Failure.CANCELLED.value
        assert (await advisor.probe()).problem == "cancelled"
        assert server.asked == []


# -- details -----------------------------------------------------------------------------------------------


async def test_details_are_short_and_free_of_secrets() -> None:
    told = "bad key sk-" + "a" * 40 + " at http://u:pw@host\x1b[31m for me@host " + "so it goes " * 40
    async with scripted_ollama({"one": refuses(500, told)}) as server:
        detail = failed(await ask(server)).detail
    assert detail.startswith("one: http_error 500 bad key *** at *** [31m for *** so it goes")
    assert len(detail) <= 140
    assert "pw" not in detail


async def test_credentials_of_the_address_do_not_reach_an_event() -> None:
    async with scripted_ollama({}) as server:
        pass
    advisor = OllamaAdvisor(server.url.replace("//", "//user:pw123@"), ("one",))
    event = failed(await advisor.ask(a_question(), AMPLE_MS))
    await advisor.close()
    assert event.reason == Failure.UNREACHABLE.value
    assert "pw123" not in repr(event)


@pytest.mark.parametrize(
    "url", ["", "localhost:11434", "ftp://host", "http://", "http://host/?a=1", "http://host/#x"]
)
def test_an_unusable_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="url must be like"):
        OllamaAdvisor(url, ("one",))


def test_an_empty_ladder_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one model"):
        OllamaAdvisor("http://host", ())


# -- probe -------------------------------------------------------------------------------------------------


async def test_a_probe_names_what_is_missing_and_reads_a_name_without_a_tag_as_latest() -> None:
    installed = {"mistral:latest": "a", "qwen2.5:7b": "b", "host:5000/own/model:latest": "c"}
    ladder = ("mistral", "qwen2.5", "qwen2.5:7b", "host:5000/own/model")
    async with scripted_ollama({}, installed) as server:
        advisor = OllamaAdvisor(server.url + "/", ladder)
        report = await advisor.probe()
        await advisor.close()
    assert report.missing == ("qwen2.5",)
    assert report.digests == installed


@pytest.mark.parametrize(
    ("act", "problem"),
    [
        (hangs(), "timeout"),
        (refuses(500, "boom"), "http_error 500 boom"),
        (answers_whole(b"{}"), "bad_body not the JSON that Ollama sends"),
        (answers_whole(b"<p>hello</p>", "text/html"), "bad_body content type text/html"),
        (floods(b"x" * 100_000), "too_large"),
    ],
)
async def test_a_probe_of_a_broken_server_is_a_warning(act: Act, problem: str) -> None:
    async with scripted_ollama({}) as server:
        server.version_act = act
        advisor = OllamaAdvisor(server.url, ("one",))
        report = await advisor.probe(deadline_ms=AMPLE_MS if problem != "timeout" else 50)
        await advisor.close()
    assert report == ServerReport(problem=problem, missing=("one",))


async def test_a_probe_of_a_server_without_models_misses_them_all() -> None:
    async with scripted_ollama({}) as server:
        server.tags_act = answers_whole(b'{"models": null}')
        advisor = OllamaAdvisor(server.url, ("one",))
        report = await advisor.probe()
        await advisor.close()
    assert (report.problem, report.missing) == ("", ("one",))


async def test_an_answer_without_a_probe_has_no_digest() -> None:
    async with scripted_ollama({"one": says()}, installed={"one:latest": "sha-1"}) as server:
        assert received(await ask(server)).digest == ""


async def test_a_question_can_be_asked_again_and_side_by_side() -> None:
    async with scripted_ollama({"one": says()}) as server:
        advisor = OllamaAdvisor(server.url, ("one",))
        async with asyncio.TaskGroup() as tasks:
            asking: list[asyncio.Task[Any]] = [
                tasks.create_task(advisor.ask(a_question(question_id=f"q-{n}"), AMPLE_MS)) for n in range(3)
            ]
        again = received(await advisor.ask(a_question(), AMPLE_MS))
        await advisor.close()
    assert [received(task.result()).question_id for task in asking] == ["q-0", "q-1", "q-2"]
    assert again.text == GOOD_ANSWER
