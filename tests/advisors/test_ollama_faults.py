"""The Ollama adapter against a server that misbehaves: every fault ends in an event, and in time."""

import asyncio
import gzip
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from drift_e3.advisors.failures import Failure
from drift_e3.advisors.ollama import OllamaAdvisor
from drift_e3.drill.ollama_acts import (
    DONE,
    GOOD_ANSWER,
    Act,
    answers_whole,
    floods,
    hangs,
    part,
    redirects,
    refuses,
    resets,
    says,
    speaks_no_http,
    streams,
)
from drift_e3.drill.scripted_ollama import scripted_ollama
from tests.advisors.asking import AMPLE_MS, ask, failed, received
from tests.advisors.questions import ASKED_TS, a_question

DEADLINE_MS = 150
GRACE_MS = 50
HALF = part(GOOD_ANSWER)[:-20]
FAULTS: dict[str, tuple[Act, Failure]] = {
    "status 500": (refuses(500, "boom"), Failure.HTTP_ERROR),
    "status 503 as a full queue": (refuses(503, "server busy"), Failure.HTTP_ERROR),
    "status 400 as for thinking": (refuses(400, "does not support thinking"), Failure.HTTP_ERROR),
    "status 204": (refuses(204), Failure.HTTP_ERROR),
    "model missing": (refuses(404, "model 'one' not found"), Failure.MODEL_MISSING),
    "redirect": (redirects("http://127.0.0.1:9/api/chat"), Failure.HTTP_ERROR),
    "garbage": (streams([b"\xff\xfe nonsense\n"]), Failure.BAD_BODY),
    "an array": (streams([b"[1, 2]\n"]), Failure.BAD_BODY),
    "wrong types": (streams([b'{"message": "hello", "done": "yes"}\n']), Failure.BAD_BODY),
    "a lone surrogate": (streams([b'{"message": {"content": "\\ud800"}}\n', DONE]), Failure.BAD_BODY),
    "deep nesting": (streams([b'{"x":' + b"[" * 100_000 + b"\n"]), Failure.BAD_BODY),
    "half JSON": (answers_whole(HALF), Failure.BAD_BODY),
    "half JSON streamed": (streams([part("{"), HALF]), Failure.BAD_BODY),
    "no end": (streams([part(GOOD_ANSWER)]), Failure.BAD_BODY),
    "no body": (answers_whole(b""), Failure.BAD_BODY),
    "an error in mid-stream": (streams([part("{"), b'{"error": "out of memory"}\n']), Failure.BAD_BODY),
    "compressed unasked": (
        answers_whole(gzip.compress(part(GOOD_ANSWER, done=True)), headers={"Content-Encoding": "gzip"}),
        Failure.BAD_BODY,
    ),
    "a web page": (answers_whole(part(GOOD_ANSWER, done=True), "text/html"), Failure.BAD_BODY),
    "no HTTP": (speaks_no_http(), Failure.BAD_BODY),
    "an endless header": (speaks_no_http(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000), Failure.BAD_BODY),
    "reset before the answer": (resets(), Failure.DISCONNECTED),
    "reset in the answer": (resets(after=[part("{")]), Failure.DISCONNECTED),
    "endless lines": (floods(part("x" * 50_000)), Failure.TOO_LARGE),
    "one endless line": (floods(b"x" * 100_000), Failure.TOO_LARGE),
    "long words": (streams([part("x" * 70_000), DONE]), Failure.TOO_LARGE),
    "empty content": (says(""), Failure.EMPTY),
    "blank content": (says(" \n "), Failure.EMPTY),
    "cut at num_predict": (says(GOOD_ANSWER[:30], done_reason="length"), Failure.CUT),
}
SLOW: dict[str, Act] = {
    "silence": hangs(),
    "silence after the headers": hangs(after=[]),
    "silence in the answer": hangs(after=[part(GOOD_ANSWER[:20])]),
    "a slow drip": streams([part(letter) for letter in GOOD_ANSWER], pause_s=0.02),
    "a late answer": says(delay_s=1.0),
    "drops of blank lines": streams([b"\n"] * 100, pause_s=0.01),
}


@asynccontextmanager
async def stalls() -> AsyncGenerator[list[float]]:
    """By how many ms a busy machine woke this loop too late meanwhile: not the advisor's fault."""
    late_ms = [0.0]
    now = asyncio.get_running_loop().time

    async def watch() -> None:
        while True:
            due = now() + 0.002
            await asyncio.sleep(0.002)
            late_ms.append((now() - due) * 1_000)

    watching = asyncio.create_task(watch())
    try:
        yield late_ms
    finally:
        watching.cancel()


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_is_a_failure_with_its_code(fault: str) -> None:
    act, reason = FAULTS[fault]
    async with scripted_ollama({"one": act}) as server:
        event = failed(await ask(server))
    assert event.reason == reason.value
    assert event.seen_ts == ASKED_TS + event.latency_ms
    assert event.detail.startswith(f"one: {reason.value}")


@pytest.mark.parametrize("fault", FAULTS)
async def test_after_a_fault_the_next_model_answers(fault: str) -> None:
    act, _ = FAULTS[fault]
    async with scripted_ollama({"one": act, "two": says()}) as server:
        event = received(await ask(server, "one", "two"))
        assert server.models_asked == ["one", "two"]
    assert (event.model, event.text) == ("two", GOOD_ANSWER)


@pytest.mark.parametrize("slowness", SLOW)
async def test_nothing_takes_longer_than_the_deadline(slowness: str) -> None:
    async with scripted_ollama({"one": SLOW[slowness]}) as server, stalls() as stalled_ms:
        event = failed(await ask(server, deadline_ms=DEADLINE_MS))
        async with asyncio.timeout(1):
            await server.client_left.wait()
    assert event.reason == Failure.TIMEOUT.value
    assert DEADLINE_MS <= event.latency_ms <= DEADLINE_MS + GRACE_MS + max(stalled_ms)


@pytest.mark.parametrize("slowness", SLOW)
async def test_a_slow_model_leaves_time_for_the_next(slowness: str) -> None:
    async with scripted_ollama({"one": SLOW[slowness], "two": says()}) as server:
        event = received(await ask(server, "one", "two", deadline_ms=6 * DEADLINE_MS))
    assert event.model == "two"
    assert 0.6 * 6 * DEADLINE_MS <= event.latency_ms <= 6 * DEADLINE_MS


async def test_a_ladder_of_hanging_models_still_ends_at_the_one_deadline() -> None:
    async with scripted_ollama(dict.fromkeys("abcd", hangs())) as server, stalls() as stalled_ms:
        event = failed(await ask(server, *"abcd", deadline_ms=DEADLINE_MS))
        assert server.models_asked == ["a", "b", "c", "d"]
    assert event.reason == Failure.TIMEOUT.value
    assert event.latency_ms <= DEADLINE_MS + GRACE_MS + max(stalled_ms)
    assert event.detail == "a: timeout; b: timeout; c: timeout; d: timeout"


async def test_no_time_is_a_timeout_at_once() -> None:
    async with scripted_ollama({"one": says()}) as server:
        event = failed(await ask(server, deadline_ms=0))
    assert event.reason == Failure.TIMEOUT.value
    assert event.latency_ms < DEADLINE_MS


async def test_an_unreachable_server_is_asked_once_whatever_the_ladder() -> None:
    async with scripted_ollama({}) as server:
        pass
    event = failed(await ask(server, "one", "two"))
    assert event.reason == Failure.UNREACHABLE.value
    assert "two" not in event.detail


@pytest.mark.parametrize("slowness", SLOW)
async def test_cancelling_closes_the_connection_at_once(slowness: str) -> None:
    async with scripted_ollama({"one": SLOW[slowness], "two": says()}) as server:
        advisor = OllamaAdvisor(server.url, ("one", "two"))
        async with asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(advisor.ask(a_question(), AMPLE_MS))
            await server.chat_began.wait()
            asking.cancel()
        assert asking.cancelled()
        async with asyncio.timeout(0.15):
            await server.client_left.wait()
        assert server.models_asked == ["one"]
        await advisor.close()
