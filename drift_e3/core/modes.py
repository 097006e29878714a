"""What the trader may do at all: the modes, and which event leads from one to another, as a table.

WARMING -> TRADING <-> REDUCING -> HALTED, any -> STOPPING. HALTED latches: only a person lifts it, and a
restart does not.
"""

from dataclasses import dataclass

from drift_e3.core.terms import Mode, Term


class Trigger(Term):
    """What can change the mode."""

    WARMED = 0
    DAILY_LOSS = 1
    LOSS_STREAK = 2
    PAUSE_OVER = 3
    DRAWDOWN = 4
    HALT_ASKED = 5
    RESUME_ASKED = 6
    STOP_ASKED = 7
    RESTARTED = 8
    REDUCE_ASKED = 9


TRANSITIONS: dict[tuple[Mode, Trigger], Mode] = {
    (Mode.WARMING, Trigger.WARMED): Mode.TRADING,
    (Mode.WARMING, Trigger.DRAWDOWN): Mode.HALTED,
    (Mode.WARMING, Trigger.HALT_ASKED): Mode.HALTED,
    (Mode.WARMING, Trigger.STOP_ASKED): Mode.STOPPING,
    (Mode.TRADING, Trigger.DAILY_LOSS): Mode.REDUCING,
    (Mode.TRADING, Trigger.LOSS_STREAK): Mode.REDUCING,
    (Mode.TRADING, Trigger.REDUCE_ASKED): Mode.REDUCING,
    (Mode.TRADING, Trigger.DRAWDOWN): Mode.HALTED,
    (Mode.TRADING, Trigger.HALT_ASKED): Mode.HALTED,
    (Mode.TRADING, Trigger.STOP_ASKED): Mode.STOPPING,
    (Mode.REDUCING, Trigger.PAUSE_OVER): Mode.TRADING,
    (Mode.REDUCING, Trigger.RESUME_ASKED): Mode.TRADING,
    (Mode.REDUCING, Trigger.DRAWDOWN): Mode.HALTED,
    (Mode.REDUCING, Trigger.HALT_ASKED): Mode.HALTED,
    (Mode.REDUCING, Trigger.STOP_ASKED): Mode.STOPPING,
    (Mode.HALTED, Trigger.RESUME_ASKED): Mode.WARMING,
    (Mode.HALTED, Trigger.STOP_ASKED): Mode.STOPPING,
    (Mode.STOPPING, Trigger.RESTARTED): Mode.WARMING,
}
"""A pair that is not listed changes nothing."""

LATCHES = frozenset({Trigger.DRAWDOWN, Trigger.HALT_ASKED})


@dataclass(slots=True, kw_only=True)
class ModeState:
    """The present mode, what led to it, and whether a halt is latched (also beneath STOPPING) and by what: a
    restart is then the mode's cause, but not the halt's."""

    mode: Mode = Mode.WARMING
    cause: Trigger = Trigger.RESTARTED
    halted: bool = False
    halt_cause: Trigger | None = None

    def take(self, trigger: Trigger) -> bool:
        """Apply one trigger; True if the mode changed."""
        after = TRANSITIONS.get((self.mode, trigger))
        if trigger in LATCHES and not self.halted:
            self.halted, self.halt_cause = True, trigger
        if trigger is Trigger.RESUME_ASKED:
            self.halted, self.halt_cause = False, None
        if after is None:
            return False
        if after is Mode.WARMING and self.halted:
            after = Mode.HALTED
        self.mode, self.cause = after, trigger
        return True
