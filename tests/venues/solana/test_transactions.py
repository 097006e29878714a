import pytest
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from drift_e3.venues.solana.transactions import bytes_to_sign, draft, signed_bytes
from tests.venues.solana.scripted_chain import MARKET, PROGRAM, TRADER, order

BLOCKHASH = Hash(b"\x05" * 32)


def test_a_signed_transaction_is_what_the_network_takes() -> None:
    message = draft(TRADER.address, order()).message(BLOCKHASH, 140_000, 4_000)
    tx = VersionedTransaction.from_bytes(signed_bytes(message, TRADER.sign(bytes_to_sign(message))))
    assert tx.verify_with_results() == [True]
    assert tx.message.recent_blockhash == BLOCKHASH
    assert tx.message.account_keys[0] == TRADER.address


def test_the_same_work_gives_the_same_bytes() -> None:
    raws = set[bytes]()
    for _ in range(3):
        message = draft(TRADER.address, order()).message(BLOCKHASH, 140_000, 4_000)
        raws.add(signed_bytes(message, TRADER.sign(bytes_to_sign(message))))
    assert len(raws) == 1


def test_the_trial_is_unsigned() -> None:
    trial = draft(TRADER.address, order()).trial(BLOCKHASH)
    assert trial.verify_with_results() == [False]
    assert [instruction.data for instruction in trial.message.instructions][-1] == b"buy"


def test_it_competes_for_what_it_writes() -> None:
    reads = AccountMeta(Pubkey(b"\x09" * 32), is_signer=False, is_writable=False)
    twice = [*order(), Instruction(PROGRAM, b"", [reads]), *order()]
    assert draft(TRADER.address, twice).writable() == (TRADER.address, MARKET)


def test_a_transaction_has_one_signer() -> None:
    other = Keypair.from_seed(b"\x01" * 32).pubkey()
    with pytest.raises(ValueError, match=f"{TRADER.address} would have to sign"):
        draft(other, order())
