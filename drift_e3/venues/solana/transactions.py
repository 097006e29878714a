"""Instructions made into one transaction, signed or for trial. Nothing is sent and no key is seen here."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.hash import Hash
from solders.instruction import Instruction
from solders.message import MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from drift_e3.venues.solana.fees import UNITS_MAX

TRANSACTION_BYTES_MAX: Final = 1_232
"""What fits into one packet of the network."""


class Draft(NamedTuple):
    """What a transaction does, and who signs it and pays for it."""

    payer: Pubkey
    instructions: tuple[Instruction, ...]

    def message(self, blockhash: Hash, units: int, price: int) -> MessageV0:
        """The message with its compute budget: unit limit and micro-lamports per unit."""
        budget = [set_compute_unit_limit(units), set_compute_unit_price(price)]
        return MessageV0.try_compile(self.payer, [*budget, *self.instructions], [], blockhash)

    def trial(self, blockhash: Hash) -> VersionedTransaction:
        """The transaction to simulate: unsigned, with all the units there are, free of charge."""
        message = self.message(blockhash, UNITS_MAX, 0)
        unsigned = [Signature.default()] * message.header.num_required_signatures
        return VersionedTransaction.populate(message, unsigned)

    def writable(self) -> tuple[Pubkey, ...]:
        """The accounts that the transaction competes for with others, in order."""
        return _distinct(
            account.pubkey
            for instruction in self.instructions
            for account in instruction.accounts
            if account.is_writable
        )


def signed_bytes(message: MessageV0, signature: Signature) -> bytes:
    """The transaction as it goes over the wire; one signature is all it takes."""
    return bytes(VersionedTransaction.populate(message, [signature]))


def bytes_to_sign(message: MessageV0) -> bytes:
    return to_bytes_versioned(message)


def draft(payer: Pubkey, instructions: Sequence[Instruction]) -> Draft:
    """Raises ValueError where somebody else would have to sign, too."""
    for instruction in instructions:
        for account in instruction.accounts:
            if account.is_signer and account.pubkey != payer:
                raise ValueError(f"{account.pubkey} would have to sign, too")
    return Draft(payer, tuple(instructions))


def _distinct(keys: Iterable[Pubkey]) -> tuple[Pubkey, ...]:
    return tuple(dict.fromkeys(keys))
