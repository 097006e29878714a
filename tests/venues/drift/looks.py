"""A Drift market and a trader, as one look at a made-up chain finds them."""

from collections.abc import Callable
from typing import Any

from solders.keypair import Keypair
from solders.pubkey import Pubkey

from drift_e3.core.terms import OrderKind, Side
from drift_e3.drill.drift_accounts import a_market, a_trader, changed
from drift_e3.venues.drift.decoding import MarketId
from drift_e3.venues.drift.program import DriftProgram
from drift_e3.venues.solana.program import RawAccount, Ticket, Trading
from drift_e3.venues.solana.views import ChainView

SLOT = 405_286_920
NOW_S = 1_773_072_640
NOW_TS = NOW_S * 1_000
PRICE_USD = 85.0
DEPOSIT_USD = 1_000.0

OWNER = Keypair.from_seed(b"o" * 32).pubkey()
DELEGATE = Keypair.from_seed(b"d" * 32).pubkey()
TRADING = Trading(OWNER, 0, DELEGATE)
MARKET = MarketId()

Look = dict[Pubkey, RawAccount | None]
Change = Callable[[Any], None]


def a_look(trading: Trading = TRADING) -> Look:
    """State, markets, oracle, clock, and the trader's two accounts."""
    return {**a_market(PRICE_USD, SLOT, NOW_S), **a_trader(trading, DEPOSIT_USD, trading.signer)}


def with_state(change: Change, look: Look | None = None) -> Look:
    return changed(look or a_look(), MARKET.state_address, "State", change)


def with_market(change: Change, look: Look | None = None) -> Look:
    return changed(look or a_look(), MARKET.perp_address, "PerpMarket", change)


def with_quote(change: Change, look: Look | None = None) -> Look:
    return changed(look or a_look(), MARKET.spot_address, "SpotMarket", change)


def with_user(change: Change, look: Look | None = None) -> Look:
    return changed(look or a_look(), MARKET.user_address(TRADING), "User", change)


def with_stats(change: Change, look: Look | None = None) -> Look:
    return changed(look or a_look(), MARKET.stats_address(TRADING), "UserStats", change)


def a_program(look: Look | None = None) -> DriftProgram:
    """The program, after it has learnt its market."""
    program = DriftProgram()
    program.learn(look or a_look())
    return program


def seen(look: Look | None = None, trading: Trading | None = TRADING) -> ChainView:
    """What the program reads of that look."""
    accounts = look or a_look()
    return a_program(accounts).read(SLOT, accounts, trading)


def a_ticket(
    kind: OrderKind = OrderKind.IOC,
    side: Side = Side.BUY,
    size_base: float = 1.23,
    price_usd: float = 85.1234,
    *,
    user_order_id: int = 42,
    triggers_above: bool = False,
    reduce_only: bool = False,
    max_ts: int = NOW_S + 20,
) -> Ticket:
    return Ticket(user_order_id, side, kind, size_base, price_usd, triggers_above, reduce_only, max_ts)
