"""An Ollama server as a party: who is installed, and one model asked once. The ladder is `ollama`'s.

Whatever goes wrong is a `NoAnswer` within the time that is given; closing the connection, which cancelling
does too, is what stops the server from generating on.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit

import aiohttp

from drift_e3.advisors.failures import Failure
from drift_e3.advisors.ollama_wire import (
    Heard,
    NoAnswer,
    Tags,
    Version,
    base_url,
    exchange,
    model_tag,
    open_session,
    read_answer,
    read_document,
)
from drift_e3.core.advice import ADVICE_SCHEMA


@dataclass(frozen=True, slots=True, kw_only=True)
class OllamaOptions:
    """How a model is asked. `num_predict` caps the answer and `num_ctx` prompt and answer, in tokens.

    `think` is sent as it stands (true, false, or a level such as ``low``; None leaves it to the model):
    thinking costs thousands of tokens before the first word. `structured` sends the JSON schema; without it
    a model may answer in the guide's labelled lines. `keep_alive` is how long the server keeps the model.
    """

    temperature: float = 0.2
    seed: int = 7
    num_predict: int = 400
    num_ctx: int = 4_096
    keep_alive: str = "30m"
    think: bool | str | None = False
    structured: bool = True

    def request(self, model: str, prompt: str) -> dict[str, object]:
        """The body for ``/api/chat``."""
        body: dict[str, object] = {
            "model": model,
            "messages": [{"role": "user", "content": prompt}],
            "stream": True,
            "keep_alive": self.keep_alive,
            "options": {
                "temperature": self.temperature,
                "seed": self.seed,
                "num_predict": self.num_predict,
                "num_ctx": self.num_ctx,
            },
        }
        if self.structured:
            body["format"] = ADVICE_SCHEMA
        if self.think is not None:
            body["think"] = self.think
        return body


def canonical(body: Mapping[str, object]) -> str:
    """How a model was asked, as JSON with sorted keys: a request but for what is told elsewhere."""
    told = {name: value for name, value in body.items() if name not in {"model", "messages", "format"}}
    return json.dumps(told | {"schema": "format" in body}, sort_keys=True, separators=(",", ":"))


class Installed(NamedTuple):
    """The server's version, and the digests of its models by their full names."""

    version: str
    digests: Mapping[str, str]


class OllamaServer:
    """One server. Raises ValueError for an unusable `url`."""

    def __init__(self, url: str, session_factory: Callable[[], aiohttp.ClientSession] = open_session) -> None:
        self._url = base_url(url)
        self.address = urlsplit(url).netloc.rpartition("@")[2]
        """Host and port, without credentials: for people."""
        self._session_factory = session_factory
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def installed(self, ends: float) -> Installed:
        """What the server is and has, by the loop's time `ends`. Raises `NoAnswer`."""
        session = self._open()
        async with exchange(session, "GET", f"{self._url}/api/version", ends) as response:
            version = (await read_document(response, Version)).version
        async with exchange(session, "GET", f"{self._url}/api/tags", ends) as response:
            models = (await read_document(response, Tags)).models or ()
        return Installed(version, {model_tag(model.name): model.digest for model in models})

    async def chat(self, body: Mapping[str, object], ends: float, heard: Heard) -> str:
        """A model's whole words by the loop's time `ends`, in `heard` as they come. Raises `NoAnswer`."""
        try:
            async with exchange(self._open(), "POST", f"{self._url}/api/chat", ends, body) as response:
                return await read_answer(response, heard)
        except NoAnswer:
            if self._closed:
                raise NoAnswer(Failure.CANCELLED) from None
            raise

    async def close(self) -> None:
        """Hang up; open questions fail as ``cancelled``, and so do later ones."""
        self._closed = True
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._closed:
            raise NoAnswer(Failure.CANCELLED)
        if self._session is None:
            self._session = self._session_factory()
        return self._session
