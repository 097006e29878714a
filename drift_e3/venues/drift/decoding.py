"""Accounts of the Drift v2 program, checked and decoded to driftpy's objects.

What they must be is decided here (owner, kind, exact size, address, market, mint, authority); what they mean
for trading is not. Sizes are the chain's, with the discriminator. Everything raises `AccountRefused`.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, NamedTuple

from solders.pubkey import Pubkey

from drift_e3.venues.drift.library import (
    DRIFT_CODER,
    MALFORMED,
    addresses,
    decode_user,
    decode_user_stat,
)
from drift_e3.venues.solana.account_checks import Accounts, checked
from drift_e3.venues.solana.anchor import account_discriminator
from drift_e3.venues.solana.program import AccountRefused, Trading

PROGRAM_ID: Final = Pubkey.from_string("dRiftyHA39MWEi3m9aunc5MzRF1JYuBsbn6VPcn33UH")
USDC_MINT: Final = Pubkey.from_string("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v")
QUOTE_INDEX: Final = 0
QUOTE_DECIMALS: Final = 6

SIZES: Final = {"State": 992, "PerpMarket": 1216, "SpotMarket": 776, "User": 4376, "UserStats": 240}


class MarketKey(NamedTuple):
    """A market of the program: ``PerpMarket`` or ``SpotMarket``, and its number."""

    kind: str
    number: int


QUOTE_MARKET: Final = MarketKey("SpotMarket", QUOTE_INDEX)


class MarketId(NamedTuple):
    """Which program, market and quote asset are meant."""

    program_id: Pubkey = PROGRAM_ID
    market_index: int = 0
    name: str = "SOL-PERP"
    quote_mint: Pubkey = USDC_MINT

    @property
    def perp(self) -> MarketKey:
        return MarketKey("PerpMarket", self.market_index)

    @property
    def state_address(self) -> Pubkey:
        return _found(addresses.get_state_public_key, self.program_id)

    @property
    def perp_address(self) -> Pubkey:
        return market_address(self.program_id, self.perp)

    @property
    def spot_address(self) -> Pubkey:
        return market_address(self.program_id, QUOTE_MARKET)

    def user_address(self, trading: Trading) -> Pubkey:
        """The trading account."""
        find = addresses.get_user_account_public_key
        return _found(find, self.program_id, trading.authority, trading.sub_account)

    def stats_address(self, trading: Trading) -> Pubkey:
        """The account of the authority's volumes and fees, shared by all its sub-accounts."""
        return _found(addresses.get_user_stats_account_public_key, self.program_id, trading.authority)


def market_address(program_id: Pubkey, market: MarketKey) -> Pubkey:
    """Where a market is."""
    find = {
        "PerpMarket": addresses.get_perp_market_public_key,
        "SpotMarket": addresses.get_spot_market_public_key,
    }
    return _found(find[market.kind], program_id, market.number)


@lru_cache(maxsize=64)
def _found(find: Callable[..., Pubkey], *seeds: object) -> Pubkey:
    """An address that follows from seeds, kept because to search it takes longer than to decode a user."""
    return find(*seeds)


def read_state(accounts: Accounts, market: MarketId) -> Any:
    """The exchange's state."""
    return _decoded("the exchange's state", "State", accounts, market.state_address, market.program_id)


def read_perp_market(accounts: Accounts, market: MarketId) -> Any:
    """The perpetual market: it must be the one of that index and name, and settle in the quote asset."""
    what = market.name
    found = _decoded(what, "PerpMarket", accounts, market.perp_address, market.program_id)
    _same(what, "address", found.pubkey, market.perp_address)
    _same(what, "market index", found.market_index, market.market_index)
    _same(what, "name", decode_name(found.name), market.name)
    _same(what, "quote market", found.quote_spot_market_index, QUOTE_INDEX)
    if found.amm.order_step_size <= 0 or found.amm.order_tick_size <= 0:
        raise AccountRefused(f"{what} has no step or no tick")
    return found


def read_spot_market(accounts: Accounts, market: MarketId) -> Any:
    """The quote asset's market: it must be that of the mint expected."""
    what = "the quote market"
    found = _decoded(what, "SpotMarket", accounts, market.spot_address, market.program_id)
    _same(what, "address", found.pubkey, market.spot_address)
    _same(what, "market index", found.market_index, QUOTE_INDEX)
    _same(what, "mint", found.mint, market.quote_mint)
    _same(what, "decimals", found.decimals, QUOTE_DECIMALS)
    return found


def read_user(accounts: Accounts, market: MarketId, trading: Trading) -> Any:
    """The trading account, by the fast decoder: it must be the authority's, of that number."""
    what, address = "the trading account", market.user_address(trading)
    found = _decoded(what, "User", accounts, address, market.program_id, decode_user)
    _same(what, "authority", found.authority, trading.authority)
    _same(what, "sub-account", found.sub_account_id, trading.sub_account)
    return found


def read_user_stats(accounts: Accounts, market: MarketId, trading: Trading) -> Any:
    """The authority's volumes and fees, by the fast decoder."""
    what, address = "the trader's statistics", market.stats_address(trading)
    found = _decoded(what, "UserStats", accounts, address, market.program_id, decode_user_stat)
    _same(what, "authority", found.authority, trading.authority)
    return found


def read_any_market(accounts: Accounts, program_id: Pubkey, market: MarketKey) -> Any:
    """Another market, of which only address and oracle are needed."""
    address, what = market_address(program_id, market), f"{market.kind} {market.number}"
    found = _decoded(what, market.kind, accounts, address, program_id)
    _same(what, "address", found.pubkey, address)
    _same(what, "market index", found.market_index, market.number)
    return found


def decode_name(name: list[int]) -> str:
    """A name as text; the program pads it with spaces."""
    return bytes(name).decode("utf-8", "replace").rstrip(" \0")


def _decoded(
    what: str,
    kind: str,
    accounts: Accounts,
    address: Pubkey,
    program_id: Pubkey,
    decode: Callable[[bytes], Any] = DRIFT_CODER.accounts.decode,
) -> Any:
    data = checked(
        what,
        accounts,
        address,
        owner=program_id,
        discriminator=account_discriminator(kind),
        size=SIZES[kind],
    )
    try:
        return decode(data)
    except MALFORMED as error:
        raise AccountRefused(f"{what} {address} cannot be decoded: {type(error).__name__}") from error


def _same(what: str, field: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise AccountRefused(f"{what} has the {field} {found}, not {wanted}")
