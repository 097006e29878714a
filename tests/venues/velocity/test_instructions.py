"""Instructions: arguments to the byte, accounts in order, and who signs; the IDL's own coder agrees."""

import re
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from anchorpy import Coder, Idl
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from drift_e3.venues.velocity.addresses import PERP, PROGRAM_ID, SPOT, MarketKey
from drift_e3.venues.velocity.codes import Direction, OrderType, PostOnly, TriggerCondition
from drift_e3.venues.velocity.instructions import Companion, Desk, OrderChange, OrderParams
from tests.venues.velocity.accounts import (
    DELEGATE,
    ORACLE_AT,
    OWNER,
    PERP_AT,
    QUOTE_ORACLE_AT,
    SPOT_AT,
    STATE_AT,
    STATS_AT,
    USER_AT,
)

DESK = Desk(
    program_id=PROGRAM_ID,
    oracles=(ORACLE_AT, QUOTE_ORACLE_AT),
    authority=OWNER,
    sub_account=0,
    signer=DELEGATE,
)
OWNERS = replace(DESK, signer=OWNER)
KEEPERS = replace(DESK, authority=DELEGATE, signer=DELEGATE)
PURSE = Pubkey.from_bytes(bytes([23]) * 32)
VAULT = Pubkey.from_string("G9NKtiafHiCTArgVouXx6XS7Jb3DqigrT6S6BgSDLrvz")
IOC = OrderParams(
    order_type=OrderType.LIMIT,
    direction=Direction.SHORT,
    user_order_id=9,
    base_asset_amount=570_000_000,
    price=76_543_000,
    reduce_only=True,
    bit_flags=1,
    max_ts=1_786_205_450,
)
STOP = OrderParams(
    order_type=OrderType.TRIGGER_MARKET,
    direction=Direction.LONG,
    user_order_id=200,
    base_asset_amount=10_000_000,
    market_index=2,
    reduce_only=True,
    trigger_price=80_000_000,
    trigger_condition=TriggerCondition.BELOW,
)
RESTING = replace(IOC, bit_flags=0, post_only=PostOnly.MUST, max_ts=None)
CHANGE = OrderChange(base_asset_amount=20_000_000, trigger_price=81_000_000, policy=1)


SETUP = [
    ("initializeUserStats", OWNERS.initialize_user_stats(), {}),
    ("initializeUser", OWNERS.initialize_user("me"), {"sub_account_id": 0}),
    ("deposit", OWNERS.deposit(5, PURSE), {"market_index": 0, "amount": 5, "reduce_only": False}),
    ("withdraw", OWNERS.withdraw(6, PURSE), {"market_index": 0, "amount": 6, "reduce_only": False}),
    ("updateUserDelegate", OWNERS.update_user_delegate(DELEGATE), {"delegate": DELEGATE}),
]
ORDERS = [
    (
        "placeAndTakePerpOrder",
        DESK.place_and_take(IOC),
        {
            "params.order_type": "Limit",
            "params.market_type": "Perp",
            "params.direction": "Short",
            "params.user_order_id": 9,
            "params.base_asset_amount": 570_000_000,
            "params.price": 76_543_000,
            "params.market_index": 0,
            "params.reduce_only": True,
            "params.post_only": "None",
            "params.bit_flags": 1,
            "params.max_ts": 1_786_205_450,
            "params.trigger_price": None,
            "params.trigger_condition": "Above",
            "params.oracle_price_offset": None,
            "params.auction_duration": None,
            "params.auction_start_price": None,
            "params.auction_end_price": None,
            "params.builder_idx": None,
            "params.builder_fee_tenth_bps": None,
            "success_condition": None,
        },
    ),
    (
        "placePerpOrder",
        DESK.place(STOP),
        {
            "params.order_type": "TriggerMarket",
            "params.direction": "Long",
            "params.price": 0,
            "params.market_index": 2,
            "params.reduce_only": True,
            "params.max_ts": None,
            "params.trigger_price": 80_000_000,
            "params.trigger_condition": "Below",
        },
    ),
    ("placePerpOrder", DESK.place(RESTING), {"params.post_only": "MustPostOnly", "params.bit_flags": 0}),
    ("cancelOrder", DESK.cancel(77), {"order_id": 77}),
    ("cancelOrder", DESK.cancel(None), {"order_id": None}),
    ("cancelOrderByUserId", DESK.cancel_by_user_id(255), {"user_order_id": 255}),
    (
        "modifyOrder",
        DESK.modify(77, CHANGE),
        {
            "order_id": 77,
            "modify_order_params.direction": None,
            "modify_order_params.base_asset_amount": 20_000_000,
            "modify_order_params.price": None,
            "modify_order_params.max_ts": None,
            "modify_order_params.trigger_price": 81_000_000,
            "modify_order_params.trigger_condition": None,
            "modify_order_params.policy": 1,
        },
    ),
    ("settlePnl", DESK.settle_pnl(), {"market_index": 0}),
]
KEEPING = [
    ("updateFundingRate", DESK.update_funding_rate(), {"market_index": 0}),
    ("triggerOrder", KEEPERS.trigger(77, DESK), {"order_id": 77}),
    ("fillPerpOrder", KEEPERS.fill(77, DESK), {"order_id": 77, "maker_order_id": None}),
]
CASES = [*SETUP, *ORDERS, *KEEPING]


@pytest.fixture(scope="module")
def idl(shared_data: Path) -> Idl:
    return Idl.from_json((shared_data.parent / "facts" / "velocity_idl.json").read_text())


def told(value: Any, path: str) -> Any:
    """A decoded argument by its dotted path, enumerations by name."""
    for name in path.split("."):
        value = getattr(value, name)
    return type(value).__name__ if hasattr(value, "_sumtype_attribs") else value


@pytest.mark.parametrize(("name", "instruction", "args"), CASES)
def test_the_idls_coder_reads_what_was_meant(
    idl: Idl, name: str, instruction: Instruction, args: dict[str, Any]
) -> None:
    coder = Coder(idl).instruction
    data = bytes(instruction.data)
    parsed = coder.parse(data)
    assert parsed.name == re.sub("([A-Z])", r"_\1", name).lower()
    assert {path: told(parsed.data, path) for path in args} == args
    assert coder.build(parsed) == data


@pytest.mark.parametrize(("name", "instruction", "args"), CASES)
def test_the_accounts_are_those_of_the_idl_in_its_order(
    idl: Idl, name: str, instruction: Instruction, args: dict[str, Any]
) -> None:
    declared = next(declared for declared in idl.instructions if declared.name == name)
    wanted = [(account.is_mut, account.is_signer) for account in declared.accounts]
    given = [(account.is_writable, account.is_signer) for account in instruction.accounts]
    assert given[: len(wanted)] == wanted


def roles(instruction: Instruction) -> list[tuple[Pubkey, str]]:
    """Each account and what may be done with it: read, write, sign."""
    return [
        (account.pubkey, "rs"[account.is_signer] + ("w" if account.is_writable else ""))
        for account in instruction.accounts
    ]


REMAINING = [(ORACLE_AT, "r"), (QUOTE_ORACLE_AT, "r"), (SPOT_AT, "rw"), (PERP_AT, "rw")]
SIGNED = [(STATE_AT, "r"), (USER_AT, "rw"), (DELEGATE, "s")]


def test_an_order_names_state_account_signer_then_oracles_and_markets() -> None:
    assert roles(DESK.place(STOP)) == SIGNED + REMAINING
    assert roles(DESK.cancel_by_user_id(1)) == SIGNED + REMAINING
    assert roles(DESK.modify_by_user_id(1, CHANGE)) == SIGNED + REMAINING
    taking = [(STATE_AT, "r"), (USER_AT, "rw"), (STATS_AT, "rw"), (DELEGATE, "s")]
    assert roles(DESK.place_and_take(IOC)) == taking + REMAINING
    assert roles(DESK.settle_pnl()) == [*SIGNED, (VAULT, "r"), *REMAINING]


def test_companions_are_named_among_their_own_kind() -> None:
    oracle, third = (Pubkey.from_bytes(bytes([24 + place]) * 32) for place in range(2))
    perp, spot = MarketKey(PERP, 1), MarketKey(SPOT, 1)
    desk = replace(DESK, companions=(Companion(perp, oracle), Companion(spot, third)))
    named = [account.pubkey for account in desk.markets()]
    perp_1 = Pubkey.from_string("7s5WRWA3GahueLNfNb8bbVnHnxCssK5YjGCR3wP6Aa1t")
    spot_1 = Pubkey.from_string("5MzQRp6hhesVuM3CSAzBfPSNP1WaJyF1ifwkmzcrWLtU")
    assert named == [ORACLE_AT, QUOTE_ORACLE_AT, oracle, third, SPOT_AT, spot_1, PERP_AT, perp_1]
    assert [account.is_writable for account in desk.markets()] == [False] * 4 + [True, False, True, False]


def test_an_order_is_encoded_to_the_byte() -> None:
    data = bytes(DESK.place_and_take(IOC).data)
    assert data[:8] == sha256(b"global:place_and_take_perp_order").digest()[:8]
    assert data[8:].hex() == (
        "01010109"  # limit, perp, short, number 9
        "8082f92100000000"  # 0.57
        "18f48f0400000000"  # 76.543
        "0000010001"  # market 0, reduce-only, not post-only, immediate or cancel
        "010a55776a00000000"  # expires
        "00"  # no trigger price
        "00"  # condition
        "000000000000"  # no offset, auction or builder
        "00"  # no demand on the fill
    )  # fmt: skip


def test_a_change_by_our_number_is_that_by_the_programs_number() -> None:
    by_number, by_ours = bytes(DESK.modify(77, CHANGE).data), bytes(DESK.modify_by_user_id(9, CHANGE).data)
    assert by_ours[:8] == sha256(b"global:modify_order_by_user_id").digest()[:8]
    assert by_ours[8] == 9
    assert by_ours[9:] == by_number[13:]


def test_an_encoding_never_drops_what_does_not_fit() -> None:
    with pytest.raises(OverflowError):
        DESK.place(replace(IOC, base_asset_amount=2**64))
    with pytest.raises(ValueError, match=r"range\(0, 256\)"):
        DESK.place(replace(IOC, user_order_id=256))
