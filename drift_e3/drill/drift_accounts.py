"""Accounts of Drift v2 made up with driftpy's own layouts, for a chain without the program and for tests.

An account begins as zeros and gets the fields that matter; none is recorded from anybody's account. Prices
are in USD, sizes in the base asset; the defaults are a SOL market like that of early 2026.
"""

import dataclasses
from collections.abc import Callable, Mapping
from struct import pack
from typing import Any, Final

from anchorpy.program.common import NamedInstruction
from driftpy.types import ContractTier, MarketStatus, OracleSource, SpotBalanceType
from solders.pubkey import Pubkey
from solders.sysvar import CLOCK
from solders.token import ID as TOKEN_PROGRAM

from drift_e3.core.terms import MS_PER_SECOND
from drift_e3.venues.drift.decoding import PROGRAM_ID, QUOTE_DECIMALS, SIZES, USDC_MINT, MarketId
from drift_e3.venues.drift.library import DRIFT_CODER
from drift_e3.venues.drift.oracles import PULL_DISCRIMINATOR, PULL_OWNERS, PULL_SIZE
from drift_e3.venues.solana.anchor import DISCRIMINATOR_BYTES, account_discriminator
from drift_e3.venues.solana.lazer import LAZER_DISCRIMINATOR
from drift_e3.venues.solana.program import RawAccount, Trading
from drift_e3.venues.solana.sysvars import SYSVAR_OWNER
from drift_e3.venues.solana.views import BASE_UNITS, QUOTE_UNITS

SOL_FEED: Final = 6
ORACLE_EXPONENT: Final = -8
ORACLE_UNITS: Final = 100_000_000
INTEREST_UNITS: Final = 10_000_000_000
NAME_BYTES: Final = 32
RESERVE_BASE: Final = 41_160_000
TAKER_BPS: Final = (10, 9, 8, 7, 6, 5)
REBATE_BPS: Final = 2
BPS_DENOMINATOR: Final = 10_000

Accounts = dict[Pubkey, RawAccount]


# -- bytes -------------------------------------------------------------------------------------------------


def blank(kind: str) -> Any:
    """An account of zeros, as an object whose attributes can be set."""
    return decoded(account_discriminator(kind) + bytes(SIZES[kind] - DISCRIMINATOR_BYTES))


def decoded(data: bytes) -> Any:
    """An account of the program as an object; `on_chain` gives the same bytes back."""
    return DRIFT_CODER.accounts.decode(data)


def on_chain(kind: str, account: Any) -> bytes:
    """The bytes that the chain holds for this account."""
    written: bytes = DRIFT_CODER.accounts.build(NamedInstruction(name=kind, data=_plain(account)))
    return written.ljust(SIZES[kind], b"\0")


def edited(kind: str, data: bytes, change: Callable[[Any], None]) -> bytes:
    """The account's bytes after a change that no transaction could make."""
    account = decoded(data)
    change(account)
    return on_chain(kind, account)


def _plain(value: Any) -> Any:
    """Dataclasses as dicts; anchorpy's own way copies public keys, which cannot be copied."""
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def name_bytes(name: str) -> list[int]:
    """A name as the program keeps it, padded with spaces."""
    return list(name.encode().ljust(NAME_BYTES))


# -- the market --------------------------------------------------------------------------------------------


def state(exchange_status: int = 0, flat_filler_usd: float = 0.01) -> Any:
    """The exchange: fees of 10 bps down to 5 by volume, a rebate of 2."""
    made = blank("State")
    made.exchange_status = exchange_status
    made.number_of_markets = made.number_of_spot_markets = 1
    fees = made.perp_fee_structure
    fees.flat_filler_fee = round(flat_filler_usd * QUOTE_UNITS)
    for index, tier in enumerate(fees.fee_tiers):
        taker_bps = TAKER_BPS[min(index, len(TAKER_BPS) - 1)]
        tier.fee_numerator, tier.fee_denominator = taker_bps, BPS_DENOMINATOR
        tier.maker_rebate_numerator, tier.maker_rebate_denominator = REBATE_BPS, BPS_DENOMINATOR
    return made


def perp_market(price_usd: float, slot: int, unix_s: int, market: MarketId | None = None) -> Any:
    """A quiet SOL market: the AMM at the oracle's price, funding just paid, nobody in a position."""
    which = market or MarketId()
    price = round(price_usd * QUOTE_UNITS)
    made = blank("PerpMarket")
    made.pubkey, made.market_index = which.perp_address, which.market_index
    made.name = name_bytes(which.name)
    made.status = MarketStatus.Active()
    made.contract_tier = ContractTier.B()
    made.margin_ratio_initial, made.margin_ratio_maintenance = 500, 300
    made.imf_factor = 50
    amm = made.amm
    amm.oracle, amm.oracle_source = oracle_address(which.program_id), OracleSource.PythLazer()
    amm.base_asset_reserve = amm.quote_asset_reserve = amm.sqrt_k = RESERVE_BASE * BASE_UNITS
    amm.peg_multiplier = price
    amm.order_step_size = amm.min_order_size = BASE_UNITS // 100
    amm.order_tick_size = 100
    amm.funding_period = 3_600
    amm.last_funding_rate_ts, amm.last_funding_oracle_twap = unix_s, price
    amm.last_mark_price_twap = amm.last_mark_price_twap5min = price
    amm.last_update_slot = slot
    history = amm.historical_oracle_data
    history.last_oracle_price = history.last_oracle_price_twap = history.last_oracle_price_twap5min = price
    history.last_oracle_price_twap_ts = unix_s
    return made


def spot_market(market: MarketId | None = None) -> Any:
    """The quote asset's market, without an oracle of its own and with no interest so far."""
    which = market or MarketId()
    made = blank("SpotMarket")
    made.pubkey, made.mint = which.spot_address, which.quote_mint
    made.name = name_bytes("USDC")
    made.status = MarketStatus.Active()
    made.oracle_source = OracleSource.QuoteAsset()
    made.decimals = QUOTE_DECIMALS
    made.cumulative_deposit_interest = made.cumulative_borrow_interest = INTEREST_UNITS
    return made


def oracle_address(program_id: Pubkey = PROGRAM_ID, feed: int = SOL_FEED) -> Pubkey:
    """The account that the program keeps for a Lazer feed."""
    return Pubkey.find_program_address([b"pyth_lazer", feed.to_bytes(4, "little")], program_id)[0]


# -- traders -----------------------------------------------------------------------------------------------


def user(trading: Trading, deposit_usd: float = 0.0, delegate: Pubkey | None = None) -> Any:
    """A trading account with that much of the quote asset and nothing else."""
    made = blank("User")
    made.authority, made.sub_account_id = trading.authority, trading.sub_account
    made.delegate = delegate or Pubkey.default()
    made.name = name_bytes("Main Account")
    made.next_order_id = 1
    quote = made.spot_positions[0]
    quote.balance_type = SpotBalanceType.Deposit()
    quote.scaled_balance = round(deposit_usd * BASE_UNITS)
    made.total_deposits = round(deposit_usd * QUOTE_UNITS)
    return made


def user_stats(authority: Pubkey) -> Any:
    """The statistics of somebody who has not traded yet."""
    made = blank("UserStats")
    made.authority = authority
    made.number_of_sub_accounts = made.number_of_sub_accounts_created = 1
    return made


# -- what belongs to others --------------------------------------------------------------------------------


def lazer_oracle(
    price_usd: float, slot: int, unix_ms: int, confidence_usd: float = 0.01, program_id: Pubkey = PROGRAM_ID
) -> RawAccount:
    """A price posted through Lazer, as markets use since 2025."""
    price, confidence = round(price_usd * ORACLE_UNITS), round(confidence_usd * ORACLE_UNITS)
    body = pack("<qQQi4xQ", price, unix_ms * 1_000, slot, ORACLE_EXPONENT, confidence)
    return RawAccount(owner=program_id, data=LAZER_DISCRIMINATOR + body)


def pull_oracle(price_usd: float, slot: int, unix_s: int, confidence_usd: float = 0.01) -> RawAccount:
    """A fully verified price of Pyth's pull oracle, as markets used in 2024."""
    price, confidence = round(price_usd * ORACLE_UNITS), round(confidence_usd * ORACLE_UNITS)
    message = pack("<qQiqqqQQ", price, confidence, ORACLE_EXPONENT, unix_s, unix_s, price, confidence, slot)
    data = PULL_DISCRIMINATOR + bytes(32) + b"\1" + bytes(32) + message
    return RawAccount(owner=PULL_OWNERS[-1], data=data.ljust(PULL_SIZE, b"\0"))


def clock(slot: int, unix_s: int) -> RawAccount:
    """The chain's clock."""
    return RawAccount(owner=SYSVAR_OWNER, data=pack("<QqQQq", slot, unix_s, 0, 0, unix_s))


def mint(authority: Pubkey, supply: int) -> RawAccount:
    """A token of six decimals that `authority` may make more of."""
    data = pack("<I32sQBBI32s", 1, bytes(authority), supply, QUOTE_DECIMALS, 1, 0, bytes(32))
    return RawAccount(owner=TOKEN_PROGRAM, data=data)


def token_account(owner: Pubkey, units: int, token: Pubkey = USDC_MINT) -> RawAccount:
    """Tokens that `owner` holds."""
    nobody = bytes(32)
    data = pack(
        "<32s32sQI32sBI8sQI32s", bytes(token), bytes(owner), units, 0, nobody, 1, 0, bytes(8), 0, 0, nobody
    )
    return RawAccount(owner=TOKEN_PROGRAM, data=data)


# -- a whole chain -----------------------------------------------------------------------------------------


def raw(kind: str, account: Any, program_id: Pubkey = PROGRAM_ID) -> RawAccount:
    """An account of the program."""
    return RawAccount(owner=program_id, data=on_chain(kind, account))


def a_market(price_usd: float, slot: int, unix_s: int, market: MarketId | None = None) -> Accounts:
    """Everything that a look at the market reads."""
    which = market or MarketId()
    of = which.program_id
    return {
        which.state_address: raw("State", state(), of),
        which.perp_address: raw("PerpMarket", perp_market(price_usd, slot, unix_s, which), of),
        which.spot_address: raw("SpotMarket", spot_market(which), of),
        oracle_address(of): lazer_oracle(price_usd, slot, unix_s * MS_PER_SECOND, program_id=of),
        CLOCK: clock(slot, unix_s),
    }


def a_trader(
    trading: Trading, deposit_usd: float, delegate: Pubkey | None = None, market: MarketId | None = None
) -> Accounts:
    """The two accounts of somebody who has deposited and not traded yet."""
    which = market or MarketId()
    of = which.program_id
    return {
        which.user_address(trading): raw("User", user(trading, deposit_usd, delegate), of),
        which.stats_address(trading): raw("UserStats", user_stats(trading.authority), of),
    }


def changed(
    accounts: Mapping[Pubkey, RawAccount | None], address: Pubkey, kind: str, change: Callable[[Any], None]
) -> dict[Pubkey, RawAccount | None]:
    """The accounts with one of the program's changed. KeyError where there is none at that address."""
    before = accounts[address]
    if before is None:
        raise KeyError(str(address))
    return {**accounts, address: before._replace(data=edited(kind, before.data, change))}
