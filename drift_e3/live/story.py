"""Tells people what happened: one event and its outcome as lines of the log, in order.

Pure: it chooses and rounds, the caller logs. The names stand in `log_events`.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from drift_e3.core import commands as cmd
from drift_e3.core import events as ev
from drift_e3.core import notes as nt
from drift_e3.core.decision import Decision
from drift_e3.core.state import TraderState
from drift_e3.core.terms import MS_PER_MINUTE, Mode, OrderKind, Verdict
from drift_e3.core.turn import Outcome

KEEPER_REWARD_USD = 0.05
"""A keeper who fires a stop takes a cent or so; more than this is somebody's trades."""


class Line(NamedTuple):
    """One line of the log; `level` is a method of the logger."""

    level: str
    name: str
    fields: dict[str, Any]


def story(event: ev.Event, outcome: Outcome, state: TraderState) -> Iterator[Line]:
    """The lines that an event and its outcome are worth; none for most market events."""
    match event:
        case ev.Fill():
            yield _filled(event)
        case ev.OrderRejected():
            yield Line("warning", "order.rejected", {"order_id": event.order_id, "reason": event.reason})
        case ev.OrderCancelled():
            # Our own sweeping of what rested for a closed trade is housekeeping, not a story.
            level = "debug" if event.reason == "requested" else "info"
            yield Line(level, "order.cancelled", {"order_id": event.order_id, "reason": event.reason})
        case ev.OrderAccepted():
            yield Line("debug", "order.accepted", {"order_id": event.order_id})
        case ev.FundingPaid():
            yield Line(
                "info",
                "funding.paid",
                {
                    "amount_usd": round(event.amount_usd, 6),
                    "rate_frac_1h": event.rate_frac_1h,
                    "position_base": event.position_base,
                },
            )
        case ev.AccountOpened():
            yield Line("info", "account.opened", {"equity_usd": round(event.equity_usd, 6)})
        case ev.CollateralMoved():
            fields = {"amount_usd": round(event.amount_usd, 6), "traded": event.traded}
            unexplained = event.traded and abs(event.amount_usd) > KEEPER_REWARD_USD
            yield Line("warning" if unexplained else "info", "account.moved", fields)
        case ev.EntriesBarred():
            name = "entries.barred" if event.reasons else "entries.allowed"
            yield Line("warning" if event.reasons else "info", name, {"reasons": list(event.reasons)})
        case ev.StopRequested():
            yield Line("info", "stop.requested", {"by": event.by, "policy": event.policy.label})
        case ev.HaltRequested() | ev.ReduceRequested() | ev.ResumeRequested() | ev.FlattenRequested():
            request = type(event).__name__.removesuffix("Requested").lower()
            yield Line("warning", "operator.asked", {"request": request, "by": event.by})
    for note in outcome.notes:
        yield _noted(note, event, state)
    for command in outcome.commands:
        line = _commanded(command)
        if line is not None:
            yield line


def _filled(fill: ev.Fill) -> Line:
    worse_usd = fill.side * (fill.price_usd - fill.reference_usd)
    return Line(
        "info",
        "order.filled",
        {
            "order_id": fill.order_id,
            "fill_id": fill.fill_id,
            "side": fill.side.label,
            "size_base": round(fill.size_base, 9),
            "price_usd": round(fill.price_usd, 6),
            "slippage_bps": round(worse_usd / fill.reference_usd * 1e4, 2),
            "fee_usd": round(fill.fee_usd, 6),
            "liquidity": fill.liquidity.label,
            "reason": fill.reason.label,
        },
    )


def _noted(note: nt.Note, event: ev.Event, state: TraderState) -> Line:
    match note:
        case nt.DecisionMade():
            return _decided(note.decision)
        case nt.RegimeChanged():
            fields = {
                "before": note.before.label,
                "after": note.after.label,
                "confidence": round(note.confidence, 3),
                "leverage_x_max": note.leverage_x_max,
                "by_advice": note.by_advice,
            }
            return Line("info", "regime.changed", fields)
        case nt.ModeChanged():
            if note.before is Mode.WARMING and note.after is Mode.TRADING:
                fields = {"frame_ms": state.feed.frame_ms, "equity_usd": round(note.equity_usd, 2)}
                return Line("info", "market.warmed", fields)
            fields = {
                "before": note.before.label,
                "after": note.after.label,
                "cause": note.cause.label,
                "equity_usd": round(note.equity_usd, 2),
            }
            if note.after is Mode.REDUCING:
                fields["until_ts"] = note.until_ts
            level = "warning" if note.after in {Mode.REDUCING, Mode.HALTED} else "info"
            return Line(level, "mode.changed", fields)
        case nt.AdviceTaken():
            advice = note.advice
            fields = {
                "question_id": note.question_id,
                "model": event.model if isinstance(event, ev.AdviceReceived) else "",
                "regime": advice.regime.label,
                "direction": advice.direction.label,
                "confidence": advice.confidence,
                "size_x": advice.multiplier,
                "latency_ms": note.latency_ms,
                "reasoning": advice.reasoning,
            }
            return Line("info", "advice.received", fields)
        case nt.AdviceMissed():
            fields = {
                "question_id": note.question_id,
                "reason": note.reason,
                "latency_ms": note.latency_ms,
                "detail": event.detail if isinstance(event, ev.AdviceFailed) else "",
            }
            return Line("info", "advice.failed", fields)
        case nt.AdviceWeighed():
            fields = {
                "question_id": note.question_id,
                "weight": note.weight,
                "confidence": note.confidence,
                "calibrated": round(note.calibrated, 3),
            }
            return Line("info", "advice.weighed", fields)
        case nt.AdviceJudged():
            fields = {
                "question_id": note.question_id,
                "direction": note.direction.label,
                "confidence": note.confidence,
                "calibrated": round(note.calibrated, 3),
                "base": round(note.base, 3),
                "right": note.right,
                "counted": note.counted,
                "evidence": round(note.evidence, 3),
            }
            return Line("debug", "advice.judged", fields)
        case nt.WeightChanged():
            fields = {
                "advisor": note.advisor,
                "before": note.before,
                "after": note.after,
                "evidence": round(note.evidence, 3),
                "counted": note.counted,
            }
            return Line("info" if note.after > note.before else "warning", "weight.changed", fields)
        case nt.OrderRefused():
            fields = {
                "reason": note.intent.reason.label,
                "refused": note.code,
                "size_base": note.intent.size_base,
            }
            return Line("warning", "order.refused", fields)
        case nt.PositionOpened():
            fields = {
                "trade_id": note.trade_id,
                "direction": note.direction.label,
                "size_base": round(note.size_base, 9),
                "entry_usd": round(note.entry_usd, 6),
                "stop_usd": round(note.stop_usd, 6),
                "target_usd": round(note.target_usd, 6),
                "strategy": note.strategy.label,
                "regime": note.regime.label,
                "leverage_x": round(note.leverage_x, 3),
                "leverage_x_max": note.leverage_x_max,
            }
            return Line("info", "position.opened", fields)
        case nt.PositionClosed():
            fields = {
                "trade_id": note.trade_id,
                "direction": note.direction.label,
                "strategy": note.strategy.label,
                "reason": note.reason.label,
                "net_usd": round(note.net_usd, 4),
                "price_pnl_usd": round(note.pnl.price_usd, 4),
                "slippage_usd": round(note.pnl.slippage_usd, 4),
                "fees_usd": round(note.pnl.fees_usd, 4),
                "funding_usd": round(note.pnl.funding_usd, 6),
                "held_minutes": round(note.held_ms / MS_PER_MINUTE, 2),
                "equity_usd": round(note.equity_usd, 2),
            }
            return Line("info", "position.closed", fields)
        case nt.StopArmed():
            fields = {
                "trade_id": note.trade_id,
                "trigger_usd": round(note.stop_usd, 6),
                "size_base": round(note.size_base, 9),
            }
            return Line("info", "stop.armed", fields)
        case nt.SettingsTaken():
            fields = {"changed": list(note.changed), "kept": list(note.kept)}
            return Line("info", "settings.changed", fields)
        case nt.DataStale():
            name = "market.stalled" if note.stale else "market.recovered"
            fields = {"channel": note.what, "age_s": note.age_s, "limit_s": note.limit_s}
            # What has not come yet, right after a start, is nothing to worry about.
            seen_before = note.age_s == note.age_s
            return Line("warning" if note.stale and seen_before else "info", name, fields)


def _decided(decision: Decision) -> Line:
    """A candle without a signal is told in short; with one, what was seen and weighed is told as well."""
    features = decision.features
    fields: dict[str, Any] = {
        "ts": decision.ts,
        "price_usd": round(decision.price_usd, 6),
        "regime": decision.regime.label,
        "strategy": decision.strategy.label,
        "direction": decision.direction.label,
        "confidence": round(decision.confidence, 3),
        "verdict": decision.verdict.label,
        "reason": decision.reason,
        "body_over_atr": _rounded(features.body_over_atr, 3),
        "volume_z": _rounded(features.volume_z, 2),
        "rv_rank": _rounded(features.rv_rank, 3),
        "funding_z": _rounded(features.funding_z, 2),
    }
    if decision.verdict is not Verdict.NONE:
        fields |= {
            "rule_regime": decision.rule_regime.label,
            "signal_confidence": round(decision.signal_confidence, 3),
            "advice": decision.no_advice or "used",
            "spread_bps": _rounded(features.spread_bps, 2),
            "premium_frac": _rounded(features.premium_frac, 6),
            "imbalance": _rounded(features.imbalance, 3),
            "leverage_x_max": decision.leverage_x_max,
            "size_base": round(decision.size_base, 9),
            "size_bound": decision.size_bound,
            "order_id": decision.order_id,
            "equity_usd": round(decision.equity_usd, 2),
        }
    return Line("info", "decision.made", fields)


def _commanded(command: cmd.Command) -> Line | None:
    match command:
        case cmd.AskAdvisor():
            fields: dict[str, Any] = {
                "question_id": command.question.question_id,
                "rule_regime": command.question.rule_regime.label,
                "deadline_ms": command.deadline_ms,
            }
            return Line("info", "advice.asked", fields)
        case cmd.SubmitOrder():
            intent = command.approved.intent
            fields = {
                "order_id": command.order_id,
                "side": intent.side.label,
                "kind": intent.kind.label,
                "size_base": round(intent.size_base, 9),
                "price_usd": round(intent.price_usd, 6),
                "reason": intent.reason.label,
                "reduce_only": intent.reduce_only,
            }
            # The stop has a line of its own; that a target rests beside it is a detail.
            level = "debug" if intent.kind is OrderKind.TRIGGER_MARKET else "info"
            return Line(level, "order.submitted", fields)
        case cmd.CancelOrder() | cmd.Stop():
            return None


def _rounded(value: float, digits: int) -> float | None:
    return round(value, digits) if value == value else None
