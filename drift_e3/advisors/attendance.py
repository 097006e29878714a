"""Looks after the models of a ladder: loads them at the start, and looks again at one that rests.

A question has seconds, and a server gives up loading a model when its client hangs up: a cold model would
never be warm. So models are loaded here, with time enough, beside the trading, and asked only when that is
done. The same look is the trial that ends a model's rest.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, NoReturn

import structlog

from drift_e3.advisors.failures import Failure
from drift_e3.advisors.fitness import Fitness, examine
from drift_e3.advisors.ollama_server import Installed, OllamaOptions, OllamaServer
from drift_e3.advisors.ollama_wire import NoAnswer, model_tag
from drift_e3.advisors.rungs import REST_S, Rung, Standing, due, next_look

log = structlog.get_logger()

PROBE_S: Final = 2.0
"""For version and list of models, which need no model."""


class Attendance:
    """Keeps what is known of the models. `digests` are those of all installed models by their full names;
    `settled` is set unless models are being loaded for the first time and none is ready yet."""

    def __init__(
        self, server: OllamaServer, rungs: Sequence[Rung], options: OllamaOptions, warm_up_s: float
    ) -> None:
        self._server = server
        self._rungs = rungs
        self._options = options
        self._warm_up_s = warm_up_s
        self._attends = False
        self._rested = asyncio.Event()
        self._unreachable = ""
        self.digests: Mapping[str, str] = {}
        self.settled = asyncio.Event()
        self.settled.set()

    def digest(self, model: str) -> str:
        """The digest of a model, empty where it is not known."""
        return self.digests.get(model_tag(model), "")

    def note(self, rung: Rung, failure: NoAnswer | None) -> None:
        """Take what became of a question. Without anybody who looks after them, models do not rest."""
        now = asyncio.get_running_loop().time()
        if self._attends and rung.note(None if failure is None else failure.reason, now):
            log.warning("advisor.rested", model=rung.model, reason=rung.reason, failures=rung.failures)
            self._rested.set()

    async def find(self, ends: float) -> Installed:
        """Ask the server what it is and has, by the loop's time `ends`. Raises `NoAnswer`."""
        found = await self._server.installed(ends)
        self.digests = found.digests
        return found

    async def run(self) -> NoReturn:
        """Look after the models until cancelled."""
        now = asyncio.get_running_loop().time
        self._attends = True
        for rung in self._rungs:
            rung.standing, rung.look_at = Standing.WARMING, now()
        self.settled.clear()
        while True:
            await self._look_at(due(self._rungs, now()))
            self.settled.set()
            await self._wait(next_look(self._rungs))

    async def look(self, rung: Rung, ends: float) -> Fitness:
        """Load one model that is installed, as far as `digests` tell, and put the known question."""
        if model_tag(rung.model) not in self.digests:
            return Fitness(model=rung.model, failure=Failure.MODEL_MISSING.value)
        return await examine(self._server, rung.model, self.digest(rung.model), self._options, ends)

    async def _look_at(self, rungs: Sequence[Rung]) -> None:
        now = asyncio.get_running_loop().time
        if not rungs:
            return
        try:
            await self.find(now() + PROBE_S)
        except NoAnswer as failure:
            for rung in rungs:
                rung.rest(failure.reason.value, now(), look_at=now() + REST_S)
            self._tell_of_server(f"{failure.reason.value} {failure.detail}".rstrip())
            return
        self._tell_of_server("")
        for rung in rungs:
            fitness = await self.look(rung, now() + self._warm_up_s)
            self._judge(rung, fitness)

    def _judge(self, rung: Rung, fitness: Fitness) -> None:
        now = asyncio.get_running_loop().time()
        resumes, before = rung.standing is Standing.RESTING, rung.reason
        if fitness.failure:
            rung.rest(fitness.failure, now, look_at=now + REST_S)
        else:
            rung.ready()
            self.settled.set()
        if not fitness.failure or fitness.failure != before:
            # What was said of it before is not said again every minute.
            tell = log.warning if fitness.warning else log.info
            tell(
                "advisor.probed",
                model=fitness.model,
                digest=fitness.digest[:12],
                problem=fitness.warning,
                knows=fitness.knows,
                latency_ms=fitness.latency_ms,
                load_ms=fitness.load_ms,
            )
        if resumes and rung.standing is Standing.READY:
            log.info("advisor.resumed", model=rung.model, rested_s=round(now - rung.since, 1))

    def _tell_of_server(self, problem: str) -> None:
        if problem and problem != self._unreachable:
            log.warning("advisor.unreachable", url=self._server.address, reason=problem)
        self._unreachable = problem

    async def _wait(self, until: float | None) -> None:
        """Return when a look is due, at the latest at the loop's time `until`."""
        self._rested.clear()
        try:
            async with asyncio.timeout_at(until):
                await self._rested.wait()
        except TimeoutError:
            pass
