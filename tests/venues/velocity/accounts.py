"""Accounts of a made-up Velocity market, with a trader, as one look would have them."""

from collections.abc import Mapping
from struct import pack

from solders.pubkey import Pubkey

from drift_e3.drill.velocity_accounts import UNIX_S, made_accounts, written
from drift_e3.venues.solana.program import RawAccount, Trading
from drift_e3.venues.solana.sysvars import CLOCK_ADDRESS, SYSVAR_OWNER
from drift_e3.venues.solana.views import ChainView
from drift_e3.venues.velocity.addresses import (
    PROGRAM_ID,
    oracle_address,
    perp_market_address,
    spot_market_address,
    state_address,
    user_address,
    user_stats_address,
)
from drift_e3.venues.velocity.layouts import USER, USER_STATS
from drift_e3.venues.velocity.program import VelocityProgram
from drift_e3.venues.velocity.wire import AccountLayout

Accounts = dict[Pubkey, RawAccount | None]
Values = Mapping[str, int | bytes]

OWNER = Pubkey.from_bytes(bytes([21]) * 32)
DELEGATE = Pubkey.from_bytes(bytes([22]) * 32)
TRADING = Trading(OWNER, 0, DELEGATE)
SLOT = 400_000_000

STATE_AT = state_address(PROGRAM_ID)
PERP_AT = perp_market_address(PROGRAM_ID, 0)
SPOT_AT = spot_market_address(PROGRAM_ID, 0)
ORACLE_AT = oracle_address(PROGRAM_ID, 6)
QUOTE_ORACLE_AT = oracle_address(PROGRAM_ID, 8)
USER_AT = user_address(PROGRAM_ID, OWNER, 0)
STATS_AT = user_stats_address(PROGRAM_ID, OWNER)


def the_accounts(user: Values | None = None, stats: Values | None = None, unix_s: int = UNIX_S) -> Accounts:
    """The market at 150 USD, the clock, and the owner's account with those fields."""
    accounts: Accounts = dict(made_accounts(150.0))
    accounts[CLOCK_ADDRESS] = RawAccount(SYSVAR_OWNER, pack("<QqQQq", SLOT, 0, 0, 0, unix_s))
    mine: Values = {"authority": bytes(OWNER), "delegate": bytes(DELEGATE), "next_order_id": 1}
    accounts[USER_AT] = RawAccount(PROGRAM_ID, written(USER, {**mine, **(user or {})}))
    accounts[STATS_AT] = RawAccount(
        PROGRAM_ID, written(USER_STATS, {"authority": bytes(OWNER), **(stats or {})})
    )
    return accounts


def changed(accounts: Accounts, address: Pubkey, layout: AccountLayout, values: Values) -> Accounts:
    """The same accounts with other fields in one of them."""
    account = accounts[address]
    assert account is not None
    data = bytearray(account.data)
    for path, value in values.items():
        layout.write(data, path, value)
    return accounts | {address: account._replace(data=bytes(data))}


def learnt(accounts: Accounts | None = None) -> VelocityProgram:
    """A program that knows its market."""
    program = VelocityProgram()
    program.learn(accounts or the_accounts())
    return program


def look(accounts: Accounts, trading: Trading | None = TRADING) -> ChainView:
    """What a program that knows the made-up market reads."""
    return learnt().read(SLOT, accounts, trading)


def position(**values: int) -> dict[str, int | bytes]:
    """A position in market 0, in the second of the account's places."""
    return {f"perp_positions.1.{name}": value for name, value in values.items()}


def order(place: int = 0, **values: int) -> dict[str, int | bytes]:
    """An open order on market 0 in one of the account's places: a limit to buy unless told otherwise."""
    usual = {"status": 1, "order_type": 1, "market_type": 1, "order_id": 7, "user_order_id": 3}
    return {f"orders.{place}.{name}": value for name, value in (usual | values).items()}
