"""What protects the account on every event, whatever the advisor does: limits, exits, exposure, stops."""

from typing import NamedTuple

from drift_e3.core import desk
from drift_e3.core.events import CandleClosed, Event, Heartbeat, OracleTick
from drift_e3.core.modes import Trigger
from drift_e3.core.notes import DataStale, RegimeChanged
from drift_e3.core.risk import is_overexposed, size_within_cap
from drift_e3.core.state import TraderState
from drift_e3.core.terms import LONG, MS_PER_SECOND, REDUCING, TRADING, UNKNOWN, Reason, Refused
from drift_e3.core.turn import Turn


def guard(turn: Turn, event: Event) -> None:
    """Break what must be broken, leave what must be left, keep the stop where it belongs."""
    watch_limits(turn)
    watch_regime(turn)
    state = turn.state
    if state.feed.live:
        watch_staleness(turn)
    watch_protection(turn)
    if state.trade is not None:
        if state.mode.halted or state.flatten_asked:
            desk.close_position(turn, 0.0, Reason.FLATTEN)
        watch_exits(turn, event)
        standing = turn.standing(state.trade.closing_side)
        if is_overexposed(standing):
            desk.close_position(turn, size_within_cap(standing), Reason.REDUCE)
        desk.protect(turn, candle_closed=isinstance(event, CandleClosed))
    elif state.entry is None:
        # While an entry is on its way it may still fill, and that is to be closed as well.
        state.flatten_asked = False
    if state.mode.mode is not TRADING and state.entry is not None:
        desk.cancel_entries(turn)


def watch_limits(turn: Turn) -> None:
    """Mark equity against the breakers, and let pauses begin and end."""
    state = turn.state
    state.tally.mark(turn.equity_usd)
    broken = state.breakers.mark(turn.equity_usd, turn.now, state.settings.limits)
    if broken is not None:
        turn.trigger(broken)
    if turn.now < state.breakers.paused_until_ts:
        if state.mode.mode is TRADING:
            turn.trigger(state.breakers.pause_cause)
    elif state.mode.mode is REDUCING:
        turn.trigger(Trigger.PAUSE_OVER)


def watch_regime(turn: Turn) -> None:
    """Say when the regime in force has changed: by the rules, by advice, or because advice has expired."""
    state = turn.state
    regime = turn.regime()
    if regime is not state.regime:
        by_advice = regime is not state.rule_regime
        held = state.consultation.held
        turn.notes.append(
            RegimeChanged(
                before=state.regime,
                after=regime,
                confidence=held.advice.confidence
                if by_advice and held is not None
                else state.rule_confidence,
                leverage_x_max=state.settings.limits.leverage_caps[regime],
                by_advice=by_advice,
            )
        )
        state.regime = regime


def watch_exits(turn: Turn, event: Event) -> None:
    """Leave at stop, trailing level, target or time; the peak is taken after the check, never before.

    With oracle ticks their price decides; without, or when the oracle is silent, a closed candle's close
    does, as the backstop of the orders that rest on the venue, and the candle's extreme moves the peak. Time
    passes on heartbeats and candles as well.
    """
    state = turn.state
    trade = state.trade
    if trade is None or not isinstance(event, OracleTick | CandleClosed | Heartbeat):
        return
    params, limits, market = state.settings.params, state.settings.limits, state.market
    priced = isinstance(event, OracleTick) or (
        isinstance(event, CandleClosed) and market.price_ts == event.open_ts + state.feed.frame_ms
    )
    reason = trade.exit_reason(
        turn.price_usd if priced else UNKNOWN,
        turn.now,
        market.funding_z,
        market.funding_frac_1h,
        params,
        limits,
    )
    if reason is not None:
        desk.close_position(turn, 0.0, reason)
    if not priced:
        return
    best_usd = turn.price_usd
    if isinstance(event, CandleClosed) and event.seen_ts - trade.opened_ts > 1:
        # Not for a trade that a late answer opened in the candle's last moment: its extreme came before.
        best_usd = event.high if trade.direction is LONG else event.low
    trade.track(best_usd, params)


def watch_protection(turn: Turn) -> None:
    """Count how long the position stands without a stop on the venue; past the limit, leave."""
    state, now = turn.state, turn.now
    if state.trade is None and state.unprotected_since_ts < 0:
        return
    position_base = abs(state.account.position_base)
    if state.orders.stopped_base() >= position_base - state.instrument.step_base / 2.0:
        if state.unprotected_since_ts >= 0:
            state.tally.count_unprotected(now - state.unprotected_since_ts)
            state.unprotected_since_ts = -1
    elif state.unprotected_since_ts < 0:
        state.unprotected_since_ts = now
    elif now - state.unprotected_since_ts > state.settings.limits.unprotected_max_s * MS_PER_SECOND:
        desk.close_position(turn, 0.0, Reason.UNPROTECTED)


class Freshness(NamedTuple):
    """One of a market's feeds: when it was last heard of (UTC, ms; 0 for never), and how old that may be for
    an entry where the feed is live."""

    name: str
    seen_ts: int
    limit_s: float

    def age_s(self, now_ts: int) -> float:
        """How long ago that was; unknown for never."""
        return (now_ts - self.seen_ts) / MS_PER_SECOND if self.seen_ts > 0 else UNKNOWN


def feeds(state: TraderState) -> list[Freshness]:
    """What the market delivers; a candle may be older by its own length, for the next is only due then."""
    limits, market = state.settings.limits, state.market
    candle_limit_s = limits.data_age_max_s + state.feed.frame_ms / MS_PER_SECOND
    known = [Freshness("candle", market.candle_seen_ts, candle_limit_s)]
    if state.feed.oracle_ticks:
        known.append(Freshness("oracle", market.oracle_publish_ts, limits.oracle_age_max_s))
    if state.feed.book:
        known.append(Freshness("book", market.book_seen_ts, limits.data_age_max_s))
    return known


def stale_feed(turn: Turn) -> Refused | None:
    """The first live feed that is too old for an entry; None for a recorded or synthetic market."""
    state = turn.state
    if not state.feed.live:
        return None
    for feed in feeds(state):
        age_s = feed.age_s(turn.now)
        if not age_s <= feed.limit_s:
            return Refused(code=f"{feed.name}_stale", limit=feed.limit_s, value=age_s)
    return None


def watch_staleness(turn: Turn) -> None:
    """Say when a live feed has become too old for entries, and when it is fresh again."""
    state = turn.state
    found = stale_feed(turn)
    what = found.code if found is not None else ""
    if what != state.stale:
        turn.notes.append(
            DataStale(
                what=what or state.stale,
                age_s=found.value if found is not None else UNKNOWN,
                limit_s=found.limit if found is not None else UNKNOWN,
                stale=found is not None,
            )
        )
        state.stale = what
