"""The winner before the judge: the evidence of a search, in the judge's words, and what he says."""

import numpy as np

from drift_e3.lab.search.driver import Found
from drift_e3.lab.search.work import Measured
from drift_e3.lab.verdict import Evidence, Verdict, judge, refused, stresses


def verdict_on(found: Found, trials: int, equity_usd: float) -> Verdict:
    """The verdict on the winner, where `trials` different sets were ever tried on this data."""
    winner, inside, outside = found.winner, found.inside, found.outside
    if winner is None or winner.score is None or inside is None or outside is None:
        return refused("no set of parameters made 10 trades in every training period")
    return judge(
        Evidence(
            returns=np.array([measured.returns for measured in found.evidence]).T,
            winner=found.finalists_at,
            trades=_trades(inside),
            out_of_sample=np.array(outside.returns),
            out_of_sample_trades=_trades(outside),
            score=winner.score,
            neighbours=tuple(step.score or 0.0 for step in found.steps if step.adjacent),
            stresses=stresses([*inside.costs, *outside.costs], equity_usd),
            trials=trials,
        )
    )


def _trades(measured: Measured) -> int:
    return len(measured.costs)
