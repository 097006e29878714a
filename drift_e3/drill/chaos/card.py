"""The score card: what was done to the daemon, what came of it, and what it did meanwhile."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from drift_e3.drill.chaos.troubles import Struck


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One drill. Counts of findings with their words; `unprotected_s_max` is the longest time (s of the
    market) for which the chain showed a position without its stop, `unhindered_s_max` that part of it in
    which a daemon lived and nothing kept it from acting. `endings` are exit codes of its lives."""

    seed: int
    minutes: float
    venue: str
    struck: tuple[Struck, ...]
    orders_doubled: int
    fills_lost: int
    invariants_broken: int
    findings: tuple[str, ...]
    unprotected_s_max: float
    unhindered_s_max: float
    events: int
    orders_sent: int
    orders_placed: int
    fills: int
    starts: int
    persons: int
    endings: tuple[int, ...]
    elapsed_s: float

    @property
    def good(self) -> bool:
        """Whether none of the three counts is above 0."""
        return not (self.orders_doubled or self.fills_lost or self.invariants_broken)

    @property
    def safe_states(self) -> dict[str, int]:
        """How many strikes led to which safe state."""
        return dict(Counter(struck.led_to.value for struck in self.struck if struck.led_to is not None))

    @property
    def again(self) -> str:
        """The line that does it once more."""
        return f"drift-e3 chaos --seed {self.seed} --minutes {self.minutes:g} --venue {self.venue}"

    def document(self) -> dict[str, Any]:
        """As plain values; times in seconds of the market."""
        return {
            "seed": self.seed,
            "minutes": self.minutes,
            "venue": self.venue,
            "good": self.good,
            "orders_doubled": self.orders_doubled,
            "fills_lost": self.fills_lost,
            "invariants_broken": self.invariants_broken,
            "findings": list(self.findings),
            "safe_states": self.safe_states,
            "unprotected_s_max": round(self.unprotected_s_max, 1),
            "unprotected_unhindered_s_max": round(self.unhindered_s_max, 1),
            "events": self.events,
            "orders_sent": self.orders_sent,
            "orders_placed": self.orders_placed,
            "fills": self.fills,
            "starts": self.starts,
            "left_to_a_person": self.persons,
            "exit_codes": list(self.endings),
            "elapsed_s": round(self.elapsed_s, 1),
            "again": self.again,
            "faults": [_fault(struck) for struck in self.struck],
        }


def _fault(struck: Struck) -> dict[str, Any]:
    strike = struck.strike
    return {
        "begins_s": strike.begins_s,
        "seconds": strike.seconds,
        "name": strike.act.name,
        "group": strike.act.group.value,
        "strength": strike.strength,
        "sentence": strike.act.sentence,
        "led_to": None if struck.led_to is None else struck.led_to.value,
        "back_s": None if struck.back_s is None else round(struck.back_s, 1),
    }
