"""What a model server does with a question, well or badly, each in words: the scripts of `scripted_ollama`.

Builders for any such act, and the table of the named ones. The faults are those reported of real servers and
of proxies before them.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final, NamedTuple

from aiohttp import web

Act = Callable[[web.Request], Awaitable[web.StreamResponse]]
"""What the server does with one chat request."""

STREAM_TYPE: Final = "application/x-ndjson"
GOOD_ANSWER: Final = (
    '{"regime": "bull_trend", "direction": "LONG", "confidence": 0.7, "multiplier": 1, "reasoning": "up"}'
)
LATE_S: Final = 0.35
"""How late the late answer is; a test's deadline is shorter."""


def part(content: str, done: bool = False, **more: object) -> bytes:
    """One line of a streamed answer."""
    return (
        json.dumps({"message": {"role": "assistant", "content": content}, "done": done, **more}).encode()
        + b"\n"
    )


DONE: Final = part("", done=True, done_reason="stop", eval_count=3)


def says(text: str = GOOD_ANSWER, done_reason: str = "stop", delay_s: float = 0.0) -> Act:
    """Streams the text in three parts and ends properly, `delay_s` after the question."""
    third = max(1, len(text) // 3)
    lines = [part(text[:third]), part(text[third : 2 * third]), part(text[2 * third :])]
    lines.append(part("", done=True, done_reason=done_reason, eval_count=3))

    async def act(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(delay_s)
        return await _stream(request, lines)

    return act


def in_turn(*acts: Act) -> Act:
    """One act after the other, a question each; the last one for ever."""
    left = list(acts)

    async def act(request: web.Request) -> web.StreamResponse:
        return await (left.pop(0) if len(left) > 1 else left[0])(request)

    return act


def answers_whole(
    body: bytes, content_type: str = "application/json", headers: Mapping[str, str] | None = None
) -> Act:
    """One body with its length, as a server or proxy that does not stream."""

    async def act(request: web.Request) -> web.StreamResponse:
        del request
        return web.Response(body=body, content_type=content_type, headers=headers)

    return act


def streams(lines: Iterable[bytes], content_type: str = STREAM_TYPE, pause_s: float = 0.0) -> Act:
    """Exactly these chunks, each followed by a pause."""
    chunks = tuple(lines)

    async def act(request: web.Request) -> web.StreamResponse:
        return await _stream(request, chunks, content_type, pause_s)

    return act


def hangs(after: Iterable[bytes] | None = None) -> Act:
    """Never answers; with `after`, sends headers and these chunks first."""
    chunks = None if after is None else tuple(after)

    async def act(request: web.Request) -> web.StreamResponse:
        if chunks is not None:
            response = web.StreamResponse(headers={"Content-Type": STREAM_TYPE})
            await response.prepare(request)
            for chunk in chunks:
                await response.write(chunk)
        await asyncio.Event().wait()
        raise AssertionError("nobody sets that event")

    return act


def refuses(status: int, error: str = "", headers: Mapping[str, str] | None = None) -> Act:
    """An error status with Ollama's body."""

    async def act(request: web.Request) -> web.StreamResponse:
        del request
        return web.json_response({"error": error}, status=status, headers=headers)

    return act


def redirects(url: str) -> Act:
    """Sends the client elsewhere."""
    return refuses(307, headers={"Location": url})


def resets(after: Iterable[bytes] | None = None) -> Act:
    """Breaks the connection before, or in the middle of, the answer."""
    chunks = None if after is None else tuple(after)

    async def act(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": STREAM_TYPE})
        if chunks is not None:
            await response.prepare(request)
            for chunk in chunks:
                await response.write(chunk)
        if request.transport is not None:
            request.transport.abort()
        return response

    return act


def speaks_no_http(raw: bytes = b"\x00\x01 no http at all\r\n\r\n") -> Act:
    """Raw bytes where a status line belongs."""

    async def act(request: web.Request) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.write(raw)
            request.transport.close()
        return web.Response()

    return act


def floods(chunk: bytes) -> Act:
    """The same chunk for ever, as fast as the client reads."""

    async def act(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": STREAM_TYPE})
        await response.prepare(request)
        while True:
            await response.write(chunk)
            await asyncio.sleep(0)

    return act


async def _stream(
    request: web.Request, chunks: Iterable[bytes], content_type: str = STREAM_TYPE, pause_s: float = 0.0
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": content_type})
    await response.prepare(request)
    for chunk in chunks:
        await response.write(chunk)
        if pause_s:
            await asyncio.sleep(pause_s)
    await response.write_eof()
    return response


class Scripted(NamedTuple):
    """An act by name: what the server does, in one sentence, and the reason that must come of it when it is
    all that a question meets; empty where it is an answer that can be used."""

    sentence: str
    act: Act
    reason: str


def _drips() -> Act:
    return streams([part(char) for char in GOOD_ANSWER * 20], pause_s=0.02)


ACTS: Final[dict[str, Scripted]] = {
    "says": Scripted("Answers as it should, in 50 ms.", says(delay_s=0.05), ""),
    "thinks": Scripted(
        "Thinks aloud in a field of its own before it answers.",
        streams([b'{"message": {"content": "", "thinking": "hm"}}\n'] * 50 + [part(GOOD_ANSWER), DONE]),
        "",
    ),
    "thinks_in_text": Scripted(
        "Thinks aloud in the answer itself, as when the schema is ignored.",
        says(f"<think>It may be SHORT, it may be LONG.</think>\n{GOOD_ANSWER}"),
        "",
    ),
    "hangs": Scripted("Takes the question and never answers.", hangs(), "timeout"),
    "hangs_midway": Scripted(
        "Stops in the middle of the answer.", hangs(after=[part('{"regime')]), "timeout"
    ),
    "drips": Scripted("Answers letter by letter, without end in sight.", _drips(), "timeout"),
    "late": Scripted("Answers well and too late.", says(delay_s=LATE_S), "timeout"),
    "floods": Scripted("Says the same for ever.", floods(part("blah " * 2_000)), "too_large"),
    "errs": Scripted("500: the model has crashed.", refuses(500, "llama runner terminated"), "http_error"),
    "busy": Scripted("503: too many questions wait.", refuses(503, "server busy"), "http_error"),
    "forbids": Scripted("401 of a proxy that wants a token.", refuses(401, "unauthorized"), "http_error"),
    "lacks": Scripted("404: the model is not installed.", refuses(404, "not found"), "model_missing"),
    "redirects": Scripted("Sends the client elsewhere.", redirects("http://127.0.0.1:1/"), "http_error"),
    "garbage": Scripted("Bytes that are no JSON.", streams([b"\x00\xff\x17 nonsense\n"]), "bad_body"),
    "half_json": Scripted("A line of JSON that is cut off.", streams([part("a")[:-9]]), "bad_body"),
    "no_end": Scripted("Ends without saying so.", streams([part(GOOD_ANSWER)]), "bad_body"),
    "page": Scripted(
        "A web page of a proxy, with status 200.",
        answers_whole(b"<html>502 Bad Gateway</html>", content_type="text/html"),
        "bad_body",
    ),
    "wrong_type": Scripted(
        "The right bytes under the wrong content type.",
        streams([part(GOOD_ANSWER), DONE], content_type="text/plain"),
        "bad_body",
    ),
    "error_midway": Scripted(
        "An error line in the middle of the answer.",
        streams([part("{"), b'{"error": "out of memory"}\n']),
        "bad_body",
    ),
    "other_protocol": Scripted(
        "Another server's protocol.", answers_whole(b'{"choices": [{"text": "LONG"}]}'), "bad_body"
    ),
    "no_http": Scripted("What it says is not HTTP.", speaks_no_http(), "bad_body"),
    "resets": Scripted("Cuts the connection at once.", resets(), "disconnected"),
    "resets_midway": Scripted("Cuts it mid-answer.", resets(after=[part("{")]), "disconnected"),
    "cut": Scripted("Ends at the limit of tokens.", says(GOOD_ANSWER[:40], done_reason="length"), "cut"),
    "silent": Scripted("Ends without a word.", says(""), "empty"),
    "truncated": Scripted("Half a JSON object, as if it were whole.", says(GOOD_ANSWER[:60]), "truncated"),
    "prose": Scripted("Prose without an answer.", says("I would rather not."), "no_answer"),
    "wrong_enum": Scripted(
        "A regime that does not exist.", says(GOOD_ANSWER.replace("bull_trend", "moon")), "bad_regime"
    ),
    "sure": Scripted("Confidence 85.", says(GOOD_ANSWER.replace("0.7", "85")), "bad_confidence"),
    "endless_thought": Scripted(
        "Begins to think and never says what.", says("<think>" + "so " * 900), "truncated"
    ),
}
"""Every act by its name."""
