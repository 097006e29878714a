"""Events in logs, of today's build and of older ones, written here byte by byte."""

import base64
import json
from pathlib import Path
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from drift_e3.venues.drift.decoding import PROGRAM_ID
from drift_e3.venues.drift.events import TAIL_BYTES, read_events
from drift_e3.venues.solana.anchor import event_discriminator
from drift_e3.venues.solana.records import (
    FundingSeen,
    LiquidatedSeen,
    OrderActionSeen,
    RecordSeen,
    SettledSeen,
)

TAKER = Pubkey(b"t" * 32)
MAKER = Pubkey(b"m" * 32)
TS = 1_773_072_640
NONE = b"\0"


def logged(*payloads: bytes) -> list[str]:
    lines = [f"Program log: {base64.b64encode(payload).decode()}" for payload in payloads]
    return [f"Program {PROGRAM_ID} invoke [1]", *lines, f"Program {PROGRAM_ID} success"]


def read(*payloads: bytes) -> list[RecordSeen]:
    return list(read_events(logged(*payloads), PROGRAM_ID))


def some(kind: str, *values: object) -> bytes:
    return b"\1" + pack(f"<{kind}", *values)


def a_fill(tail: bytes = NONE * 8) -> bytes:
    """A taker who sells 1.5 to a maker; `tail` is what later builds have added."""
    return (
        event_discriminator("OrderActionRecord")
        + pack("<qBBHB", TS, 2, 8, 24, 1)
        + NONE * 2
        + some("Q", 77)
        + some("Q", 1_500_000_000)
        + some("Q", 127_500_000)
        + some("Q", 127_500)
        + some("q", -25_500)
        + NONE * 3
        + some("32s", bytes(TAKER))
        + some("I", 113)
        + some("B", 1)
        + some("Q", 1_500_000_000)
        + NONE * 2
        + some("32s", bytes(MAKER))
        + some("I", 42)
        + some("B", 0)
        + NONE * 3
        + pack("<q", 85_000_000)
        + tail
    )


FILL = OrderActionSeen(
    ts=TS,
    action="Fill",
    explanation="OrderFilledWithMatch",
    market_index=24,
    is_perp=True,
    fill_id=77,
    base=1_500_000_000,
    quote=127_500_000,
    taker=str(TAKER),
    taker_order_id=113,
    taker_is_long=False,
    taker_fee=127_500,
    maker=str(MAKER),
    maker_order_id=42,
    maker_is_long=True,
    maker_fee=-25_500,
    oracle_price=85_000_000,
)


def a_settlement(pnl: int) -> bytes:
    wide = pnl.to_bytes(16, "little", signed=True)
    return (
        event_discriminator("SettlePnlRecord")
        + pack("<q32sH16sqqqqB", TS, bytes(TAKER), 0, wide, 0, 0, 0, 85_000_000, 0)
    )  # fmt: skip


def a_payment(amount: int) -> bytes:
    return event_discriminator("FundingPaymentRecord") + pack(
        "<q32s32sHqqq16s16s", TS, bytes(MAKER), bytes(TAKER), 0, amount, -(10**9), 0, bytes(16), bytes(16)
    )


def a_liquidation() -> bytes:
    head = pack("<qB32s32s16s16sQHB", TS, 0, bytes(TAKER), bytes(MAKER), bytes(16), bytes(16), 0, 3, 1)
    return event_discriminator("LiquidationRecord") + head + bytes(1_000)


def test_a_fill_says_who_traded_what_at_which_fee() -> None:
    assert read(a_fill()) == [FILL]


@pytest.mark.parametrize("missing", range(9))
def test_a_fill_of_an_older_build_lacks_only_what_came_later(missing: int) -> None:
    assert read(a_fill(NONE * (8 - missing))) == [FILL]


def test_a_record_that_was_cut_off_is_left_out() -> None:
    whole = a_fill()
    assert read(whole[: -8 - TAIL_BYTES - 1]) == []


def test_a_placing_without_counterparty_or_fill_has_nothing_in_their_place() -> None:
    placing = event_discriminator("OrderActionRecord") + pack("<qBBHB", TS, 0, 0, 0, 1) + NONE * 22
    assert read(placing + pack("<q", 85_000_000)) == [
        OrderActionSeen(
            TS, "Place", "None", 0, True, 0, 0, 0, "", 0, False, 0, "", 0, False, 0, 85_000_000
        )
    ]  # fmt: skip


def test_settlements_funding_and_liquidations_are_read_in_their_order() -> None:
    found = read(a_settlement(-263_605), a_fill(), a_payment(200_000), a_liquidation())
    assert found == [
        SettledSeen(TS, str(TAKER), 0, -263_605),
        FILL,
        FundingSeen(TS, str(TAKER), 0, 200_000, -(10**9)),
        LiquidatedSeen(TS, str(TAKER), "LiquidatePerp", True),
    ]


def test_other_events_and_unknown_enumerations_do_not_stop_the_reading() -> None:
    strange = bytearray(a_fill())
    strange[16] = 99
    assert read(event_discriminator("CurveRecord") + bytes(200), bytes(strange), a_fill()) == [FILL]


@given(st.binary(max_size=300))
def test_any_body_is_read_or_left_out(body: bytes) -> None:
    for name in ("OrderActionRecord", "SettlePnlRecord", "FundingPaymentRecord", "LiquidationRecord"):
        assert len(read(event_discriminator(name) + body)) <= 1


def test_recorded_fills_are_read_in_spite_of_their_age(shared_data: Path) -> None:
    rows = json.loads((shared_data / "onchain" / "drift_v2_tx_logs.json").read_text())
    found = [
        event for event in read_events(rows[0]["logs"], PROGRAM_ID) if isinstance(event, OrderActionSeen)
    ]
    assert [event.action for event in found] == ["Place", "Fill", "Place", "Fill", "Fill"]
    fills = [event for event in found if event.action == "Fill"]
    assert [(event.fill_id, event.base, event.quote, event.taker_fee) for event in fills] == [
        (236_231, 219_000_000_000, 248_324_100, 74_498),
        (236_232, 48_000_000_000, 54_220_800, 16_267),
        (236_233, 171_000_000_000, 193_161_600, 57_949),
    ]
    # The program that made the call reports in the same log what it earned.
    sold, *bought = fills
    earned = sold.quote - sum(fill.quote for fill in bought) - sum(fill.taker_fee for fill in fills)
    assert f"Program log: pnl {earned}" in rows[0]["logs"]
