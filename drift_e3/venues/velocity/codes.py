"""The program's own numbers: enumerations and bits. What follows from them is decided elsewhere."""

from enum import IntEnum, IntFlag
from typing import Final

from drift_e3.venues.solana.views import MarketStatus

MARKET_STATUS: Final = {
    0: MarketStatus.INITIALIZED,
    1: MarketStatus.ACTIVE,
    2: MarketStatus.REDUCE_ONLY,
    3: MarketStatus.SETTLEMENT,
    4: MarketStatus.DELISTED,
}
PYTH_LAZER: Final = 12
PYTH_LAZER_STABLE_COIN: Final = 15


class OrderType(IntEnum):
    MARKET = 0
    LIMIT = 1
    TRIGGER_MARKET = 2
    TRIGGER_LIMIT = 3
    ORACLE = 4


class Direction(IntEnum):
    LONG = 0
    SHORT = 1


class MarketType(IntEnum):
    SPOT = 0
    PERP = 1


class PostOnly(IntEnum):
    """`MUST` fails the transaction rather than take."""

    NONE = 0
    MUST = 1


class TriggerCondition(IntEnum):
    """The last two are the first two after they have fired."""

    ABOVE = 0
    BELOW = 1
    TRIGGERED_ABOVE = 2
    TRIGGERED_BELOW = 3


ORDER_OPEN: Final = 1
"""The status of an order that exists; any other slot of the order table is free."""
BORROW: Final = 1
"""The balance type of a debt."""
IMMEDIATE_OR_CANCEL: Final = 1
"""Bit of an order's parameters."""


class UserStatus(IntFlag):
    BEING_LIQUIDATED = 1
    BANKRUPT = 2
    REDUCE_ONLY = 4


class PositionFlag(IntFlag):
    ISOLATED = 1
    BEING_LIQUIDATED = 2
    BANKRUPT = 4


class Exchange(IntFlag):
    """`State.exchange_status`: a set bit pauses."""

    DEPOSIT = 1
    WITHDRAW = 2
    AMM = 4
    FILL = 8
    LIQUIDATION = 16
    FUNDING = 32
    SETTLE_PNL = 64
    AMM_IMMEDIATE_FILL = 128


EXCHANGE_ALL: Final = 255
"""Everything is paused, cancelling included."""


class PerpOperation(IntFlag):
    """`PerpMarket.paused_operations`: a set bit pauses."""

    UPDATE_FUNDING = 1
    AMM_FILL = 2
    FILL = 4
    SETTLE_PNL = 8
    SETTLE_PNL_WITH_POSITION = 16
    LIQUIDATION = 32
    AMM_IMMEDIATE_FILL = 64
    SETTLE_REV_POOL = 128


class SpotOperation(IntFlag):
    """`SpotMarket.paused_operations`: a set bit pauses."""

    UPDATE_INTEREST = 1
    FILL = 2
    DEPOSIT = 4
    WITHDRAW = 8
    LIQUIDATION = 16


class StatsOperation(IntFlag):
    """`UserStats.paused_operations`: a set bit pauses for this authority."""

    UPDATE_BID_ASK_TWAP = 1
    AMM_ATOMIC_FILL = 2
    AMM_ATOMIC_RISK_INCREASING_FILL = 4


FEATURES_KNOWN: Final = 15
"""Bits of `State.feature_bit_flags` with a known meaning: market maker's oracle, median trigger price,
builder codes, rebate of the AMM."""
MARKET_CONFIG_KNOWN: Final = 1
"""Bits of `PerpMarket.market_config` with a known meaning: the AMM's depth is not adjusted."""
