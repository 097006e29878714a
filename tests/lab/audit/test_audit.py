"""The audit finds nothing in what the daemon really did, and each broken promise by its own rule alone."""

from collections.abc import Callable
from pathlib import Path

import pytest

from drift_e3.lab.audit.findings import Rule
from tests.lab.audit.faults import FAULTS
from tests.lab.audit.journals import (
    Fault,
    audited,
    write,
)
from tests.live.daemons import orders, run_on
from tests.live.journals import told
from tests.live.markets import settings, tape_market

CAPS = {"LEVERAGE__CHOP": "0.4", "LEVERAGE__BEAR_TREND": "0.3", "LEVERAGE__HIGH_VOL": "1.2"}
BOUND = CAPS | {"STRATEGY__M_STOPLOSSPCT": "0.05", "RISK__RISK_FRAC": "0.2", "STRATEGY__M_MAXHOLDHOURS": "48"}
UNLUCKY = {"RISK__DAILY_LOSS_MAX": "0.01", "RISK__LOSS_STREAK_MAX": "2", "RISK__PAUSE_MINUTES": "600"}
RUNS: dict[str, tuple[dict[str, str], dict[str, int]]] = {
    "plain": ({}, {}),
    "quick": ({}, {"seed": 3, "count": 600, "minutes": 5}),
    "ticks": ({}, {"each": 30}),
    "bound": (BOUND, {"seed": 7, "count": 700}),
    "unlucky": (UNLUCKY, {"count": 400}),
    "ruined": (UNLUCKY | {"RISK__DRAWDOWN_MAX": "0.02"}, {"count": 400}),
}
"""Markets of the paper daemon: settings, and the tape that they are traded on."""


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The state directory of a run by its name, made when it is first asked for."""
    folder, made = tmp_path_factory.mktemp("audited"), dict[str, Path]()

    def state(name: str) -> Path:
        if name not in made:
            variables, tape = RUNS[name]
            chosen = settings(**variables)
            made[name] = folder / name
            run_on(tape_market(chosen, **tape), orders(made[name], chosen.trading()))
        return made[name]

    return state


@pytest.mark.parametrize("name", RUNS)
def test_nothing_is_found_in_what_the_daemon_did(states: Callable[[str], Path], name: str) -> None:
    found = audited(states(name))
    assert found.findings == ()
    assert found.is_clean
    assert found.checked[Rule.POSITION] > 200


def test_the_figures_are_those_of_the_run(states: Callable[[str], Path]) -> None:
    bound = audited(states("bound")).figures
    assert bound.overexposures >= 3
    assert 0 < bound.overexposed_ms_max <= 2_400
    assert 0.995 < bound.entry_cap_share_max <= 1.0
    assert (bound.unprotected_ms_max, bound.unprotected_ms_bound) == (400, 60_000)
    assert audited(states("ruined")).figures.drawdown_frac_max > 0.02


@pytest.mark.parametrize(("rule", "run", "fault"), FAULTS)
def test_a_fault_is_found_by_its_own_rule_alone(
    states: Callable[[str], Path], rule: Rule, run: str, fault: Fault, tmp_path: Path
) -> None:
    found = audited(write(tmp_path / "state", fault(told(states(run)))))
    assert set(found.found) == {rule}, found.findings
    assert {finding.rule for finding in found.findings} == {rule}


def test_every_rule_has_a_fault_that_it_finds() -> None:
    assert {rule for rule, _, _ in FAULTS} == set(Rule)
