"""How well each model serves: whether it answers, in words that are understood, and how fast.

What an answer is worth is not judged here. Counting is per attempt, because a ladder may ask several models
for one question.
"""

from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from drift_e3.core.answers import Flaw
from drift_e3.core.events import NOT_TOLD, AdviceReceived, Attempt
from drift_e3.lab.ledger import Record
from drift_e3.lab.scoring_intervals import Interval, percentile, wilson

PERCENTILES: Final = {"p50": 0.50, "p90": 0.90, "p95": 0.95, "p99": 0.99, "max": 1.0}
FLAWS: Final = frozenset({*(flaw.value for flaw in Flaw), "cut", "too_large"})
"""What is wrong with an answer, in words or in length."""
LATE: Final = frozenset({"timeout", "late", "overdue"})


class Service(StrEnum):
    """What may become of an attempt."""

    UNDERSTOOD = "understood"
    TIMED_OUT = "timed_out"
    """No answer in time, or one that came too late to count."""
    MISUNDERSTOOD = "misunderstood"
    """An answer that is no valid advice."""
    FAILED = "failed"
    """Anything else: no connection, no such model, a newer question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How often something happened, with its Wilson interval."""

    count: int
    frac: float
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelService:
    """One model's service. `latency_ms` has the percentiles of its complete answers, understood or not,
    and is empty where there is none; tokens are means, None where nobody told; `digests` are those seen."""

    model: str
    attempts: int
    rates: dict[Service, Rate]
    outcomes: dict[str, int]
    latency_ms: dict[str, float]
    prompt_tokens: float | None
    answer_tokens: float | None
    digests: tuple[str, ...]


@dataclass(slots=True)
class _Tally:
    outcomes: Counter[str] = field(default_factory=Counter)
    latencies_ms: "array[int]" = field(default_factory=lambda: array("q"))
    tokens: dict[str, list[int]] = field(default_factory=lambda: {"prompt": [0, 0], "answer": [0, 0]})
    digests: set[str] = field(default_factory=set)


class ServiceBook:
    """Counts attempts, record by record; a number an attempt is all that is kept."""

    def __init__(self) -> None:
        self._models: dict[str, _Tally] = {}

    def take(self, record: Record) -> None:
        """Count what was tried for a question."""
        for attempt in _attempts(record):
            tally = self._models.setdefault(attempt.model, _Tally())
            tally.outcomes[attempt.outcome] += 1
            if attempt.digest:
                tally.digests.add(attempt.digest)
            if attempt.latency_ms != NOT_TOLD and _answered(attempt.outcome):
                tally.latencies_ms.append(attempt.latency_ms)
            for name, count in (("prompt", attempt.prompt_tokens), ("answer", attempt.answer_tokens)):
                if count != NOT_TOLD:
                    tally.tokens[name][0] += count
                    tally.tokens[name][1] += 1

    def models(self) -> tuple[ModelService, ...]:
        """The service of every model, the busiest first."""
        by_use = sorted(self._models.items(), key=lambda item: (-item[1].outcomes.total(), item[0]))
        return tuple(_service(model, tally) for model, tally in by_use)


def latency_percentiles(latencies_ms: list[int]) -> dict[str, float]:
    """The percentiles by name; empty for no latencies."""
    ascending = sorted(latencies_ms)
    return {name: percentile(ascending, share) for name, share in PERCENTILES.items()} if ascending else {}


def service_of(outcome: str) -> Service:
    """What kind of service an outcome is."""
    if outcome == "advice":
        return Service.UNDERSTOOD
    if outcome in LATE:
        return Service.TIMED_OUT
    return Service.MISUNDERSTOOD if outcome in FLAWS else Service.FAILED


def _answered(outcome: str) -> bool:
    return outcome in {"advice", "late"} or outcome in FLAWS


def _attempts(record: Record) -> Iterator[Attempt]:
    """What was tried; a reply that tells no attempts is one itself. The one whose answer was heard counts as
    what the trader made of it: an answer may have been good and late."""
    reply, heard = record.reply, record.attempt
    if reply is None:
        return
    if heard is None:
        digest = reply.digest if isinstance(reply, AdviceReceived) else ""
        yield Attempt(
            model=record.model, digest=digest, options="", outcome=record.outcome, latency_ms=reply.latency_ms
        )
        return
    for attempt in reply.attempts:
        if attempt is heard and attempt.outcome == "advice" and record.outcome in LATE:
            yield Attempt(
                model=attempt.model,
                digest=attempt.digest,
                options=attempt.options,
                outcome="late",
                latency_ms=attempt.latency_ms,
                prompt_tokens=attempt.prompt_tokens,
                answer_tokens=attempt.answer_tokens,
            )
        else:
            yield attempt


def _service(model: str, tally: _Tally) -> ModelService:
    attempts = tally.outcomes.total()
    counts = Counter[Service]()
    for outcome, count in tally.outcomes.items():
        counts[service_of(outcome)] += count
    return ModelService(
        model=model,
        attempts=attempts,
        rates={
            kind: Rate(
                count=counts[kind], frac=counts[kind] / attempts, interval=wilson(counts[kind], attempts)
            )
            for kind in Service
        },
        outcomes=dict(tally.outcomes.most_common()),
        latency_ms=latency_percentiles(tally.latencies_ms.tolist()),
        prompt_tokens=_mean(*tally.tokens["prompt"]),
        answer_tokens=_mean(*tally.tokens["answer"]),
        digests=tuple(sorted(tally.digests)),
    )


def _mean(total: int, count: int) -> float | None:
    return total / count if count else None
