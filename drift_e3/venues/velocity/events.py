"""Events in a transaction's log, read into the records shared by both venues.

A log is what a node shows, not what happened; nothing here is needed to know what is owned. Total: events
that are cut off before what they tell, and those of other kinds, are left out; a number that is not known is
told as one.
"""

from collections.abc import Iterator, Mapping, Sequence
from struct import Struct
from typing import Any, Final

from solders.pubkey import Pubkey

from drift_e3.venues.solana.anchor import DISCRIMINATOR_BYTES, event_discriminator
from drift_e3.venues.solana.program_logs import emitted
from drift_e3.venues.solana.records import (
    FundingSeen,
    LiquidatedSeen,
    OrderActionSeen,
    RecordSeen,
    SettledSeen,
)
from drift_e3.venues.velocity.codes import Direction, MarketType
from drift_e3.venues.velocity.wire import SCALARS, WIDE

TABLES: Final = {
    "OrderActionRecord": """
        ts:i64 action:u8 explanation:u8 market_index:u16 market_type:u8 filler:key? filler_reward:u64?
        fill_id:u64? base:u64? quote:u64? taker_fee:u64? maker_fee:i64? referrer_reward:u32?
        quote_surplus:i64? spot_fee:u64? taker:key? taker_order_id:u32? taker_direction:u8?
        taker_base:u64? taker_base_filled:u64? taker_quote_filled:u64? maker:key? maker_order_id:u32?
        maker_direction:u8? maker_base:u64? maker_base_filled:u64? maker_quote_filled:u64?
        oracle_price:i64""",
    "SettlePnlRecord": "ts:i64 user:key market_index:u16 pnl:i128",
    "FundingPaymentRecord": "ts:i64 authority:key user:key market_index:u16 payment:i64 base:i64",
    "LiquidationRecord": """
        ts:i64 kind:u8 user:key liquidator:key margin_requirement:u128 total_collateral:i128
        margin_freed:u64 liquidation_id:u16 bankrupt:bool""",
}
"""The fields of the events as far as they are of use, in order; ``?`` marks an option."""
ACTIONS: Final = ("Place", "Cancel", "Fill", "Trigger", "Expire")
EXPLANATIONS: Final = (
    "None",
    "InsufficientFreeCollateral",
    "OraclePriceBreachedLimitPrice",
    "MarketOrderFilledToLimitPrice",
    "OrderExpired",
    "Liquidation",
    "OrderFilledWithAMM",
    "OrderFilledWithAMMJit",
    "OrderFilledWithMatch",
    "OrderFilledWithMatchJit",
    "MarketExpired",
    "RiskingIncreasingOrder",
    "ReduceOnlyOrderIncreasedPosition",
)
LIQUIDATIONS: Final = (
    "LiquidatePerp",
    "LiquidateSpot",
    "LiquidateBorrowForPerpPnl",
    "LiquidatePerpPnlForDeposit",
    "PerpBankruptcy",
    "SpotBankruptcy",
)

_SCALAR = {kind: Struct(f"<{code}") for kind, code in SCALARS.items()}
_LAYOUTS = {
    event_discriminator(name): (name, [tuple(field.split(":")) for field in table.split()])
    for name, table in TABLES.items()
}
_OWED: Final = {"OrderActionRecord": "market_type"}
"""The last field without which the event tells nothing; otherwise the last of all."""


def read_events(logs: Sequence[str], program_id: Pubkey) -> Iterator[RecordSeen]:
    """The records that the program wrote, in order."""
    for payload in emitted(logs, program_id):
        name, layout = _LAYOUTS.get(payload[:DISCRIMINATOR_BYTES], ("", []))
        told = _fields(payload, layout)
        if layout and _OWED.get(name, layout[-1][0]) in told:
            yield _record(name, told)


def _fields(payload: bytes, layout: Sequence[tuple[str, ...]]) -> dict[str, Any]:
    """The fields that are there, up to the first that is cut off."""
    told: dict[str, Any] = {}
    at = DISCRIMINATOR_BYTES
    for name, kind in layout:
        if kind.endswith("?"):
            absent = payload[at : at + 1] == b"\0"
            at += 1
            if absent:
                continue
        scalar = _SCALAR[kind.rstrip("?")]
        if at + scalar.size > len(payload):
            break
        value = scalar.unpack_from(payload, at)[0]
        told[name] = int.from_bytes(value, "little", signed=WIDE[kind]) if kind in WIDE else value
        at += scalar.size
    return told


def _record(name: str, told: Mapping[str, Any]) -> RecordSeen:
    match name:
        case "OrderActionRecord":
            return _order_action(told)
        case "SettlePnlRecord":
            return SettledSeen(told["ts"], _address(told, "user"), told["market_index"], told["pnl"])
        case "FundingPaymentRecord":
            user, market_index = _address(told, "user"), told["market_index"]
            return FundingSeen(told["ts"], user, market_index, told["payment"], told["base"])
        case _:
            kind = _word(LIQUIDATIONS, told["kind"])
            return LiquidatedSeen(told["ts"], _address(told, "user"), kind, told["bankrupt"])


def _order_action(told: Mapping[str, Any]) -> OrderActionSeen:
    return OrderActionSeen(
        ts=told["ts"],
        action=_word(ACTIONS, told["action"]),
        explanation=_word(EXPLANATIONS, told["explanation"]),
        market_index=told["market_index"],
        is_perp=told["market_type"] == MarketType.PERP,
        fill_id=told.get("fill_id", 0),
        base=told.get("base", 0),
        quote=told.get("quote", 0),
        taker=_address(told, "taker"),
        taker_order_id=told.get("taker_order_id", 0),
        taker_is_long=told.get("taker_direction") == Direction.LONG,
        taker_fee=told.get("taker_fee", 0),
        maker=_address(told, "maker"),
        maker_order_id=told.get("maker_order_id", 0),
        maker_is_long=told.get("maker_direction") == Direction.LONG,
        maker_fee=told.get("maker_fee", 0),
        oracle_price=told.get("oracle_price", 0),
    )


def _address(told: Mapping[str, Any], name: str) -> str:
    return str(Pubkey.from_bytes(told[name])) if name in told else ""


def _word(words: Sequence[str], number: int) -> str:
    return words[number] if number < len(words) else f"Unknown{number}"
