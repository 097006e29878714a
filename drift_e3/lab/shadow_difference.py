"""What the difference of two books proves: its interval, and how much longer one would have to look.

The books stand side by side on the same market, so that each period's difference is of the same hour. Its
mean is resampled in blocks (stationary bootstrap: Politis and Romano, JASA 89, 1994; see `lab.bootstrap`).
The sample that is needed is that of a test of the mean at 5 % both sides with a power of 80 %,
(1.96 + 0.84)^2 times the long-run variance over the square of the mean: as if what was seen were true.
"""

from itertools import pairwise
from math import ceil
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from drift_e3.core.terms import MS_PER_DAY, MS_PER_HOUR
from drift_e3.lab.bootstrap import CHUNK_VALUES, block_length, stationary_rows
from drift_e3.lab.shadow import Book, Shadows

RESAMPLES: Final = 2_000
SEED: Final = 20_240_229
LOW_SHARE, HIGH_SHARE = 0.025, 0.975
CRITICAL: Final = 1.959_964 + 0.841_621
"""Quantiles of the normal distribution at 97.5 % and at 80 %."""
PERIODS_LEAST: Final = 20
"""With fewer periods an interval would only pretend."""
HOURS_LEAST: Final = 48
"""From so many hours on a period is an hour; before, a candle."""
PAIRS: Final = (
    (Book.BLEND, Book.RULES),
    (Book.MODEL, Book.RULES),
    (Book.BLEND, Book.MODEL),
    (Book.RULES, Book.FLAT),
    (Book.BLEND, Book.FLAT),
    (Book.MODEL, Book.FLAT),
)


class Difference(NamedTuple):
    """One book less another over the whole run, in USD, with its interval (95 %, None under 20 periods).

    `periods_needed` is how many periods would do to tell it from nothing, None where the books do not differ.
    """

    difference_usd: float
    low_usd: float | None
    high_usd: float | None
    periods: int
    period_ms: int
    mean_block: float
    periods_needed: int | None

    @property
    def is_proven(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low_usd is not None and self.high_usd is not None and self.low_usd * self.high_usd > 0.0

    def document(self) -> dict[str, Any]:
        """As plain values, with the time that is still needed in days."""
        missing = None if self.periods_needed is None else max(self.periods_needed - self.periods, 0)
        return {
            **self._asdict(),
            "is_proven": self.is_proven,
            "periods_missing": missing,
            "days_missing": None if missing is None else missing * self.period_ms / MS_PER_DAY,
        }


def difference(one: dict[int, float], other: dict[int, float], frame_ms: int) -> Difference:
    """One book's equity by time less another's."""
    times = sorted(one.keys() & other.keys())
    lead = {ts: one[ts] - other[ts] for ts in times}
    period_ms = frame_ms
    if times and times[-1] - times[0] >= HOURS_LEAST * MS_PER_HOUR:
        period_ms = max(frame_ms, MS_PER_HOUR)
    # The last word of each period; a period's difference is what the lead grew by since the one before.
    ends = {-(-ts // period_ms): ts for ts in times}
    leads = [lead[ts] for ts in dict.fromkeys([*times[:1], *ends.values()])]
    steps = np.array([after - before for before, after in pairwise(leads)], dtype=np.float64)
    total_usd = leads[-1] - leads[0] if leads else 0.0
    count = len(steps)
    if count < PERIODS_LEAST or not steps.any():
        sure = total_usd if count >= PERIODS_LEAST else None
        return Difference(total_usd, sure, sure, count, period_ms, 1.0, None)
    mean_block = float(block_length(steps))
    means = _means(steps, mean_block)
    low, high = np.quantile(means, (LOW_SHARE, HIGH_SHARE))
    mean = float(steps.mean())
    long_run_variance = float(means.var()) * count
    needed = None if mean == 0.0 else ceil(CRITICAL * CRITICAL * long_run_variance / (mean * mean))
    return Difference(
        total_usd, float(low) * count, float(high) * count, count, period_ms, mean_block, needed
    )


def document(kept: Shadows) -> dict[str, Any]:
    """All books and their differences, as plain values. Times are UTC ms, money is USD."""
    times = sorted(kept.books[Book.RULES].equity)
    return {
        "first_ts": times[0] if times else None,
        "last_ts": times[-1] if times else None,
        "candles": len(times),
        "weight_mode": kept.weight_mode.label,
        "questions": kept.questions,
        "answers": kept.answers,
        "models": list(kept.models),
        "resamples": RESAMPLES,
        "seed": SEED,
        "books": [book.document() for book in kept.books.values()],
        "differences": [
            {
                "book": one.value,
                "against": other.value,
                **difference(kept.books[one].equity, kept.books[other].equity, kept.frame_ms).document(),
            }
            for one, other in PAIRS
        ],
        "equity": [
            {"ts": ts, **{book.value: kept.books[book].equity.get(ts) for book in Book}} for ts in times
        ],
    }


def _means(steps: NDArray[np.float64], mean_block: float) -> NDArray[np.float64]:
    """The means of the resampled series."""
    random = np.random.default_rng(SEED)
    means: list[NDArray[np.float64]] = []
    done = 0
    while done < RESAMPLES:
        count = min(RESAMPLES - done, max(CHUNK_VALUES // len(steps), 1))
        means.append(steps[stationary_rows(len(steps), count, mean_block, random)].mean(axis=1))
        done += count
    return np.concatenate(means)
