"""The sender while nobody knows what became of a transaction: what waits, what decides, another life."""

import asyncio

import pytest
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from drift_e3.core.terms import Side
from drift_e3.venues.solana.outbox import Outbox
from drift_e3.venues.solana.sender import Sender
from drift_e3.venues.solana.sending import Blocked
from drift_e3.venues.solana.submission import (
    Basis,
    Expired,
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
    SLOT_MS,
    Attempt,
    order,
)
from tests.venues.solana.sender_house import House, turns, until
from tests.venues.solana.sending_builders import cancel, change, entry, open_order, signed, stop

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


async def test_a_change_is_one_order_as_well_and_waits_for_what_has_landed(house: House) -> None:
    async with house.life() as sender:
        before = await sender.submit(change(), order())
        assert isinstance(before, Landed)
        assert await sender.submit(change(), order(b"again")) == before
        assert await sender.submit(change("s3"), order()) == Blocked("stale_account")
        later = change("s3")._replace(basis=Basis(before.slot, 8))
        assert isinstance(await sender.submit(later, order()), Landed)
    assert len(house.chain.sent) == 2


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
