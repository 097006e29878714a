"""What the programs' events say, in words shared by both venues. Nothing here decodes them.

Events explain (what filled, at which fee, whether a liquidation); they never count: a log may be cut off or
not be there at all. What is owned is in the account.
"""

from typing import NamedTuple


class OrderActionSeen(NamedTuple):
    """Something that happened to an order. Quantities are in the chain's units (base 1e-9, others 1e-6).

    `action` is ``Place``, ``Cancel``, ``Fill``, ``Trigger`` or ``Expire``, `explanation` the program's word
    for why (``None``, ``OrderFilledWithAMM``, ``Liquidation``). `ts` (UTC, s) is the chain's clock. Taker and
    maker are addresses of trading accounts, empty for the AMM or where there is none; a fee is negative where
    it is paid out.
    """

    ts: int
    action: str
    explanation: str
    market_index: int
    is_perp: bool
    fill_id: int
    base: int
    quote: int
    taker: str
    taker_order_id: int
    taker_is_long: bool
    taker_fee: int
    maker: str
    maker_order_id: int
    maker_is_long: bool
    maker_fee: int
    oracle_price: int


class SettledSeen(NamedTuple):
    """A settlement of a position's profit or loss (quote, 1e-6) into the account's tokens."""

    ts: int
    user: str
    market_index: int
    pnl: int


class FundingSeen(NamedTuple):
    """A funding payment (quote, 1e-6, positive when received) on a position (base, 1e-9)."""

    ts: int
    user: str
    market_index: int
    payment: int
    base: int


class LiquidatedSeen(NamedTuple):
    """A liquidation of an account, at least in part."""

    ts: int
    user: str
    kind: str
    bankrupt: bool


RecordSeen = OrderActionSeen | SettledSeen | FundingSeen | LiquidatedSeen
