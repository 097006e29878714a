import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.instruction import AccountMeta, Instruction
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from drift_e3.core.terms import Side
from drift_e3.ports import VenueRefused
from drift_e3.venues.solana.calls import ChainError, Simulated
from drift_e3.venues.solana.outbox import Outbox
from drift_e3.venues.solana.preparing import Bench, Preparer, Signs
from drift_e3.venues.solana.rpc import Rpc
from drift_e3.venues.solana.sender import Network, Sender
from drift_e3.venues.solana.sending import Blocked
from drift_e3.venues.solana.submission import (
    Basis,
    Expired,
    FailedOnChain,
    Kind,
    Landed,
    Refused,
    Stage,
    Submission,
    Verdict,
    Wanted,
)
from tests.venues.solana.scripted_chain import (
    FIRST_MS,
    FIRST_SLOT,
    PROGRAM,
    SLOT_MS,
    TRADER,
    VALID_BLOCKS,
    Attempt,
    ScriptedChain,
    VirtualClock,
    order,
)
from tests.venues.solana.sending_builders import cancel, entry, open_order, signed, stop

TIME_LIMIT_S = 20.0


@dataclass
class House:
    """A state directory, and a chain that outlives the senders."""

    path: Path
    clock: VirtualClock = field(default_factory=VirtualClock)

    def __post_init__(self) -> None:
        self.chain = ScriptedChain(self.clock)

    @asynccontextmanager
    async def life(self) -> AsyncIterator[Sender]:
        """A run of the daemon; at its end it is gone without a word."""
        outbox = Outbox(self.path)
        preparer = Preparer(self.chain, TRADER, self.clock, {6003: "InsufficientCollateral"}.__getitem__)
        sender = Sender(self.chain, preparer, outbox, self.clock)
        running = asyncio.create_task(sender.run())
        try:
            async with asyncio.timeout(TIME_LIMIT_S):
                yield sender
        finally:
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            outbox.close()

    def stages(self) -> list[tuple[str, str]]:
        """What is on the disk, read by somebody else."""
        reader = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)
        rows = reader.execute("SELECT intent_id, stage FROM submissions ORDER BY seq").fetchall()
        reader.close()
        return rows


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "outbox.db")


async def turns(count: int = 20) -> None:
    """Let others have their turn."""
    for _ in range(count):
        await asyncio.sleep(0)


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(100_000):
        if holds():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came to that")


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


# -- while it is undecided -----------------------------------------------------------------------------------


async def test_while_nobody_answers_it_stays_undecided_and_questions_become_rare(house: House) -> None:
    house.chain.attempts = [Attempt.UNHEARD]
    async with house.life() as sender:
        waiting = asyncio.create_task(sender.submit(entry(), order()))
        await until(lambda: len(house.chain.sent) == 1)
        house.chain.down = True
        await until(lambda: house.clock.ms > FIRST_MS + 600_000)
        (open_one,) = sender.undecided()
        assert open_one.stage is Stage.UNKNOWN
        assert house.clock.naps[-1] == 15_000
        house.chain.down = False
        assert isinstance(await waiting, Landed)
    assert len(house.chain.bytes_sent) == 1
    # Once nobody had watched for a while it was not pushed any more.
    assert len(house.chain.sent) <= 3


async def test_nothing_that_adds_exposure_begins_beside_what_is_undecided(house: House) -> None:
    house.chain.landing = False
    async with house.life() as sender:
        waiting = asyncio.create_task(sender.submit(entry(), order()))
        await until(lambda: len(house.chain.sent) == 1)
        assert await sender.submit(entry("o2", 2), order(b"two")) == Blocked("undecided", ("o1",))
        assert sender.blocked(stop()) is None
        waiting.cancel()
    assert len(house.chain.bytes_sent) == 1
    assert house.stages() == [("o1", "signed")]


async def test_an_exit_goes_beside_an_undecided_entry_which_is_then_pushed_no_more(house: House) -> None:
    house.chain.attempts = [Attempt.LOST, Attempt.LOST]
    async with house.life() as sender:
        waiting = asyncio.create_task(sender.submit(entry(), order()))
        await until(lambda: len(house.chain.sent) == 1)
        house.chain.landing = False
        leaving = asyncio.create_task(sender.submit(stop(), order(b"sell")))
        assert isinstance(await waiting, Expired)
        assert isinstance(await leaving, Expired)
    by_bytes = [raw for _, raw in house.chain.sent]
    assert by_bytes.count(by_bytes[0]) == 1
    assert by_bytes.count(by_bytes[1]) > 5


async def test_an_entry_that_an_exit_overtakes_before_it_leaves_never_leaves(house: House) -> None:
    house.chain.attempts = [Attempt.UNSENT]
    async with house.life() as sender:
        waiting = asyncio.create_task(sender.submit(entry(), order()))
        await until(lambda: len(house.chain.sent) == 1)
        leaving = asyncio.create_task(sender.submit(stop(), order(b"sell")))
        assert await waiting == Refused(code=None, name="superseded")
        assert isinstance(await leaving, Landed)
    assert len(house.chain.sent) == 2


async def test_an_entry_waits_for_an_account_that_shows_what_has_landed(house: House) -> None:
    async with house.life() as sender:
        await sender.submit(stop(), order())
        old, new = Basis(FIRST_SLOT, 7), Basis(FIRST_SLOT + 1, 8)
        assert sender.blocked(entry(basis=old)) == Blocked("stale_account")
        assert sender.blocked(entry(basis=new)) is None
    async with house.life() as sender:
        assert sender.blocked(entry(basis=old)) == Blocked("stale_account")


async def test_a_cancel_is_signed_anew_only_when_its_predecessor_is_dead(house: House) -> None:
    house.chain.landing = False
    async with house.life() as sender:
        first = asyncio.create_task(sender.submit(cancel(), order(b"cancel")))
        await until(lambda: len(house.chain.sent) == 1)
        assert await sender.submit(cancel(), order(b"cancel")) == Blocked("predecessor_undecided", ("o1",))
        assert isinstance(await first, Expired)
        house.chain.landing = True
        assert isinstance(await sender.submit(cancel(), order(b"cancel")), Landed)
    assert len(house.chain.bytes_sent) == 2
    assert house.stages() == [("o1", "expired"), ("o1", "landed")]


async def test_the_same_intent_twice_is_one_order(house: House) -> None:
    async with house.life() as sender:
        both = await asyncio.gather(sender.submit(entry(), order()), sender.submit(entry(), order(b"again")))
        assert both[0] == both[1] == await sender.submit(entry(), order())
    assert len(house.chain.sent) == 1


async def test_the_same_intent_in_another_life_is_the_same_order(house: House) -> None:
    async with house.life() as sender:
        before = await sender.submit(entry(), order())
    async with house.life() as sender:
        assert await sender.submit(entry(), order()) == before
        assert await sender.fate("o1") == before
        assert await sender.fate("o1", Kind.CANCEL) is None
        assert await sender.fate("never begun") is None
    assert len(house.chain.sent) == 1


async def test_numbers_go_round_and_avoid_what_is_open_or_undecided(house: House) -> None:
    house.chain.landing = False
    async with house.life() as sender:
        waiting = asyncio.create_task(sender.submit(stop(user_order_id=1), order()))
        await until(lambda: len(house.chain.sent) == 1)
        assert sender.free_user_id({2, 3}) == 4
        assert sender.free_user_id(set(range(2, 256))) is None
        await waiting
        assert sender.free_user_id({2, 3}) == 4
        assert sender.free_user_id(set(range(2, 256))) == 1
    async with house.life() as sender:
        assert sender.free_user_id(set()) == 2


# -- what the account decides --------------------------------------------------------------------------------


async def undecided(house: House, sender: Sender, wanted: Wanted) -> asyncio.Task[Verdict | Blocked]:
    """An intent that was sent and of which nothing was heard since."""
    house.chain.attempts = [Attempt.LOST]
    waiting = asyncio.create_task(sender.submit(wanted, order()))
    await until(lambda: len(house.chain.sent) == 1)
    house.chain.down = True
    await turns()
    assert not waiting.done()
    return waiting


async def test_an_order_that_rests_in_the_account_has_landed(house: House) -> None:
    async with house.life() as sender:
        waiting = await undecided(house, sender, entry(max_ts=0))
        for other in (open_order(6), open_order(7, 2), open_order(7, 1, Side.SELL)):
            sender.account_seen(house.chain.account(8, (other,)))
            await turns()
            assert not waiting.done()
        seen = house.chain.account(8, (open_order(7),))
        sender.account_seen(seen)
        came = await waiting
    assert isinstance(came, Landed)
    assert came.slot == seen.slot


async def test_an_account_in_which_nothing_was_placed_until_max_ts_decides(house: House) -> None:
    async with house.life() as sender:
        waiting = await undecided(house, sender, entry(max_ts=1_020))
        for clock_ms, next_order_id in ((1_021_000, 7), (1_030_000, 8)):
            seen = house.chain.account(next_order_id)._replace(chain_ts=clock_ms)
            sender.account_seen(seen)
            await turns()
            assert not waiting.done()
        sender.account_seen(house.chain.account()._replace(slot=99, chain_ts=1_022_000))
        await turns()
        assert not waiting.done()
        sender.account_seen(house.chain.account()._replace(chain_ts=1_022_000))
        assert isinstance(await waiting, Expired)
    assert house.stages() == [("o1", "lapsed")]


@pytest.mark.parametrize("wanted", [cancel(), stop()])
async def test_the_account_decides_nothing_about_what_has_no_time_limit(house: House, wanted: Wanted) -> None:
    async with house.life() as sender:
        waiting = await undecided(house, sender, wanted)
        sender.account_seen(house.chain.account()._replace(chain_ts=10**9))
        await turns()
        assert not waiting.done()
        waiting.cancel()


async def test_an_account_that_decides_during_the_first_attempt_is_heard(house: House) -> None:
    house.chain.attempts = [Attempt.HANGING]
    async with house.life() as sender:
        waiting = asyncio.create_task(sender.submit(entry(max_ts=0), order()))
        await until(lambda: len(house.chain.sent) == 1)
        sender.account_seen(house.chain.account(8, (open_order(7),)))
        await turns()
        assert house.stages() == [("o1", "landed")]
        house.chain.hang.set()
        assert isinstance(await waiting, Landed)


# -- another life --------------------------------------------------------------------------------------------


def left_over(house: House, *rows: Submission) -> None:
    """What an earlier run had come to when it was killed."""
    outbox = Outbox(house.path)
    for row in rows:
        seq = outbox.begin(row.wanted, FIRST_MS)
        if row.stage is Stage.SIGNED:
            outbox.save(seq, row)
    outbox.close()


async def cut_short(house: House, wanted: Wanted) -> bytes:
    """An intent whose run ended when the bytes had been sent, and lost."""
    house.chain.attempts = [Attempt.LOST]
    async with house.life() as sender:
        waiting = asyncio.create_task(sender.submit(wanted, order()))
        await until(lambda: len(house.chain.sent) == 1)
        waiting.cancel()
    return house.chain.sent[0][1]


async def test_an_intent_that_was_not_signed_was_never_sent(house: House) -> None:
    left_over(house, Submission(entry()))
    async with house.life() as sender:
        assert sender.undecided() == ()
        assert await sender.fate("o1") == Refused(code=None, name="restarted")
    assert house.chain.sent == []


async def test_an_entry_of_another_life_is_watched_and_not_sent_again(house: House) -> None:
    await cut_short(house, entry())
    async with house.life() as sender:
        (found,) = sender.undecided()
        assert found.stage is Stage.UNKNOWN
        assert sender.blocked(entry("o2", 2)) == Blocked("undecided", ("o1",))
        assert isinstance(await sender.fate("o1"), Expired)
        assert sender.blocked(entry("o2", 2)) is None
    assert len(house.chain.sent) == 1


async def test_an_entry_that_landed_between_two_lives_is_found(house: House) -> None:
    raw = await cut_short(house, entry())
    await house.chain.send(raw)
    house.clock.ms += 3_600_000
    async with house.life() as sender:
        assert isinstance(await sender.fate("o1"), Landed)
    assert house.chain.bytes_sent == {raw}


async def test_a_stop_of_another_life_is_sent_again_with_the_same_bytes(house: House) -> None:
    raw = await cut_short(house, stop())
    async with house.life() as sender:
        assert isinstance(await sender.fate("s1"), Landed)
    assert [sent for _, sent in house.chain.sent] == [raw, raw]


async def test_many_left_overs_are_asked_about_with_one_question(house: House) -> None:
    rows = [
        signed(stop(f"s{number}", number), str(Signature(bytes([number] * 64)))) for number in range(1, 6)
    ]
    left_over(house, *(row._replace(raw=bytes(VersionedTransaction.default())) for row in rows))
    house.chain.attempts = [Attempt.LOST] * 5
    house.clock.ms += 100_000 * SLOT_MS
    async with house.life() as sender:
        ended = [await sender.fate(row.wanted.intent_id) for row in rows]
    assert ended == [Expired(signature=row.signature) for row in rows]
    assert len([what for what, *_ in house.chain.asked if what == "statuses"]) == 2


async def test_a_submit_that_is_cancelled_before_it_signs_leaves_nothing(house: House) -> None:
    async with house.life() as sender:
        house.chain.trial_hangs = True
        waiting = asyncio.create_task(sender.submit(entry(), order()))
        await until(lambda: bool(house.chain.trials))
        assert [submission.stage for submission in sender.undecided()] == [Stage.INTENDED]
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await sender.fate("o1") == Refused(code=None, name="interrupted")
    assert house.chain.sent == []


async def test_a_submit_that_is_cancelled_while_it_sends_is_watched_all_the_same(house: House) -> None:
    house.chain.attempts = [Attempt.HANGING]
    async with house.life() as sender:
        waiting = asyncio.create_task(sender.submit(entry(), order()))
        await until(lambda: len(house.chain.sent) == 1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert isinstance(await sender.fate("o1"), Landed)
    assert len(house.chain.sent) == 1
