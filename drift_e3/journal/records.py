"""Messages as flat records for people and other programs: labels for enumerations, null for unknown.

Pure. The one mapping for what a backtest prints and what a journal exports: a message gives the same record
before it was journaled and after.
"""

from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from typing import Any

from drift_e3.core.commands import SubmitOrder
from drift_e3.core.notes import DecisionMade
from drift_e3.core.params import Limits, Params
from drift_e3.core.strategies import Leg
from drift_e3.core.terms import Regime, Strategy, Term
from drift_e3.journal.codec import KINDS, MESSAGE_TYPES, Message

Record = dict[str, Any]

EXPORT_NAMES = {"decision_made": "decision", "submit_order": "order"}
"""Kinds that people know by another name; all others are exported under their own."""

RECORD_KINDS: dict[str, str] = {EXPORT_NAMES.get(kind, kind): kind for kind in MESSAGE_TYPES}
"""The journal's kind for each name of a record, events first, then commands, then notes."""


def record(message: Message, ts: int) -> Record:
    """A message as a flat record with `kind` and `ts` first.

    `ts` (UTC, ms) is the event time at which it was journaled; events and decisions carry their own, which is
    the same for events and the candle's close for decisions.
    """
    kind = KINDS[type(message)]
    head: Record = {"kind": EXPORT_NAMES.get(kind, kind), "ts": ts}
    match message:
        case SubmitOrder():
            approved = _plain(message.approved)
            intent = approved.pop("intent")
            intent["order_kind"] = intent.pop("kind")
            return {**head, "order_id": message.order_id, **intent, **approved}
        case DecisionMade():
            decision = _plain(message.decision)
            decision["skipped_legs"] = [leg.label for leg in Leg if message.decision.skipped_legs >> leg & 1]
            return {**head, **decision}
        case _:
            body = _plain(message)
            body.pop("seen_ts", None)
            return {**head, **body}


def _plain(value: Any) -> Any:
    """A value as JSON knows it."""
    match value:
        case Term():
            return value.label
        case float():
            return value if value == value else None
        case Params():
            return {**_named(value), "routing": _by_regime([Strategy(route) for route in value.routing])}
        case Limits():
            return {**_named(value), "leverage_caps": _by_regime(value.leverage_caps)}
        case tuple():
            return _named(value) if hasattr(value, "_fields") else [_plain(item) for item in value]
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return value


def _named(value: Any) -> Record:
    return {name: _plain(item) for name, item in value._asdict().items()}


def _by_regime(values: Iterable[Any]) -> Record:
    return {regime.label: _plain(item) for regime, item in zip(Regime, values, strict=True)}
