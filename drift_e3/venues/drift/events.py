"""Events in a transaction's log, read through the IDL's coder into the records shared by both venues.

A log is what a node shows, not what happened; nothing here is needed to know what is owned. Total: what
cannot be read is left out.
"""

from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Any, Final

from solders.pubkey import Pubkey

from drift_e3.venues.drift.library import DRIFT_CODER, MALFORMED, variant
from drift_e3.venues.solana.anchor import DISCRIMINATOR_BYTES, event_discriminator
from drift_e3.venues.solana.program_logs import emitted
from drift_e3.venues.solana.records import (
    FundingSeen,
    LiquidatedSeen,
    OrderActionSeen,
    RecordSeen,
    SettledSeen,
)

TAIL_BYTES: Final = 16
"""What an older build's event may be shorter: fields are only ever added at the end, absent ones are zero."""

_LAYOUTS: Final = {
    event_discriminator(name): (name, DRIFT_CODER.events.layouts[name])
    for name in ("OrderActionRecord", "SettlePnlRecord", "FundingPaymentRecord", "LiquidationRecord")
}


def read_events(logs: Sequence[str], program_id: Pubkey) -> Iterator[RecordSeen]:
    """The records that the program wrote, in order; other events and unreadable ones are left out."""
    for payload in emitted(logs, program_id):
        name, layout = _LAYOUTS.get(payload[:DISCRIMINATOR_BYTES], ("", None))
        if layout is None:
            continue
        body = payload[DISCRIMINATOR_BYTES:]
        stream = BytesIO(body + bytes(TAIL_BYTES))
        try:
            yield _record(name, layout.parse_stream(stream))
        except MALFORMED:
            continue


def _record(name: str, event: Any) -> RecordSeen:
    match name:
        case "OrderActionRecord":
            return _order_action(event)
        case "SettlePnlRecord":
            return SettledSeen(event.ts, str(event.user), event.market_index, event.pnl)
        case "FundingPaymentRecord":
            return FundingSeen(
                event.ts,
                str(event.user),
                event.market_index,
                event.funding_payment,
                event.base_asset_amount,
            )
        case _:
            return LiquidatedSeen(event.ts, str(event.user), variant(event.liquidation_type), event.bankrupt)


def _order_action(event: Any) -> OrderActionSeen:
    return OrderActionSeen(
        ts=event.ts,
        action=variant(event.action),
        explanation=variant(event.action_explanation),
        market_index=event.market_index,
        is_perp=variant(event.market_type) == "Perp",
        fill_id=event.fill_record_id or 0,
        base=event.base_asset_amount_filled or 0,
        quote=event.quote_asset_amount_filled or 0,
        taker=_address(event.taker),
        taker_order_id=event.taker_order_id or 0,
        taker_is_long=_is_long(event.taker_order_direction),
        taker_fee=event.taker_fee or 0,
        maker=_address(event.maker),
        maker_order_id=event.maker_order_id or 0,
        maker_is_long=_is_long(event.maker_order_direction),
        maker_fee=event.maker_fee or 0,
        oracle_price=event.oracle_price,
    )


def _address(key: Pubkey | None) -> str:
    return str(key) if key is not None else ""


def _is_long(direction: Any | None) -> bool:
    return direction is not None and variant(direction) == "Long"
