"""What people may ask of a running daemon, what they are told, and who may watch it: the one door for control
socket and status server alike.

Here live the words; who carries them out is `live.operating`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from drift_e3.core.events import Event
from drift_e3.core.trader import Trader
from drift_e3.core.turn import Outcome
from drift_e3.status import AlertStatus, Status


class Verb(StrEnum):
    """What a daemon can be asked for."""

    STATUS = "status"
    HALT = "halt"
    FLATTEN = "flatten"
    REDUCE = "reduce"
    RESUME = "resume"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a request: `error` in words, or "" and the rest.

    `seq` is the journal's number of the request, which was on the disk before the answer; `flat` whether
    position and orders are gone; `lifted` what a resume ended (``halt``, ``pause`` or nothing). `ending`: the
    daemon ends; with an error it may not have taken the request.
    """

    error: str = ""
    seq: int = 0
    flat: bool = False
    lifted: str = ""
    ending: bool = False
    status: Status | None = None


class Operator(Protocol):
    """The running daemon, to whoever asks it for something."""

    @property
    def committed_seq(self) -> int:
        """The journal's last event that is proof against a kill."""

    def status(self) -> Status:
        """How the trader stands between two events."""

    async def ask(self, verb: Verb, by: str, wait_s: float) -> Answer:
        """Have a request taken and journaled; what closes is answered when flat, or after `wait_s`. `by` is
        who asks, for the journal."""


class Watcher(Protocol):
    """Somebody who watches the daemon, in its task group: a bug of his ends it, so that nobody trades
    behind a window that shows yesterday."""

    def told(self, seq: int, event: Event, outcome: Outcome, trader: Trader) -> None:
        """Take an event with its outcome, at once: the trading loop waits meanwhile."""

    async def run(self, operator: Operator) -> None:
        """Do whatever takes time, until cancelled."""


@runtime_checkable
class Messenger(Watcher, Protocol):
    """A watcher who tells people outside, and can say what became of that."""

    def alerts(self) -> AlertStatus:
        """What became of the notices so far."""
