"""The audit finds nothing in what the daemon really did, and each broken promise by its own rule alone."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from drift_e3.journal.code_hash import code_hash
from drift_e3.journal.commits import Committer
from drift_e3.journal.errors import JournalUnreadable
from drift_e3.journal.memory import decode_state
from drift_e3.journal.rotation import Keeping, Rotation
from drift_e3.journal.schema import JOURNAL_NAME
from drift_e3.journal.writer import JournalWriter
from drift_e3.lab.audit.auditing import audit
from drift_e3.lab.audit.checks import HEARD, Checks
from drift_e3.lab.audit.findings import KEPT_PER_RULE, Findings, Rule
from drift_e3.lab.audit.resuming import scene_of
from drift_e3.lab.audit.scene import IDS_KEPT, Ids
from drift_e3.live.recovery import recover
from drift_e3.venues.sim.settings import SimSettings
from tests.journal.rotating import finish
from tests.lab.audit.faults import FAULTS
from tests.lab.audit.journals import Fault, entry_at, write
from tests.live.daemons import orders, run_on
from tests.live.journals import audited, opened, rewrite, told
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


def test_where_caps_bind_entries_are_cut_to_them_and_positions_brought_down(
    states: Callable[[str], Path],
) -> None:
    bound = audited(states("bound")).figures
    assert 0.995 < bound.entry_cap_share_max <= 1.0 + 1e-9
    assert bound.overexposures >= 3
    assert 0 < bound.overexposed_ms_max <= SimSettings().order_latency_ms + 2_000


def test_the_time_without_a_stop_is_the_traders_own_count(states: Callable[[str], Path]) -> None:
    for name in ("plain", "ticks", "bound"):
        figures = audited(states(name)).figures
        assert figures.unprotected_ms_bound == 60_000
        with opened(states(name)) as reader:
            tally = recover(reader, None).trader.state.tally
        assert (figures.unprotected_ms, figures.unprotected_ms_max) == (
            tally.unprotected_ms,
            tally.unprotected_ms_max,
        )


def test_losses_are_measured(states: Callable[[str], Path]) -> None:
    figures = audited(states("ruined")).figures
    assert figures.drawdown_frac_max > 0.02
    assert figures.daily_loss_frac_max > 0.005


@pytest.mark.parametrize(("rule", "run", "fault"), FAULTS)
def test_a_fault_is_found_by_its_own_rule_alone(
    states: Callable[[str], Path], rule: Rule, run: str, fault: Fault, tmp_path: Path
) -> None:
    found = audited(write(tmp_path / "state", fault(told(states(run)))))
    assert set(found.found) == {rule}, found.findings
    assert {finding.rule for finding in found.findings} == {rule}


def test_every_rule_has_a_fault_that_it_finds() -> None:
    assert {rule for rule, _, _ in FAULTS} == set(Rule)


def test_a_lasting_fault_is_told_once() -> None:
    findings = Findings()
    for seq, holds in enumerate([True, False, False, True, False]):
        findings.at(seq, seq * 10)
        findings.ask_state(Rule.STOP, "sent", holds, "event {}", seq)
    assert [(finding.seq, finding.ts, finding.words) for finding in findings.kept] == [
        (1, 10, "event 1"),
        (4, 40, "event 4"),
    ]
    assert (findings.found[Rule.STOP], findings.checked[Rule.STOP]) == (2, 5)


def test_of_many_findings_the_first_are_kept_and_all_counted() -> None:
    findings = Findings()
    for seq in range(KEPT_PER_RULE + 5):
        findings.at(seq, 0)
        assert not findings.ask(Rule.EQUITY, False, "wrong")
    assert len(findings.kept) == KEPT_PER_RULE
    assert findings.found[Rule.EQUITY] == KEPT_PER_RULE + 5


def test_only_so_many_order_ids_are_remembered() -> None:
    ids = Ids()
    assert all(ids.is_new(f"{number}") for number in range(IDS_KEPT))
    assert not ids.is_new("0")
    assert ids.is_new("one more")
    assert ids.is_new("0"), "forgotten by now"
    assert not ids.is_new("2")


@pytest.mark.parametrize("last_outcome", [True, False])
def test_a_journal_that_a_kill_cut_off_is_clean(
    states: Callable[[str], Path], last_outcome: bool, tmp_path: Path
) -> None:
    """What the last event led to may be missing: that is no broken promise."""
    state = states("plain")
    story = told(state)
    for number, place in enumerate((entry_at(story), entry_at(story) + 2, len(story) - 5)):
        cut = rewrite(state, tmp_path / f"{number}", upto=place + 1, last_outcome=last_outcome)
        assert audited(cut).findings == ()


@pytest.mark.parametrize("name", ["plain", "bound", "unlucky", "ruined"])
def test_an_audit_may_begin_at_any_snapshot(states: Callable[[str], Path], name: str) -> None:
    """As it must where retention has deleted what was before."""
    with opened(states(name)) as reader:
        seqs = [seq for (seq,) in reader.query("SELECT seq FROM snapshots ORDER BY seq")]
        for seq in seqs:
            findings = Findings()
            checks = Checks(scene_of(decode_state(reader.snapshot_row(seq).trader)), findings)
            for row, outputs in reader.entries(after_seq=seq):
                findings.at(row.seq, row.ts)
                heard = [reader.message(output) for output in outputs if output.kind in HEARD]
                checks.take(reader.event(row), heard, is_whole=True)
            assert findings.kept == []


def test_what_retention_leaves_is_audited(states: Callable[[str], Path], tmp_path: Path) -> None:
    state = tmp_path / "state"
    shutil.copytree(states("unlucky"), state)
    whole = audited(state)
    with opened(state) as reader:
        seqs = [seq for (seq,) in reader.query("SELECT seq FROM snapshots ORDER BY seq")]
    committer = Committer(state / JOURNAL_NAME, code_hash())
    rotation = Rotation(
        state / JOURNAL_NAME, committer, Keeping(rotate_bytes=1, keep_ms=1, backup_first=False)
    )
    for seq in seqs[:-1]:
        rotation.snapshot_taken(seq)
        finish(rotation)
    rotation.stop()
    committer.close(clean=True)
    with opened(state) as reader:
        assert reader.first_seq > 1
        assert audit(reader).findings == ()
    assert whole.events > audited(state).events


def test_a_journal_without_an_event_cannot_be_audited(tmp_path: Path) -> None:
    with (
        JournalWriter(tmp_path / JOURNAL_NAME, code_hash()),
        opened(tmp_path) as reader,
        pytest.raises(JournalUnreadable, match="has no event"),
    ):
        audit(reader)
