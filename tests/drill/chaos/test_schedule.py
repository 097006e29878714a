"""The schedule: a pure function of the seed; everything comes up, and no lane strikes twice at once."""

import subprocess
import sys
from itertools import pairwise

import pytest

from drift_e3.drill.chaos.acts import Disk, Group, Signal
from drift_e3.drill.chaos.schedule import AROUND, CLOSE_S, WITHIN, Strike, plan, schedule
from drift_e3.drill.chaos.table import ACTS
from drift_e3.drill.faults import FaultKind
from drift_e3.drill.ollama_acts import ACTS as SCRIPTS

SEEDS = range(40)
IN_ANOTHER_PROCESS = "from drift_e3.drill.chaos.schedule import *; print(schedule(7, 5.0), plan(7))"


def test_the_same_seed_is_the_same_schedule_in_any_process() -> None:
    here = f"{schedule(7, 5.0)} {plan(7)}\n"
    for hash_seed in ("1", "2"):
        ran = subprocess.run(
            [sys.executable, "-c", IN_ANOTHER_PROCESS],
            capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": hash_seed},
        )  # fmt: skip
        assert ran.stdout == here


def test_another_seed_is_another_schedule_and_another_market() -> None:
    assert len({schedule(seed, 5.0) for seed in SEEDS}) == len(SEEDS)
    assert len({plan(seed) for seed in SEEDS}) == len(SEEDS)


@pytest.mark.parametrize("minutes", [0.5, 1.0, 5.0, 60.0])
def test_every_strike_lies_within_the_time_and_no_lane_strikes_twice_at_once(minutes: float) -> None:
    for seed in SEEDS:
        strikes = schedule(seed, minutes)
        assert list(strikes) == sorted(strikes, key=lambda strike: strike.begins_s)
        for lane in (set(AROUND), set(WITHIN)):
            mine = [strike for strike in strikes if strike.act.group in lane]
            assert all(before.ends_s <= after.begins_s + 0.1 for before, after in pairwise(mine))
        assert all(strike.begins_s > 0.0 and strike.ends_s <= minutes * 60.0 + 0.1 for strike in strikes)


def test_a_longer_time_begins_as_the_shorter_one() -> None:
    for seed in SEEDS:
        assert set(schedule(seed, 2.0)) <= set(schedule(seed, 5.0))


def test_five_minutes_bring_all_groups_and_some_seeds_every_act() -> None:
    everything: set[str] = set()
    for seed in range(200):
        strikes = schedule(seed, 5.0)
        everything.update(strike.act.name for strike in strikes)
        assert {strike.act.group for strike in strikes} >= {Group.PROCESS, Group.FEED, Group.RPC}
        assert len(strikes) > 10
    assert everything == {act.name for act in ACTS}


def test_strength_and_length_are_drawn_within_what_the_act_says() -> None:
    for strike in (strike for seed in SEEDS for strike in schedule(seed, 10.0)):
        low, high = strike.act.seconds
        assert low <= strike.seconds <= high
        assert (strike.strength is None) is (strike.act.strength is None)
        if strike.act.strength is not None and strike.strength is not None:
            assert strike.act.strength[0] <= strike.strength <= strike.act.strength[1]


def test_many_strikes_meet_the_close_of_a_candle() -> None:
    strikes = [strike for seed in SEEDS for strike in schedule(seed, 5.0)]
    assert sum(map(_meets_a_close, strikes)) > len(strikes) / 6


def _meets_a_close(strike: Strike) -> bool:
    early_s, late_s = CLOSE_S
    second = strike.begins_s % 60.0
    return second <= late_s or second >= 60.0 + early_s


def test_every_act_is_told_apart_and_names_a_script_that_exists() -> None:
    assert len({act.name for act in ACTS}) == len(ACTS)
    assert all(act.sentence.endswith(".") for act in ACTS)
    assert {act.group for act in ACTS} == set(Group)
    assert {act.how.name for act in ACTS if act.group is Group.MODEL} <= set(SCRIPTS)  # type: ignore[union-attr]


def test_processes_disks_clocks_and_every_fault_of_the_board_are_among_the_acts() -> None:
    signals = {act.how.number.name for act in ACTS if isinstance(act.how, Signal)}
    assert signals == {"SIGTERM", "SIGKILL", "SIGSTOP"}
    assert {act.how.read_only for act in ACTS if isinstance(act.how, Disk)} == {True, False}
    clocks = [act.strength for act in ACTS if act.group is Group.CLOCK and act.strength is not None]
    assert any(low > 0 for low, _ in clocks)
    assert any(high < 0 for _, high in clocks)
    kinds = {act.how.kind for act in ACTS if hasattr(act.how, "kind")}
    # A deployment is for good: only a person lets a daemon trade on the new program.
    assert kinds == set(FaultKind) - {FaultKind.REDEPLOYED}
