"""What every program made with the Anchor framework has in common: discriminators and the framework's errors.

Both venues' programs are such programs. Their own accounts, instructions and error codes are theirs.
"""

from hashlib import sha256
from typing import Final

DISCRIMINATOR_BYTES: Final = 8

INSTRUCTION_GONE: Final = 101
"""The program was deployed anew without the instruction that was called."""

ERRORS: Final = {
    100: "InstructionMissing",
    INSTRUCTION_GONE: "InstructionFallbackNotFound",
    102: "InstructionDidNotDeserialize",
    103: "InstructionDidNotSerialize",
    2000: "ConstraintMut",
    2001: "ConstraintHasOne",
    2002: "ConstraintSigner",
    2003: "ConstraintRaw",
    2004: "ConstraintOwner",
    2005: "ConstraintRentExempt",
    2006: "ConstraintSeeds",
    2012: "ConstraintAddress",
    2014: "ConstraintTokenMint",
    2015: "ConstraintTokenOwner",
    3000: "AccountDiscriminatorAlreadySet",
    3001: "AccountDiscriminatorNotFound",
    3002: "AccountDiscriminatorMismatch",
    3003: "AccountDidNotDeserialize",
    3005: "AccountNotEnoughKeys",
    3006: "AccountNotMutable",
    3007: "AccountOwnedByWrongProgram",
    3008: "InvalidProgramId",
    3009: "InvalidProgramExecutable",
    3010: "AccountNotSigner",
    3012: "AccountNotInitialized",
    4100: "DeclaredProgramIdMismatch",
}
"""The framework's own error codes that a client meets, below 6000, where a program's own begin."""


def account_discriminator(name: str) -> bytes:
    """The first bytes of every account of that kind, for example of ``PerpMarket``."""
    return sha256(f"account:{name}".encode()).digest()[:DISCRIMINATOR_BYTES]


def instruction_discriminator(name: str) -> bytes:
    """The first bytes of the instruction's data; the name in snake case, for example ``settle_pnl``."""
    return sha256(f"global:{name}".encode()).digest()[:DISCRIMINATOR_BYTES]


def event_discriminator(name: str) -> bytes:
    """The first bytes of every event of that kind, for example of ``OrderActionRecord``."""
    return sha256(f"event:{name}".encode()).digest()[:DISCRIMINATOR_BYTES]
