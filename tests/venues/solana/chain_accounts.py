"""Accounts of the cluster and of an oracle, as the chain would hold them."""

from struct import pack

from solders.pubkey import Pubkey

from drift_e3.venues.solana.lazer import LAZER_DISCRIMINATOR
from drift_e3.venues.solana.program import RawAccount
from drift_e3.venues.solana.sysvars import CLOCK_ADDRESS, SYSVAR_OWNER, UPGRADEABLE_LOADER

SLOT = 405_286_920
NOW_S = 1_773_072_640


def lazer_bytes(
    price: int = 8_501_647_500,
    confidence: int = 1_500_000,
    exponent: int = -8,
    publish_us: int = NOW_S * 1_000_000,
    posted_slot: int = SLOT,
) -> bytes:
    """The data of an oracle account."""
    return LAZER_DISCRIMINATOR + pack("<qQQi4xQ", price, publish_us, posted_slot, exponent, confidence)


def clock_account(slot: int = SLOT, unix_s: int = NOW_S) -> RawAccount:
    """The chain's clock."""
    return RawAccount(owner=SYSVAR_OWNER, data=pack("<QqQQq", slot, unix_s - 90_000, 938, 939, unix_s))


def clock_accounts(slot: int = SLOT, unix_s: int = NOW_S) -> dict[Pubkey, RawAccount | None]:
    """The chain's clock at its address."""
    return {CLOCK_ADDRESS: clock_account(slot, unix_s)}


def program_account(programdata: Pubkey, tag: int = 2) -> RawAccount:
    """A program's own account, which says where its code is."""
    return RawAccount(owner=UPGRADEABLE_LOADER, data=pack("<I32s", tag, bytes(programdata)))


def programdata_account(
    slot: int, authority: Pubkey | None, code: bytes = b"\x7fELF", tag: int = 3
) -> RawAccount:
    """A program's code with the loader's header."""
    held = bytes(authority) if authority else bytes(32)
    return RawAccount(
        owner=UPGRADEABLE_LOADER, data=pack("<IQ?32s", tag, slot, authority is not None, held) + code
    )
