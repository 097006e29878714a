"""The audit's own books: price, ages of the feeds, position and money, from the events alone.

Nothing here reads what the trader said of itself, save where a fault has been found and its word is taken so
that one fault is told once. Cash is booked at fill prices: the trader books it at reference prices.
"""

from dataclasses import dataclass, field

from drift_e3.core.events import (
    AccountOpened,
    BookSeen,
    CandleClosed,
    CollateralMoved,
    EntriesBarred,
    Event,
    Feed,
    Fill,
    FundingPaid,
    OracleTick,
    SettingsChanged,
    Started,
)
from drift_e3.core.market import ORACLE_SILENT_MS
from drift_e3.core.params import Limits
from drift_e3.core.terms import UNKNOWN, Instrument
from drift_e3.core.trader import tighter_limits

DECIMALS = 9
"""No venue trades smaller parts of a base asset than 1e-9."""


@dataclass(slots=True)
class Sums:
    """Money of a stretch of time in USD: `cash_usd` of fills at their prices (bought is negative), what was
    got worse than the reference price, fees paid, funding received, `turnover_usd` traded."""

    cash_usd: float = 0.0
    slippage_usd: float = 0.0
    fees_usd: float = 0.0
    funding_usd: float = 0.0
    turnover_usd: float = 0.0

    def book_fill(self, fill: Fill) -> None:
        """Add a fill."""
        signed_base = fill.side * fill.size_base
        self.cash_usd -= signed_base * fill.price_usd
        self.slippage_usd += signed_base * (fill.price_usd - fill.reference_usd)
        self.fees_usd += fill.fee_usd
        self.turnover_usd += fill.size_base * fill.price_usd

    def book_unseen(self, amount_usd: float) -> None:
        """Add the result of trades that nobody saw, which counts as slippage."""
        self.cash_usd += amount_usd
        self.slippage_usd -= amount_usd

    @property
    def net_usd(self) -> float:
        """Cash after fees and funding."""
        return self.cash_usd - self.fees_usd + self.funding_usd

    @property
    def noise_usd(self) -> float:
        """By how much sums of these amounts may differ that were added up in another order."""
        parts = abs(self.cash_usd), abs(self.slippage_usd), abs(self.fees_usd), abs(self.funding_usd)
        return 1e-9 * sum(parts) + 1e-12 * self.turnover_usd


@dataclass(slots=True)
class Books:
    """What is known after each event, by the audit's own count. Times are UTC in ms, 0 for never.

    `trade` are the sums since the position was last opened, None where not all of its fills are known.
    """

    limits: Limits
    instrument: Instrument
    feed: Feed
    initial_usd: float
    moved_usd: float = 0.0
    position_base: float = 0.0
    price_usd: float = UNKNOWN
    candle_seen_ts: int = 0
    oracle_publish_ts: int = 0
    book_seen_ts: int = 0
    last_exit_ts: int = -1
    barred: tuple[str, ...] = ()
    total: Sums = field(default_factory=Sums)
    trade: Sums | None = field(default_factory=Sums)

    @property
    def equity_usd(self) -> float:
        """Equity with the position marked at the price; unknown where that is."""
        marked = self.position_base * self.price_usd if self.position_base else 0.0
        return self.initial_usd + self.moved_usd + self.total.net_usd + marked

    @property
    def size_base(self) -> float:
        """The size of the position; less than half a step is none."""
        size = abs(self.position_base)
        return size if size >= self.instrument.step_base / 2.0 else 0.0

    @property
    def notional_usd(self) -> float:
        """What the position is worth at the price."""
        return self.size_base * self.price_usd if self.size_base else 0.0

    def take(self, event: Event) -> None:
        """Take an event."""
        match event:
            case CandleClosed():
                self._take_candle(event)
            case OracleTick():
                self.price_usd, self.oracle_publish_ts = event.price_usd, event.publish_ts
            case BookSeen():
                self.book_seen_ts = event.seen_ts
            case Fill():
                self._take_fill(event)
            case FundingPaid():
                self.total.funding_usd += event.amount_usd
                if self.trade is not None:
                    self.trade.funding_usd += event.amount_usd
            case CollateralMoved(traded=True):
                self.total.book_unseen(event.amount_usd)
                if self.trade is not None:
                    self.trade.book_unseen(event.amount_usd)
            case CollateralMoved():
                self.moved_usd += event.amount_usd
            case AccountOpened():
                self.initial_usd = event.equity_usd
            case EntriesBarred():
                self.barred = event.reasons
            case Started():
                self.instrument = event.instrument
                self._take_limits(event.settings.limits)
            case SettingsChanged():
                self._take_limits(event.settings.limits)

    def believe_position(self, position_base: float) -> None:
        """Go on from the trader's word: which fills are missing, and what they cost, is not known."""
        self.position_base, self.trade = position_base, None
        self.initial_usd = UNKNOWN

    def believe_equity(self, equity_usd: float) -> None:
        """Go on from the trader's word."""
        self.initial_usd = 0.0
        self.initial_usd = equity_usd - self.equity_usd

    def _take_candle(self, candle: CandleClosed) -> None:
        self.candle_seen_ts = candle.seen_ts
        close_ts = candle.open_ts + self.feed.frame_ms
        if not self.oracle_publish_ts or close_ts - self.oracle_publish_ts > ORACLE_SILENT_MS:
            self.price_usd = candle.close

    def _take_fill(self, fill: Fill) -> None:
        if not self.size_base:
            self.position_base, self.trade = 0.0, Sums()
        self.position_base = round(self.position_base + fill.side * fill.size_base, DECIMALS)
        self.total.book_fill(fill)
        if self.trade is not None:
            self.trade.book_fill(fill)
        if not self.size_base:
            self.last_exit_ts = fill.seen_ts

    def _take_limits(self, limits: Limits) -> None:
        # While a position is open a limit may only become tighter.
        self.limits = tighter_limits(self.limits, limits)[0] if self.size_base else limits


def begin(event: Started) -> Books:
    """The books of a journal that begins with `event`."""
    return Books(
        limits=event.settings.limits,
        instrument=event.instrument,
        feed=event.feed,
        initial_usd=event.equity_usd,
    )
