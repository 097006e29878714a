"""Searches over luck that cost nothing: who gets a licence is decided by the test."""

from collections.abc import Callable

import pytest

from drift_e3.lab.luck import operating
from drift_e3.lab.luck.calibration import Planted
from drift_e3.lab.luck.market import Shapes
from drift_e3.lab.luck.searching import Outcome, Span

Decide = Callable[[float, bool, int], bool]
"""Of a market's drift, whether trading on it is free, and the number of the search."""


def settle(patch: pytest.MonkeyPatch, decide: Decide) -> None:
    """Let `decide` say what is licensed; an edge of Sharpe 2 is planted with a drift of 0.2."""

    def done(source: Shapes, job: operating.Job) -> Outcome:
        licensed = decide(job.drift, job.free, job.number)
        figures = {
            "trials": 64.0,
            "correlation": 0.5,
            "sharpe": 10.0 * job.drift,
            "sharpe_out_of_sample": 1.0,
        }
        return Outcome(licensed, () if licensed else ("confidence", "trades"), figures)

    def calibrated(source: Shapes, span: Span, wanted: float, seed: int) -> Planted:
        return Planted(wanted, wanted / 10.0, wanted)

    patch.setattr(operating, "_done", done)
    patch.setattr(operating, "calibrated", calibrated)
