"""Entries, compiled: a closed candle becomes a question or a decision, a decision perhaps an order.

`core.entries`, `decision` and `consultation` on a candle tape. Signals, blending, sizing and the review are
the core's functions; what an answer says was parsed beforehand, by the core's own parser.
"""

from enum import IntEnum
from typing import Final

from drift_e3.core.blend import blend, freshness, size_factor
from drift_e3.core.consultation import OVERDUE_GRACE_MS
from drift_e3.core.levels import stop_fraction, stop_price
from drift_e3.core.risk import bounded_size
from drift_e3.core.strategies import Needs, Signal, e3_signal, fade_signal, no_signal
from drift_e3.core.terms import BPS, E3, FUNDING_FADE, MS_PER_MINUTE, UNKNOWN, Reason, Verdict
from drift_e3.lab.kernel.books import ANSWERS_MAX, DECISIONS_MAX, FAULT_EVENTS
from drift_e3.lab.kernel.guarding import REDUCING, TRADING, book_entry, cools_down_ms, count_entries
from drift_e3.lab.kernel.layout import Row
from drift_e3.lab.kernel.orders import KIND_IOC, send, standing


class Why(IntEnum):
    """Why a decision was taken, in the order in which the core asks."""

    ENTERED = 0
    NO_SIGNAL = 1
    VETOED = 2
    SUPERSEDED = 3
    MODE = 4
    POSITION_OPEN = 5
    EQUITY_UNKNOWN = 6
    CONFIDENCE = 7
    ORDERS_OPEN = 8
    COOLDOWN = 9
    HOUR = 10
    DAY = 11
    BELOW_MINIMUM = 12
    BREACH = 13


ENTERED: Final = int(Why.ENTERED)
NO_SIGNAL: Final = int(Why.NO_SIGNAL)
VETOED: Final = int(Why.VETOED)
SUPERSEDED: Final = int(Why.SUPERSEDED)
MODE: Final = int(Why.MODE)
POSITION_OPEN: Final = int(Why.POSITION_OPEN)
EQUITY_UNKNOWN: Final = int(Why.EQUITY_UNKNOWN)
CONFIDENCE: Final = int(Why.CONFIDENCE)
ORDERS_OPEN: Final = int(Why.ORDERS_OPEN)
COOLDOWN: Final = int(Why.COOLDOWN)
HOUR: Final = int(Why.HOUR)
DAY: Final = int(Why.DAY)
BELOW_MINIMUM: Final = int(Why.BELOW_MINIMUM)
BREACH: Final = int(Why.BREACH)

NONE: Final = int(Verdict.NONE)
APPROVED: Final = int(Verdict.APPROVED)
REFUSED: Final = int(Verdict.REFUSED)
ENTRY: Final = int(Reason.ENTRY)

MISSED: Final = ("", "not_asked", "off", "overdue", "late", "not_weighed", "expired")
"""Words for why there is no advice, by their numbers; those that answers bring along come after."""
NOT_MISSED, NOT_ASKED, OFF, OVERDUE, LATE, NOT_WEIGHED, EXPIRED = range(len(MISSED))


def needs_of(r: Row) -> Needs:
    """What the feed should have; a candle tape has no books."""
    return Needs(False, r.needs_premium)


def signal_of(strategy: int, bar: Row, r: Row) -> Signal:
    """What a strategy makes of a candle."""
    if strategy == E3:
        return e3_signal(bar, r.params, needs_of(r))
    if strategy == FUNDING_FADE:
        return fade_signal(bar, r.params, needs_of(r))
    return no_signal(bar, r.params, needs_of(r))


# -- asking --------------------------------------------------------------------------------------------------


def asks(b: Row, r: Row, bar: Row) -> bool:
    """Whether the advisor is to be asked on this candle."""
    if not r.ai_enabled or b.mode not in (TRADING, REDUCING):
        return False
    if b.rule_regime_changed:
        return True
    ttl_ms = r.params.ai_ttlSeconds * 1_000.0
    is_fresh = b.has_advice and b.now - b.held.ts < ttl_ms
    if not is_fresh and (
        e3_signal(bar, r.params, needs_of(r)).direction != 0
        or fade_signal(bar, r.params, needs_of(r)).direction != 0
    ):
        return True
    return bool((b.asked_ts < 0 or b.now - b.asked_ts >= ttl_ms) and b.question_row < 0)


def ask(b: Row, r: Row, bar: Row, answer: Row) -> None:
    """Open a question about a candle, which is decided on when that is closed; the answer is on its way."""
    b.pending_row = b.question_row = b.row
    b.pending = bar
    b.asked_ts = b.now
    b.deadline_ts = b.now + r.ai_deadline_ms
    if b.answers_due >= ANSWERS_MAX:
        b.fault = FAULT_EVENTS
        return
    ts = b.now + answer.latency_ms
    place = b.answers_due
    while place > 0 and b.answers[place - 1].ts > ts:
        b.answers[place] = b.answers[place - 1]
        place -= 1
    b.answers[place] = answer
    due = b.answers[place]
    due.row, due.ts = b.row, ts
    b.answers_due += 1


def give_up_overdue(b: Row) -> None:
    """Close a question that should have been answered by now."""
    if b.question_row >= 0 and b.now > b.deadline_ts + OVERDUE_GRACE_MS:
        b.question_row = -1
        b.missed = OVERDUE


def take_answer(b: Row) -> None:
    """Hear the answer that is due first; one to a question that is closed is worth nothing."""
    answer = b.answers[0]
    if answer.row == b.question_row:
        b.question_row = -1
        if not answer.is_failure and answer.latency_ms > b.deadline_ts - b.asked_ts:
            b.missed = LATE
        elif answer.missed != NOT_MISSED:
            b.missed = answer.missed
        else:
            b.held, b.has_advice, b.missed = answer, True, NOT_MISSED
    b.answers_due -= 1
    for place in range(b.answers_due):
        b.answers[place] = b.answers[place + 1]


# -- deciding ------------------------------------------------------------------------------------------------


def settle(b: Row, r: Row) -> None:
    """Decide on the candle that has waited for the advisor, once the question is closed."""
    if b.pending_row >= 0 and b.question_row < 0:
        decide(b, r, b.pending, b.pending_row, False)


def decide(b: Row, r: Row, bar: Row, row: int, superseded: bool) -> None:
    """Decide on a candle, and send the entry where there is to be one."""
    b.pending_row = -1
    strategy = r.params.routing[b.regime]
    signal = signal_of(strategy, bar, r)
    confidence, multiplier, used, vetoed = signal.confidence, 1.0, False, False
    why, detail, limit, value, size_base, bound = NO_SIGNAL, 0, UNKNOWN, UNKNOWN, 0.0, -1
    verdict = NONE
    if signal.direction != 0:
        verdict = REFUSED
        if b.has_advice:
            held = b.held
            blended = blend(
                signal.direction,
                signal.confidence,
                held.direction,
                held.confidence,
                held.multiplier,
                freshness(b.now - held.ts, r.params.ai_ttlSeconds),
                r.params,
            )
            confidence, multiplier = blended.confidence, blended.multiplier
            used, vetoed = blended.used, blended.vetoed
        if vetoed:
            why = VETOED
        elif superseded:
            why = SUPERSEDED
        else:
            close_ts = bar.open_ts + r.frame_ms
            why, detail, limit, value = refusal(b, r, confidence)
            if why == ENTERED:
                why, detail, limit, value, size_base, bound = _enter(
                    b, r, strategy, signal.direction, confidence, multiplier, close_ts
                )
            if why == ENTERED:
                verdict = APPROVED
    b.decisions[b.regime, verdict] += 1
    if b.decisions_new >= DECISIONS_MAX:
        b.fault = FAULT_EVENTS
        return
    kept = b.made[b.decisions_new]
    b.decisions_new += 1
    kept.equity_usd = b.equity_usd
    if b.keeps_all:
        kept.row, kept.price_usd = row, b.price_usd
        kept.rule_regime, kept.rule_confidence, kept.regime = b.rule_regime, b.rule_confidence, b.regime
        kept.strategy, kept.direction = strategy, signal.direction
        kept.signal_confidence, kept.confidence = signal.confidence, confidence
        kept.skipped_legs, kept.failed_leg = signal.skipped, int(signal.failed)
        kept.advice = b.held.row if b.has_advice else -1
        kept.advice_age_ms = b.now - b.held.ts if b.has_advice else 0
        kept.used_advice, kept.missed = used, b.missed
        if not used and b.missed == NOT_MISSED:
            is_fresh = b.now - b.held.ts < r.params.ai_ttlSeconds * 1_000.0
            kept.missed = NOT_WEIGHED if is_fresh else EXPIRED
        kept.verdict, kept.why, kept.detail = verdict, why, detail
        kept.limit, kept.value = limit, value
        kept.size_base = size_base if verdict == APPROVED else 0.0
        kept.bound, kept.position_base = bound, b.position_base


def refusal(b: Row, r: Row, confidence: float) -> tuple[int, int, float, float]:
    """What stands against an entry before it is sized: why, a detail, the limit and the value."""
    limits = r.limits
    if b.mode != TRADING:
        return MODE, int(b.mode), UNKNOWN, UNKNOWN
    if b.in_trade or b.entry_serial != 0:
        return POSITION_OPEN, 0, UNKNOWN, UNKNOWN
    if not (b.equity_usd > 0.0 and b.price_usd > 0.0):
        return EQUITY_UNKNOWN, 0, UNKNOWN, UNKNOWN
    if confidence < limits.risk_minConfidence:
        return CONFIDENCE, 0, limits.risk_minConfidence, confidence
    if b.orders_open > 0:
        return ORDERS_OPEN, 0, 0.0, float(b.orders_open)
    cooling_ms = cools_down_ms(b, r)
    if cooling_ms >= 0:
        return COOLDOWN, 0, limits.cooldown_minutes, cooling_ms / MS_PER_MINUTE
    in_hour, in_day = count_entries(b)
    if in_hour >= limits.trades_per_hour_max:
        return HOUR, 0, float(limits.trades_per_hour_max), float(in_hour)
    if in_day >= limits.trades_per_day_max:
        return DAY, 0, float(limits.trades_per_day_max), float(in_day)
    return ENTERED, 0, UNKNOWN, UNKNOWN


def _enter(
    b: Row, r: Row, strategy: int, direction: int, confidence: float, multiplier: float, close_ts: int
) -> tuple[int, int, float, float, float, int]:
    """Size an entry and have it reviewed: why, a detail, limit and value, the size and what set it."""
    instrument = r.instrument
    size_base, bound = bounded_size(
        standing(b, r, direction),
        size_factor(confidence) * multiplier,
        stop_fraction(strategy, r.params),
        UNKNOWN,
    )
    if size_base < instrument.min_base - instrument.step_base / 2:
        return BELOW_MINIMUM, int(bound), instrument.min_base, size_base, size_base, int(bound)
    price_usd = b.price_usd
    broken, limit, value = send(
        b,
        r,
        direction,
        KIND_IOC,
        size_base,
        price_usd * (1.0 + direction * r.limits.slippage_allowance_bps * BPS),
        price_usd,
        ENTRY,
        False,
        False,
        close_ts,
        0,
        stop_price(direction, price_usd, strategy, r.params),
    )
    if broken != 0:
        return BREACH, broken, limit, value, size_base, int(bound)
    book_entry(b)
    b.entry_serial = b.serial
    b.entry_strategy, b.entry_regime, b.entry_direction = strategy, b.regime, direction
    b.entry_decided_ts = close_ts
    return ENTERED, 0, limit, value, size_base, int(bound)
