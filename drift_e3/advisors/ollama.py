"""A ladder of local models behind an Ollama server: asks one after the other until one gives advice.

Whatever the server does ends in an event within the deadline. When to ask and what an answer means are
decided in the core; whether a model is worth asking is `attendance`'s, one exchange with the server
`ollama_server`'s.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

import aiohttp

from drift_e3.advisors.attendance import PROBE_S, Attendance
from drift_e3.advisors.failures import Failure
from drift_e3.advisors.fitness import Fitness
from drift_e3.advisors.ollama_server import OllamaOptions, OllamaServer, canonical
from drift_e3.advisors.ollama_wire import Heard, NoAnswer, model_tag, open_session
from drift_e3.advisors.prompt_templates import PromptTemplate, load_template
from drift_e3.advisors.prompts import prompt_hash, render
from drift_e3.advisors.rungs import Rung, Standing
from drift_e3.core.advice import Advice, Question, parse_advice
from drift_e3.core.events import AdviceFailed, AdviceReceived, AdvisorEvent, Attempt
from drift_e3.core.terms import MS_PER_SECOND

FALLBACK_SHARE: Final = 0.4
"""Of the time that is left, what a rung leaves to those below it."""
PROBE_DEADLINE_MS: Final = int(PROBE_S * MS_PER_SECOND)
WARM_UP_S: Final = 300.0
ADVICE: Final = "advice"
"""The outcome of an attempt that gave advice."""
HOPELESS: Final = frozenset({Failure.UNREACHABLE, Failure.CANCELLED})
"""What the rungs below would meet as well."""
PASSED_OVER: Final = frozenset({Failure.WARMING, Failure.RESTING})


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerReport:
    """What a probe found. `digests` maps the full names of installed models to their digests; `missing` are
    models of the ladder that are not installed; `problem` is empty when the server answered. `fitness` is of
    the models that were tried, in the ladder's order."""

    problem: str = ""
    version: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    fitness: tuple[Fitness, ...] = ()


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
    """Implements `ports.AttendedAdvisor` on Ollama's ``/api/chat``.

    `models` is the ladder, best first: each rung but the last gets 60 % of the time that is left. A rung that
    fails, or whose answer is no advice, hands over to the next. While somebody `attend`s, models that are
    being loaded (for at most `warm_up_s`) or that rest after several failures are passed over. Raises
    ValueError for an unusable `url` or no models.
    """

    def __init__(
        self,
        url: str,
        models: tuple[str, ...],
        options: OllamaOptions | None = None,
        template: PromptTemplate | None = None,
        session_factory: Callable[[], aiohttp.ClientSession] = open_session,
        warm_up_s: float = WARM_UP_S,
    ) -> None:
        if not models:
            raise ValueError("the advisor needs at least one model")
        self._rungs = tuple(Rung(model=model) for model in models)
        self._options = options or OllamaOptions()
        self._template = template or load_template()
        self._server = OllamaServer(url, session_factory)
        self._attendance = Attendance(self._server, self._rungs, self._options, warm_up_s)

    async def ask(self, question: Question, deadline_ms: int) -> AdvisorEvent:
        """The first advice on the ladder, else the first answer that is none, else why there is no answer.

        `latency_ms` is monotonic time. An answer complete after `deadline_ms` is a timeout. The reason
        of a failure is that of the last rung that was asked, the detail tells each rung's. Cancelling closes
        the connection.
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
            reason=_reason(tried, late=late).value,
            latency_ms=latency_ms,
            detail="; ".join(rung.fate for rung in tried if rung.attempt.outcome != ADVICE),
            prompt_hash=prompt_hash(prompt),
            prompt=prompt,
            template=self._template.name,
            attempts=tuple(attempt for attempt, _ in tried),
        )

    async def attend(self) -> None:
        """Load the models and look after them until cancelled; what there is to tell goes to the log."""
        await self._attendance.run()

    async def probe(self, deadline_ms: int = PROBE_DEADLINE_MS) -> ServerReport:
        """Whether the server is there with the models; their digests go into later answers. Never raises."""
        models = tuple(rung.model for rung in self._rungs)
        try:
            found = await self._attendance.find(_ends(deadline_ms))
        except NoAnswer as failure:
            return ServerReport(problem=f"{failure.reason.value} {failure.detail}".rstrip(), missing=models)
        missing = tuple(model for model in models if model_tag(model) not in found.digests)
        return ServerReport(version=found.version, digests=found.digests, missing=missing)

    async def examine(self, deadline_ms: int) -> ServerReport:
        """`probe`, and every model loaded and tried with a known question, all within the deadline."""
        ends = _ends(deadline_ms)
        report = await self.probe()
        if report.problem:
            return report
        # The first of the ladder last: it is to stay in a memory that is too small for all.
        fitness = [await self._attendance.look(rung, ends) for rung in reversed(self._rungs)]
        return replace(report, fitness=tuple(reversed(fitness)))

    async def close(self) -> None:
        """Hang up; open questions fail as ``cancelled``, and so do later ones."""
        await self._server.close()

    async def _climb(self, prompt: str, ends: float) -> list[_Tried]:
        """Ask rung after rung, until one gives advice or the loop's time is `ends`."""
        now = asyncio.get_running_loop().time
        await self._wait_for_a_model(ends)
        tried: list[_Tried] = []
        for n, rung in enumerate(self._rungs):
            if rung.standing is not Standing.READY:
                tried.append(self._passed_over(rung, prompt))
                continue
            below = any(other.standing is Standing.READY for other in self._rungs[n + 1 :])
            rung_ends = ends - (ends - now()) * FALLBACK_SHARE if below else ends
            one = await self._try(rung.model, prompt, rung_ends)
            tried.append(one)
            self._attendance.note(rung, one.failure)
            if one.attempt.outcome == ADVICE or (one.failure and one.failure.reason in HOPELESS):
                break
        return tried

    async def _wait_for_a_model(self, ends: float) -> None:
        """Return when a model can be asked, or will not be for long."""
        try:
            async with asyncio.timeout_at(ends):
                await self._attendance.settled.wait()
        except TimeoutError:
            pass

    def _passed_over(self, rung: Rung, prompt: str) -> _Tried:
        reason = Failure.RESTING if rung.standing is Standing.RESTING else Failure.WARMING
        return self._told(rung.model, prompt, NoAnswer(reason, rung.reason), Heard(), 0)

    async def _try(self, model: str, prompt: str, ends: float) -> _Tried:
        """Ask one model until the loop's time `ends`."""
        now = asyncio.get_running_loop().time
        heard, began = Heard(), now()
        failure: NoAnswer | None = None
        try:
            await self._server.chat(self._options.request(model, prompt), ends, heard)
        except NoAnswer as gone:
            failure = gone
        return self._told(model, prompt, failure, heard, int((now() - began) * MS_PER_SECOND))

    def _told(
        self, model: str, prompt: str, failure: NoAnswer | None, heard: Heard, latency_ms: int
    ) -> _Tried:
        attempt = Attempt(
            model=model,
            digest=self._attendance.digest(model),
            options=canonical(self._options.request(model, prompt)),
            outcome=_judged(heard.text) if failure is None else failure.reason.value,
            text=heard.text,
            latency_ms=latency_ms,
            load_ms=heard.load_ms,
            prompt_tokens=heard.prompt_tokens,
            answer_tokens=heard.answer_tokens,
        )
        return _Tried(attempt, failure)


def _ends(deadline_ms: int) -> float:
    return asyncio.get_running_loop().time() + deadline_ms / MS_PER_SECOND


def _judged(text: str) -> str:
    advice = parse_advice(text)
    return ADVICE if isinstance(advice, Advice) else advice.reason


def _chosen(tried: Sequence[_Tried]) -> Attempt | None:
    """The advice, else the first answer that is none, for the core to say what is wrong with it."""
    answered = [attempt for attempt, failure in tried if failure is None]
    if answered and answered[-1].outcome == ADVICE:
        return answered[-1]
    return answered[0] if answered else None


def _reason(tried: Sequence[_Tried], *, late: bool) -> Failure:
    """That of the last rung that was asked; of the last one where none was."""
    reasons = [None if failure is None else failure.reason for _, failure in tried]
    last = ([reason for reason in reasons if reason not in PASSED_OVER] or reasons)[-1]
    return Failure.TIMEOUT if last is None or (late and last not in PASSED_OVER) else last
