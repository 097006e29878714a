"""How the trader stands, for people and their scripts: plain values made from its memory.

Here live the shape and the one place that fills it; who asks, and whether a daemon or a journal answers, is
the callers' business. No secret can be in it: nothing is read but the trader's own memory. A number that is
not known is None.
"""

from dataclasses import dataclass
from math import inf

from drift_e3.core.decision import Decision
from drift_e3.core.guard import feeds
from drift_e3.core.orders import Order
from drift_e3.core.risk import liquidation_price
from drift_e3.core.state import TraderState
from drift_e3.core.terms import MS_PER_SECOND, WeightMode


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionStatus:
    """An open position. `unrealised_usd` is of the price alone, `net_usd` with fees, slippage and funding.

    `stop_usd` is where the stop belongs, `stop_distance_frac` how far the price may still move against the
    position until there, as a fraction of it; `stop_rests`: the venue has said that it has one for the whole
    size. `liquidation_usd` is where the venue would take it, None where no price could bring that about.
    `leverage_x` is notional over equity, `leverage_x_max` the cap of the regime in force.
    """

    trade_id: str
    side: str
    size_base: float
    entry_usd: float
    price_usd: float | None
    notional_usd: float | None
    unrealised_usd: float | None
    net_usd: float | None
    stop_usd: float | None
    stop_distance_frac: float | None
    stop_rests: bool
    target_usd: float | None
    liquidation_usd: float | None
    leverage_x: float | None
    leverage_x_max: float
    strategy: str
    opened_ts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderStatus:
    """An order that is not done; `price_usd` is its worst, its resting or its trigger price."""

    order_id: str
    side: str
    kind: str
    reason: str
    state: str
    size_base: float
    filled_base: float
    price_usd: float
    reduce_only: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitStatus:
    """How near the limits are: losses as fractions of the day's open and of the high-water mark, negative for
    a gain, each with its limit. `paused_until_ts` is 0 without a pause, and
    the end of the year 9999 for one that lasts until somebody resumes."""

    daily_loss_frac: float | None
    daily_loss_max: float
    drawdown_frac: float | None
    drawdown_max: float
    drawdown_frac_max: float
    loss_streak: int
    loss_streak_max: int
    paused_until_ts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionStatus:
    """The last decision and its reason; `no_advice` says why the advisor had no part in it ("" if it had)."""

    ts: int
    direction: str
    regime: str
    strategy: str
    confidence: float | None
    verdict: str
    reason: str
    no_advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedStatus:
    """A feed's age, None when nothing came yet; `limit_s` (live feeds only) is the age that stops entries."""

    name: str
    age_s: float | None
    limit_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerStatus:
    """An RPC server of the chain, by its host alone: how often it was called, and what became of the calls.

    `outcomes` counts by method, then by outcome: ``answered``, ``rejected``, or how it failed; a call may
    fail before it is sent. `latency_ms` (the last answer's) and `slot` (the highest told of) are None before
    there is an answer. `resting`: it failed a moment ago and is left alone.
    """

    host: str
    calls: int
    errors: int
    outcomes: dict[str, dict[str, int]]
    latency_ms: float | None
    slot: int | None
    resting: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertStatus:
    """What became of the notices to people: `sent` to all messengers, `failed` at one at least, told again
    too soon (`repeated`), beyond the hour's number (`limited`), or gone because too many waited (`dropped`).
    `waiting` are on their way. `last_failed`: the last one that was sent, failed."""

    sent: int = 0
    failed: int = 0
    repeated: int = 0
    limited: int = 0
    dropped: int = 0
    waiting: int = 0
    last_failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivalStatus:
    """What a live market has brought and the trader has not taken yet: events that are `waiting` now, the
    most that ever were, and the `room` for them.

    `merged` counts, by what they were, those that a newer one of their kind replaced meanwhile; what happens
    once (a fill, an answer, a candle) never is.
    """

    waiting: int
    waiting_most: int
    room: int
    merged: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvisorStatus:
    """Whether advice is asked for, the advice at hand, or why there is none.

    `share_frac` is what the advisor that was heard last has earned of ai_confidenceWeight, from so many
    `counted` answers; None where the weight is fixed. `reasoning` is the advice's own, as it came.
    """

    enabled: bool
    asking: bool
    missed: str
    share_frac: float | None = None
    counted: int = 0
    regime: str = ""
    direction: str = ""
    confidence: float | None = None
    reasoning: str = ""
    age_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonStatus:
    """The daemon that answers; `venue` as in the settings, `speed` None for as fast as it goes."""

    pid: int
    version: str
    venue: str
    speed: float | None
    started_ts: int
    uptime_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How the trader stands after event `seq` of the journal, at `now_ts` (UTC, ms), by which ages count.

    `daemon` is None when it was read from the journal of a daemon that does not run; `written_ts` is then
    when that was last written. `account` is ``live`` or ``paper``. `unprotected_s` are seconds without a stop
    on the venue: now, the longest time, and all in all. `rpc` are the chain's servers, none where no chain is
    read; `alerts` is None where nobody is to be told, `arrivals` where the market does not come by itself.
    """

    seq: int
    now_ts: int
    event_ts: int
    written_ts: int = 0
    daemon: DaemonStatus | None = None
    symbol: str
    account: str
    live_feed: bool
    mode: str
    mode_cause: str
    halted: bool
    halt_cause: str
    regime: str
    leverage_x_max: float
    equity_usd: float | None
    price_usd: float | None
    position: PositionStatus | None
    orders: tuple[OrderStatus, ...]
    limits: LimitStatus
    decision: DecisionStatus | None
    feeds: tuple[FeedStatus, ...]
    stale: str
    barred: tuple[str, ...]
    unprotected_s: float
    unprotected_s_max: float
    unprotected_s_total: float
    advisor: AdvisorStatus
    rpc: tuple[ServerStatus, ...] = ()
    alerts: AlertStatus | None = None
    arrivals: ArrivalStatus | None = None
    notes: tuple[str, ...] = ()


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
