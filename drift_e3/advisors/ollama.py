"""A ladder of local models behind an Ollama server: asks one after the other until one gives advice.

Whatever the server does ends in an event within the deadline; closing the connection is what stops the server
from generating on. When to ask, what an answer means, and whether to go on asking a server that fails are
decided elsewhere; the protocol is `ollama_wire`'s.
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

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
from drift_e3.advisors.prompt_templates import PromptTemplate, load_template
from drift_e3.advisors.prompts import prompt_hash, render
from drift_e3.core.advice import ADVICE_SCHEMA, Advice, Question, parse_advice
from drift_e3.core.events import AdviceFailed, AdviceReceived, AdvisorEvent, Attempt
from drift_e3.core.terms import MS_PER_SECOND

FALLBACK_SHARE: Final = 0.4
"""Of the time that is left, what a rung leaves to those below it."""
PROBE_DEADLINE_MS: Final = 2_000
ADVICE: Final = "advice"
"""The outcome of an attempt that gave advice."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerReport:
    """What a probe found. `digests` maps the full names of installed models to their digests; `missing` are
    models of the ladder that are not installed; `problem` is empty when the server answered."""

    problem: str = ""
    version: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()

    @property
    def warning(self) -> str:
        """One line for people, empty when all is well."""
        if self.problem:
            return f"no Ollama server: {self.problem}"
        return f"models not installed: {', '.join(self.missing)}" if self.missing else ""


class _Tried(NamedTuple):
    """One rung: what came of it for the journal, and the failure unless there was an answer of some sort."""

    attempt: Attempt
    failure: NoAnswer | None

    @property
    def fate(self) -> str:
        """What went wrong, in a word or two."""
        detail = "" if self.failure is None else self.failure.detail
        return f"{self.attempt.model}: {self.attempt.outcome} {detail}".rstrip()


class OllamaAdvisor:
    """Implements `ports.Advisor` on Ollama's ``/api/chat``.

    `models` is the ladder, best first: each rung but the last gets 60 % of the time that is left. A rung that
    fails, or whose answer is no advice, hands over to the next. Raises ValueError for an unusable `url` or no
    models.
    """

    def __init__(
        self,
        url: str,
        models: tuple[str, ...],
        options: OllamaOptions | None = None,
        template: PromptTemplate | None = None,
        session_factory: Callable[[], aiohttp.ClientSession] = open_session,
    ) -> None:
        if not models:
            raise ValueError("the advisor needs at least one model")
        self._url = base_url(url)
        self._models = models
        self._options = options or OllamaOptions()
        self._template = template or load_template()
        self._session_factory = session_factory
        self._session: aiohttp.ClientSession | None = None
        self._closed = False
        self._digests: Mapping[str, str] = {}

    async def ask(self, question: Question, deadline_ms: int) -> AdvisorEvent:
        """The first advice on the ladder, else the first answer that is none, else why there is no answer.

        `latency_ms` is monotonic time. An answer complete after `deadline_ms` is a timeout. The reason
        of a failure is the last rung's, the detail tells each rung's. Cancelling closes the connection.
        """
        now = asyncio.get_running_loop().time
        started = now()
        prompt = render(question, self._template)
        tried = await self._climb(prompt, started + deadline_ms / MS_PER_SECOND)
        elapsed_ms = (now() - started) * MS_PER_SECOND
        late = elapsed_ms > deadline_ms
        answer = None if late else _chosen(tried)
        latency_ms = int(elapsed_ms)
        if answer is not None:
            return AdviceReceived(
                seen_ts=question.ts + latency_ms,
                question_id=question.question_id,
                text=answer.text,
                latency_ms=latency_ms,
                model=answer.model,
                digest=answer.digest,
                prompt_hash=prompt_hash(prompt),
                prompt=prompt,
                template=self._template.name,
                attempts=tuple(
                    replace(attempt, text="") if attempt is answer else attempt for attempt, _ in tried
                ),
            )
        return AdviceFailed(
            seen_ts=question.ts + latency_ms,
            question_id=question.question_id,
            reason=(Failure.TIMEOUT if late else _reason(tried)).value,
            latency_ms=latency_ms,
            detail="; ".join(rung.fate for rung in tried if rung.attempt.outcome != ADVICE),
            prompt_hash=prompt_hash(prompt),
            prompt=prompt,
            template=self._template.name,
            attempts=tuple(attempt for attempt, _ in tried),
        )

    async def probe(self, deadline_ms: int = PROBE_DEADLINE_MS) -> ServerReport:
        """Whether the server is there with the models; their digests go into later answers. Never raises."""
        ends = asyncio.get_running_loop().time() + deadline_ms / MS_PER_SECOND
        try:
            session = self._open()
            async with exchange(session, "GET", f"{self._url}/api/version", ends) as response:
                version = (await read_document(response, Version)).version
            async with exchange(session, "GET", f"{self._url}/api/tags", ends) as response:
                installed = (await read_document(response, Tags)).models or ()
        except NoAnswer as failure:
            return ServerReport(
                problem=f"{failure.reason.value} {failure.detail}".rstrip(), missing=self._models
            )
        self._digests = {model_tag(model.name): model.digest for model in installed}
        missing = tuple(model for model in self._models if model_tag(model) not in self._digests)
        return ServerReport(version=version, digests=self._digests, missing=missing)

    async def close(self) -> None:
        """Hang up; open questions fail as ``cancelled``, and so do later ones."""
        self._closed = True
        if self._session is not None:
            await self._session.close()

    async def _climb(self, prompt: str, ends: float) -> list[_Tried]:
        """Ask rung after rung, until one gives advice or the loop's time is `ends`."""
        now = asyncio.get_running_loop().time
        tried: list[_Tried] = []
        for below, model in zip(reversed(range(len(self._models))), self._models, strict=True):
            rung_ends = ends - (ends - now()) * FALLBACK_SHARE if below else ends
            tried.append(await self._try(model, prompt, rung_ends))
            _, failure = tried[-1]
            if failure is None and tried[-1].attempt.outcome == ADVICE:
                break
            if failure is not None and failure.reason in {Failure.UNREACHABLE, Failure.CANCELLED}:
                break
        return tried

    async def _try(self, model: str, prompt: str, ends: float) -> _Tried:
        """Ask one model until the loop's time `ends`."""
        now = asyncio.get_running_loop().time
        body = self._request(model, prompt)
        heard, failure, began = Heard(), None, now()
        try:
            async with exchange(self._open(), "POST", f"{self._url}/api/chat", ends, body) as response:
                outcome = _judged(await read_answer(response, heard))
        except NoAnswer as gone:
            failure = NoAnswer(Failure.CANCELLED) if self._closed else gone
            outcome = failure.reason.value
        attempt = Attempt(
            model=model,
            digest=self._digests.get(model_tag(model), ""),
            options=_canonical(body),
            outcome=outcome,
            text=heard.text,
            latency_ms=int((now() - began) * MS_PER_SECOND),
            load_ms=heard.load_ms,
            prompt_tokens=heard.prompt_tokens,
            answer_tokens=heard.answer_tokens,
        )
        return _Tried(attempt, failure)

    def _request(self, model: str, prompt: str) -> dict[str, object]:
        options = self._options
        body: dict[str, object] = {
            "model": model,
            "messages": [{"role": "user", "content": prompt}],
            "stream": True,
            "keep_alive": options.keep_alive,
            "options": {
                "temperature": options.temperature,
                "seed": options.seed,
                "num_predict": options.num_predict,
                "num_ctx": options.num_ctx,
            },
        }
        if options.structured:
            body["format"] = ADVICE_SCHEMA
        if options.think is not None:
            body["think"] = options.think
        return body

    def _open(self) -> aiohttp.ClientSession:
        if self._closed:
            raise NoAnswer(Failure.CANCELLED)
        if self._session is None:
            self._session = self._session_factory()
        return self._session


def _judged(text: str) -> str:
    advice = parse_advice(text)
    return ADVICE if isinstance(advice, Advice) else advice.reason


def _canonical(body: Mapping[str, object]) -> str:
    """How a model was asked, as JSON with sorted keys: the request but for what is told elsewhere."""
    told = {name: value for name, value in body.items() if name not in {"model", "messages", "format"}}
    return json.dumps(told | {"schema": "format" in body}, sort_keys=True, separators=(",", ":"))


def _chosen(tried: Sequence[_Tried]) -> Attempt | None:
    """The advice, else the first answer that is none, for the core to say what is wrong with it."""
    answered = [attempt for attempt, failure in tried if failure is None]
    if answered and answered[-1].outcome == ADVICE:
        return answered[-1]
    return answered[0] if answered else None


def _reason(tried: Sequence[_Tried]) -> Failure:
    """The last rung's."""
    failure = tried[-1].failure
    return Failure.TIMEOUT if failure is None else failure.reason
