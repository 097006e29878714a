"""The accounts of one look, each checked to be the one that is meant before a field of it counts.

Owner, size and discriminator, then what is inside: index, name, mint, oracle source, authority. What the
fields mean is the business of `market`, `account` and `pauses`.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from solders.pubkey import Pubkey

from drift_e3.venues.solana.account_checks import Accounts, checked
from drift_e3.venues.solana.lazer import LAZER_DISCRIMINATOR, LAZER_SIZE, read_lazer
from drift_e3.venues.solana.program import AccountRefused, Trading
from drift_e3.venues.solana.views import OracleSeen
from drift_e3.venues.velocity.addresses import (
    PERP,
    SPOT,
    MarketKey,
    market_address,
    perp_market_address,
    spot_market_address,
    state_address,
    user_address,
    user_stats_address,
)
from drift_e3.venues.velocity.codes import PYTH_LAZER, PYTH_LAZER_STABLE_COIN
from drift_e3.venues.velocity.layouts import PERP_MARKET, SPOT_MARKET, STATE, USER, USER_STATS
from drift_e3.venues.velocity.market import symbol_of
from drift_e3.venues.velocity.rows import (
    FeeTierRow,
    PerpRow,
    SpotRow,
    StateRow,
    StatsRow,
    UserRow,
    read_any_market,
    read_fee_tiers,
    read_perp,
    read_spot,
    read_state,
    read_stats,
    read_user,
)
from drift_e3.venues.velocity.wire import AccountLayout

QUOTE_INDEX: Final = 0
QUOTE_DECIMALS: Final = 6


class MarketId(NamedTuple):
    """Which market of which program, by what it must be: index, name, and the quote asset's mint."""

    program_id: Pubkey
    market_index: int
    symbol: str
    quote_mint: Pubkey

    @property
    def state_address(self) -> Pubkey:
        return state_address(self.program_id)

    @property
    def perp_address(self) -> Pubkey:
        return perp_market_address(self.program_id, self.market_index)

    @property
    def spot_address(self) -> Pubkey:
        return spot_market_address(self.program_id, QUOTE_INDEX)

    def user_address(self, trading: Trading) -> Pubkey:
        return user_address(self.program_id, trading.authority, trading.sub_account)

    def stats_address(self, trading: Trading) -> Pubkey:
        return user_stats_address(self.program_id, trading.authority)


class UserData(NamedTuple):
    """The trading account with its bytes, which hold positions and orders."""

    address: Pubkey
    row: UserRow
    data: bytes


def exchange_state(accounts: Accounts, market: MarketId) -> tuple[StateRow, Sequence[FeeTierRow]]:
    """The exchange's state and its fee tiers for perpetuals."""
    data = _data("the state", accounts, market.state_address, market.program_id, STATE)
    return read_state(data), [read(data) for read in read_fee_tiers]


def perp_market(accounts: Accounts, market: MarketId) -> PerpRow:
    """The market: the one of that index and name, settled in the quote asset, priced by Pyth Lazer."""
    what = market.symbol
    row = read_perp(_data(what, accounts, market.perp_address, market.program_id, PERP_MARKET))
    _same(what, "address", Pubkey.from_bytes(row.pubkey), market.perp_address)
    _same(what, "market index", row.market_index, market.market_index)
    _same(what, "name", symbol_of(row.name), market.symbol)
    _same(what, "quote market", row.quote_spot_market_index, QUOTE_INDEX)
    _same(what, "oracle source", row.oracle_source, PYTH_LAZER)
    if not (row.order_step_size and row.order_tick_size):
        raise AccountRefused(f"{what} has no step or no tick")
    return row


def quote_market(accounts: Accounts, market: MarketId) -> SpotRow:
    """The quote asset's market: that of the mint expected, priced by Pyth Lazer."""
    what = "the quote market"
    row = read_spot(_data(what, accounts, market.spot_address, market.program_id, SPOT_MARKET))
    _same(what, "address", Pubkey.from_bytes(row.pubkey), market.spot_address)
    _same(what, "market index", row.market_index, QUOTE_INDEX)
    _same(what, "mint", Pubkey.from_bytes(row.mint), market.quote_mint)
    _same(what, "decimals", row.decimals, QUOTE_DECIMALS)
    _same(what, "oracle source", row.oracle_source, PYTH_LAZER_STABLE_COIN)
    return row


def oracle(what: str, accounts: Accounts, address: Pubkey, program_id: Pubkey) -> OracleSeen:
    """What an oracle says, if it is one of the program's."""
    kind, size = LAZER_DISCRIMINATOR, LAZER_SIZE
    return read_lazer(what, checked(what, accounts, address, owner=program_id, discriminator=kind, size=size))


def trading_account(accounts: Accounts, market: MarketId, trading: Trading) -> UserData:
    """The account that is traded: the authority's, of that number."""
    what, address = "the trading account", market.user_address(trading)
    data = _data(what, accounts, address, market.program_id, USER)
    row = read_user(data)
    _same(what, "authority", Pubkey.from_bytes(row.authority), trading.authority)
    _same(what, "sub-account", row.sub_account_id, trading.sub_account)
    return UserData(address, row, data)


def trader_statistics(accounts: Accounts, market: MarketId, trading: Trading) -> StatsRow:
    """The fees of all the authority's accounts, and its pauses."""
    what, address = "the trader's statistics", market.stats_address(trading)
    row = read_stats(_data(what, accounts, address, market.program_id, USER_STATS))
    _same(what, "authority", Pubkey.from_bytes(row.authority), trading.authority)
    return row


def oracle_of(accounts: Accounts, program_id: Pubkey, market: MarketKey) -> Pubkey:
    """The oracle of another market, of which only this is needed."""
    address, what = market_address(program_id, market), f"{market.kind} {market.market_index}"
    layout = {PERP: PERP_MARKET, SPOT: SPOT_MARKET}[market.kind]
    row = read_any_market[market.kind](_data(what, accounts, address, program_id, layout))
    _same(what, "address", Pubkey.from_bytes(row.pubkey), address)
    _same(what, "market index", row.market_index, market.market_index)
    return Pubkey.from_bytes(row.oracle)


def _data(what: str, accounts: Accounts, address: Pubkey, program_id: Pubkey, layout: AccountLayout) -> bytes:
    kind, size = layout.discriminator, layout.size
    return checked(what, accounts, address, owner=program_id, discriminator=kind, size=size)


def _same(what: str, field: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise AccountRefused(f"{what} has the {field} {found}, not {wanted}")
