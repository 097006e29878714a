"""The price account of a market, by the source that the market names.

Lazer since 2025, Pyth's pull oracle before. Others are refused in words: none has been SOL-PERP's for years.
"""

from struct import Struct
from typing import Final

from solders.pubkey import Pubkey

from drift_e3.core.terms import MS_PER_SECOND
from drift_e3.venues.solana.account_checks import Accounts, checked
from drift_e3.venues.solana.anchor import account_discriminator
from drift_e3.venues.solana.lazer import LAZER_DISCRIMINATOR, LAZER_SIZE, oracle_seen, read_lazer
from drift_e3.venues.solana.program import AccountRefused
from drift_e3.venues.solana.views import OracleSeen

LAZER_MULTIPLES: Final = {"PythLazer": 1, "PythLazer1K": 1_000, "PythLazer1M": 1_000_000}
PULL_MULTIPLES: Final = {"PythPull": 1, "Pyth1KPull": 1_000, "Pyth1MPull": 1_000_000}
SOURCES: Final = LAZER_MULTIPLES.keys() | PULL_MULTIPLES.keys()

PULL_SIZE: Final = 134
PULL_DISCRIMINATOR: Final = account_discriminator("PriceUpdateV2")
PULL_OWNERS: Final = (
    Pubkey.from_string("G6EoTTTgpkNBtVXo96EQp2m6uwwVh2Kt6YidjkmQqoha"),
    Pubkey.from_string("rec5EKMGg6MxZYaMdyBfgwp4d5rB9T1VQH5pJv5LtFJ"),
)
"""Drift's own receiver of Pyth's messages, and Pyth's."""

_VERIFICATION_AT = 40
_FULLY_VERIFIED = 1
_PULL_LAYOUT = Struct("<32xqQiq8x16xQ")


def read_oracle(
    what: str, accounts: Accounts, address: Pubkey, source: str, program_id: Pubkey
) -> OracleSeen:
    """The oracle's price. `source` is the market's, for example ``PythLazer``. Raises `AccountRefused`."""
    if source in LAZER_MULTIPLES:
        data = checked(
            what,
            accounts,
            address,
            owner=program_id,
            discriminator=LAZER_DISCRIMINATOR,
            size=LAZER_SIZE,
        )
        return read_lazer(what, data, LAZER_MULTIPLES[source])
    if source in PULL_MULTIPLES:
        account = accounts.get(address)
        owner = account.owner if account and account.owner in PULL_OWNERS else PULL_OWNERS[0]
        data = checked(what, accounts, address, owner=owner, discriminator=PULL_DISCRIMINATOR, size=PULL_SIZE)
        return _read_pull(what, data, PULL_MULTIPLES[source])
    raise AccountRefused(f"{what} is of the kind {source}, which is not read here")


def _read_pull(what: str, data: bytes, multiple: int) -> OracleSeen:
    """How well the price was verified takes one byte, or two where a number of signatures follows."""
    offset = _VERIFICATION_AT + (1 if data[_VERIFICATION_AT] == _FULLY_VERIFIED else 2)
    price, confidence, exponent, publish_s, posted_slot = _PULL_LAYOUT.unpack_from(data, offset)
    return oracle_seen(what, price, confidence, exponent, publish_s * MS_PER_SECOND, posted_slot, multiple)
