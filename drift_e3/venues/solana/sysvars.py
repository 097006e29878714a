"""What the chain says of itself: its clock, and when a program was deployed.

Decodes accounts that the cluster and its loader own; reading them from the chain is the poller's part.
"""

from struct import Struct
from typing import Final, NamedTuple

from solders.pubkey import Pubkey
from solders.sysvar import CLOCK

from drift_e3.core.terms import MS_PER_SECOND
from drift_e3.venues.solana.account_checks import Accounts, present
from drift_e3.venues.solana.program import AccountRefused

CLOCK_ADDRESS: Final = CLOCK
SYSVAR_OWNER: Final = Pubkey.from_string("Sysvar1111111111111111111111111111111111111")
UPGRADEABLE_LOADER: Final = Pubkey.from_string("BPFLoaderUpgradeab1e11111111111111111111111")

PROGRAMDATA_HEADER_BYTES: Final = 45
"""What must be read of a programdata account; the rest, megabytes, is the program."""

_CLOCK = Struct("<QqQQq")
_PROGRAM = Struct("<I32s")
_PROGRAMDATA = Struct("<IQ?32s")
_PROGRAM_TAG = 2
_PROGRAMDATA_TAG = 3


class ChainClock(NamedTuple):
    """The chain's clock: the slot and its time (UTC, ms), which validators agree on and which may lag."""

    slot: int
    ts: int


class Deployment(NamedTuple):
    """When a program was last deployed, and who may deploy it anew (None: nobody)."""

    slot: int
    authority: Pubkey | None


def read_clock(accounts: Accounts) -> ChainClock:
    """The chain's clock. Raises `AccountRefused` where the account is missing or is not the clock."""
    account = present("the chain's clock", accounts, CLOCK_ADDRESS)
    if account.owner != SYSVAR_OWNER or len(account.data) != _CLOCK.size:
        raise AccountRefused(f"the chain's clock has {len(account.data)} bytes of {account.owner}")
    slot, _, _, _, unix_s = _CLOCK.unpack(account.data)
    return ChainClock(slot, unix_s * MS_PER_SECOND)


def programdata_address(program_id: Pubkey) -> Pubkey:
    """Where the loader keeps an upgradeable program's code and the slot of its deployment."""
    return Pubkey.find_program_address([bytes(program_id)], UPGRADEABLE_LOADER)[0]


def read_program(accounts: Accounts, program_id: Pubkey) -> Pubkey:
    """The address of the program's code, as its own account says. Raises `AccountRefused` for no program."""
    account = present("the program", accounts, program_id)
    if account.owner != UPGRADEABLE_LOADER or len(account.data) != _PROGRAM.size:
        raise AccountRefused(f"{program_id} is no upgradeable program: it belongs to {account.owner}")
    tag, programdata = _PROGRAM.unpack(account.data)
    if tag != _PROGRAM_TAG:
        raise AccountRefused(f"{program_id} is no program (tag {tag})")
    return Pubkey(programdata)


def read_deployment(accounts: Accounts, address: Pubkey) -> Deployment:
    """The deployment of a program from (the beginning of) its programdata account.

    Raises `AccountRefused` where the account is missing, as after a program was closed, or is none.
    """
    account = present("the program's code", accounts, address)
    if account.owner != UPGRADEABLE_LOADER or len(account.data) < PROGRAMDATA_HEADER_BYTES:
        raise AccountRefused(f"the program's code {address} is not what a loader keeps")
    tag, slot, upgradeable, authority = _PROGRAMDATA.unpack_from(account.data)
    if tag != _PROGRAMDATA_TAG:
        raise AccountRefused(f"the program's code {address} has the tag {tag}")
    return Deployment(slot, Pubkey(authority) if upgradeable else None)
