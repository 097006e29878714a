"""What an account must be before a byte of it is decoded: there, of the right program, kind and size.

A successor program's accounts decode without an error into wrong values, so all three are checked, and the
size exactly. What is inside (mint, market, authority) is checked by those who decode it.
"""

from collections.abc import Mapping

from solders.pubkey import Pubkey

from drift_e3.venues.solana.program import AccountRefused, RawAccount

Accounts = Mapping[Pubkey, RawAccount | None]


def present(what: str, accounts: Accounts, address: Pubkey) -> RawAccount:
    """The account at that address, named `what` for people. Raises `AccountRefused` for none."""
    account = accounts.get(address)
    if account is None:
        raise AccountRefused(f"{what} {address} does not exist")
    return account


def checked(
    what: str, accounts: Accounts, address: Pubkey, *, owner: Pubkey, discriminator: bytes, size: int
) -> bytes:
    """The data of the account at that address, with its discriminator, if it is what it must be.

    Raises `AccountRefused` with one line that names the account and what is wrong with it.
    """
    account = present(what, accounts, address)
    if account.owner != owner:
        raise AccountRefused(f"{what} {address} belongs to {account.owner}, not to {owner}")
    if len(account.data) != size:
        raise AccountRefused(f"{what} {address} has {len(account.data)} bytes, not {size}")
    if account.data[: len(discriminator)] != discriminator:
        kind = account.data[: len(discriminator)].hex()
        raise AccountRefused(f"{what} {address} is of another kind (discriminator {kind})")
    return account.data
