"""What the accounts of a perpetuals program say, in the words of the trade: one look at one slot.

Drift's and Velocity's programs decode to these. Sizes are in the base asset, prices in USD; only the totals
of the account stay in the chain's own integer units, because money is compared to the last unit. Nothing here
reads, decides or sends.
"""

from typing import NamedTuple

from drift_e3.core.terms import Instrument, OrderKind, Side, Term

BASE_UNITS = 1_000_000_000
"""Units of the chain in one whole of the base asset."""
QUOTE_UNITS = 1_000_000
"""Units of the chain in one USD."""


class MarketStatus(Term):
    """What the program allows in a market; each program's own numbers are mapped to these."""

    INITIALIZED = 0
    ACTIVE = 1
    REDUCE_ONLY = 2
    PAUSED = 3
    SETTLEMENT = 4
    DELISTED = 5


class Pauses(NamedTuple):
    """Which actions are paused, whatever layer pauses them, and the layers that do, in words for people."""

    place: bool = False
    cancel: bool = False
    fill: bool = False
    amm_fill: bool = False
    increase: bool = False
    settle_pnl: bool = False
    funding: bool = False
    reasons: tuple[str, ...] = ()


class OracleSeen(NamedTuple):
    """An oracle account: price and confidence in USD, publish time (UTC, ms), the slot it was posted in."""

    price_usd: float
    confidence_usd: float
    publish_ts: int
    posted_slot: int


class PerpSeen(NamedTuple):
    """The perpetual market. Funding: rate as a fraction of notional per hour, positive when longs pay, of the
    update at `funding_ts` (UTC, ms). `mark_usd` is the AMM's reserve price. `open_interest_base_max` 0: no
    limit."""

    instrument: Instrument
    market_index: int
    oracle: str
    status: MarketStatus
    mark_usd: float
    funding_frac_1h: float
    funding_ts: int
    premium_frac: float
    open_interest_base: float
    open_interest_base_max: float
    amm_updated_slot: int


class OrderSeen(NamedTuple):
    """An open order in the account. `order_id` is the program's own number, `user_order_id` ours (0: none).
    `kind` is None for a kind that the daemon never places. `max_ts` (UTC, s) 0: does not expire."""

    order_id: int
    user_order_id: int
    market_index: int
    side: Side
    kind: OrderKind | None
    size_base: float
    filled_base: float
    price_usd: float
    trigger_usd: float
    triggers_above: bool
    fired: bool
    reduce_only: bool
    max_ts: int


class Totals(NamedTuple):
    """Running totals of the account in the chain's units (base 1e-9, all others 1e-6 of the quote).

    `ledger` is the perpetual position's quote amount plus what was settled of it, so that settling does not
    move it: its change is fills' cash - fees + funding, exactly, less the flat rewards of keepers who fired a
    stop, which are in no other total. `funding` is positive when received, `fees` is paid less rebates,
    `deposits` is deposits less withdrawals, `collateral` is the quote tokens held, `settled` is what settling
    has moved from the position to them.
    """

    base: int
    ledger: int
    funding: int
    fees: int
    deposits: int
    collateral: int
    settled: int = 0


class UserSeen(NamedTuple):
    """The trading account. `foreign` names, in words, positions and balances that are not the daemon's market
    or its quote asset."""

    address: str
    authority: str
    delegate: str
    sub_account: int
    totals: Totals
    entry_usd: float
    orders: tuple[OrderSeen, ...]
    next_order_id: int
    being_liquidated: bool
    bankrupt: bool
    reduce_only: bool
    foreign: tuple[str, ...]


class ChainView(NamedTuple):
    """Everything that was read in one call, as of `slot`; `chain_ts` (UTC, ms) is the chain's own clock.

    `user` is None where no account was asked for (paper).
    """

    slot: int
    chain_ts: int
    perp: PerpSeen
    oracle: OracleSeen
    pauses: Pauses
    user: UserSeen | None
