"""The advisor that never answers: "rules only" is this advisor, not a branch in the core."""

from drift_e3.advisors.failures import Failure
from drift_e3.core.advice import Question
from drift_e3.core.events import AdviceFailed


class SilentAdvisor:
    """Fails every question at once with the reason ``off``."""

    async def ask(self, question: Question, deadline_ms: int) -> AdviceFailed:
        """The failure, after no time at all."""
        return AdviceFailed(
            seen_ts=question.ts, question_id=question.question_id, reason=Failure.OFF.value, latency_ms=0
        )

    async def close(self) -> None:
        """Nothing is held."""
