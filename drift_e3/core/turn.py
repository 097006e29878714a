"""One event's turn: the trader's memory, the time, and what has been wanted and said so far."""

from typing import NamedTuple

from drift_e3.core.commands import Command, SubmitOrder
from drift_e3.core.decision import regime_in_force
from drift_e3.core.modes import Trigger
from drift_e3.core.notes import ModeChanged, Note
from drift_e3.core.risk import Standing, review
from drift_e3.core.state import TraderState
from drift_e3.core.terms import UNKNOWN, Approved, Intent, Refused, Regime, Side


class Outcome(NamedTuple):
    """What one event led to: what is to be done, in order, and what there is to say."""

    commands: tuple[Command, ...]
    notes: tuple[Note, ...]


class Turn:
    """The processing of one event at event time `now` (ms).

    `mark` before anything else, and again whenever price or account have moved.
    """

    __slots__ = ("commands", "equity_usd", "notes", "now", "price_usd", "rule_regime_changed", "state")

    def __init__(self, state: TraderState, now: int) -> None:
        self.state = state
        self.now = now
        self.commands: list[Command] = []
        self.notes: list[Note] = []
        self.rule_regime_changed = False

    def mark(self) -> None:
        """Take the last price and mark the account at it."""
        self.price_usd = self.state.market.price_usd
        self.equity_usd = self.state.account.equity_usd(self.price_usd)

    def regime(self) -> Regime:
        """The regime in force now.

        Advice expires at a candle's close, when it can be asked for again, and while that question is open
        its regime stays: a position must not be cut for the seconds that a renewal takes.
        """
        state, consultation = self.state, self.state.consultation
        held = consultation.heard
        if held is None or held.trust < 1.0:
            return state.rule_regime
        if (
            consultation.open_id
            and state.regime is held.advice.regime
            and state.rule_regime is not Regime.CRASH
        ):
            return state.regime
        at_ts = max(state.market.candle_close_ts, self.now - state.feed.frame_ms)
        return regime_in_force(state.rule_regime, held, at_ts, state.settings.params)

    def leverage_x_max(self) -> float:
        """The leverage cap of the regime in force."""
        return self.state.settings.limits.leverage_caps[self.regime()]

    def standing(self, side: Side) -> Standing:
        """What an order on this side is judged against."""
        state = self.state
        return Standing(
            mode=state.mode.mode,
            equity_usd=self.equity_usd,
            price_usd=self.price_usd,
            position_base=state.account.position_base,
            growing_base=state.orders.growing_base(side),
            leverage_x_max=self.leverage_x_max(),
            instrument=state.instrument,
            limits=state.settings.limits,
        )

    def send(self, order_id: str, intent: Intent, stop_usd: float = UNKNOWN) -> Approved | Refused:
        """Have an intent reviewed and, if approved, sent under this id."""
        verdict = review(intent, self.standing(intent.side), stop_usd)
        if isinstance(verdict, Approved):
            self.state.orders.send(order_id, verdict)
            self.commands.append(SubmitOrder(order_id=order_id, approved=verdict))
        return verdict

    def trigger(self, trigger: Trigger) -> bool:
        """Let something change the mode; True, and said, if it did."""
        mode = self.state.mode
        before = mode.mode
        if not mode.take(trigger):
            return False
        self.notes.append(
            ModeChanged(
                before=before,
                after=mode.mode,
                cause=trigger,
                equity_usd=self.equity_usd,
                until_ts=self.state.breakers.paused_until_ts,
            )
        )
        return True

    def outcome(self) -> Outcome:
        """What the turn has led to."""
        return Outcome(tuple(self.commands), tuple(self.notes))
