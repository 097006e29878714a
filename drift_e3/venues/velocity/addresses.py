"""Addresses that follow from seeds, and those that never change."""

from functools import lru_cache
from typing import Final, NamedTuple

from solders.pubkey import Pubkey

PROGRAM_ID: Final = Pubkey.from_string("vELoC1audYbSYVRXn1vPaV8Axoa9oU6BYmNGZZBDZ1P")
"""The same on mainnet and devnet."""
USDT_MINT: Final = Pubkey.from_string("Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB")

PERP: Final = "PerpMarket"
SPOT: Final = "SpotMarket"


class MarketKey(NamedTuple):
    """A market by the kind of its account and its index."""

    kind: str
    market_index: int


@lru_cache(maxsize=256)
def derive(program_id: Pubkey, *seeds: bytes) -> Pubkey:
    """The program's address for these seeds; kept, because the search for one costs more than a decoding."""
    return Pubkey.find_program_address(list(seeds), program_id)[0]


def index_seed(number: int) -> bytes:
    """A market's index or a sub-account's number as a seed."""
    return number.to_bytes(2, "little")


def state_address(program_id: Pubkey) -> Pubkey:
    return derive(program_id, b"velocity_state")


def signer_address(program_id: Pubkey) -> Pubkey:
    """Who owns the vaults."""
    return derive(program_id, b"velocity_signer")


def perp_market_address(program_id: Pubkey, index: int) -> Pubkey:
    return derive(program_id, b"perp_market", index_seed(index))


def spot_market_address(program_id: Pubkey, index: int) -> Pubkey:
    return derive(program_id, b"spot_market", index_seed(index))


def market_address(program_id: Pubkey, market: MarketKey) -> Pubkey:
    """The address of a market of either kind."""
    if market.kind == PERP:
        return perp_market_address(program_id, market.market_index)
    return spot_market_address(program_id, market.market_index)


def spot_vault_address(program_id: Pubkey, index: int) -> Pubkey:
    return derive(program_id, b"spot_market_vault", index_seed(index))


def oracle_address(program_id: Pubkey, feed: int) -> Pubkey:
    """The Pyth Lazer oracle that the program keeps for a feed."""
    return derive(program_id, b"pyth_lazer", feed.to_bytes(4, "little"))


def user_address(program_id: Pubkey, authority: Pubkey, sub_account: int) -> Pubkey:
    return derive(program_id, b"user", bytes(authority), index_seed(sub_account))


def user_stats_address(program_id: Pubkey, authority: Pubkey) -> Pubkey:
    return derive(program_id, b"user_stats", bytes(authority))
