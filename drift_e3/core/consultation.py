"""When the advisor is asked, what was answered, and what an answer that comes too late is worth: nothing.

Keeps the one open question and the advice at hand. It never waits: a question that is overdue is closed by
the next event, whatever that is.
"""

from dataclasses import dataclass

from drift_e3.core.advice import Advice, NoAdvice, parse_advice
from drift_e3.core.decision import HeldAdvice
from drift_e3.core.events import AdviceFailed, AdviceReceived
from drift_e3.core.params import Params

OVERDUE_GRACE_MS = 50
"""A decision is made no later than this after the deadline. The advisor's own deadline fires first; this is
for an advisor that does not even report its failure."""


@dataclass(slots=True, kw_only=True)
class Consultation:
    """The open question ("" = none) with its deadline, the advice at hand, or why there is none.

    `heard` is the advice at hand with as much say as it has: the same, unless weight must be earned.
    """

    open_id: str = ""
    deadline_ts: int = 0
    asked_ts: int = -1
    held: HeldAdvice | None = None
    missed: str = "not_asked"
    heard: HeldAdvice | None = None

    def is_fresh(self, now_ts: int, params: Params) -> bool:
        """Whether advice is at hand that has not outlived its time."""
        return self.held is not None and now_ts - self.held.received_ts < params.ai_ttlSeconds * 1_000.0

    def is_due(self, *, signals: bool, regime_changed: bool, now_ts: int, params: Params) -> bool:
        """Whether to ask on this candle: a signal without fresh advice, a new rule regime, expired advice."""
        if regime_changed or (signals and not self.is_fresh(now_ts, params)):
            return True
        expired = self.asked_ts < 0 or now_ts - self.asked_ts >= params.ai_ttlSeconds * 1_000.0
        return expired and not self.open_id

    def ask(self, question_id: str, now_ts: int, deadline_ms: int) -> None:
        """Open a question; one that was open before is forgotten."""
        self.open_id, self.asked_ts, self.deadline_ts = question_id, now_ts, now_ts + deadline_ms

    def answer(self, event: AdviceReceived) -> Advice | NoAdvice:
        """Close the question with what the answer means; an answer to a closed question, or one that took
        longer than its deadline, is worth nothing."""
        if event.question_id != self.open_id:
            return NoAdvice(reason="late")
        self.open_id = ""
        if event.latency_ms > self.deadline_ts - self.asked_ts:
            self.missed = "late"
            return NoAdvice(reason="late")
        parsed = parse_advice(event.text)
        if isinstance(parsed, Advice):
            self.held = self.heard = HeldAdvice(
                advice=parsed,
                question_id=event.question_id,
                received_ts=event.seen_ts,
                advisor=f"{event.model} {event.digest} {event.template}".strip(),
            )
            self.missed = ""
        else:
            self.missed = parsed.reason
        return parsed

    def fail(self, event: AdviceFailed) -> bool:
        """Close the question without an answer; False if it was closed already."""
        if event.question_id != self.open_id:
            return False
        self.open_id, self.missed = "", event.reason
        return True

    def is_overdue(self, now_ts: int) -> bool:
        """Whether the open question should have been answered or reported as failed by now."""
        return self.open_id != "" and now_ts > self.deadline_ts + OVERDUE_GRACE_MS

    def give_up(self, reason: str) -> str:
        """Close the open question for our own reason; return its id."""
        question_id, self.open_id, self.missed = self.open_id, "", reason
        return question_id
