"""Entries: a closed candle becomes a question, an answer or its absence becomes a decision, perhaps an order.

A candle that nothing is asked about is decided at once; one that the advisor is asked about is decided when
the answer, its failure or the next candle arrives, whichever is first. The model never opens a trade by
itself: without a strategy's signal there is none.
"""

from drift_e3.core.advice import Question, Thesis
from drift_e3.core.blend import size_factor
from drift_e3.core.commands import AskAdvisor
from drift_e3.core.decision import Decision, Draft, Drafter, either_signals
from drift_e3.core.events import CandleClosed, Event
from drift_e3.core.guard import stale_feed
from drift_e3.core.levels import stop_fraction, stop_price
from drift_e3.core.notes import AdviceWeighed, DecisionMade
from drift_e3.core.risk import entry_size
from drift_e3.core.state import Pending
from drift_e3.core.terms import (
    BPS,
    IOC,
    MS_PER_SECOND,
    REDUCING,
    TRADING,
    UNKNOWN,
    Approved,
    Intent,
    Reason,
    Refused,
    Side,
    Verdict,
    WeightMode,
)
from drift_e3.core.trade import Trade
from drift_e3.core.turn import Turn

ASKING_MODES = frozenset({TRADING, REDUCING})
"""Modes in which advice can change anything: entries, or the cap over an open position."""


def consider(turn: Turn, event: Event, draft: Drafter) -> None:
    """Decide on a candle that has closed, or on one that has waited for the advisor long enough."""
    state = turn.state
    if isinstance(event, CandleClosed):
        # Not the time it was seen: after an outage many candles may be seen at once.
        close_ts = event.open_ts + state.feed.frame_ms
        _consider_candle(turn, Pending(close_ts, state.market.features), draft)
    elif state.pending is not None and not state.consultation.open_id:
        _decide(turn, state.pending, draft)


def _consider_candle(turn: Turn, pending: Pending, draft: Drafter) -> None:
    state, params = turn.state, turn.state.settings.params
    if state.pending is not None:
        _decide(turn, state.pending, draft, superseded=True)
    if (
        state.settings.ai_enabled
        and state.mode.mode in ASKING_MODES
        and state.consultation.is_due(
            signals=either_signals(pending.features, params, state.needs),
            regime_changed=turn.rule_regime_changed,
            now_ts=turn.now,
            params=params,
        )
    ):
        _ask(turn, pending)
        if params.ai_weightMode is WeightMode.FIXED or state.skill.has_say:
            state.pending = pending
            return
        # An answer that could not matter is asked for to be judged, and nothing waits for it.
    _decide(turn, pending, draft)


def question_about(turn: Turn, pending: Pending) -> Question:
    """What an advisor is told of a closed candle."""
    state = turn.state
    account, breakers, trade = state.account, state.breakers, state.trade
    return Question(
        question_id=f"{pending.ts}-ask",
        ts=turn.now,
        symbol=state.instrument.symbol,
        price_usd=turn.price_usd,
        features=pending.features,
        rule_regime=state.rule_regime,
        candles=tuple(state.market.recent_candles),
        position_base=account.position_base,
        entry_usd=account.entry_usd if trade is not None else UNKNOWN,
        held_ms=turn.now - trade.opened_ts if trade is not None else 0,
        leverage_x_max=turn.leverage_x_max(),
        equity_usd=turn.equity_usd,
        daily_loss_frac=breakers.daily_loss_frac(turn.equity_usd),
        drawdown_frac=breakers.drawdown_frac(turn.equity_usd),
        thesis=None if trade is None else _thesis(trade),
    )


def _ask(turn: Turn, pending: Pending) -> None:
    state = turn.state
    question = question_about(turn, pending)
    deadline_ms = state.settings.ai_deadline_ms
    state.consultation.ask(question.question_id, turn.now, deadline_ms)
    turn.commands.append(AskAdvisor(question=question, deadline_ms=deadline_ms))


def _thesis(trade: Trade) -> Thesis:
    stop_usd, _ = trade.stop_level()
    return Thesis(
        strategy=trade.strategy, regime=trade.regime, stop_usd=stop_usd, target_usd=trade.target_usd
    )


def _decide(turn: Turn, pending: Pending, drafter: Drafter, *, superseded: bool = False) -> None:
    state, consultation = turn.state, turn.state.consultation
    state.pending = None
    held, heard = consultation.held, consultation.heard
    draft = drafter(pending.features, turn.regime(), heard, turn.now, state.settings.params, state.needs)
    order_id, size_base, bound = "", 0.0, ""
    if draft.reason:
        verdict, reason = (Verdict.REFUSED if draft.direction else Verdict.NONE), draft.reason
    elif superseded:
        verdict, reason = Verdict.REFUSED, "superseded"
    else:
        order_id = f"{pending.ts}-entry"
        result, bound = _enter(turn, pending, draft, order_id)
        if isinstance(result, Approved):
            verdict, reason, size_base = Verdict.APPROVED, Reason.ENTRY.label, result.intent.size_base
        else:
            verdict, reason, order_id = Verdict.REFUSED, result.text, ""
    state.tally.decisions[draft.regime][verdict] += 1
    turn.notes.append(
        DecisionMade(
            # In the order of the fields: told by name, so many take three times as long, on every candle.
            decision=Decision(
                pending.ts,
                turn.price_usd,
                pending.features,
                state.rule_regime,
                state.rule_confidence,
                draft.regime,
                draft.strategy,
                draft.direction,
                draft.signal.confidence,
                draft.confidence,
                draft.signal.skipped,
                held.advice if held is not None and draft.used_advice else None,
                turn.now - held.received_ts if held is not None else 0,
                "" if draft.used_advice else _why_no_advice(turn),
                state.settings.limits.leverage_caps[draft.regime],
                verdict,
                reason,
                size_base,
                bound,
                order_id,
                turn.equity_usd,
                state.account.position_base,
            )
        )
    )
    if held is not None and heard is not None and heard != held and draft.used_advice:
        turn.notes.append(
            AdviceWeighed(
                question_id=held.question_id,
                weight=heard.trust,
                confidence=held.advice.confidence,
                calibrated=heard.advice.confidence,
            )
        )


def _why_no_advice(turn: Turn) -> str:
    state = turn.state
    if not state.settings.ai_enabled:
        return "off"
    if state.consultation.missed:
        return state.consultation.missed
    if not state.consultation.is_fresh(turn.now, state.settings.params):
        return "expired"
    return "not_earned" if state.consultation.heard is None else "not_weighed"


def _enter(turn: Turn, pending: Pending, draft: Draft, order_id: str) -> tuple[Approved | Refused, str]:
    """Size an entry and have it reviewed; the verdict, and the limit that set the size."""
    state = turn.state
    refused = _refuse_entry(turn, pending, draft)
    if refused is not None:
        return refused, ""
    limits, params, instrument = state.settings.limits, state.settings.params, state.instrument
    side, price_usd = Side(draft.direction), turn.price_usd
    depth_base = state.market.depth_base(side)
    if state.feed.book and depth_base != depth_base:
        # A book that should be there and is stale, crossed or empty on this side limits nothing.
        return Refused(code="depth_unknown"), ""
    size_base, bound = entry_size(
        turn.standing(side),
        size_factor(draft.confidence) * draft.multiplier,
        stop_fraction(draft.strategy, params),
        depth_base,
    )
    if size_base < instrument.min_base - instrument.step_base / 2:
        return Refused(code=f"below_minimum:{bound}", limit=instrument.min_base, value=size_base), bound
    intent = Intent(
        side=side,
        kind=IOC,
        size_base=size_base,
        price_usd=price_usd * (1.0 + side * limits.slippage_allowance_bps * BPS),
        reference_usd=price_usd,
        reason=Reason.ENTRY,
        strategy=draft.strategy,
        reduce_only=False,
    )
    verdict = turn.send(order_id, intent, stop_price(draft.direction, price_usd, draft.strategy, params))
    if isinstance(verdict, Approved):
        state.breakers.book_entry(turn.now)
        state.entry = Trade(
            trade_id=str(pending.ts),
            entry_order_id=order_id,
            strategy=draft.strategy,
            regime=draft.regime,
            direction=draft.direction,
            decided_ts=pending.ts,
        )
    return verdict, bound


def _late_candle(turn: Turn, pending: Pending) -> Refused | None:
    """Refuse a signal on a live candle that closed too long ago: after an outage many are seen at once."""
    state = turn.state
    age_s = (turn.now - pending.ts) / MS_PER_SECOND
    limit_s = state.settings.limits.data_age_max_s
    if state.feed.live and age_s > limit_s:
        return Refused(code="candle_stale", limit=limit_s, value=age_s)
    return None


def _refuse_entry(turn: Turn, pending: Pending, draft: Draft) -> Refused | None:
    """Gates before sizing, the most telling first."""
    state = turn.state
    limits = state.settings.limits
    if state.mode.mode is not TRADING:
        return Refused(code=f"mode_{state.mode.mode.label}")
    if state.trade is not None or state.entry is not None:
        return Refused(code="position_open")
    if not (turn.equity_usd > 0.0 and turn.price_usd > 0.0):
        return Refused(code="equity_unknown")
    stale = stale_feed(turn) or _late_candle(turn, pending)
    if stale is not None:
        return stale
    if state.barred:
        return Refused(code=f"barred:{state.barred[0]}")
    if draft.confidence < limits.risk_minConfidence:
        return Refused(code="risk_minConfidence", limit=limits.risk_minConfidence, value=draft.confidence)
    if state.orders.by_id:
        # What still rests from the last trade is reduce-only, but it would act on the new position as well.
        return Refused(code="orders_open", limit=0.0, value=float(len(state.orders.by_id)))
    return state.breakers.refuse_entry(turn.now, limits)
