"""The chain by itself: slots, blockhashes that expire, landing, history, and its faults."""

import pytest
from solders.account import Account
from solders.message import MessageV0
from solders.signature import Signature
from solders.system_program import ID as SYSTEM
from solders.sysvar import CLOCK
from solders.transaction import VersionedTransaction

from drift_e3.drill.chain import BLOCKHASH_BLOCKS, SLOT_MS, SignatureWrong, writable_keys
from drift_e3.drill.faults import FaultKind, Faults
from tests.drill.clusters import LAMPORTS, PAYER, SOMEBODY, a_chain, a_payment, balance, pays, signed


def test_slots_move_the_clock_that_programs_read() -> None:
    chain = a_chain()
    slot, ts = chain.slot, chain.now_ts
    chain.step(5)
    assert (chain.slot, chain.now_ts) == (slot + 5, ts + 5 * SLOT_MS)
    clock = chain.get_account(CLOCK)
    assert clock is not None
    assert int.from_bytes(clock.data[:8], "little") == chain.slot
    assert int.from_bytes(clock.data[32:40], "little") == chain.now_ts // 1000


def test_a_transaction_lands_in_the_next_slot_and_only_once() -> None:
    chain = a_chain()
    payment = a_payment(chain)
    signature = chain.submit(payment)
    assert chain.landed(signature) is None
    chain.submit(payment)
    chain.step()
    landed = chain.landed(signature)
    assert landed is not None
    assert (landed.slot, landed.error) == (chain.slot, None)
    chain.submit(payment)
    chain.step(3)
    assert balance(chain) == 1_000_000


def test_a_blockhash_is_good_for_150_blocks_after_its_own() -> None:
    for age, lands in ((BLOCKHASH_BLOCKS - 1, True), (BLOCKHASH_BLOCKS, False)):
        chain = a_chain()
        payment = a_payment(chain)
        assert chain.blockhash(chain.slot)[1] == chain.block_height + BLOCKHASH_BLOCKS
        chain.step(age)
        signature = chain.submit(payment)
        chain.step()
        assert (chain.landed(signature) is not None) is lands
        chain.step(10)
        assert (balance(chain) > 0) is lands


def test_a_transaction_that_fails_lands_and_pays() -> None:
    chain = a_chain()
    signature = chain.submit(a_payment(chain, LAMPORTS * 2))
    chain.step()
    landed = chain.landed(signature)
    assert landed is not None
    assert landed.error == {"InstructionError": [0, {"Custom": 1}]}
    assert balance(chain, PAYER.pubkey()) == LAMPORTS - 5_000


def test_who_cannot_pay_is_not_let_in() -> None:
    chain = a_chain()
    chain.set_account(PAYER.pubkey(), Account(10, b"", SYSTEM))
    signature = chain.submit(a_payment(chain))
    chain.step()
    assert chain.landed(signature) is None


def test_a_wrong_signature_is_refused() -> None:
    chain = a_chain()
    payment = a_payment(chain)
    forged = VersionedTransaction.populate(payment.message, [Signature.default()])
    with pytest.raises(SignatureWrong):
        chain.submit(forged)


def test_earlier_slots_can_still_be_read() -> None:
    chain = a_chain()
    before = chain.slot
    chain.run(a_payment(chain))
    after = chain.slot
    chain.step(3)
    chain.run(a_payment(chain, 2_000_000))
    seen = [chain.get_account(SOMEBODY, slot) for slot in (before, after, chain.slot)]
    assert [account.lamports if account else 0 for account in seen] == [0, 1_000_000, 3_000_000]


def test_what_an_account_was_before_it_was_set_can_still_be_read() -> None:
    chain = a_chain()
    chain.set_account(SOMEBODY, Account(5, b"old", SYSTEM))
    chain.step()
    slot = chain.slot - 1
    chain.set_account(SOMEBODY, Account(6, b"new", SYSTEM))
    old = chain.get_account(SOMEBODY, slot)
    assert old is not None
    assert bytes(old.data) == b"old"


def test_only_accounts_that_may_change_count_as_writable() -> None:
    chain = a_chain()
    assert writable_keys(a_payment(chain)) == [PAYER.pubkey(), SOMEBODY]


def test_the_same_seed_makes_the_same_chain() -> None:
    first, second, other = a_chain(seed=1), a_chain(seed=1), a_chain(seed=2)
    assert first.blockhash(first.slot) == second.blockhash(second.slot)
    assert first.genesis_hash == second.genesis_hash != other.genesis_hash
    signatures = {first.submit(a_payment(first)), second.submit(a_payment(second))}
    assert len(signatures) == 1


# -- faults ------------------------------------------------------------------------------------------------


def test_a_lost_transaction_never_lands_and_can_be_sent_again() -> None:
    faults = Faults()
    chain = a_chain(faults)
    payment = a_payment(chain)
    faults.start(FaultKind.LOST_TRANSACTION, count=1)
    signature = chain.submit(payment)
    chain.step(10)
    assert chain.landed(signature) is None
    chain.submit(payment)
    chain.step()
    assert chain.landed(signature) is not None


def test_a_late_transaction_lands_so_many_slots_late() -> None:
    faults = Faults()
    chain = a_chain(faults)
    faults.start(FaultKind.LATE_LANDING, amount=10, count=1)
    payment = a_payment(chain)
    signature = chain.submit(payment)
    chain.step(5)
    chain.submit(payment)
    chain.step(5)
    assert chain.landed(signature) is None
    chain.step()
    assert chain.landed(signature) is not None
    assert balance(chain) == 1_000_000


def test_the_drills_own_people_are_spared() -> None:
    faults = Faults()
    chain = a_chain(faults)
    for kind in (FaultKind.LOST_TRANSACTION, FaultKind.LATE_LANDING, FaultKind.ON_CHAIN_FAILURE):
        faults.start(kind, count=1)
    signature = chain.submit(a_payment(chain), spared=True)
    chain.step()
    landed = chain.landed(signature)
    assert landed is not None
    assert landed.error is None
    assert len(faults.active) == 3


def test_a_transaction_that_comes_too_late_is_dead() -> None:
    faults = Faults()
    chain = a_chain(faults)
    faults.start(FaultKind.LATE_LANDING, amount=BLOCKHASH_BLOCKS, count=1)
    signature = chain.submit(a_payment(chain))
    chain.step(BLOCKHASH_BLOCKS + 5)
    assert chain.landed(signature) is None


def test_a_failure_on_chain_has_the_code_and_no_effect() -> None:
    faults = Faults()
    chain = a_chain(faults)
    faults.start(FaultKind.ON_CHAIN_FAILURE, amount=6024, count=1)
    message = MessageV0.try_compile(PAYER.pubkey(), [pays(), pays(5)], [], chain.blockhash(chain.slot)[0])
    signature = chain.submit(VersionedTransaction(message, [PAYER]))
    chain.step()
    landed = chain.landed(signature)
    assert landed is not None
    assert landed.error == {"InstructionError": [1, {"Custom": 6024}]}
    assert "custom program error: 0x1788" in landed.logs[-1]
    assert (balance(chain), balance(chain, PAYER.pubkey())) == (0, LAMPORTS - 5_000)


def test_making_a_world_stops_at_the_first_failure() -> None:
    chain = a_chain()
    with pytest.raises(RuntimeError, match="Custom"):
        chain.run(signed(chain.blockhash(chain.slot)[0], pays(LAMPORTS * 2)))
