"""What is paused, by which of the four layers: the exchange, the market, the quote market, the account.

Tables of bits, and what each bit stops. Which pause matters to whom is decided elsewhere.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from drift_e3.venues.solana.views import MarketStatus, Pauses
from drift_e3.venues.velocity.codes import (
    EXCHANGE_ALL,
    Exchange,
    PerpOperation,
    SpotOperation,
    StatsOperation,
    UserStatus,
)
from drift_e3.venues.velocity.market import market_status
from drift_e3.venues.velocity.rows import PerpRow, SpotRow, StateRow, StatsRow

FIELDS: Final = tuple(field for field in Pauses._fields if field != "reasons")


class Stop(NamedTuple):
    """A pause in words, and the fields of `Pauses` that it sets."""

    words: str
    stops: tuple[str, ...] = ()


EXCHANGE: Final[Mapping[int, Stop]] = {
    Exchange.DEPOSIT: Stop("deposits are paused"),
    Exchange.WITHDRAW: Stop("withdrawals are paused"),
    Exchange.AMM: Stop("the AMM is paused", ("amm_fill",)),
    Exchange.FILL: Stop("fills and triggers are paused", ("fill", "amm_fill")),
    Exchange.LIQUIDATION: Stop("liquidations are paused"),
    Exchange.FUNDING: Stop("funding is paused", ("funding",)),
    Exchange.SETTLE_PNL: Stop("settling is paused", ("settle_pnl",)),
    Exchange.AMM_IMMEDIATE_FILL: Stop("immediate fills of the AMM are paused"),
}
MARKET: Final[Mapping[int, Stop]] = {
    PerpOperation.UPDATE_FUNDING: Stop("funding is paused", ("funding",)),
    PerpOperation.AMM_FILL: Stop("fills of the AMM are paused", ("amm_fill",)),
    PerpOperation.FILL: Stop("fills are paused", ("fill", "amm_fill")),
    PerpOperation.SETTLE_PNL: Stop("settling is paused", ("settle_pnl",)),
    PerpOperation.SETTLE_PNL_WITH_POSITION: Stop("settling with a position is paused", ("settle_pnl",)),
    PerpOperation.LIQUIDATION: Stop("liquidations are paused"),
    PerpOperation.AMM_IMMEDIATE_FILL: Stop("immediate fills of the AMM are paused"),
}
"""`PerpOperation.SETTLE_REV_POOL` concerns the house alone."""
STATUS: Final[Mapping[MarketStatus, Stop]] = {
    MarketStatus.INITIALIZED: Stop(
        "is being set up", ("place", "fill", "amm_fill", "increase", "settle_pnl")
    ),
    MarketStatus.REDUCE_ONLY: Stop("is reduce-only", ("increase", "settle_pnl")),
    MarketStatus.PAUSED: Stop("has a status that is not known", FIELDS),
    MarketStatus.SETTLEMENT: Stop("is in settlement", ("place", "fill", "amm_fill", "increase", "funding")),
    MarketStatus.DELISTED: Stop(
        "is delisted", ("place", "fill", "amm_fill", "increase", "funding", "settle_pnl")
    ),
}
QUOTE_MARKET: Final[Mapping[int, Stop]] = {
    SpotOperation.DEPOSIT: Stop("deposits are paused"),
    SpotOperation.WITHDRAW: Stop("withdrawals are paused"),
}
"""What else may be paused there does not touch perpetuals."""
STATS: Final[Mapping[int, Stop]] = {
    StatsOperation.AMM_ATOMIC_FILL: Stop("immediate fills of the AMM are paused", ("amm_fill",)),
    StatsOperation.AMM_ATOMIC_RISK_INCREASING_FILL: Stop(
        "immediate fills of the AMM that add risk are paused", ("increase",)
    ),
}
USER: Final[Mapping[int, Stop]] = {
    UserStatus.BEING_LIQUIDATED: Stop("is being liquidated", ("place",)),
    UserStatus.BANKRUPT: Stop("is bankrupt", ("place",)),
    UserStatus.REDUCE_ONLY: Stop("is reduce-only", ("increase",)),
}


def pauses(
    state: StateRow, perp: PerpRow, spot: SpotRow, chain_s: int, stats: StatsRow | None, user_status: int
) -> Pauses:
    """The pauses of all layers at the chain's time `chain_s` (UTC, s).

    `stats` is None where no account was asked for.
    """
    found = [_named("exchange", EXCHANGE, bit) for bit in _bits(state.exchange_status) if bit in EXCHANGE]
    if state.exchange_status == EXCHANGE_ALL:
        found.append(Stop("exchange: everything is paused, cancelling included", FIELDS))
    status = market_status(perp.status)
    if status in STATUS:
        found.append(Stop(f"market: {STATUS[status].words}", STATUS[status].stops))
    if 0 < perp.expiry_ts <= chain_s:
        found.append(Stop("market: has expired", STATUS[MarketStatus.SETTLEMENT].stops))
    found += [_named("market", MARKET, bit) for bit in _bits(perp.paused_operations) if bit in MARKET]
    if market_status(spot.status) is not MarketStatus.ACTIVE:
        found.append(Stop("quote market: is not active", ("increase",)))
    found += [
        _named("quote market", QUOTE_MARKET, bit)
        for bit in _bits(spot.paused_operations)
        if bit in QUOTE_MARKET
    ]
    if stats is not None:
        found += [_named("account", STATS, bit) for bit in _bits(stats.paused_operations) if bit in STATS]
        if stats.equity_breaker_tripped:
            found.append(Stop("account: its equity fell below the floor", ("increase",)))
    found += [_named("account", USER, bit) for bit in _bits(user_status) if bit in USER]
    stopped = {field for stop in found for field in stop.stops}
    return Pauses(
        **{field: field in stopped for field in FIELDS}, reasons=tuple(stop.words for stop in found)
    )


def _bits(value: int) -> list[int]:
    return [1 << place for place in range(value.bit_length()) if value >> place & 1]


def _named(layer: str, table: Mapping[int, Stop], bit: int) -> Stop:
    return Stop(f"{layer}: {table[bit].words}", table[bit].stops)
