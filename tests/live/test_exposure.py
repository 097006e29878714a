"""The exposure rule over a run in which the caps bind: entries are cut, positions brought down."""

from pathlib import Path

import pytest

from drift_e3.venues.sim.settings import SimSettings
from tests.live.daemons import orders, run_on
from tests.live.exposures import Exposure, exposure
from tests.live.journals import told
from tests.live.markets import settings, tape_market

ORDER_LATENCY_MS = SimSettings().order_latency_ms
CAPS = {"LEVERAGE__CHOP": "0.4", "LEVERAGE__BEAR_TREND": "0.3", "LEVERAGE__HIGH_VOL": "1.2"}


@pytest.fixture(scope="module")
def bound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Exposure]:
    """A wild market whose regimes change often, between low caps and high ones."""
    chosen = settings(
        **CAPS, STRATEGY__M_STOPLOSSPCT="0.05", RISK__RISK_FRAC="0.2", STRATEGY__M_MAXHOLDHOURS="48"
    )
    state = tmp_path_factory.mktemp("bound") / "state"
    run_on(tape_market(chosen, seed=7, count=1_500), orders(state, chosen.trading()))
    return state, exposure(state)


def test_entries_are_cut_to_the_cap_and_never_exceed_it(bound: tuple[Path, Exposure]) -> None:
    entries = bound[1].entries
    assert max(entries) <= 1.0
    # Cut to the cap: within one step of it.
    assert sum(share > 0.995 for share in entries) > 5


def test_a_falling_cap_reduces_the_position_within_latency(bound: tuple[Path, Exposure]) -> None:
    found = bound[1]
    assert len(found.reductions) >= 3
    assert len(found.above_ms) >= 3
    assert max(found.above_ms) <= ORDER_LATENCY_MS + 2_000


def test_the_rule_is_measured_at_all(bound: tuple[Path, Exposure]) -> None:
    """The ledger of the check is not the trader's: it must come to the same equity."""
    state, found = bound
    last = [
        output for _, outputs in told(state) for output in outputs if type(output).__name__ == "DecisionMade"
    ]
    assert found.equity_usd == pytest.approx(last[-1].decision.equity_usd, abs=1e-6)  # type: ignore[union-attr]
