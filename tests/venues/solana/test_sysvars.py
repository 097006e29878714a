"""The chain's clock and a program's deployment."""

import pytest
from solders.pubkey import Pubkey

from drift_e3.venues.solana.program import AccountRefused, RawAccount
from drift_e3.venues.solana.sysvars import (
    CLOCK_ADDRESS,
    PROGRAMDATA_HEADER_BYTES,
    UPGRADEABLE_LOADER,
    ChainClock,
    Deployment,
    read_clock,
    read_deployment,
    read_program,
)
from tests.venues.solana.chain_accounts import (
    NOW_S,
    SLOT,
    clock_account,
    clock_accounts,
    program_account,
    programdata_account,
)

PROGRAM = Pubkey(b"p" * 32)
CODE = Pubkey(b"c" * 32)
AUTHORITY = Pubkey(b"u" * 32)


def test_the_clock_says_slot_and_time() -> None:
    assert read_clock(clock_accounts()) == ChainClock(SLOT, NOW_S * 1_000)


@pytest.mark.parametrize(
    "account",
    [None, clock_account()._replace(owner=PROGRAM), clock_account()._replace(data=bytes(39))],
    ids=["missing", "owner", "size"],
)
def test_what_is_not_the_clock_is_refused(account: RawAccount | None) -> None:
    with pytest.raises(AccountRefused, match=r"the chain's clock"):
        read_clock({CLOCK_ADDRESS: account})


def test_a_program_says_where_its_code_is() -> None:
    assert read_program({PROGRAM: program_account(CODE)}, PROGRAM) == CODE


@pytest.mark.parametrize(
    "account",
    [
        None,
        program_account(CODE)._replace(owner=AUTHORITY),
        program_account(CODE)._replace(data=bytes(36)),
        program_account(CODE, tag=3),
        RawAccount(owner=UPGRADEABLE_LOADER, data=b""),
    ],
    ids=["missing", "owner", "empty", "tag", "closed"],
)
def test_what_is_no_program_is_refused(account: RawAccount | None) -> None:
    with pytest.raises(AccountRefused, match=str(PROGRAM)):
        read_program({PROGRAM: account}, PROGRAM)


@pytest.mark.parametrize("authority", [AUTHORITY, None])
def test_the_header_alone_says_when_a_program_was_deployed_and_by_whom(authority: Pubkey | None) -> None:
    whole = programdata_account(777, authority)
    header = whole._replace(data=whole.data[:PROGRAMDATA_HEADER_BYTES])
    assert read_deployment({CODE: whole}, CODE) == Deployment(777, authority)
    assert read_deployment({CODE: header}, CODE) == Deployment(777, authority)


@pytest.mark.parametrize(
    "account",
    [
        None,
        programdata_account(1, None)._replace(owner=PROGRAM),
        programdata_account(1, None, tag=2),
        programdata_account(1, None)._replace(data=bytes(44)),
    ],
    ids=["closed", "owner", "tag", "size"],
)
def test_what_is_no_deployment_is_refused(account: RawAccount | None) -> None:
    with pytest.raises(AccountRefused, match=r"the program's code"):
        read_deployment({CODE: account}, CODE)
