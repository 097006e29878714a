"""The advisor that repeats what a journal recorded, so that a replay or backtest needs no model."""

from collections.abc import Mapping

from drift_e3.advisors.failures import Failure
from drift_e3.core.advice import Question
from drift_e3.core.events import AdviceFailed, AdvisorEvent


class ReplayAdvisor:
    """Gives the recorded event of each question as it stands, or the failure ``not_recorded``.

    `answers` maps question ids to events. A recorded failure or a recorded late answer is repeated too:
    judging it is the core's, now as then.
    """

    def __init__(self, answers: Mapping[str, AdvisorEvent]) -> None:
        self._answers = answers

    async def ask(self, question: Question, deadline_ms: int) -> AdvisorEvent:
        """The record's event, or the failure after no time at all."""
        recorded = self._answers.get(question.question_id)
        if recorded is not None:
            return recorded
        return AdviceFailed(
            seen_ts=question.ts,
            question_id=question.question_id,
            reason=Failure.NOT_RECORDED.value,
            latency_ms=0,
        )

    async def close(self) -> None:
        """Nothing is held."""
