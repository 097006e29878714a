"""The words of the trade: enumerations, the instrument, intents, approvals and refusals.

Everything else in the core speaks in these terms; nothing here decides anything. Enumerations that the
compiled lab needs are integers; `label` gives the word people read.
"""

from dataclasses import dataclass
from enum import IntEnum
from math import nan
from typing import NamedTuple

UNKNOWN = nan
"""A number that is not known. Every comparison with it is false, so a rule that needs it fails closed."""

MS_PER_SECOND = 1_000
MS_PER_MINUTE = 60_000
MS_PER_HOUR = 3_600_000
MS_PER_DAY = 86_400_000
BPS = 1e-4


def clamp(x: float, low: float, high: float) -> float:
    """`x` held within low..high; an unknown `x` becomes `low`, so that what is not known counts least."""
    if x > high:
        return high
    if x > low:
        return x
    return low


class Term(IntEnum):
    """An integer enumeration whose members have a word for people and for exported records.

    Members that are compared with on every candle are also names of this module: to look one up in its class
    costs as much as a call in Python 3.11.
    """

    @property
    def label(self) -> str:
        """The member's name in lower case, for example ``take_profit``."""
        return self.name.lower()


class Side(Term):
    """The side of an order; the value is the sign that it adds to the position."""

    SELL = -1
    BUY = 1


SELL, BUY = Side


class Direction(Term):
    """Where a signal or a position points; the value is the sign of the position."""

    SHORT = -1
    FLAT = 0
    LONG = 1


SHORT, FLAT, LONG = Direction


class Regime(Term):
    """The market's regimes in the order in which their entry tests are tried (first that holds wins)."""

    CRASH = 0
    HIGH_VOL = 1
    BULL_TREND = 2
    BEAR_TREND = 3
    CHOP = 4


REGIMES = tuple(Regime)
"""Members by their number: a leaf rule gives an integer, and an index is cheaper than a call of the class."""
CRASH, HIGH_VOL, BULL_TREND, BEAR_TREND, CHOP = REGIMES


class Strategy(Term):
    """The rule strategies that a regime is routed to."""

    NONE = 0
    E3 = 1
    FUNDING_FADE = 2


STRATEGIES = tuple(Strategy)
NO_STRATEGY, E3, FUNDING_FADE = STRATEGIES


class Mode(Term):
    """What the trader may do at all; see `core.modes` for the table of transitions."""

    WARMING = 0
    TRADING = 1
    REDUCING = 2
    HALTED = 3
    STOPPING = 4


WARMING, TRADING, REDUCING, HALTED, STOPPING = Mode


class StopPolicy(Term):
    """What a requested stop does with an open position."""

    HOLD = 0
    REDUCE = 1
    FLATTEN = 2


class OrderKind(Term):
    """How an order meets the market.

    `IOC` takes what its limit price allows and cancels the rest; `POST_ONLY` rests and never takes;
    `TRIGGER_MARKET` rests until the trigger price is touched and then takes at the market.
    """

    IOC = 0
    POST_ONLY = 1
    TRIGGER_MARKET = 2


IOC, POST_ONLY, TRIGGER_MARKET = OrderKind


class Liquidity(Term):
    """Which side of the book a fill was on."""

    MAKER = 0
    TAKER = 1


class Reason(Term):
    """Why an order exists, and so why a fill happened.

    Not ours are `LIQUIDATION` (by the venue), `FOREIGN` (somebody else reduced our position) and `ADOPTED` (a
    position that was found and is guarded from now on).
    """

    ENTRY = 0
    STOP = 1
    TRAILING = 2
    TAKE_PROFIT = 3
    TIME = 4
    NORMALISED = 5
    REDUCE = 6
    FLATTEN = 7
    LIQUIDATION = 8
    FOREIGN = 9
    ADOPTED = 10
    UNPROTECTED = 11


class Verdict(Term):
    """What became of a decision: nothing to review, approved by the risk manager, or refused."""

    NONE = 0
    APPROVED = 1
    REFUSED = 2


class WeightMode(Term):
    """Where the advisor's weight in the blend comes from: the settings, or what its answers were worth."""

    FIXED = 0
    EARNED = 1


class Instrument(NamedTuple):
    """What the venue says of the market traded.

    Sizes are in the base asset, prices in USD, margins and the funding floor (per hour) are fractions,
    fees are basis points of notional; a negative maker fee is a rebate.
    """

    symbol: str = "SOL-PERP"
    step_base: float = 0.01
    min_base: float = 0.01
    tick_usd: float = 0.0001
    initial_margin_frac: float = 0.05
    maintenance_margin_frac: float = 0.03
    taker_fee_bps: float = 10.0
    maker_fee_bps: float = 10.0
    funding_floor_frac_1h: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """An order that is wanted and not yet approved.

    `price_usd` is the worst acceptable price of an IOC or the resting price of a post-only order, and the
    trigger price of a trigger order. `reference_usd` is the price that the decision was taken at: slippage
    is measured against it. `triggers_above` says on which side of the trigger price the order fires.
    """

    side: Side
    kind: OrderKind
    size_base: float
    price_usd: float
    reference_usd: float
    reason: Reason
    strategy: Strategy
    reduce_only: bool
    triggers_above: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """An intent that the risk manager has passed, with the leverage cap it was passed under.

    Only `core.risk.review` makes one, and only a `SubmitOrder` takes one.
    """

    intent: Intent
    leverage_x_max: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Why an intent was not passed: a short code, the limit and the value that broke it (both as numbers)."""

    code: str
    limit: float = UNKNOWN
    value: float = UNKNOWN

    @property
    def text(self) -> str:
        """The refusal as one short phrase, for example ``min_confidence: 0.42 against 0.5``."""
        if self.limit != self.limit:
            return self.code
        return f"{self.code}: {self.value:.6g} against {self.limit:.6g}"
