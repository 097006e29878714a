"""The perpetual market as the trade sees it: instrument, funding, mark price, open interest.

From driftpy's decoded accounts to `views`; what to make of it is decided elsewhere. Precisions are the
program's: prices and quote 1e6, base 1e9, margins 1e4, funding rates 1e9 of quote per base.
"""

from typing import Any, Final

from drift_e3.core.terms import MS_PER_SECOND, UNKNOWN, Instrument
from drift_e3.venues.drift.decoding import decode_name
from drift_e3.venues.drift.fees import fees_of
from drift_e3.venues.drift.library import calculate_price, variant
from drift_e3.venues.drift.pauses import status_of
from drift_e3.venues.solana.program import AccountRefused
from drift_e3.venues.solana.views import BASE_UNITS, QUOTE_UNITS, PerpSeen

MARGIN_UNITS: Final = 10_000
FUNDING_UNITS: Final = 1_000_000_000
FUNDING_FLOOR_FRAC_1H: Final = 1 / 5_000 / 24
"""What longs pay while the mark stands at the oracle: a constant of the program's code, 7.3 % a year."""
SECONDS_PER_HOUR: Final = 3_600


def perp_seen(state: Any, market: Any, user: Any | None = None, stats: Any | None = None) -> PerpSeen:
    """The market; `user` and `stats`, where an account is traded, decide its fees and its margin.

    The premium is that of the program's five-minute averages of mark and oracle.
    """
    amm = market.amm
    return PerpSeen(
        instrument=_instrument(state, market, user, stats),
        market_index=market.market_index,
        oracle=str(amm.oracle),
        status=status_of(market),
        mark_usd=mark_price_usd(amm),
        funding_frac_1h=funding_frac_1h(amm),
        funding_ts=amm.last_funding_rate_ts * MS_PER_SECOND,
        premium_frac=premium_frac(amm),
        open_interest_base=max(abs(amm.base_asset_amount_long), abs(amm.base_asset_amount_short))
        / BASE_UNITS,
        open_interest_base_max=amm.max_open_interest / BASE_UNITS,
        amm_updated_slot=amm.last_update_slot,
    )


def mark_price_usd(amm: Any) -> float:
    """The AMM's price between its bid and ask. Raises `AccountRefused` for an AMM without reserves."""
    price: int = calculate_price(amm.base_asset_reserve, amm.quote_asset_reserve, amm.peg_multiplier)
    if price <= 0:
        raise AccountRefused("the market's AMM has no reserves")
    return price / QUOTE_UNITS


def premium_frac(amm: Any) -> float:
    """The mark's premium over the oracle, as averages of five minutes; unknown before there are any."""
    oracle = amm.historical_oracle_data.last_oracle_price_twap5min
    premium: float = (amm.last_mark_price_twap5min - oracle) / oracle if oracle > 0 else UNKNOWN
    return premium


def funding_frac_1h(amm: Any) -> float:
    """The last funding rate as a fraction of notional per hour, positive when longs pay; unknown before any.

    The rate is quote per base, set against the oracle's average that it was computed with. A market that
    pays more often than each hour pays that rate each time.
    """
    twap = amm.last_funding_oracle_twap
    if twap <= 0 or amm.funding_period <= 0:
        return UNKNOWN
    rate_usd = amm.last_funding_rate / FUNDING_UNITS
    hours = amm.funding_period / SECONDS_PER_HOUR
    fraction: float = rate_usd / (twap / QUOTE_UNITS) / hours
    return fraction


def _instrument(state: Any, market: Any, user: Any | None, stats: Any | None) -> Instrument:
    amm = market.amm
    high_leverage = user is not None and variant(user.margin_mode) != "Default"
    fees = fees_of(state, market, stats, high_leverage)
    # An owner may cap the account's own leverage below the market's.
    own_margin = user.max_margin_ratio if user is not None else 0
    return Instrument(
        symbol=decode_name(market.name),
        step_base=amm.order_step_size / BASE_UNITS,
        min_base=max(amm.min_order_size, amm.order_step_size) / BASE_UNITS,
        tick_usd=amm.order_tick_size / QUOTE_UNITS,
        initial_margin_frac=max(market.margin_ratio_initial, own_margin) / MARGIN_UNITS,
        maintenance_margin_frac=market.margin_ratio_maintenance / MARGIN_UNITS,
        taker_fee_bps=fees.taker_bps,
        maker_fee_bps=fees.maker_bps,
        funding_floor_frac_1h=FUNDING_FLOOR_FRAC_1H,
    )
