"""What the two programs have in common under different names: layouts, addresses, numbers.

Neutral names are Velocity's, shortened; `names` translate them to a program's own paths. The rules speak only
neutral names.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from solders.pubkey import Pubkey

from drift_e3.drill.emulation.drift_layouts import drift_layouts
from drift_e3.venues.drift.decoding import PROGRAM_ID as DRIFT_ID
from drift_e3.venues.velocity import layouts as velocity
from drift_e3.venues.velocity.addresses import PROGRAM_ID as VELOCITY_ID
from drift_e3.venues.velocity.wire import AccountLayout

_FEES = {
    "flat_filler_fee": "perp_fee_structure.flat_filler_fee",
    "fee_numerator": "perp_fee_structure.fee_tiers.0.fee_numerator",
    "fee_denominator": "perp_fee_structure.fee_tiers.0.fee_denominator",
}
_VELOCITY_MARKET = {
    "min_order_size": "market_stats.min_order_size",
    "funding_period": "market_stats.funding_period",
    "mark_twap": "market_stats.last_mark_price_twap",
    "mark_twap_5min": "market_stats.last_mark_price_twap_5min",
    "mark_twap_ts": "market_stats.last_mark_price_twap_ts",
    "funding_oracle_twap": "market_stats.last_funding_oracle_twap",
    "oracle_price": "market_stats.historical_oracle_data.last_oracle_price",
    "oracle_twap": "market_stats.historical_oracle_data.last_oracle_price_twap",
    "oracle_twap_5min": "market_stats.historical_oracle_data.last_oracle_price_twap_5min",
    "oracle_twap_ts": "market_stats.historical_oracle_data.last_oracle_price_twap_ts",
}
_IN_AMM = (
    "base_asset_reserve",
    "quote_asset_reserve",
    "min_base_asset_reserve",
    "max_base_asset_reserve",
    "sqrt_k",
    "peg_multiplier",
    "long_spread",
    "short_spread",
    "reference_price_offset",
    "max_fill_reserve_fraction",
    "last_update_slot",
)
_DRIFT_IN_AMM = (
    *_IN_AMM,
    "oracle",
    "base_asset_amount_long",
    "base_asset_amount_short",
    "max_open_interest",
    "cumulative_funding_rate_long",
    "cumulative_funding_rate_short",
    "last_funding_rate",
    "last_funding_rate_long",
    "last_funding_rate_short",
    "last_funding_rate_ts",
    "order_step_size",
    "order_tick_size",
    "min_order_size",
    "funding_period",
)
_DRIFT_MARKET = {
    **{name: f"amm.{name}" for name in _DRIFT_IN_AMM},
    "mark_twap": "amm.last_mark_price_twap",
    "mark_twap_5min": "amm.last_mark_price_twap5min",
    "mark_twap_ts": "amm.last_mark_price_twap_ts",
    "funding_oracle_twap": "amm.last_funding_oracle_twap",
    "oracle_price": "amm.historical_oracle_data.last_oracle_price",
    "oracle_twap": "amm.historical_oracle_data.last_oracle_price_twap",
    "oracle_twap_5min": "amm.historical_oracle_data.last_oracle_price_twap5min",
    "oracle_twap_ts": "amm.historical_oracle_data.last_oracle_price_twap_ts",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One program. `offset_bytes` is the width of an order's oracle offset, `builder` whether an order's
    parameters end with the builder's two options; status numbers are those of its `MarketStatus`."""

    name: str
    program_id: Pubkey
    layouts: Mapping[str, AccountLayout]
    names: Mapping[str, Mapping[str, str]]
    state_seed: bytes
    signer_seed: bytes
    offset_bytes: int
    builder: bool
    trigger_takes_stats: bool
    active: int
    reduce_only: int
    stats_paused: bool

    def derive(self, *seeds: bytes) -> Pubkey:
        return _derived(self.program_id, *seeds)

    @property
    def state(self) -> Pubkey:
        return self.derive(self.state_seed)

    @property
    def perp_market(self) -> Pubkey:
        return self.derive(b"perp_market", bytes(2))

    @property
    def spot_market(self) -> Pubkey:
        return self.derive(b"spot_market", bytes(2))

    @property
    def spot_vault(self) -> Pubkey:
        return self.derive(b"spot_market_vault", bytes(2))

    @property
    def signer(self) -> Pubkey:
        """Who owns the vaults."""
        return self.derive(self.signer_seed)

    def user(self, authority: Pubkey, sub_account: int = 0) -> Pubkey:
        return self.derive(b"user", bytes(authority), sub_account.to_bytes(2, "little"))

    def user_stats(self, authority: Pubkey) -> Pubkey:
        return self.derive(b"user_stats", bytes(authority))


@lru_cache(maxsize=1024)
def _derived(program_id: Pubkey, *seeds: bytes) -> Pubkey:
    return Pubkey.find_program_address(list(seeds), program_id)[0]


def velocity_dialect() -> Dialect:
    """The Velocity program of mid-2026."""
    accounts = (
        velocity.STATE,
        velocity.PERP_MARKET,
        velocity.SPOT_MARKET,
        velocity.USER,
        velocity.USER_STATS,
    )
    return Dialect(
        name="velocity",
        program_id=VELOCITY_ID,
        layouts={layout.name: layout for layout in accounts},
        names={
            "State": _FEES,
            "PerpMarket": _VELOCITY_MARKET | {name: f"amm.{name}" for name in _IN_AMM},
        },
        state_seed=b"velocity_state",
        signer_seed=b"velocity_signer",
        offset_bytes=8,
        builder=True,
        trigger_takes_stats=True,
        active=1,
        reduce_only=2,
        stats_paused=True,
    )


def drift_dialect() -> Dialect:
    """Drift v2 as of the interface that driftpy carries."""
    return Dialect(
        name="drift",
        program_id=DRIFT_ID,
        layouts=drift_layouts(),
        names={"State": _FEES, "PerpMarket": _DRIFT_MARKET},
        state_seed=b"drift_state",
        signer_seed=b"drift_signer",
        offset_bytes=4,
        builder=False,
        trigger_takes_stats=False,
        active=1,
        reduce_only=6,
        stats_paused=False,
    )
