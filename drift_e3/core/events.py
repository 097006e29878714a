"""Facts that reach the core: the market's, the advisor's, the venue's and the operator's.

An event is immutable and complete; `seen_ts` (UTC, ms) is when the daemon saw it and is the core's *now*.
Nothing here acts. The journal stores every event, and a replay needs nothing else.
"""

from dataclasses import dataclass
from typing import Final

from drift_e3.core.params import Limits, Params
from drift_e3.core.terms import Instrument, Liquidity, Reason, Side, StopPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """What a market feed can deliver. A filter is skipped only for what its feed cannot have.

    `frame_ms` is the length of a candle. With `oracle_ticks` stops trigger on the oracle's price, without
    on the candle's low and high. `live` feeds must be fresh: ages are checked, and a missing `book` or
    `premium` that should be there means abstain.
    """

    frame_ms: int
    oracle_ticks: bool = False
    book: bool = False
    premium: bool = False
    live: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All that steers decisions: rule parameters, limits, and whether an advisor is asked at all."""

    params: Params
    limits: Limits
    ai_enabled: bool = False
    ai_deadline_ms: int = 8_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The first event of a journal: everything that a decision depends on besides later events."""

    seen_ts: int
    settings: Settings
    instrument: Instrument
    feed: Feed
    equity_usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsChanged:
    """New thresholds, limits or leverage table. A raised limit is only taken while the position is flat."""

    seen_ts: int
    settings: Settings


@dataclass(slots=True, kw_only=True)
class CandleClosed:
    """A closed candle. `open_ts` is its open time; volume in the base asset.

    `taker_buy_volume` (base) is what takers bought of it, or unknown. `history` candles warm the features
    and are never traded on. Immutable as all events are, but by its fields: a frozen class takes three times
    as long to make, and one is made for every candle.
    """

    seen_ts: Final[int]
    open_ts: Final[int]
    open: Final[float]
    high: Final[float]
    low: Final[float]
    close: Final[float]
    volume: Final[float]
    taker_buy_volume: Final[float | None] = None
    history: Final[bool] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OracleTick:
    """The oracle's price in USD, and when the oracle published it."""

    seen_ts: int
    publish_ts: int
    price_usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingPublished:
    """A funding rate as a fraction of notional per hour, positive when longs pay, for the `hours` up to
    `publish_ts`; `premium_frac` is the mark's premium over the oracle where the source has it."""

    seen_ts: int
    publish_ts: int
    rate_frac_1h: float
    hours: float = 1.0
    premium_frac: float | None = None
    history: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BookSeen:
    """Levels of the order book as (price in USD, size in base), best first."""

    seen_ts: int
    publish_ts: int
    bids: tuple[tuple[float, float], ...]
    asks: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenInterestSeen:
    """The market's open interest in USD."""

    seen_ts: int
    open_interest_usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """Time passing while nothing else does: reveals staleness and overdue answers."""

    seen_ts: int


NOT_TOLD: Final = -1
"""In place of a duration or a count that nobody told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One model that was tried for a question, and what came of it: for the journal, never for a decision.

    `outcome` is ``advice``, else what is wrong with the answer, or why there is none. `text` is what the
    model said, also what it said in vain; it is empty where the event's own text is this one. `options` is
    the request without prompt and schema, as canonical JSON. Times in ms and counts of tokens are -1 where
    they were not told; `load_ms` is the server's time to bring the model into memory.
    """

    model: str
    digest: str
    options: str
    outcome: str
    text: str = ""
    latency_ms: int = NOT_TOLD
    load_ms: int = NOT_TOLD
    prompt_tokens: int = NOT_TOLD
    answer_tokens: int = NOT_TOLD


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviceReceived:
    """The advisor's raw answer, `latency_ms` after its question. Not yet parsed, not yet trusted.

    `prompt` is what was asked, word for word, made of `template` (name and version).
    """

    seen_ts: int
    question_id: str
    text: str
    latency_ms: int
    model: str
    digest: str = ""
    prompt_hash: str = ""
    prompt: str = ""
    template: str = ""
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviceFailed:
    """The advisor gave no usable answer; `reason` is a short code such as ``timeout`` or ``unreachable``.

    ``superseded``: a newer question took this one's place while it was open. An answer that came too late is
    among the `attempts`.
    """

    seen_ts: int
    question_id: str
    reason: str
    latency_ms: int
    detail: str = ""
    prompt_hash: str = ""
    prompt: str = ""
    template: str = ""
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAccepted:
    """The venue has the order: it rests, or is about to fill."""

    seen_ts: int
    order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRejected:
    """The venue refused the order; it never rested and never fills."""

    seen_ts: int
    order_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCancelled:
    """What was left of the order is gone: cancelled on request, by its own terms, or by the venue."""

    seen_ts: int
    order_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """A trade of ours. `reference_usd` is the price that the decision, or the trigger, stood at; `fee_usd`
    is positive when paid. What is not ours (a liquidation, a foreign or an adopted trade) is a fill with an
    order id of the venue's own."""

    seen_ts: int
    fill_id: str
    order_id: str
    side: Side
    size_base: float
    price_usd: float
    reference_usd: float
    fee_usd: float
    liquidity: Liquidity
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingPaid:
    """Funding on our position: `amount_usd` is positive when received."""

    seen_ts: int
    amount_usd: float
    rate_frac_1h: float
    position_base: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOpened:
    """The books of a live account, known by its address, begin, as if flat: `equity_usd`, and the venue's own
    running totals then, in its smallest units. Later totals less these are what the journal must have booked.
    """

    seen_ts: int
    account: str
    equity_usd: float
    ledger: int
    funding: int
    fees: int
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CollateralMoved:
    """Equity moved by `amount_usd` without a fill or funding: a deposit, a withdrawal, interest, or, with
    `traded`, a keeper's reward or the result of trades that nobody saw."""

    seen_ts: int
    amount_usd: float
    traded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EntriesBarred:
    """What, on the venue's side, bars entries now, in words, the gravest first; nothing does when empty."""

    seen_ts: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HaltRequested:
    """The operator wants no more trading: the position is closed and HALTED latches."""

    seen_ts: int
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReduceRequested:
    """The operator wants no new position until he resumes; an open one is held to its own exit."""

    seen_ts: int
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeRequested:
    """The operator lifts a halt or a pause; baselines start anew from the present equity."""

    seen_ts: int
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FlattenRequested:
    """The operator wants the position closed now; trading goes on afterwards."""

    seen_ts: int
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRequested:
    """The daemon is to end; the policy says what happens to an open position first.

    `at_once`: nothing more will come, or no more time is left, so not even for an entry on its way.
    """

    seen_ts: int
    policy: StopPolicy
    by: str
    at_once: bool = False


MarketEvent = CandleClosed | OracleTick | FundingPublished | BookSeen | OpenInterestSeen
HistoricEvent = CandleClosed | FundingPublished
"""What a feed may also tell of the time before trading, marked as `history`."""
AdvisorEvent = AdviceReceived | AdviceFailed
AccountEvent = AccountOpened | CollateralMoved | EntriesBarred
VenueEvent = OrderAccepted | OrderRejected | OrderCancelled | Fill | FundingPaid | AccountEvent
OperatorEvent = (
    Started
    | SettingsChanged
    | HaltRequested
    | ReduceRequested
    | ResumeRequested
    | FlattenRequested
    | StopRequested
)
Event = MarketEvent | AdvisorEvent | VenueEvent | OperatorEvent | Heartbeat
