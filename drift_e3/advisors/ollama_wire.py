"""Ollama's HTTP protocol: one bounded exchange, and what its bodies say.

Nothing that a server sends is trusted: statuses, content types, lengths and JSON are checked here, and each
way of going wrong becomes a `NoAnswer` with a code. The ladder of models and the deadline are `ollama`'s.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, TypeVar
from urllib.parse import urlsplit

import aiohttp
import msgspec

from drift_e3.advisors.failures import Failure
from drift_e3.core.answers import TEXT_CHARS_MAX
from drift_e3.core.events import NOT_TOLD

BODY_BYTES_MAX: Final = 4 * 1_024 * 1_024
"""Thousands of hidden thoughts at 150 bytes a streamed token, and some room."""
COUNT_MAX: Final = 2**53
NS_PER_MS: Final = 1_000_000
ERROR_BYTES_MAX: Final = 2_048
DETAIL_CHARS_MAX: Final = 120
SECRET_CHARS_MIN: Final = 24
JSON_TYPES: Final = frozenset({"application/json", "application/x-ndjson"})


class NoAnswer(Exception):
    """An exchange that gave nothing usable; `detail` is short, printable and free of secrets."""

    def __init__(self, reason: Failure, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = _redacted(detail)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a model said; what it thought comes in a field of its own, which is not read."""

    content: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One line of a chat's streamed body, or the whole body of a server that does not stream.

    The last one has the counts of tokens, and the time in ns that it took to load the model.
    """

    message: Message = field(default_factory=Message)
    done: bool = False
    done_reason: str | None = None
    error: str | None = None
    load_duration: int | None = None
    prompt_eval_count: int | None = None
    eval_count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """The body of ``/api/version``."""

    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledModel:
    """A model in ``/api/tags``."""

    name: str
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tags:
    """The body of ``/api/tags``."""

    models: tuple[InstalledModel, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """The body beside an error status."""

    error: str = ""


@dataclass(slots=True, kw_only=True)
class Heard:
    """What a model has said so far, and what its server tells of the effort (`NOT_TOLD` without)."""

    words: list[str] = field(default_factory=list)
    load_ms: int = NOT_TOLD
    prompt_tokens: int = NOT_TOLD
    answer_tokens: int = NOT_TOLD

    @property
    def text(self) -> str:
        """All of it; of a flood only so much as an answer may have."""
        return "".join(self.words)[:TEXT_CHARS_MAX]

    def hear(self, line: bytes) -> bool:
        """Take a line of the stream; true when it was the last. Raises `NoAnswer`."""
        if not line.strip():
            return False
        part = _decoded(line, Part)
        if part.error is not None:
            raise NoAnswer(Failure.BAD_BODY, part.error)
        self.words.append(part.message.content or "")
        if part.done:
            load_ns = _told(part.load_duration)
            self.load_ms = load_ns // NS_PER_MS if load_ns != NOT_TOLD else NOT_TOLD
            self.prompt_tokens = _told(part.prompt_eval_count)
            self.answer_tokens = _told(part.eval_count)
        if part.done and part.done_reason == "length":
            raise NoAnswer(Failure.CUT)
        return part.done


Body = TypeVar("Body", Part, Version, Tags, Problem)


def base_url(url: str) -> str:
    """`url` without a closing slash. Raises ValueError unless it is http(s), host and path only."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("the advisor's url must be like http://127.0.0.1:11434")
    return url.rstrip("/")


def model_tag(name: str) -> str:
    """The full name of a model: a name without a tag means ``:latest``."""
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def open_session(token: str = "") -> aiohttp.ClientSession:
    """A session with this bearer token, if any; no keep-alive, cookies, proxies, compression or deadlines.

    One connection per question costs nothing on a local network, and closing it is what frees the server.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(force_close=True),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        headers={"Accept-Encoding": "identity"} | ({"Authorization": f"Bearer {token}"} if token else {}),
        auto_decompress=False,
        trust_env=False,
    )


@asynccontextmanager
async def exchange(
    session: aiohttp.ClientSession,
    method: str,
    url: str,
    ends: float,
    body: Mapping[str, object] | None = None,
) -> AsyncGenerator[aiohttp.ClientResponse]:
    """One request until `ends` (the loop's time). Whatever goes wrong, inside too, raises `NoAnswer`.

    The connection is closed at once on every way out, cancellation included.
    """
    try:
        async with asyncio.timeout_at(ends):
            response = await session.request(method, url, json=body, allow_redirects=False)
            try:
                yield response
            finally:
                response.close()
    except TimeoutError:
        raise NoAnswer(Failure.TIMEOUT) from None
    except aiohttp.ClientConnectorError as error:
        raise NoAnswer(Failure.UNREACHABLE, error.strerror or type(error).__name__) from None
    except aiohttp.ClientResponseError:
        raise NoAnswer(Failure.BAD_BODY, "not HTTP") from None
    except (aiohttp.ClientError, OSError) as error:
        raise NoAnswer(Failure.DISCONNECTED, type(error).__name__) from None


async def read_answer(response: aiohttp.ClientResponse, heard: Heard) -> str:
    """What the model said in the body of ``/api/chat``, streamed or not. Raises `NoAnswer`.

    `heard` has whatever came, also when it came to nothing.
    """
    await _check_head(response)
    size = 0
    rest = b""
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > BODY_BYTES_MAX:
            raise NoAnswer(Failure.TOO_LARGE)
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if heard.hear(line):
                return _whole("".join(heard.words))
    if heard.hear(rest):
        return _whole("".join(heard.words))
    raise NoAnswer(Failure.BAD_BODY, "the answer has no end")


async def read_document(response: aiohttp.ClientResponse, kind: type[Body]) -> Body:
    """A whole JSON body. Raises `NoAnswer`."""
    await _check_head(response)
    body = b""
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise NoAnswer(Failure.TOO_LARGE)
    return _decoded(body, kind)


async def _check_head(response: aiohttp.ClientResponse) -> None:
    if response.status != 200:
        try:
            problem = _decoded(await response.content.read(ERROR_BYTES_MAX), Problem).error
        except NoAnswer:
            problem = ""
        reason = Failure.MODEL_MISSING if response.status == 404 else Failure.HTTP_ERROR
        raise NoAnswer(reason, f"{response.status} {problem}")
    if response.content_type not in JSON_TYPES:
        raise NoAnswer(Failure.BAD_BODY, f"content type {response.content_type}")


def _told(count: int | None) -> int:
    return count if count is not None and 0 <= count <= COUNT_MAX else NOT_TOLD


def _whole(text: str) -> str:
    if len(text) > TEXT_CHARS_MAX:
        raise NoAnswer(Failure.TOO_LARGE)
    if not text.strip():
        raise NoAnswer(Failure.EMPTY)
    return text


def _decoded(body: bytes, kind: type[Body]) -> Body:
    try:
        return msgspec.json.decode(body, type=kind)
    except (ValueError, RecursionError):
        raise NoAnswer(Failure.BAD_BODY, "not the JSON that Ollama sends") from None


def _redacted(text: str) -> str:
    """At most 120 printable characters; addresses and words as long as keys or paths are left out."""
    words = "".join(char if char.isprintable() else " " for char in text[: 8 * DETAIL_CHARS_MAX]).split()
    kept = (
        "***" if len(word) >= SECRET_CHARS_MIN or "://" in word or "@" in word else word for word in words
    )
    return " ".join(kept)[:DETAIL_CHARS_MAX]
