"""The table of modes."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_e3.core.modes import LATCHES, TRANSITIONS, ModeState, Trigger
from drift_e3.core.terms import Mode

PERSON = Trigger.RESUME_ASKED


def after(*triggers: Trigger) -> ModeState:
    state = ModeState()
    for trigger in triggers:
        state.take(trigger)
    return state


@pytest.mark.parametrize(
    ("triggers", "mode"),
    [
        ((), Mode.WARMING),
        ((Trigger.WARMED,), Mode.TRADING),
        ((Trigger.WARMED, Trigger.DAILY_LOSS), Mode.REDUCING),
        ((Trigger.WARMED, Trigger.LOSS_STREAK, Trigger.PAUSE_OVER), Mode.TRADING),
        ((Trigger.WARMED, Trigger.LOSS_STREAK, Trigger.DRAWDOWN), Mode.HALTED),
        ((Trigger.WARMED, Trigger.DAILY_LOSS, PERSON), Mode.TRADING),
        ((Trigger.DRAWDOWN, Trigger.WARMED), Mode.HALTED),
        ((Trigger.HALT_ASKED, PERSON), Mode.WARMING),
        ((Trigger.HALT_ASKED, Trigger.RESTARTED), Mode.HALTED),
        ((Trigger.STOP_ASKED, Trigger.RESTARTED), Mode.WARMING),
        ((Trigger.HALT_ASKED, Trigger.STOP_ASKED, Trigger.RESTARTED), Mode.HALTED),
        ((Trigger.STOP_ASKED, Trigger.DRAWDOWN, Trigger.RESTARTED), Mode.HALTED),
        ((Trigger.STOP_ASKED, Trigger.DRAWDOWN, PERSON, Trigger.RESTARTED), Mode.WARMING),
    ],
)
def test_triggers_lead_from_mode_to_mode(triggers: tuple[Trigger, ...], mode: Mode) -> None:
    assert after(*triggers).mode is mode


def test_a_change_is_told_with_its_cause() -> None:
    state = ModeState()
    assert state.take(Trigger.WARMED)
    assert state.cause is Trigger.WARMED
    assert not state.take(Trigger.WARMED)
    assert state.cause is Trigger.WARMED


def test_a_restart_beneath_a_latched_halt_is_a_change_to_halted() -> None:
    state = after(Trigger.HALT_ASKED, Trigger.STOP_ASKED)
    assert state.take(Trigger.RESTARTED)
    assert state.mode is Mode.HALTED


def test_a_halt_keeps_its_cause_over_restarts_until_a_person_resumes() -> None:
    state = after(Trigger.DRAWDOWN, Trigger.HALT_ASKED, Trigger.STOP_ASKED, Trigger.RESTARTED)
    assert (state.cause, state.halt_cause) == (Trigger.RESTARTED, Trigger.DRAWDOWN)
    state.take(PERSON)
    assert (state.halted, state.halt_cause) == (False, None)


def test_from_every_mode_a_stop_and_a_halt_have_their_effect() -> None:
    for mode in Mode:
        assert mode is Mode.STOPPING or TRANSITIONS[mode, Trigger.STOP_ASKED] is Mode.STOPPING
        for latch in LATCHES:
            state = ModeState(mode=mode, halted=mode is Mode.HALTED)
            state.take(latch)
            assert state.halted
            assert state.mode in (Mode.HALTED, Mode.STOPPING)


def test_what_is_not_in_the_table_changes_no_mode() -> None:
    for mode, trigger in product(Mode, Trigger):
        state = ModeState(mode=mode)
        if (mode, trigger) not in TRANSITIONS:
            assert not state.take(trigger)
            assert state.mode is mode


@given(st.lists(st.sampled_from(Trigger), max_size=30))
def test_once_halted_only_a_person_opens_the_way_to_trading(triggers: list[Trigger]) -> None:
    state = ModeState()
    latched = False
    for trigger in triggers:
        state.take(trigger)
        latched = (latched or trigger in LATCHES) and trigger is not PERSON
        assert state.halted is latched
        if latched:
            assert state.mode in (Mode.HALTED, Mode.STOPPING)
        else:
            assert state.mode is not Mode.HALTED
