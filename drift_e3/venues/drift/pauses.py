"""What is paused in Drift v2, at which layer, in words: exchange, market, market's status, account.

The bit tables are the program's own; driftpy's `exchange_paused` says yes to a status of zero. Nothing here
decides what the daemon does about it.
"""

from typing import Any, Final, NamedTuple

from drift_e3.core.terms import MS_PER_SECOND
from drift_e3.venues.drift.library import variant
from drift_e3.venues.solana.views import MarketStatus, Pauses


class Stops(NamedTuple):
    """Something that stops: the actions, as fields of `Pauses`, and how people are told."""

    words: str
    actions: tuple[str, ...] = ()


EXCHANGE_BITS: Final = {
    1: Stops("deposits"),
    2: Stops("withdrawals"),
    4: Stops("fills by the AMM", ("amm_fill",)),
    8: Stops("fills", ("fill",)),
    16: Stops("liquidations"),
    32: Stops("funding", ("funding",)),
    64: Stops("settling", ("settle_pnl",)),
    128: Stops("immediate fills by the AMM", ("amm_fill",)),
}
EXCHANGE_CLOSED: Final = 0b111_1111
"""With these bits, all that there were before the last was added, nothing at all is possible."""

MARKET_BITS: Final = {
    1: Stops("funding", ("funding",)),
    2: Stops("fills by the AMM", ("amm_fill",)),
    4: Stops("fills", ("fill",)),
    8: Stops("settling", ("settle_pnl",)),
    16: Stops("settling with a position", ("settle_pnl",)),
    32: Stops("liquidations"),
    64: Stops("immediate fills by the AMM", ("amm_fill",)),
    128: Stops("settling of revenue"),
}

STATUS: Final = {
    "Initialized": (MarketStatus.INITIALIZED, Stops("is not open yet", ("place", "fill"))),
    "Active": (MarketStatus.ACTIVE, None),
    "FundingPaused": (MarketStatus.PAUSED, Stops("has its funding paused", ("fill", "funding"))),
    "AmmPaused": (MarketStatus.PAUSED, Stops("has its AMM paused", ("fill", "amm_fill"))),
    "FillPaused": (MarketStatus.PAUSED, Stops("has its fills paused", ("fill",))),
    "WithdrawPaused": (MarketStatus.PAUSED, Stops("has its withdrawals paused", ("fill",))),
    "ReduceOnly": (MarketStatus.REDUCE_ONLY, Stops("lets positions only shrink", ("increase",))),
    "Settlement": (MarketStatus.SETTLEMENT, Stops("is being settled", ("place", "fill"))),
    "Delisted": (MarketStatus.DELISTED, Stops("is delisted", ("place", "fill"))),
}
"""The market's status: any but `Active` and `ReduceOnly` stops fills, whatever its name."""

USER_BEING_LIQUIDATED: Final = 1
USER_BANKRUPT: Final = 2
USER_REDUCE_ONLY: Final = 4

USER_BITS: Final = {
    USER_BEING_LIQUIDATED: Stops("is being liquidated", ("place",)),
    USER_BANKRUPT: Stops("is bankrupt", ("place",)),
    USER_REDUCE_ONLY: Stops("lets positions only shrink", ("increase",)),
}


def status_of(market: Any) -> MarketStatus:
    """The market's status, in the words shared by both venues."""
    return STATUS[variant(market.status)][0]


def pauses_of(state: Any, market: Any, user: Any | None, chain_ts: int) -> Pauses:
    """What is paused at the chain's time `chain_ts` (UTC, ms), whatever layer pauses it."""
    stops = [
        Stops(f"the exchange has paused {stop.words}", stop.actions)
        for stop in _set(EXCHANGE_BITS, state.exchange_status)
    ]
    if state.exchange_status & EXCHANGE_CLOSED == EXCHANGE_CLOSED:
        stops.append(Stops("the exchange is closed", ("place", "cancel")))
    stops += [
        Stops(f"the market has paused {stop.words}", stop.actions)
        for stop in _set(MARKET_BITS, market.paused_operations)
    ]
    if stop := STATUS[variant(market.status)][1]:
        stops.append(Stops(f"the market {stop.words}", stop.actions))
    if market.expiry_ts and chain_ts >= market.expiry_ts * MS_PER_SECOND:
        stops.append(Stops("the market has expired", ("place", "fill")))
    if user is not None:
        stops += [Stops(f"the account {stop.words}", stop.actions) for stop in _set(USER_BITS, user.status)]
    stopped = {action for stop in stops for action in stop.actions}
    return Pauses(
        place="place" in stopped,
        cancel="cancel" in stopped,
        fill="fill" in stopped,
        amm_fill="amm_fill" in stopped,
        increase="increase" in stopped,
        settle_pnl="settle_pnl" in stopped,
        funding="funding" in stopped,
        reasons=tuple(stop.words for stop in stops),
    )


def _set(table: dict[int, Stops], bits: int) -> list[Stops]:
    return [stop for bit, stop in table.items() if bits & bit]
