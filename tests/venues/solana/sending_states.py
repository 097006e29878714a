"""What a world of submissions consists of: tasks, transactions, the chain, what is known of it."""

from functools import cache
from typing import NamedTuple

from drift_e3.core.terms import OrderKind, Side
from drift_e3.venues.solana.sending import Rules
from drift_e3.venues.solana.submission import ORDERS, Basis, Kind, Submission, Wanted
from drift_e3.venues.solana.views import OrderSeen

FIRST_ORDER_ID = 10


class Task(NamedTuple):
    """Something that the core may want, once, at any time; `max_ts` is a height here."""

    kind: Kind
    user_order_id: int = 1
    adds_exposure: bool = False
    max_ts: int = 0


class Scenario(NamedTuple):
    """Tasks, and how much may happen: the last height, how far nodes lag, whether an order of somebody else
    appears in the account, for how many blocks after that of its blockhash a transaction is valid, and how
    many blocks a node remembers, with and without a search of its history. `held` are the numbers of orders
    that rest from the beginning."""

    tasks: tuple[Task, ...]
    heights: int = 6
    valid_blocks: int = 2
    memory: int = 100
    memory_at_hand: int = 1
    lag: int = 1
    foreign: bool = True
    held: tuple[int, ...] = ()
    rules: Rules = Rules(height_margin=0, clock_margin_s=0, silent_max=1, unsent_max=1)


class Tx(NamedTuple):
    """A signed transaction: whose, the how manieth that was signed for it, and its last valid height."""

    task: int
    version: int
    last_valid: int


class Entry(NamedTuple):
    """A transaction on the chain. `effect` is ``rests``, ``taken`` (filled at once), ``moved`` (an order has
    taken another's place), ``done`` (a cancel), ``void`` (no failure, no effect) or ``failed``."""

    tx: Tx
    height: int
    effect: str


Mind = tuple[Submission | None, ...]


class State(NamedTuple):
    """The last height, what is on its way and may arrive at any time and again, what has landed, at which
    height another's order came (0: not yet), what disk and process know (None while it is dead), and how many
    signatures were made for each task."""

    head: int
    net: frozenset[Tx]
    chain: tuple[Entry, ...]
    foreign: int
    disk: Mind
    mind: Mind | None
    signed: tuple[int, ...]


class Broken(AssertionError):
    """Something that must always hold does not."""


EFFECTIVE = frozenset({"rests", "taken", "moved", "done"})


def tx_of(known: Submission) -> Tx:
    return Tx(*known.raw)


@cache
def wanted_for(task: int, what: Task, basis: Basis) -> Wanted:
    return Wanted(
        str(task),
        what.kind,
        what.user_order_id,
        basis,
        Side.BUY if what.kind in ORDERS else None,
        what.adds_exposure,
        what.max_ts,
    )


@cache
def order_seen(order_id: int, user_order_id: int) -> OrderSeen:
    return OrderSeen(
        order_id=order_id,
        user_order_id=user_order_id,
        market_index=0,
        side=Side.BUY,
        kind=OrderKind.IOC,
        size_base=1.0,
        filled_base=0.0,
        price_usd=150.0,
        trigger_usd=0.0,
        triggers_above=False,
        fired=False,
        reduce_only=False,
        max_ts=0,
    )
