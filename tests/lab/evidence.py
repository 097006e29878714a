"""Evidence as a search would leave it behind: of a winner that is good, with anything else on demand."""

from dataclasses import replace
from typing import Any

import numpy as np

from drift_e3.lab.statistics import Returns
from drift_e3.lab.verdict import Evidence, Stressed

DAYS = 730
AFTER = 182


def days(annual_sharpe: float, count: int, seed: int, deviation: float = 0.01) -> Returns:
    """Independent daily returns whose ratio is exactly this."""
    noise = np.random.default_rng(seed).standard_normal(count)
    noise = (noise - noise.mean()) / noise.std(ddof=1)
    returns: Returns = (noise + annual_sharpe / np.sqrt(365.0)) * deviation
    return returns


def good(**changes: Any) -> Evidence:
    """A winner with an annual ratio of 4 among 40 worthless trials, 3.5 afterwards."""
    luck = np.random.default_rng(1).standard_normal((DAYS, 40)) * 0.01
    luck -= luck.mean(axis=0)
    luck[:, 17] = days(4.0, DAYS, 2)
    evidence = Evidence(
        returns=luck,
        winner=17,
        trades=300,
        out_of_sample=days(3.5, AFTER, 3),
        out_of_sample_trades=80,
        score=0.6,
        neighbours=(0.5, 0.55, 0.4, 0.58),
        stresses=(Stressed("fees x1.5", 0.4), Stressed("slippage x2", 0.3), Stressed("funding", 0.6)),
        trials=200,
    )
    return replace(evidence, **changes)
