"""All that the simulated venue remembers, in plain values: from these it continues to the byte.

Mutable, owned by one `SimVenue`. Prices in USD, sizes in base, times in ms.
"""

from dataclasses import dataclass, field

from drift_e3.core.events import BookSeen
from drift_e3.core.terms import UNKNOWN, Intent
from drift_e3.venues.sim.prices import LIQUIDITY_CELLS

NEVER = 2**62
"""A time that does not come."""


@dataclass(slots=True, kw_only=True)
class OpenOrder:
    """An order that the venue has. `size_base` and `price_usd` are rounded; `active_ts` is when it arrived;
    a trigger fills from `due_ts` on, once it has fired; `fills` numbers its fills."""

    order_id: str
    intent: Intent
    size_base: float
    price_usd: float
    active_ts: int
    due_ts: int = NEVER
    filled_base: float = 0.0
    fills: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class InFlight:
    """A command on its way: an order, or (without intent) a cancel. `refusal` was known when it was sent."""

    order_id: str
    submitted_ts: int
    active_ts: int
    intent: Intent | None = None
    refusal: str = ""


@dataclass(slots=True, kw_only=True)
class SimState:
    """The venue's memory. `open_ts` and `open_usd` are those of the candle being played, else -1 and NaN;
    `bids_taken_base` and `asks_taken_base` is what we took of `book`; `known_ids` is an ordered set."""

    collateral_usd: float
    position_base: float = 0.0
    entry_usd: float = 0.0
    mark_usd: float = UNKNOWN
    open_ts: int = -1
    open_usd: float = UNKNOWN
    book: BookSeen | None = None
    bids_taken_base: float = 0.0
    asks_taken_base: float = 0.0
    liquidity: list[float] = field(default_factory=lambda: [0.0] * LIQUIDITY_CELLS)
    orders: list[OpenOrder] = field(default_factory=list)
    in_flight: list[InFlight] = field(default_factory=list)
    known_ids: dict[str, None] = field(default_factory=dict)
    liquidations: int = 0
