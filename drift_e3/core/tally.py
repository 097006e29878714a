"""Counts that a summary needs and a restart must not forget."""

from dataclasses import dataclass, field

from drift_e3.core.terms import Regime, Verdict


@dataclass(slots=True, kw_only=True)
class Tally:
    """What has been done so far. `decisions[regime][verdict]` counts decisions; `drawdown_frac_max` is the
    deepest fall from the highest equity before it, as a fraction of that; a person's resume keeps it.
    `unprotected_ms` adds up how long positions stood without a stop on the venue, `unprotected_ms_max` is the
    longest of these times."""

    decisions: list[list[int]] = field(default_factory=lambda: [[0] * len(Verdict) for _ in Regime])
    fills: int = 0
    trades: int = 0
    wins: int = 0
    peak_usd: float = 0.0
    drawdown_frac_max: float = 0.0
    unprotected_ms: int = 0
    unprotected_ms_max: int = 0

    def count_unprotected(self, ms: int) -> None:
        """Take the length of a time without a stop."""
        self.unprotected_ms += ms
        self.unprotected_ms_max = max(self.unprotected_ms_max, ms)

    def shift(self, amount_usd: float) -> None:
        """Move the peak: money was paid in (positive) or out."""
        self.peak_usd += amount_usd

    def mark(self, equity_usd: float) -> None:
        """Take the present equity."""
        if equity_usd > self.peak_usd:
            self.peak_usd = equity_usd
        elif self.peak_usd > 0.0 and 1.0 - equity_usd / self.peak_usd > self.drawdown_frac_max:
            self.drawdown_frac_max = 1.0 - equity_usd / self.peak_usd
