"""The stand-in's translation, over real HTTP, with a scripted llama.cpp server behind it."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from drift_e3.advisors.ollama import OllamaAdvisor
from drift_e3.advisors.ollama_server import OllamaOptions
from drift_e3.core.advice import ADVICE_SCHEMA
from drift_e3.drill.llama_stand_in import MODEL, LlamaStandIn, translated
from drift_e3.drill.ollama_acts import GOOD_ANSWER
from drift_e3.drill.serving import HOST, serving
from tests.advisors.asking import AMPLE_MS, failed, received
from tests.advisors.questions import a_question


def piece(words: str = "", finish: str | None = None, **more: object) -> dict[str, Any]:
    """One event of llama.cpp's stream."""
    delta = {"content": words} if words else {"role": "assistant", "content": None}
    return {"choices": [{"delta": delta, "finish_reason": finish}], **more}


USAGE = {"choices": [], "usage": {"prompt_tokens": 470, "completion_tokens": 57}}


class Llama:
    """Streams these pieces; afterwards it goes on for ever, if told so."""

    def __init__(self, *pieces: dict[str, Any], endless: bool = False) -> None:
        self.pieces = pieces
        self.endless = endless
        self.asked: list[dict[str, Any]] = []
        self.began = asyncio.Event()
        self.left = asyncio.Event()

    async def chat(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(await request.json())
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        self.began.set()
        try:
            for one in self.pieces:
                await response.write(b"data: " + json.dumps(one).encode() + b"\n\n")
            if self.endless:
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.left.set()
            raise
        await response.write(b"data: [DONE]\n\n")
        return response

    async def slots(self, request: web.Request) -> web.StreamResponse:
        del request
        return web.json_response([{"is_processing": self.began.is_set() and not self.left.is_set()}])


@asynccontextmanager
async def stand_in(llama: Llama) -> AsyncGenerator[str]:
    """The address of a stand-in before this server."""
    behind = web.Application()
    behind.router.add_post("/v1/chat/completions", llama.chat)
    behind.router.add_get("/slots", llama.slots)
    async with (
        serving(behind) as llama_port,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session,
    ):
        made = LlamaStandIn(f"http://{HOST}:{llama_port}", session, "sha-1", 5_000_000)
        async with serving(made.app()) as port:
            yield f"http://{HOST}:{port}"


@asynccontextmanager
async def advisor(url: str, model: str = MODEL) -> AsyncGenerator[OllamaAdvisor]:
    made = OllamaAdvisor(url, (model,))
    try:
        yield made
    finally:
        await made.close()


async def test_words_counts_and_the_time_to_load_come_as_from_ollama() -> None:
    llama = Llama(piece(), piece(GOOD_ANSWER[:20]), piece(GOOD_ANSWER[20:]), piece(finish="stop"), USAGE)
    async with stand_in(llama) as url, advisor(url) as asking:
        assert (await asking.probe()).digests == {MODEL: "sha-1"}
        first, second = [received(await asking.ask(a_question(), AMPLE_MS)) for _ in range(2)]
    assert first.text == second.text == GOOD_ANSWER
    told = [(one.attempts[0].prompt_tokens, one.attempts[0].answer_tokens) for one in (first, second)]
    assert told == [(470, 57), (470, 57)]
    assert [one.attempts[0].load_ms for one in (first, second)] == [5, 0]


async def test_an_answer_at_its_limit_is_told_as_cut() -> None:
    async with stand_in(Llama(piece('{"re'), piece(finish="length"), USAGE)) as url, advisor(url) as asking:
        assert failed(await asking.ask(a_question(), AMPLE_MS)).reason == "cut"


async def test_an_error_in_mid_answer_is_told_as_ollama_does() -> None:
    llama = Llama(piece("{"), {"error": {"message": "out of memory"}})
    async with stand_in(llama) as url, advisor(url) as asking:
        assert failed(await asking.ask(a_question(), AMPLE_MS)).reason == "bad_body"


async def test_another_model_is_missing() -> None:
    async with stand_in(Llama()) as url, advisor(url, "qwq") as asking:
        assert failed(await asking.ask(a_question(), AMPLE_MS)).reason == "model_missing"


async def test_who_hangs_up_frees_the_model_behind() -> None:
    llama = Llama(piece("{"), endless=True)
    async with stand_in(llama) as url, advisor(url) as asking:
        async with asyncio.TaskGroup() as tasks:
            question = tasks.create_task(asking.ask(a_question(), AMPLE_MS))
            await llama.began.wait()
            assert await busy(url)
            question.cancel()
        async with asyncio.timeout(5.0):
            await llama.left.wait()
        assert not await busy(url)


async def busy(url: str) -> bool:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/stand-in/busy") as answer:
        return bool((await answer.json())["busy"])


@pytest.mark.parametrize("structured", [True, False])
def test_a_request_is_translated_with_its_limits_and_its_schema(structured: bool) -> None:
    options = OllamaOptions(temperature=0.4, seed=9, num_predict=99, structured=structured)
    body = translated(options.request(MODEL, "What now?"))
    assert body["messages"] == [{"role": "user", "content": "What now?"}]
    assert (body["temperature"], body["seed"], body["max_tokens"], body["stream"]) == (0.4, 9, 99, True)
    schema = {"type": "json_schema", "json_schema": {"schema": ADVICE_SCHEMA}}
    assert body.get("response_format") == (schema if structured else None)
