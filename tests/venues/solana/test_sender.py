import asyncio
import sqlite3
from itertools import pairwise

import pytest
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.instruction import AccountMeta, Instruction
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from drift_e3.ports import VenueRefused
from drift_e3.venues.solana.calls import ChainError, Simulated
from drift_e3.venues.solana.preparing import Bench, Signs
from drift_e3.venues.solana.rpc import Rpc
from drift_e3.venues.solana.sender import Network
from drift_e3.venues.solana.submission import (
    Basis,
    Expired,
    FailedOnChain,
    Landed,
    Refused,
)
from tests.venues.solana.scripted_chain import (
    FIRST_MS,
    FIRST_SLOT,
    PROGRAM,
    SLOT_MS,
    TRADER,
    VALID_BLOCKS,
    Attempt,
    order,
)
from tests.venues.solana.sender_house import House, until
from tests.venues.solana.sending_builders import entry, stop

# -- what is sent --------------------------------------------------------------------------------------------


async def test_an_order_that_lands_is_reported_with_its_slot(house: House) -> None:
    async with house.life() as sender:
        came = await sender.submit(entry(), order())
        assert isinstance(came, Landed)
        assert came == Landed(slot=FIRST_SLOT + 1, signature=next(iter(house.chain.landed)))
        assert sender.undecided() == ()
    assert len(house.chain.sent) == 1
    assert house.stages() == [("o1", "landed")]


async def test_the_signed_bytes_are_on_the_disk_before_the_first_one_leaves(house: House) -> None:
    seen: list[tuple[str, bytes]] = []

    def look(_: bytes) -> None:
        reader = sqlite3.connect(house.path)
        seen.extend(reader.execute("SELECT stage, raw FROM submissions").fetchall())
        reader.close()

    house.chain.on_send = look
    async with house.life() as sender:
        await sender.submit(entry(), order())
    assert seen == [("signed", house.chain.sent[0][1])]


async def test_an_order_is_tried_before_it_is_signed(house: House) -> None:
    house.chain.simulated = Simulated(ChainError("", 2, 6003), ("log",), 40_000)
    async with house.life() as sender:
        came = await sender.submit(entry(), order())
    assert came == Refused(code=6003, name="InsufficientCollateral")
    assert house.chain.sent == []
    (trial,) = house.chain.trials
    assert trial.signatures == [Signature.default()]
    assert house.stages() == [("o1", "refused")]


async def test_a_refusal_without_a_code_keeps_the_chains_own_words(house: House) -> None:
    house.chain.simulated = Simulated(ChainError("InsufficientFundsForFee"), (), 0)
    async with house.life() as sender:
        assert await sender.submit(entry(), order()) == Refused(code=None, name="InsufficientFundsForFee")


async def test_a_simulation_can_be_left_out(house: House) -> None:
    house.chain.simulated = Simulated(ChainError("", 2, 6003), (), 0)
    async with house.life() as sender:
        assert isinstance(await sender.submit(stop(), order(), simulate=False), Landed)
    assert house.chain.trials == []


async def test_a_trial_is_of_a_node_that_knows_the_blockhash(house: House) -> None:
    async with house.life() as sender:
        await sender.submit(entry(), order())
    (asked,) = [min_slot for what, _, _, min_slot in house.chain.asked if what == "simulate"]
    assert asked == FIRST_SLOT


async def test_units_and_price_are_those_of_trial_and_network(house: House) -> None:
    house.chain.simulated = Simulated(None, (), 100_000)
    house.chain.fees = [0, 2_000, 4_000, 9_000]
    async with house.life() as sender:
        await sender.submit(entry(), order())
    message = VersionedTransaction.from_bytes(house.chain.sent[0][1]).message
    assert isinstance(message, MessageV0)
    data = [instruction.data for instruction in message.instructions]
    assert data == [set_compute_unit_limit(140_000).data, set_compute_unit_price(4_000).data, b"buy"]


async def test_fees_are_asked_for_now_and_then_and_never_hold_up_an_order(house: House) -> None:
    house.chain.fees_down = True
    async with house.life() as sender:
        for number in range(1, 4):
            basis = Basis(10_000, 7)
            came = await sender.submit(entry(f"o{number}", number, basis=basis, max_ts=0), order())
            assert isinstance(came, Landed)
            house.chain.fees_down = False
    asked = [when for what, when, _, _ in house.chain.asked if what == "fees"]
    assert len(asked) == 2


async def test_what_does_not_fit_into_a_packet_is_refused(house: House) -> None:
    async with house.life() as sender:
        assert await sender.submit(entry(), order(bytes(1_300))) == Refused(code=None, name="too_large")
    assert house.chain.sent == []


async def test_what_others_would_have_to_sign_is_a_bug_and_leaves_nothing_undecided(house: House) -> None:
    other = AccountMeta(Pubkey(b"\x08" * 32), is_signer=True, is_writable=False)
    async with house.life() as sender:
        with pytest.raises(ValueError, match="sign, too"):
            await sender.submit(entry(), [Instruction(PROGRAM, b"buy", [other])])
        assert sender.undecided() == ()


def test_the_only_door_to_the_chain_is_what_the_sender_asks() -> None:
    def who_signs(_network: Network, _bench: Bench, signer: Signs) -> Pubkey:
        return signer.address

    door = Rpc(["http://127.0.0.1:9"])
    assert who_signs(door, door, TRADER) == TRADER.address


# -- what becomes of it --------------------------------------------------------------------------------------


async def test_an_error_on_chain_is_no_success(house: House) -> None:
    house.chain.failure = ChainError("", 2, 6003)
    async with house.life() as sender:
        came = await sender.submit(entry(), order())
    assert isinstance(came, FailedOnChain)
    assert (came.code, came.name, came.slot) == (6003, "InsufficientCollateral", FIRST_SLOT + 1)


async def test_the_same_bytes_are_sent_again_until_they_land(house: House) -> None:
    house.chain.attempts = [Attempt.LOST, Attempt.LOST, Attempt.LOST]
    async with house.life() as sender:
        came = await sender.submit(entry(), order())
    assert isinstance(came, Landed)
    assert len(house.chain.sent) == 4
    assert len(house.chain.bytes_sent) == 1
    times = [when for when, _ in house.chain.sent]
    assert all(2_000 <= later - before <= 2_700 for before, later in pairwise(times))


async def test_an_order_whose_answer_was_lost_is_not_sent_twice(house: House) -> None:
    house.chain.attempts = [Attempt.UNHEARD]
    async with house.life() as sender:
        assert isinstance(await sender.submit(entry(), order()), Landed)
    assert len(house.chain.sent) == 1


async def test_an_order_that_never_lands_is_dead_when_its_last_block_is_buried(house: House) -> None:
    house.chain.landing = False
    async with house.life() as sender:
        came = await sender.submit(entry(), order())
    assert isinstance(came, Expired)
    buried_ms = (VALID_BLOCKS + 32) * SLOT_MS
    assert buried_ms <= house.clock.ms - FIRST_MS <= buried_ms + 5_000
    assert len(house.chain.bytes_sent) == 1
    # Not after its own time.
    assert max(when for when, _ in house.chain.sent) <= 1_020_000
    heights = [when for what, when, *_ in house.chain.asked if what == "height"]
    assert all(later - before >= 2_000 for before, later in pairwise(heights))
    what, _, history, min_slot = house.chain.asked[-1]
    assert (what, history) == ("statuses", True)
    assert min_slot >= FIRST_SLOT + VALID_BLOCKS + 32


async def test_a_node_that_lags_does_not_make_an_order_dead(house: House) -> None:
    """It knows nothing yet of the block in which the order landed."""
    house.chain.attempts = [Attempt.UNHEARD]
    house.chain.lag_slots = 500
    async with house.life() as sender:
        waiting = asyncio.create_task(sender.submit(stop(), order()))
        await until(lambda: house.clock.ms > FIRST_MS + 120_000)
        assert not waiting.done()
        house.chain.lag_slots = 0
        assert isinstance(await waiting, Landed)


async def test_an_order_that_certainly_never_left_is_given_up(house: House) -> None:
    house.chain.attempts = [Attempt.UNSENT] * 100
    async with house.life() as sender:
        assert await sender.submit(stop(), order()) == Refused(code=None, name="unreachable")
        assert await sender.submit(entry("o2", 2, max_ts=house.clock.ms // 1_000 + 5), order()) == Refused(
            code=None, name="late"
        )
    assert house.chain.landed == {}


async def test_an_order_that_could_not_leave_at_first_leaves_later(house: House) -> None:
    house.chain.attempts = [Attempt.UNSENT, Attempt.UNSENT]
    async with house.life() as sender:
        assert isinstance(await sender.submit(entry(), order()), Landed)
    assert len(house.chain.bytes_sent) == 1


async def test_what_the_node_rejects_at_first_has_never_left(house: House) -> None:
    house.chain.attempts = [Attempt.REJECTED]
    async with house.life() as sender:
        assert await sender.submit(entry(), order()) == Refused(code=None, name="rejected")
    assert len(house.chain.sent) == 1


async def test_what_the_node_rejects_later_may_have_left_before(house: House) -> None:
    house.chain.attempts = [Attempt.LOST, Attempt.REJECTED, Attempt.UNSENT]
    async with house.life() as sender:
        assert isinstance(await sender.submit(entry(), order()), Landed)


async def test_without_a_network_nothing_is_signed(house: House) -> None:
    house.chain.down = True
    async with house.life() as sender:
        assert await sender.submit(entry(), order()) == Refused(code=None, name="unavailable")
    assert house.chain.sent == []


async def test_a_trial_that_no_server_will_carry_out_is_a_refusal(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def rejected(*_: object) -> Simulated:
        raise VenueRefused("-32602 invalid params")

    monkeypatch.setattr(house.chain, "simulate", rejected)
    async with house.life() as sender:
        assert await sender.submit(entry(), order()) == Refused(code=None, name="rejected")
    assert house.chain.sent == []


async def test_a_clock_that_is_set_back_holds_nothing_up(house: House) -> None:
    house.chain.attempts = [Attempt.LOST]
    async with house.life() as sender:
        waiting = asyncio.create_task(sender.submit(stop(), order()))
        await until(lambda: len(house.chain.sent) == 1)
        house.clock.ms -= 3_600_000
        house.chain.ahead_ms = 3_600_000
        assert isinstance(await waiting, Landed)
    assert house.clock.ms < FIRST_MS - 3_500_000
