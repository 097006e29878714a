"""An archive of answers built by asking the model of the settings along a tape, question after question."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from drift_e3 import wiring
from drift_e3.advisors.failures import Failure
from drift_e3.advisors.masked import MaskedAdvisor
from drift_e3.advisors.ollama_wire import model_tag
from drift_e3.config import ConfigError, Settings
from drift_e3.core.events import AdviceFailed
from drift_e3.lab.archive import ArchiveWriter, Header, tape_digest
from drift_e3.lab.archiving import questions
from drift_e3.lab.leakage import Mark, Mode, mark_of
from drift_e3.ports import Advisor, VenueUnavailable

if TYPE_CHECKING:
    from drift_e3.core.advice import Question
    from drift_e3.wiring import Recording

NOBODY_ASKED = frozenset(
    {
        Failure.UNREACHABLE,
        Failure.DISCONNECTED,
        Failure.MODEL_MISSING,
        Failure.WARMING,
        Failure.RESTING,
        Failure.CANCELLED,
    }
)
"""Failures that say nothing of the model: asked again, they may be answers."""


class Plan(NamedTuple):
    """How the model is asked: `every_s` at the latest, `cutoff_ts` (UTC, ms) the end of its training data."""

    out: Path
    masked: bool
    every_s: float
    deadline_ms: int
    cutoff_ts: int | None = None


class Archived(NamedTuple):
    """What an archive has come to: `failed` of the `answers` are failures, `before` were there already."""

    answers: int
    failed: int
    before: int
    mark: Mark


async def archive(
    settings: Settings, recording: "Recording", plan: Plan, progress: Callable[[int, int], None]
) -> Archived:
    """Ask about every candle that has no answer yet; `progress` is told (candles done, candles in all).

    Raises `VenueUnavailable` as soon as the server does not answer: what was asked is kept, and the next call
    goes on. `DataError` for an archive of something else.
    """
    played = recording.feed.played
    candles = played.candles
    first_ts = candles.ts_ms[played.live]
    last_ts = candles.ts_ms[played.end - 1] + candles.frame_ms
    mode = Mode.MASKED if plan.masked else Mode.PLAIN
    mark = mark_of(mode, plan.cutoff_ts, first_ts, last_ts)
    if len(settings.ollama.models) != 1:
        raise ConfigError(["ollama.models: an archive is of one model: give --model"])
    server = wiring.model_server(settings)
    advisor: Advisor = MaskedAdvisor(server) if plan.masked else server
    try:
        report = await server.probe()
        if report.problem or report.missing:
            raise VenueUnavailable(
                f"no Ollama server: {report.problem}"
                if report.problem
                else f"the Ollama server does not have {report.missing[0]}"
            )
        header = Header(
            tape=tape_digest(candles),
            symbol=settings.symbol,
            frame_ms=candles.frame_ms,
            mode=mode,
            model=settings.ollama.models[0],
            digest=report.digests[model_tag(settings.ollama.models[0])],
            template=settings.ollama.template,
            options=_options(settings, plan),
            cutoff_ts=plan.cutoff_ts,
        )
        with ArchiveWriter(plan.out, header) as writer:
            before, failed = len(writer.recorded), 0
            for question in _questions(settings, recording, plan):
                if question is not None:
                    close_ts = question.candles[-1][0] + candles.frame_ms
                    if close_ts not in writer.recorded:
                        event = await advisor.ask(question, plan.deadline_ms)
                        if isinstance(event, AdviceFailed):
                            if event.reason in NOBODY_ASKED:
                                raise VenueUnavailable(f"the model cannot be asked: {event.detail}")
                            failed += 1
                        writer.append(close_ts, event)
                progress(*recording.feed.progress)
            return Archived(len(writer.recorded), failed, before, mark)
    finally:
        await advisor.close()


def _questions(settings: Settings, recording: "Recording", plan: Plan) -> "Iterator[Question | None]":
    market = wiring.paper_market(settings, recording.feed)
    return questions(market, settings.trading(), settings.paper.equity_usd, plan.every_s)


def _options(settings: Settings, plan: Plan) -> str:
    """What else decides an answer, as canonical JSON."""
    model = settings.ollama
    chosen = model.model_dump(
        include={"num_predict", "num_ctx", "temperature", "seed", "think", "structured"}
    )
    return json.dumps(
        chosen | {"every_s": plan.every_s, "deadline_ms": plan.deadline_ms},
        sort_keys=True,
        separators=(",", ":"),
    )
