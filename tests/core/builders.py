"""Traders, orders and events for tests of the decision core: a warmed trader, and a story told to it."""

from typing import TypeVar

from drift_e3.core.advice import Advice
from drift_e3.core.commands import AskAdvisor, CancelOrder, Stop, SubmitOrder
from drift_e3.core.decision import Decision
from drift_e3.core.events import (
    Feed,
    Fill,
)
from drift_e3.core.modes import Trigger
from drift_e3.core.notes import DecisionMade, ModeChanged
from drift_e3.core.terms import (
    Approved,
    Direction,
    Instrument,
    Intent,
    Liquidity,
    OrderKind,
    Reason,
    Regime,
    Side,
    Strategy,
)
from drift_e3.core.turn import Outcome
from drift_e3.journal.codec import encode

START_TS = 1_700_006_400_000
"""2023-11-15 00:00 UTC."""
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
EQUITY_USD = 1_000.0
FREE = Instrument(taker_fee_bps=0.0, maker_fee_bps=0.0)
TICKS = Feed(frame_ms=MINUTE, oracle_ticks=True)
CANDLES = Feed(frame_ms=MINUTE)
QUIET_USD = 100.0
"""Where the warm-up ends."""
MODEL = "test-model"
NoteKind = TypeVar("NoteKind")


def an_intent(
    side: Side = Side.BUY,
    size_base: float = 1.0,
    price_usd: float = 100.0,
    *,
    kind: OrderKind = OrderKind.IOC,
    reason: Reason = Reason.ENTRY,
    reduce_only: bool = False,
) -> Intent:
    """An entry that buys one at 100, save what is named."""
    return Intent(
        side=side,
        kind=kind,
        size_base=size_base,
        price_usd=price_usd,
        reference_usd=price_usd,
        reason=reason,
        strategy=Strategy.E3,
        reduce_only=reduce_only,
    )


def an_order(size_base: float = 1.0, side: Side = Side.BUY) -> Approved:
    """An approved entry, as only a test may make one."""
    return Approved(intent=an_intent(side, size_base), leverage_x_max=3.0)


def a_fill(
    order_id: str = "entry",
    side: Side = Side.BUY,
    size_base: float = 1.0,
    price_usd: float = 100.0,
    *,
    reference_usd: float | None = None,
    fee_usd: float = 0.0,
    reason: Reason = Reason.ENTRY,
    seen_ts: int = START_TS,
) -> Fill:
    """A taker's fill at its reference price, save what is named."""
    return Fill(
        seen_ts=seen_ts,
        fill_id=f"{order_id}#1",
        order_id=order_id,
        side=side,
        size_base=size_base,
        price_usd=price_usd,
        reference_usd=price_usd if reference_usd is None else reference_usd,
        fee_usd=fee_usd,
        liquidity=Liquidity.TAKER,
        reason=reason,
    )


def some_advice(
    direction: Direction = Direction.LONG,
    confidence: float = 0.7,
    regime: Regime = Regime.HIGH_VOL,
    multiplier: float = 1.0,
) -> Advice:
    """Parsed advice."""
    return Advice(
        regime=regime, direction=direction, confidence=confidence, multiplier=multiplier, reasoning=""
    )


def an_answer(
    direction: str = "LONG", confidence: float = 0.7, regime: str = "high_vol", multiplier: float = 1.0
) -> str:
    """The raw text of an answer that is understood."""
    return (
        f'{{"regime": "{regime}", "direction": "{direction}", "confidence": {confidence}, '
        f'"multiplier": {multiplier}, "reasoning": ""}}'
    )


def bytes_of(outcome: Outcome) -> list[bytes]:
    """What the journal would hold of an outcome."""
    return [encode(message) for message in (*outcome.commands, *outcome.notes)]


def submitted(outcome: Outcome) -> list[SubmitOrder]:
    """The orders that an event led to."""
    return [command for command in outcome.commands if isinstance(command, SubmitOrder)]


def cancels(outcome: Outcome) -> list[str]:
    """The ids of orders that an event led to take back."""
    return [command.order_id for command in outcome.commands if isinstance(command, CancelOrder)]


def asked(outcome: Outcome) -> list[AskAdvisor]:
    """The questions that an event led to."""
    return [command for command in outcome.commands if isinstance(command, AskAdvisor)]


def stops(outcome: Outcome) -> list[Stop]:
    """The wishes to end that an event led to."""
    return [command for command in outcome.commands if isinstance(command, Stop)]


def immediate(outcome: Outcome) -> list[SubmitOrder]:
    """Of the orders those that act at once."""
    return [order for order in submitted(outcome) if order.approved.intent.kind is OrderKind.IOC]


def reasons(outcome: Outcome) -> list[Reason]:
    """Why the orders of an outcome exist, in order."""
    return [order.approved.intent.reason for order in submitted(outcome)]


def decisions(outcome: Outcome) -> list[Decision]:
    """The decisions that an event led to."""
    return [note.decision for note in outcome.notes if isinstance(note, DecisionMade)]


def mode_changes(outcome: Outcome) -> list[tuple[str, Trigger]]:
    """The modes that an event led to, each with its cause."""
    return [(note.after.label, note.cause) for note in outcome.notes if isinstance(note, ModeChanged)]


def notes_of(outcome: Outcome, kind: type[NoteKind]) -> list[NoteKind]:
    """The notes of one kind."""
    return [note for note in outcome.notes if isinstance(note, kind)]
