"""How the trader stands, for people and their scripts: plain values, None for a number that is not known.

Here lives the shape alone; `trader_status` fills it, and who asks, and whether a daemon or a journal answers,
is the callers' business.
"""

from dataclasses import dataclass


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
