"""Events in logs: what a fill's record says, and that nothing in a log can do harm."""

from base64 import b64encode
from collections.abc import Sequence
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from drift_e3.venues.solana.anchor import event_discriminator
from drift_e3.venues.solana.records import (
    FundingSeen,
    LiquidatedSeen,
    OrderActionSeen,
    RecordSeen,
    SettledSeen,
)
from drift_e3.venues.velocity.addresses import PROGRAM_ID
from drift_e3.venues.velocity.events import read_events

ME = Pubkey.from_bytes(bytes([31]) * 32)
OTHER = Pubkey.from_bytes(bytes([32]) * 32)
# A fill against the AMM as the program of July 2026 wrote it on a local chain.
REAL_FILL = (
    "4DRDR8LtbQH2VHdqAAAAAAIGAAABAX+CapYb1kwfMrOW0Ws3W2F+675oVu8hAze7g5MqvbN/AQAAAAAAAAAAAekCAAAAAAAAAQBl"
    "zR0AAAAAAbNBRgIAAAAAASw0AAAAAAAA"
)
NO, SOME = b"\0", b"\1"


def lines(*payloads: bytes, how: str = "log") -> list[str]:
    """A log in which the program writes these events."""
    wrote = [f"Program {how}: {b64encode(payload).decode()}" for payload in payloads]
    return [f"Program {PROGRAM_ID} invoke [1]", *wrote, f"Program {PROGRAM_ID} success"]


def seen(*payloads: bytes, how: str = "log") -> list[RecordSeen]:
    return list(read_events(lines(*payloads, how=how), PROGRAM_ID))


def order_action(action: int = 2, explanation: int = 6, market_type: int = 1, maker: bool = False) -> bytes:
    """A record of 0.5 sold by us for 38 USD, to a maker's order or to the AMM."""
    made = [
        SOME + bytes(OTHER),
        SOME + pack("<I", 88),
        SOME + b"\0",
        SOME + bytes(8),
        SOME + bytes(8),
        SOME + bytes(8),
    ]
    return b"".join(
        [
            event_discriminator("OrderActionRecord"),
            pack("<qBBHB", 1_786_205_430, action, explanation, 0, market_type),
            SOME + bytes(ME),  # filler
            SOME + pack("<Q", 0),
            SOME + pack("<Q", 745),
            SOME + pack("<Q", 500_000_000),
            SOME + pack("<Q", 38_000_000),
            SOME + pack("<Q", 13_300),
            SOME + pack("<q", -950) if maker else NO,
            NO * 3,  # referrer, surplus, spot fee
            SOME + bytes(ME),
            SOME + pack("<I", 12),
            SOME + b"\1",
            NO * 3,
            *(made if maker else [NO * 6]),
            pack("<qB", 76_340_000, 0),
            NO * 7,
        ]
    )  # fmt: skip


def test_a_fill_tells_parties_amounts_fees_and_why() -> None:
    assert seen(order_action(maker=True, explanation=8)) == [
        OrderActionSeen(
            ts=1_786_205_430,
            action="Fill",
            explanation="OrderFilledWithMatch",
            market_index=0,
            is_perp=True,
            fill_id=745,
            base=500_000_000,
            quote=38_000_000,
            taker=str(ME),
            taker_order_id=12,
            taker_is_long=False,
            taker_fee=13_300,
            maker=str(OTHER),
            maker_order_id=88,
            maker_is_long=True,
            maker_fee=-950,
            oracle_price=76_340_000,
        )
    ]


def test_the_amm_is_a_maker_without_a_name() -> None:
    (record,) = seen(order_action(), how="data")
    assert isinstance(record, OrderActionSeen)
    assert (record.maker, record.maker_order_id, record.maker_fee) == ("", 0, 0)


def test_a_real_record_cut_off_in_the_middle_still_tells_amounts() -> None:
    (record,) = read_events([f"Program {PROGRAM_ID} invoke [1]", f"Program log: {REAL_FILL}"], PROGRAM_ID)
    assert isinstance(record, OrderActionSeen)
    assert (record.action, record.explanation) == ("Fill", "OrderFilledWithAMM")
    assert (record.base, record.quote, record.taker_fee) == (500_000_000, 38_158_771, 13_356)
    assert record.taker == ""


def test_every_length_of_a_record_is_read_without_an_error() -> None:
    whole = order_action(maker=True)
    for length in range(8, len(whole)):
        records = seen(whole[:length])
        told = length >= 8 + 13
        assert [type(record) for record in records] == ([OrderActionSeen] if told else [])


@pytest.mark.parametrize(
    ("payload", "action", "explanation"),
    [
        (order_action(action=9), "Unknown9", "OrderFilledWithAMM"),
        (order_action(explanation=99), "Fill", "Unknown99"),
    ],
)
def test_a_number_that_is_not_known_is_told_as_one(payload: bytes, action: str, explanation: str) -> None:
    (record,) = seen(payload)
    assert isinstance(record, OrderActionSeen)
    assert (record.action, record.explanation) == (action, explanation)


def test_spot_and_later_fields_are_told_apart() -> None:
    (record,) = seen(order_action(market_type=0) + bytes(40))
    assert isinstance(record, OrderActionSeen)
    assert not record.is_perp


def test_settlements_funding_and_liquidations_are_told() -> None:
    settled = event_discriminator("SettlePnlRecord") + pack("<q32sH", 5, bytes(ME), 0)
    settled += (-7).to_bytes(16, "little", signed=True) + bytes(40)
    paid = event_discriminator("FundingPaymentRecord") + pack(
        "<q32s32sHqq", 6, bytes(OTHER), bytes(ME), 0, -3, 10
    )
    seized = event_discriminator("LiquidationRecord") + pack("<qB32s32s", 7, 0, bytes(ME), bytes(OTHER))
    seized += bytes(32) + pack("<QHB", 1, 2, 1) + bytes(200)
    assert seen(settled, paid, seized) == [
        SettledSeen(ts=5, user=str(ME), market_index=0, pnl=-7),
        FundingSeen(ts=6, user=str(ME), market_index=0, payment=-3, base=10),
        LiquidatedSeen(ts=7, user=str(ME), kind="LiquidatePerp", bankrupt=True),
    ]
    assert seen(settled[:60], paid[:70], seized[:100]) == []


def test_other_events_and_other_programs_are_left_out() -> None:
    assert seen(event_discriminator("OrderRecord") + bytes(200)) == []
    faked = [f"Program {ME} invoke [1]", *lines(order_action())[1:2], f"Program {ME} success"]
    assert list(read_events(faked, PROGRAM_ID)) == []


@given(st.lists(st.binary(max_size=200) | st.just(order_action()).map(lambda whole: whole[:60])))
def test_any_events_at_all_are_read_without_an_error(payloads: Sequence[bytes]) -> None:
    kinds = ("OrderActionRecord", "SettlePnlRecord", "FundingPaymentRecord", "LiquidationRecord")
    named = [event_discriminator(kinds[place % 4]) + payload for place, payload in enumerate(payloads)]
    assert len(seen(*named)) <= len(payloads)
