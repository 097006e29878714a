"""The one decision maker: events in, commands and notes out, no input or output of its own.

`Trader.process` reads like the table of contents: observe the fact, guard what is open, consider an entry,
wind down. Exits and limits are part of the guard, which runs on every event and waits for nobody.
"""

from typing import Any, assert_never

from drift_e3.core import desk
from drift_e3.core.advice import Advice
from drift_e3.core.commands import Stop
from drift_e3.core.consultation import Consultation
from drift_e3.core.decision import Drafter, draft_decision
from drift_e3.core.entries import consider
from drift_e3.core.events import (
    AccountOpened,
    AdviceFailed,
    AdviceReceived,
    BookSeen,
    CandleClosed,
    CollateralMoved,
    EntriesBarred,
    Event,
    Fill,
    FlattenRequested,
    FundingPaid,
    FundingPublished,
    HaltRequested,
    Heartbeat,
    HistoricEvent,
    MarketEvent,
    OpenInterestSeen,
    OracleTick,
    OrderAccepted,
    OrderCancelled,
    OrderRejected,
    ReduceRequested,
    ResumeRequested,
    Settings,
    SettingsChanged,
    Started,
    StopRequested,
)
from drift_e3.core.guard import guard
from drift_e3.core.modes import Trigger
from drift_e3.core.notes import AdviceMissed, AdviceTaken, SettingsTaken
from drift_e3.core.params import Limits, Params
from drift_e3.core.regime import advance_regime, regime_confidence
from drift_e3.core.skill_desk import follow_advice, judge_advice, weigh_anew
from drift_e3.core.state import TraderState, new_state
from drift_e3.core.terms import REGIMES, STOPPING, WARMING, StopPolicy
from drift_e3.core.turn import Outcome, Turn


class NotStarted(RuntimeError):
    """The first event was not `Started`: without it nothing about the market or the limits is known."""


class Trader:
    """The decision core. Its whole memory is `state`; the same events give the same outcomes to the byte."""

    def __init__(self, state: TraderState | None = None, draft: Drafter = draft_decision) -> None:
        """A new trader, or one that goes on from a snapshot of another's `state`.

        `draft` is only for books that are kept beside the trading. No setting, journal or snapshot reaches
        it: a trader that is made without it follows the rules' signals whatever a model says.
        """
        self._state = state
        self._draft = draft

    @property
    def state(self) -> TraderState:
        """The trader's memory; raises `NotStarted` before the first event."""
        if self._state is None:
            raise NotStarted("the first event must be Started")
        return self._state

    def process(self, event: Event) -> Outcome:
        """Take one event; return what is to be done about it and what there is to say."""
        if self._state is None and isinstance(event, Started):
            self._state = new_state(event)
        turn = Turn(self.state, event.seen_ts)
        _observe(turn, event)
        if not (isinstance(event, HistoricEvent) and event.history):
            guard(turn, event)
            consider(turn, event, self._draft)
            _wind_down(turn)
        return turn.outcome()


def _observe(turn: Turn, event: Event) -> None:
    state = turn.state
    if isinstance(event, MarketEvent):
        state.market.observe(event)
    turn.mark()
    if state.consultation.is_overdue(turn.now):
        # Before the event itself: it may be the very answer, and that has come too late.
        _say_missed(turn, state.consultation.give_up("overdue"), "overdue", 0)
    match event:
        case CandleClosed():
            _observe_candle(turn, event)
        case OracleTick() | BookSeen() | OpenInterestSeen() | FundingPublished() | Heartbeat():
            pass
        case OrderAccepted() | OrderRejected() | OrderCancelled():
            desk.book_order(turn, event)
        case Fill():
            desk.book_fill(turn, event)
        case FundingPaid():
            desk.book_funding(turn, event)
        case AccountOpened() | CollateralMoved() | EntriesBarred():
            desk.book_account(turn, event)
        case AdviceReceived():
            _take_answer(turn, event)
        case AdviceFailed():
            state.consultation.fail(event)
            _say_missed(turn, event.question_id, event.reason, event.latency_ms)
        case Started():
            state.stop_policy, state.stopped = None, False
            turn.trigger(Trigger.RESTARTED)
            state.started_halted = state.mode.halted
            state.take_instrument(event.instrument)
            _take_settings(turn, event.settings)
        case SettingsChanged():
            _take_settings(turn, event.settings)
        case HaltRequested() | ReduceRequested() | ResumeRequested() | FlattenRequested() | StopRequested():
            _obey(turn, event)
        case _:
            assert_never(event)
    if state.warmed and state.mode.mode is WARMING:
        turn.trigger(Trigger.WARMED)


def _obey(
    turn: Turn,
    event: HaltRequested | ReduceRequested | ResumeRequested | FlattenRequested | StopRequested,
) -> None:
    """Take a person's word; what follows is the guard's."""
    state = turn.state
    match event:
        case HaltRequested():
            turn.trigger(Trigger.HALT_ASKED)
        case ReduceRequested():
            state.breakers.pause_until_resumed()
            turn.trigger(Trigger.REDUCE_ASKED)
        case ResumeRequested():
            if state.mode.halted or turn.now < state.breakers.paused_until_ts:
                # Only then: somebody who resumes what is running must not move its limits.
                state.breakers.start_anew(turn.equity_usd)
            turn.trigger(Trigger.RESUME_ASKED)
            state.started_halted = False
        case FlattenRequested():
            state.flatten_asked = True
            desk.cancel_entries(turn)
        case StopRequested():
            state.stop_policy, state.stop_at_once = event.policy, event.at_once
            turn.trigger(Trigger.STOP_ASKED)
            state.flatten_asked = state.flatten_asked or event.policy is StopPolicy.FLATTEN
        case _:
            assert_never(event)


def _observe_candle(turn: Turn, candle: CandleClosed) -> None:
    state = turn.state
    # By its close, not by when it was seen: history may be seen all at once.
    close_ts = candle.open_ts + state.feed.frame_ms
    if state.skill.open:
        judge_advice(turn, close_ts, candle.close)
    features, params = state.market.features, state.settings.params
    regime = REGIMES[advance_regime(state.regime_machine, features, params, state.feed.frame_ms, close_ts)]
    turn.rule_regime_changed = regime is not state.rule_regime
    state.rule_regime = regime
    state.rule_confidence = regime_confidence(regime, features, params, state.feed.frame_ms)
    if not state.warmed:
        known = features.body_over_atr, features.rv_rank, features.slope
        state.warmed = all(value == value for value in known)


def _take_answer(turn: Turn, event: AdviceReceived) -> None:
    parsed = turn.state.consultation.answer(event)
    if isinstance(parsed, Advice):
        follow_advice(turn)
        turn.notes.append(
            AdviceTaken(question_id=event.question_id, advice=parsed, latency_ms=event.latency_ms)
        )
    else:
        _say_missed(turn, event.question_id, parsed.reason, event.latency_ms)


def _say_missed(turn: Turn, question_id: str, reason: str, latency_ms: int) -> None:
    turn.notes.append(AdviceMissed(question_id=question_id, reason=reason, latency_ms=latency_ms))


def _take_settings(turn: Turn, settings: Settings) -> None:
    """Put new settings in force; while a position is open no limit is loosened.

    An advisor that is switched off has no say any more, not even with the advice at hand.
    """
    state = turn.state
    kept: tuple[str, ...] = ()
    if state.account.position_base != 0.0:
        limits, kept = tighter_limits(state.settings.limits, settings.limits)
        settings = Settings(
            params=settings.params,
            limits=limits,
            ai_enabled=settings.ai_enabled,
            ai_deadline_ms=settings.ai_deadline_ms,
        )
    if not settings.ai_enabled:
        state.consultation = Consultation()
    changed = _changed(state.settings, settings)
    if kept or changed:
        state.settings = settings
        turn.notes.append(SettingsTaken(kept=kept, changed=changed))
    weigh_anew(turn)


def _changed(old: Settings, new: Settings) -> tuple[str, ...]:
    """The names of the keys in which two settings differ."""
    pairs = [
        *zip(Params._fields, old.params, new.params, strict=True),
        *zip(Limits._fields, old.limits, new.limits, strict=True),
        ("ai_enabled", old.ai_enabled, new.ai_enabled),
        ("ai_deadline_ms", old.ai_deadline_ms, new.ai_deadline_ms),
    ]
    return tuple(name for name, before, after in pairs if before != after)


LOOSER_WHEN_SMALLER = frozenset(
    {
        "risk_minConfidence",
        "collateral_buffer",
        "liquidation_buffer",
        "pause_minutes",
        "cooldown_minutes",
        "exit_slippage_bps",
    }
)
"""Limits that protect by being large; all others protect by being small."""


def tighter_limits(old: Limits, new: Limits) -> tuple[Limits, tuple[str, ...]]:
    """The new limits save those that are looser than the old, and the names of those that were kept."""
    values: dict[str, Any] = {}
    kept: list[str] = []
    for name in Limits._fields:
        before, after = getattr(old, name), getattr(new, name)
        if name == "leverage_caps":
            tight = tuple(min(pair) for pair in zip(before, after, strict=True))
        else:
            tight = max(before, after) if name in LOOSER_WHEN_SMALLER else min(before, after)
        values[name] = tight
        if tight != after:
            kept.append(name)
    return new._replace(**values), tuple(kept)


def _wind_down(turn: Turn) -> None:
    """Stop when asked and done: when holding as soon as no entry is on its way, else once flat.

    A trader that halts stays up, flat and watching. One that is *started* halted finishes flattening and
    leaves: a person has to look first.
    """
    state = turn.state
    if state.stopped or not (state.started_halted or state.mode.mode is STOPPING):
        return
    flat = state.trade is None and not state.orders.by_id
    holds = state.stop_policy is StopPolicy.HOLD and (state.entry is None or state.stop_at_once)
    if flat or holds:
        state.stopped = True
        turn.commands.append(Stop(halted=state.mode.halted, reason=state.mode.cause.label))
