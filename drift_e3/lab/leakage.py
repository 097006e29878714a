"""What an advisor may have known of the time it is tested on: marks of windows, which are never mixed.

A model that was trained on the prices of a window remembers them, and its answers there prove nothing. The
rule is here, and nothing else: archives are read in `lab.archive`, prompts are masked in `advisors.masked`.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum

from drift_e3.core.terms import MS_PER_SECOND
from drift_e3.ports import DataError


class Mode(StrEnum):
    """How the answers of an archive came about."""

    RECORDED = "recorded"
    """Asked and answered when it happened: nobody knew what came next."""
    MASKED = "masked"
    """Asked later, without dates, symbol and price level."""
    PLAIN = "plain"
    """Asked later, with everything that helps a memory."""
    STUB = "stub"
    """Made by a statistical twin, which is told the outcomes: for tests of the machinery, not of a model."""


class Mark(StrEnum):
    """What a result over a window with such answers is worth."""

    CLEAN = "clean"
    MASKED = "masked"
    CONTAMINATED = "contaminated"
    STUB = "stub"


def mark_of(mode: Mode, cutoff_ts: int | None, first_ts: int, last_ts: int) -> Mark:
    """The mark of the window from `first_ts` to `last_ts` (UTC, ms) with answers of this kind.

    `cutoff_ts` is the end of the model's training data, None where nobody knows it: then whatever was asked
    later, unmasked, is contaminated. Raises `DataError` for such a window on both sides of the cutoff.
    """
    if mode is Mode.RECORDED:
        return Mark.CLEAN
    if mode is Mode.STUB:
        return Mark.STUB
    if cutoff_ts is not None and first_ts >= cutoff_ts:
        return Mark.CLEAN
    if mode is Mode.MASKED:
        return Mark.MASKED
    if cutoff_ts is not None and last_ts >= cutoff_ts:
        raise DataError(
            f"{_day(first_ts)} to {_day(last_ts)}: lies on both sides of the model's training cutoff "
            f"{_day(cutoff_ts)}: contaminated and clean windows are never mixed; end before it or start after"
        )
    return Mark.CONTAMINATED


def unmixed(marks: Iterable[Mark]) -> Mark | None:
    """The one mark that all windows have, None without a window; raises `DataError` where they differ."""
    found = sorted(set(marks))
    if len(found) > 1:
        raise DataError(f"{' and '.join(found)} windows are never mixed: judge them one by one")
    return found[0] if found else None


def _day(ts: int) -> str:
    return datetime.fromtimestamp(ts / MS_PER_SECOND, UTC).strftime("%Y-%m-%d")
