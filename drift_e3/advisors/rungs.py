"""The models of the ladder, and whether each is asked: the circuit breaker. Pure; times are the caller's.

A model is loaded and looked at before it is asked. One that fails several questions in a row rests: it costs
no question any time until a look at it succeeds. Who looks is `attendance`'s business; without anybody who
does, every model is asked always.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from drift_e3.advisors.failures import Failure

FAILURES_MAX: Final = 3
REST_S: Final = 60.0
"""Between two looks at a model that rests."""
RESTS_MAX: Final = 10
"""Rests that count: a model that looks well and fails the next question rests longer each time."""


class Standing(StrEnum):
    """Whether a model is asked."""

    READY = "ready"
    WARMING = "warming"
    """Being loaded, at the start."""
    RESTING = "resting"


@dataclass(slots=True, kw_only=True)
class Rung:
    """One model; `failures` in a row, the `reason` of the last; `rests` since it last answered a question;
    `since` and `look_at` are the loop's time (s)."""

    model: str
    standing: Standing = Standing.READY
    failures: int = 0
    rests: int = 0
    reason: str = ""
    since: float = 0.0
    look_at: float = 0.0

    def note(self, failure: Failure | None, now: float) -> bool:
        """Take what became of a question; true when the model begins to rest by it."""
        if failure is Failure.CANCELLED:
            return False
        if failure is None:
            self.failures = self.rests = 0
            return False
        self.failures += 1
        # After a rest nothing is proved yet by the look that ended it: the first failure is enough.
        if self.standing is not Standing.READY or (self.failures < FAILURES_MAX and not self.rests):
            return False
        self.rest(failure.value, now, look_at=now + self.rests * REST_S)
        self.rests = min(self.rests + 1, RESTS_MAX)
        return True

    def rest(self, reason: str, now: float, look_at: float) -> None:
        """Be asked no more until a look, due at `look_at`, succeeds."""
        if self.standing is not Standing.RESTING:
            self.since = now
        self.standing, self.reason, self.look_at = Standing.RESTING, reason, look_at

    def ready(self) -> None:
        """Be asked from now on."""
        self.standing, self.failures, self.reason = Standing.READY, 0, ""


def due(rungs: Sequence[Rung], now: float) -> list[Rung]:
    """Those to look at now, the last first: what is loaded last stays in a memory that is too small for all,
    and that should be the first of the ladder."""
    return [rung for rung in reversed(rungs) if rung.standing is not Standing.READY and rung.look_at <= now]


def next_look(rungs: Sequence[Rung]) -> float | None:
    """When the next look is due (the loop's time); None while all are ready."""
    times = [rung.look_at for rung in rungs if rung.standing is not Standing.READY]
    return min(times, default=None)
