"""What an act of chaos is: whose trouble, how it is made, how long it lasts, what it may lead to.

Values only: which acts there are is `table`'s, when they happen `schedule`'s; `troubles` carries them out.
"""

import signal
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from drift_e3.drill.faults import FaultKind, Service


class Group(StrEnum):
    """Whose trouble it is."""

    FEED = "feed"
    RPC = "rpc"
    SENDING = "sending"
    VENUE = "venue"
    PRICE = "price"
    MODEL = "model"
    DISK = "disk"
    CLOCK = "clock"
    PROCESS = "process"


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A fault of the board. With `drift_strength` Drift numbers it differently."""

    kind: FaultKind
    service: Service | None = None
    method: str = ""
    count: int | None = None
    drift_strength: float | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """The model's server plays one of the named scripts."""

    name: str


@dataclass(frozen=True, slots=True)
class Disk:
    """The daemon's files cannot be written: none at all, or only not beyond the size that they have."""

    read_only: bool


@dataclass(frozen=True, slots=True)
class Clock:
    """The wall clock is off by the strength (s) for a while: it jumps twice."""


@dataclass(frozen=True, slots=True)
class Price:
    """The price jumps by the strength (a fraction) against the position, or down where there is none."""


@dataclass(frozen=True, slots=True)
class Signal:
    """The daemon gets a signal; one that ends it is followed by a new start when the act is over."""

    number: signal.Signals


How: TypeAlias = Board | Script | Disk | Clock | Price | Signal


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """`seconds` and `strength` are drawn between their two ends, of the market's time and of the act's unit.

    `hinders`: while it lasts the account cannot be seen or no order gets through, so a position may be
    without its stop. `codes`: a daemon that is starting may end by itself because of it, with these; for a
    disk, one that trades may as well.
    """

    name: str
    group: Group
    sentence: str
    how: How
    seconds: tuple[float, float] = (5.0, 25.0)
    strength: tuple[float, float] | None = None
    hinders: bool = False
    codes: frozenset[int] = frozenset()
