"""What the core wants done: imperatives for the shell, in the order in which they are to be carried out.

A command is a wish with everything needed to grant it; nothing here is done by the core itself.
"""

from dataclasses import dataclass

from drift_e3.core.advice import Question
from drift_e3.core.terms import Approved


@dataclass(frozen=True, slots=True, kw_only=True)
class AskAdvisor:
    """Ask the advisor; it has until `deadline_ms` after the question's `ts`. A newer question replaces an
    older one that is still open."""

    question: Question
    deadline_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitOrder:
    """Send one approved order; its id is a function of the decision, so that it is never sent twice."""

    order_id: str
    approved: Approved


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrder:
    """Take back what is left of an order."""

    order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """End the daemon; `halted` says that a person must look before it starts again."""

    halted: bool
    reason: str


Command = AskAdvisor | SubmitOrder | CancelOrder | Stop
