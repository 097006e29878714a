"""The program's accounts: sizes and offsets as published, and every field as the IDL's own coder reads it."""

import json
from base64 import b64decode
from pathlib import Path
from random import Random
from typing import Any

import pytest
from anchorpy import Coder, Idl

from drift_e3.venues.velocity.layouts import (
    ACCOUNTS,
    ORDER,
    PERP_MARKET,
    PERP_POSITION,
    PYTH_LAZER_ORACLE,
    SPOT_MARKET,
    SPOT_POSITION,
    STATE,
    USER,
    USER_STATS,
)
from drift_e3.venues.velocity.wire import AccountLayout

RECORDED = ("velocity_state", "velocity_perp_markets", "velocity_spot_markets", "velocity_oracles")


def test_sizes_add_up_to_the_byte() -> None:
    sizes = {layout.name: layout.size for layout in (*ACCOUNTS, ORDER, PERP_POSITION, SPOT_POSITION)}
    assert sizes == {
        "State": 1752,
        "PerpMarket": 1304,
        "SpotMarket": 808,
        "User": 4496,
        "UserStats": 240,
        "PythLazerOracle": 48,
        "Order": 104,
        "PerpPosition": 80,
        "SpotPosition": 40,
    }


@pytest.mark.parametrize(
    ("layout", "offsets"),
    [
        (
            STATE,
            {"signer": 488, "perp_fee_structure.fee_tiers.0.fee_numerator": 552, "exchange_status": 1366},
        ),
        (STATE, {"number_of_markets": 1358, "solvency_status": 1376, "promo_fee_tier": 1505}),
        (
            PERP_MARKET,
            {"oracle": 312, "taker_fee_addon_tenth_bps": 412, "name": 424, "last_funding_rate": 496},
        ),
        (PERP_MARKET, {"order_step_size": 544, "market_index": 640, "status": 642, "paused_operations": 645}),
        (PERP_MARKET, {"oracle_source": 673, "market_stats.last_mark_price_twap": 680}),
        (PERP_MARKET, {"market_stats.min_order_size": 792, "amm.base_asset_reserve": 936}),
        (
            PERP_MARKET,
            {"amm.peg_multiplier": 1032, "amm.last_update_slot": 1208, "hedge_config.pool_id": 1288},
        ),
        (
            SPOT_MARKET,
            {"oracle": 40, "mint": 72, "vault": 104, "name": 136, "cumulative_deposit_interest": 328},
        ),
        (SPOT_MARKET, {"last_interest_ts": 584, "decimals": 696, "status": 704, "paused_operations": 706}),
        (USER, {"delegate": 40, "spot_positions.0.scaled_balance": 104, "orders.0.slot": 1064}),
        (USER, {"perp_positions.1.last_cumulative_funding_rate": 504, "next_order_id": 4456, "status": 4468}),
        (USER, {"open_orders": 4471, "equity_floor": 4480, "equity_floor_buffer": 4488}),
        (USER_STATS, {"paused_operations": 166, "delegate_permissions": 176, "equity_breaker_tripped": 177}),
        (PYTH_LAZER_ORACLE, {"price": 8, "publish_time": 16, "posted_slot": 24, "exponent": 32, "conf": 40}),
        (
            ORDER,
            {"oracle_price_offset": 72, "order_id": 80, "status": 86, "user_order_id": 89, "bit_flags": 98},
        ),
        (PERP_POSITION, {"settled_pnl": 56, "max_margin_ratio": 74, "open_orders": 78, "position_flag": 79}),
    ],
)
def test_fields_lie_where_they_were_published(layout: AccountLayout, offsets: dict[str, int]) -> None:
    assert {path: layout.slots[path].offset for path in offsets} == offsets


@pytest.fixture(scope="module")
def coder(shared_data: Path) -> Coder:
    """The IDL's coder."""
    return Coder(Idl.from_json((shared_data.parent / "facts" / "velocity_idl.json").read_text()))


def flat(name: str, value: Any) -> dict[str, Any]:
    """A decoded structure as scalars by path, enumerations as numbers."""
    if hasattr(value, "_sumtype_attribs"):
        return {name: value.index}
    if hasattr(type(value), "__dataclass_fields__"):
        found: dict[str, Any] = {}
        for field in type(value).__dataclass_fields__:
            found |= flat(f"{name}.{field}" if name else field, getattr(value, field))
        return found
    if isinstance(value, list):
        if value and all(isinstance(item, int) for item in value):
            return {name: bytes(value)}
        parts = [flat(f"{name}.{index}", part) for index, part in enumerate(value)]
        return {path: item for part in parts for path, item in part.items()}
    return {name: bytes(value) if type(value).__name__ == "Pubkey" else value}


def bare(path: str) -> str:
    """A path without underscores: the coder leaves them out around digits."""
    return path.replace("_", "")


def assert_read_alike(layout: AccountLayout, data: bytes, coder: Coder) -> None:
    decoded = flat("", coder.accounts.decode(data))
    ours = {bare(path): layout.read(data, path) for path in layout.slots}
    assert ours == {bare(path): value for path, value in decoded.items()}


def test_recorded_accounts_are_read_as_the_coder_reads_them(shared_data: Path, coder: Coder) -> None:
    by_name = {layout.name: layout for layout in ACCOUNTS}
    rows = [
        row for name in RECORDED for row in json.loads((shared_data / "onchain" / f"{name}.json").read_text())
    ]
    assert len(rows) == 5
    for row in rows:
        data = b64decode(row["data_base64"])
        layout = by_name[row["type"]]
        assert len(data) == layout.size == row["size"]
        assert data.startswith(layout.discriminator)
        assert_read_alike(layout, data, coder)


NUMBERED = {
    "status": 3,
    "contract_type": 3,
    "contract_tier": 6,
    "oracle_source": 16,
    "asset_tier": 5,
    "balance_type": 2,
    "order_type": 5,
    "market_type": 2,
    "direction": 2,
    "existing_position_direction": 2,
    "trigger_condition": 4,
}
"""How many values the enumerations have: the coder insists on one of them."""
NOT_NUMBERED = {"hedge_config.status"}


@pytest.mark.parametrize("layout", ACCOUNTS, ids=lambda layout: layout.name)
def test_any_bytes_are_read_as_the_coder_reads_them(layout: AccountLayout, coder: Coder) -> None:
    random = Random(layout.name)
    for _ in range(5):
        data = bytearray(layout.discriminator + random.randbytes(layout.size - 8))
        for path, slot in layout.slots.items():
            values = 2 if slot.kind == "bool" else NUMBERED.get(path.rpartition(".")[2])
            if values and path not in NOT_NUMBERED:
                data[slot.offset] %= values
        assert_read_alike(layout, bytes(data), coder)
