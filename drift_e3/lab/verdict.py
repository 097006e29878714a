"""The verdict on a search: is its winner licensed to trade real money, or is this what luck would have done?

One pure function over the evidence that a search leaves behind. Each check has a limit and a value, and one
that fails refuses the licence. How often that errs either way is measured by `licence-check`
(`lab.operating`); the statistics themselves are `lab.statistics`, `lab.bootstrap` and `lab.overfitting`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf, sqrt
from statistics import NormalDist, median
from typing import Any, NamedTuple

import numpy as np

from drift_e3.lab.bootstrap import positive_share
from drift_e3.lab.overfitting import BLOCKS, cscv
from drift_e3.lab.statistics import (
    Returns,
    Track,
    combined_z,
    expected_max_sharpe,
    mean_correlation,
    min_track_record,
    probabilistic_sharpe,
    sharpe_error,
    sharpe_z,
    track,
)

DAYS_PER_YEAR = 365.0
RESAMPLES = 1_000
SEED = 53


class Standard(NamedTuple):
    """The limits of a licence. `licence-check` states what they let through and what they stop."""

    confidence_min: float = 0.95
    """That the edge is no luck: deflated training and the period after it, weighed together."""
    deflated_sharpe_min: float = 0.50
    """Training alone must at least be worth more than the luckiest of as many worthless trials."""
    overfitting_max: float = 0.50
    """Chosen on one half of the days, the best must usually be above the middle in the other."""
    neighbours_min: float = 0.50
    """Median score of the neighbouring parameters, of the winner's: an edge is no needle."""
    trades_min: int = 30
    out_of_sample_trades_min: int = 10
    bootstrap_min: float = 0.95


class Stressed(NamedTuple):
    """What is left under worse costs: `net_frac` is the profit of training and the period after it together,
    as a fraction of the initial equity."""

    name: str
    net_frac: float


class TradeCosts(NamedTuple):
    """A finished trade's result and its parts in USD, signs as in the account: costs positive, funding
    received positive."""

    net_usd: float
    slippage_usd: float
    fees_usd: float
    funding_usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a search leaves behind. Returns are net of all costs, one a UTC day, as fractions of equity.

    `returns` has a column for each trial that was played through the whole training (days x trials),
    `winner` is the column that was chosen. `trials` counts every parameter set ever tried on this data: the
    ledger's N, those that were pruned and those of earlier searches included. `neighbours` are the scores of
    the sets beside the winner, with 0 for one without a score.
    """

    returns: Returns
    winner: int
    trades: int
    out_of_sample: Returns
    out_of_sample_trades: int
    score: float
    neighbours: tuple[float, ...]
    stresses: tuple[Stressed, ...]
    trials: int


class Check(NamedTuple):
    """One condition of the licence: `value` against `limit`, from below or (`at_most`) from above."""

    name: str
    value: float
    limit: float
    at_most: bool
    meaning: str

    @property
    def holds(self) -> bool:
        return self.value <= self.limit if self.at_most else self.value >= self.limit

    def sentence(self) -> str:
        """The check in one line, for example ``fees x1.5: -0.021 is below 0 (...)``."""
        bound = "at most" if self.at_most else "at least"
        if self.holds:
            return f"{self.name}: {self.value:.4g}, {bound} {self.limit:.4g} ({self.meaning})"
        side = "above" if self.at_most else "below"
        return f"{self.name}: {self.value:.4g} is {side} {self.limit:.4g} ({self.meaning})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`licensed` if nothing speaks against it; `reasons` names what does."""

    checks: tuple[Check, ...]
    reasons: tuple[str, ...]
    figures: dict[str, float]

    @property
    def licensed(self) -> bool:
        return not self.reasons

    def document(self) -> dict[str, Any]:
        """The verdict ready for JSON; what is infinite is null."""
        return {
            "verdict": "licensed" if self.licensed else "refused",
            "reasons": list(self.reasons),
            "checks": [
                {
                    "name": check.name,
                    "value": _finite(check.value),
                    "at_most" if check.at_most else "at_least": check.limit,
                    "holds": check.holds,
                    "meaning": check.meaning,
                }
                for check in self.checks
            ],
            "figures": {name: _finite(value) for name, value in self.figures.items()},
        }


def refused(reason: str) -> Verdict:
    """The verdict where there is nothing to judge: no trial was good enough to be scored."""
    return Verdict(checks=(), reasons=(reason,), figures={})


def stresses(trades: Iterable[TradeCosts], equity_usd: float) -> tuple[Stressed, ...]:
    """The winner's trades under worse costs: half as much again in fees, twice the slippage, and funding
    twice where it was paid and none where it was received.

    First order: the same trades at the same sizes, summed in their order.
    """
    fees = slippage = funding = 0.0
    for trade in trades:
        fees += trade.net_usd - 0.5 * trade.fees_usd
        slippage += trade.net_usd - max(trade.slippage_usd, 0.0)
        funding += trade.net_usd - abs(trade.funding_usd)
    return (
        Stressed("fees x1.5", fees / equity_usd),
        Stressed("slippage x2", slippage / equity_usd),
        Stressed("funding against us", funding / equity_usd),
    )


def judge(evidence: Evidence, standard: Standard | None = None) -> Verdict:
    """Weigh the evidence. The same evidence gives the same verdict, digit by digit."""
    asked = standard or Standard()
    winner = track(evidence.returns[:, evidence.winner])
    after = track(evidence.out_of_sample)
    variance = luck_variance(evidence.returns)
    luckiest = expected_max_sharpe(variance, evidence.trials)
    deflated_z = sharpe_z(winner, luckiest)
    together = combined_z(((deflated_z, sqrt(winner.periods)), (sharpe_z(after, 0.0), sqrt(after.periods))))
    whole = track(whole_returns(evidence))
    needed = min_track_record(whole, 0.0, asked.confidence_min)
    probability = NormalDist().cdf
    checks = [
        Check(
            "confidence",
            probability(together),
            asked.confidence_min,
            at_most=False,
            meaning="that deflated training and the time after it together are no luck",
        ),
        Check(
            "deflated_sharpe",
            probability(deflated_z),
            asked.deflated_sharpe_min,
            at_most=False,
            meaning=f"that training beats the luckiest of {evidence.trials} worthless trials",
        ),
        Check(
            "out_of_sample",
            float(evidence.out_of_sample.sum()),
            0.0,
            at_most=False,
            meaning="added daily returns after training",
        ),
        _overfitting(evidence.returns, asked.overfitting_max),
        Check(
            "min_track_days",
            needed,
            float(whole.periods),
            at_most=True,
            meaning="days that a Sharpe ratio like this needs to be above zero, against days there are",
        ),
        Check(
            "neighbours",
            _stability(evidence),
            asked.neighbours_min,
            at_most=False,
            meaning=f"median score of {len(evidence.neighbours)} neighbours, of the winner's",
        ),
        Check(
            "bootstrap",
            positive_share(whole_returns(evidence), RESAMPLES, SEED),
            asked.bootstrap_min,
            at_most=False,
            meaning="share of block-resampled records with a profit",
        ),
        Check("trades", evidence.trades, asked.trades_min, at_most=False, meaning="trades in training"),
        Check(
            "out_of_sample_trades",
            evidence.out_of_sample_trades,
            asked.out_of_sample_trades_min,
            at_most=False,
            meaning="trades after training",
        ),
    ]
    checks += [
        Check(one.name, one.net_frac, 0.0, at_most=False, meaning="profit left, of the initial equity")
        for one in evidence.stresses
    ]
    return Verdict(
        checks=tuple(checks),
        reasons=tuple(check.sentence() for check in checks if not check.holds),
        figures=_figures(evidence, winner, after, luckiest),
    )


def whole_returns(evidence: Evidence) -> Returns:
    """The winner's days in training and after it."""
    return np.concatenate((evidence.returns[:, evidence.winner], evidence.out_of_sample))


def luck_variance(returns: Returns) -> float:
    """The variance of the trials' Sharpe ratios (per day) that luck alone explains.

    One worthless record's ratio varies by 1/(days - 1); among trials that hang together by a correlation rho
    the share rho of it is common to all and selects nothing: (1 - rho)/(days - 1). The paper takes the
    variance found among the trials; but with an edge that holds true differences too, and after pruning it
    holds too little, as those that stayed are alike.
    """
    return (1.0 - mean_correlation(returns)) / max(len(returns) - 1, 1)


def _overfitting(returns: Returns, limit: float) -> Check:
    days, trials = returns.shape
    meaning = "probability of backtest overfitting"
    blocks = BLOCKS
    while blocks > 2 and days // blocks < 2:
        blocks -= 2
    if trials < 2 or days // blocks < 2:
        return Check("overfitting", 1.0, limit, at_most=True, meaning=f"{meaning}: too little to measure it")
    return Check("overfitting", cscv(returns, blocks).pbo, limit, at_most=True, meaning=meaning)


def _stability(evidence: Evidence) -> float:
    if not evidence.neighbours or evidence.score <= 0.0:
        return 0.0
    return median(evidence.neighbours) / evidence.score


def _figures(evidence: Evidence, winner: Track, after: Track, luckiest: float) -> dict[str, float]:
    """What the checks were made of, for people: ratios by the year, lengths in days."""
    annual = sqrt(DAYS_PER_YEAR)
    return {
        "trials": evidence.trials,
        "trials_judged": evidence.returns.shape[1],
        "days": winner.periods,
        "out_of_sample_days": after.periods,
        "sharpe": winner.sharpe * annual,
        "sharpe_error": sharpe_error(winner) * annual,
        "sharpe_of_luck": luckiest * annual,
        "sharpe_out_of_sample": after.sharpe * annual,
        "skew": winner.skew,
        "kurtosis": winner.kurtosis,
        "correlation": mean_correlation(evidence.returns),
        "probabilistic_sharpe": probabilistic_sharpe(winner, 0.0),
        "probabilistic_sharpe_out_of_sample": probabilistic_sharpe(after, 0.0),
    }


def _finite(value: float) -> float | None:
    return None if abs(value) == inf else value
