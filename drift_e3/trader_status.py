"""Fills the status from the trader's memory.

No secret can be in it: nothing is read but that memory and what the caller says around it.
"""

from dataclasses import dataclass
from math import inf

from drift_e3.core.decision import Decision
from drift_e3.core.guard import feeds
from drift_e3.core.orders import Order
from drift_e3.core.risk import liquidation_price
from drift_e3.core.state import TraderState
from drift_e3.core.terms import MS_PER_SECOND, WeightMode
from drift_e3.status import (
    AdvisorStatus,
    AlertStatus,
    ArrivalStatus,
    DaemonStatus,
    DecisionStatus,
    FeedStatus,
    LimitStatus,
    OrderStatus,
    PositionStatus,
    ServerStatus,
    Status,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What is to be told beside the trader's memory."""

    seq: int
    now_ts: int
    event_ts: int
    decision: Decision | None
    written_ts: int = 0
    daemon: DaemonStatus | None = None
    rpc: tuple[ServerStatus, ...] = ()
    alerts: AlertStatus | None = None
    arrivals: ArrivalStatus | None = None
    notes: tuple[str, ...] = ()


def status(state: TraderState, around: Circumstances) -> Status:
    """How the trader with this memory stands."""
    price_usd = state.market.price_usd
    equity_usd = state.account.equity_usd(price_usd)
    now_ts = around.now_ts
    bare_s = (now_ts - state.unprotected_since_ts) / MS_PER_SECOND if state.unprotected_since_ts >= 0 else 0.0
    return Status(
        seq=around.seq,
        now_ts=now_ts,
        event_ts=around.event_ts,
        written_ts=around.written_ts,
        daemon=around.daemon,
        symbol=state.instrument.symbol,
        account="paper" if state.account.opened is None else "live",
        live_feed=state.feed.live,
        mode=state.mode.mode.label,
        mode_cause=state.mode.cause.label,
        halted=state.mode.halted,
        halt_cause="" if state.mode.halt_cause is None else state.mode.halt_cause.label,
        regime=state.regime.label,
        leverage_x_max=state.settings.limits.leverage_caps[state.regime],
        equity_usd=_known(equity_usd),
        price_usd=_known(price_usd),
        position=_position(state, price_usd, equity_usd),
        orders=tuple(_order(order) for order in state.orders.by_id.values()),
        limits=_limits(state, equity_usd, now_ts),
        decision=None if around.decision is None else _decision(around.decision),
        feeds=tuple(
            FeedStatus(
                name=feed.name,
                age_s=_known(feed.age_s(now_ts)),
                limit_s=feed.limit_s if state.feed.live else None,
            )
            for feed in feeds(state)
        ),
        stale=state.stale,
        barred=state.barred,
        unprotected_s=bare_s,
        unprotected_s_max=max(state.tally.unprotected_ms_max / MS_PER_SECOND, bare_s),
        unprotected_s_total=state.tally.unprotected_ms / MS_PER_SECOND + bare_s,
        advisor=_advisor(state, now_ts),
        rpc=around.rpc,
        alerts=around.alerts,
        arrivals=around.arrivals,
        notes=around.notes,
    )


def _position(state: TraderState, price_usd: float, equity_usd: float) -> PositionStatus | None:
    trade, account = state.trade, state.account
    if trade is None:
        return None
    size_base = abs(account.position_base)
    stop_usd, _ = trade.stop_level()
    return PositionStatus(
        trade_id=trade.trade_id,
        side=trade.direction.label,
        size_base=size_base,
        entry_usd=account.entry_usd,
        price_usd=_known(price_usd),
        notional_usd=_known(size_base * price_usd),
        unrealised_usd=_known(account.position_base * (price_usd - account.entry_usd)),
        net_usd=_known(account.trade.net_usd(account.position_base, price_usd)),
        stop_usd=_known(stop_usd),
        stop_distance_frac=_known(trade.direction * (price_usd - stop_usd) / price_usd),
        stop_rests=state.orders.stopped_base() >= size_base - state.instrument.step_base / 2.0,
        target_usd=_known(trade.target_usd),
        liquidation_usd=_liquidation(state, equity_usd),
        leverage_x=_known(size_base * price_usd / equity_usd) if equity_usd > 0.0 else None,
        leverage_x_max=state.settings.limits.leverage_caps[state.regime],
        strategy=trade.strategy.label,
        opened_ts=trade.opened_ts,
    )


def _liquidation(state: TraderState, equity_usd: float) -> float | None:
    price_usd = state.market.price_usd
    liquidation_usd = liquidation_price(
        state.account.position_base, price_usd, equity_usd, state.instrument.maintenance_margin_frac
    )
    return liquidation_usd if 0.0 < liquidation_usd < inf else None


def _order(order: Order) -> OrderStatus:
    intent = order.intent
    return OrderStatus(
        order_id=order.order_id,
        side=intent.side.label,
        kind=intent.kind.label,
        reason=intent.reason.label,
        state=order.state.label,
        size_base=intent.size_base,
        filled_base=order.filled_base,
        price_usd=intent.price_usd,
        reduce_only=intent.reduce_only,
    )


def _limits(state: TraderState, equity_usd: float, now_ts: int) -> LimitStatus:
    breakers, limits = state.breakers, state.settings.limits
    return LimitStatus(
        daily_loss_frac=_known(breakers.daily_loss_frac(equity_usd)),
        daily_loss_max=limits.daily_loss_max,
        drawdown_frac=_known(breakers.drawdown_frac(equity_usd)),
        drawdown_max=limits.drawdown_max,
        drawdown_frac_max=state.tally.drawdown_frac_max,
        loss_streak=breakers.loss_streak,
        loss_streak_max=limits.loss_streak_max,
        paused_until_ts=breakers.paused_until_ts if now_ts < breakers.paused_until_ts else 0,
    )


def _decision(decision: Decision) -> DecisionStatus:
    return DecisionStatus(
        ts=decision.ts,
        direction=decision.direction.label,
        regime=decision.regime.label,
        strategy=decision.strategy.label,
        confidence=_known(decision.confidence),
        verdict=decision.verdict.label,
        reason=decision.reason,
        no_advice=decision.no_advice,
    )


def _advisor(state: TraderState, now_ts: int) -> AdvisorStatus:
    consultation = state.consultation
    enabled, asking = state.settings.ai_enabled, consultation.open_id != ""
    share_frac, counted = None, 0
    if state.settings.params.ai_weightMode is WeightMode.EARNED:
        # The newest is the last.
        record = next(reversed(state.skill.records.values()), None)
        share_frac, counted = (0.0, 0) if record is None else (record.share, record.counted)
    if consultation.held is None:
        return AdvisorStatus(
            enabled=enabled,
            asking=asking,
            missed=consultation.missed,
            share_frac=share_frac,
            counted=counted,
        )
    advice = consultation.held.advice
    return AdvisorStatus(
        enabled=enabled,
        asking=asking,
        missed=consultation.missed,
        share_frac=share_frac,
        counted=counted,
        regime=advice.regime.label,
        direction=advice.direction.label,
        confidence=advice.confidence,
        reasoning=advice.reasoning,
        age_s=(now_ts - consultation.held.received_ts) / MS_PER_SECOND,
    )


def _known(value: float) -> float | None:
    return value if value == value else None
