"""Whether the program trades at all: from a simulation of the very order, the flags, and how old things are.

Flags alone cannot tell: on 2026-04-01 every instruction was taken out of the program while its accounts
stayed as they were. Nor is it a constant, so that the day it comes back is seen. Pure, no chain library.
"""

from typing import Final, NamedTuple

from drift_e3.core.terms import MS_PER_HOUR, MS_PER_MINUTE
from drift_e3.venues.solana.views import ChainView

FUNDING_SILENCE_MS: Final = 2 * MS_PER_HOUR
"""Funding is due every hour, and may be one more late."""
AMM_SILENCE_SLOTS: Final = 4_500
"""Half an hour: trades and keepers update the AMM every few seconds."""
ORACLE_SILENCE_SLOTS: Final = 750
"""Five minutes; a minute already makes it too old for margin."""

PROGRAM_ERRORS_FROM: Final = 6_000
"""From here on it is the program that says no, and so it runs."""
PAUSED_ERRORS: Final = {
    6024: "the exchange is paused",
    6146: "the market's action is paused",
    6147: "the market takes no orders",
    6148: "the market fills no orders",
    6213: "the market is not open yet",
}
GONE_ERRORS: Final = {
    100: "the program does not know the instruction",
    101: "the instruction has been taken out of the program",
    102: "the program no longer understands the instruction",
}


class Alive(NamedTuple):
    """Orders can be placed and filled."""


class Dead(NamedTuple):
    """They cannot, and why, in plain words, most telling first."""

    reasons: tuple[str, ...]

    @property
    def text(self) -> str:
        """All reasons in one line."""
        return "Drift v2 is halted: " + "; ".join(self.reasons)


def liveness(view: ChainView, now_ts: int, simulated: int | str | None) -> Alive | Dead:
    """Whether the program trades at `now_ts` (UTC, ms).

    `simulated` is how a simulation of the exact order transaction failed: the code of a custom error, the
    cluster's words for another error, or None where it passed. An error by which the program refuses just
    this order (too little collateral) is a sign of life.
    """
    reasons = [
        *_of_simulation(simulated),
        *_of_flags(view),
        *_of_ages(view, now_ts),
    ]
    return Dead(tuple(reasons)) if reasons else Alive()


def _of_simulation(simulated: int | str | None) -> list[str]:
    if simulated is None:
        return []
    if isinstance(simulated, str):
        return [f"a simulated order fails before the program runs ({simulated})"]
    words = GONE_ERRORS.get(simulated) or PAUSED_ERRORS.get(simulated)
    if words is None and simulated >= PROGRAM_ERRORS_FROM:
        return []
    return [f"a simulated order fails with error {simulated}: {words or 'the program refuses its accounts'}"]


def _of_flags(view: ChainView) -> list[str]:
    """Whatever closes exchange or market stops its fills; what only the account may not do is no halt."""
    return list(view.pauses.reasons) if view.pauses.fill else []


def _of_ages(view: ChainView, now_ts: int) -> list[str]:
    reasons = []
    amm_slots = view.slot - view.perp.amm_updated_slot
    if amm_slots > AMM_SILENCE_SLOTS:
        reasons.append(f"the AMM has not been updated for {amm_slots} slots")
    funding_ms = now_ts - view.perp.funding_ts
    if funding_ms > FUNDING_SILENCE_MS:
        reasons.append(f"there has been no funding for {_age(funding_ms)}")
    oracle_slots = view.slot - view.oracle.posted_slot
    if oracle_slots > ORACLE_SILENCE_SLOTS:
        reasons.append(f"the oracle has posted no price for {oracle_slots} slots")
    return reasons


def _age(age_ms: int) -> str:
    hours = age_ms // MS_PER_HOUR
    if hours >= 48:
        return f"{hours // 24} days"
    return f"{hours} h {age_ms % MS_PER_HOUR // MS_PER_MINUTE} min"
