"""What happened in a run: candles, equity, trades, fills and what was decided, as plain values.

`historian` gathers it, `metrics` and `report` make numbers of it; nothing here decides, reads or draws. Long
series are flat arrays, so that a year of minutes stays small.
"""

from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from drift_e3.core.account import Account, PnlParts
from drift_e3.core.events import Feed, Fill, Settings
from drift_e3.core.notes import PositionOpened
from drift_e3.core.terms import Instrument, Regime, Side, Strategy, Verdict
from drift_e3.lab.metrics_trades import FinishedTrade, Source


class Candles(NamedTuple):
    """The candles seen while trading: open time (UTC ms), prices in USD."""

    open_ts: "array[int]"
    open: "array[float]"
    high: "array[float]"
    low: "array[float]"
    close: "array[float]"


class Marks(NamedTuple):
    """One row a decision: the candle's close (UTC ms), equity in USD, the signed position, and the numbers of
    the regime in force and of the rules' own."""

    ts: "array[int]"
    equity_usd: "array[float]"
    position_base: "array[float]"
    regime: "array[int]"
    rule_regime: "array[int]"


@dataclass(slots=True, kw_only=True)
class OpenTrade:
    """A trade that is not over: sums over its fills, the lowest and highest price seen while it is open."""

    opened: PositionOpened
    source: Source
    entry_ts: int
    entered_base: float = 0.0
    entered_usd: float = 0.0
    left_base: float = 0.0
    left_usd: float = 0.0
    lowest_usd: float = float("inf")
    highest_usd: float = 0.0

    def see(self, low_usd: float, high_usd: float) -> None:
        """Take prices seen while it is open."""
        self.lowest_usd = min(self.lowest_usd, low_usd)
        self.highest_usd = max(self.highest_usd, high_usd)

    def book(self, side: Side, size_base: float, price_usd: float) -> None:
        """Take a fill of it."""
        self.see(price_usd, price_usd)
        if int(side) == int(self.opened.direction):
            self.entered_base += size_base
            self.entered_usd += size_base * price_usd
        else:
            self.left_base += size_base
            self.left_usd += size_base * price_usd


class ModeStep(NamedTuple):
    """The trader's mode changed at `ts` (UTC ms), and why."""

    ts: int
    before: str
    after: str
    cause: str


@dataclass(slots=True, kw_only=True)
class History:
    """What happened. `settings` are the last in force; times are UTC ms, money is USD.

    `refused` counts decisions by the word of the refusal, `unfilled` has what the venue said of approved
    entries that never filled, by order, `moves` are (time, USD paid in), `published` (time, funding rate for
    its interval), `booked_aside` the PnL parts booked while there was no position. `account` has the books at
    the end.
    """

    instrument: Instrument
    feed: Feed
    settings: Settings
    account: Account
    begins_ts: int
    ends_ts: int
    price_usd: float = 0.0
    candles: Candles = field(default_factory=lambda: Candles(array("q"), *(array("d") for _ in range(4))))
    marks: Marks = field(
        default_factory=lambda: Marks(array("q"), array("d"), array("d"), array("b"), array("b"))
    )
    trades: list[FinishedTrade] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    open_trade: OpenTrade | None = None
    moves: list[tuple[int, float]] = field(default_factory=list)
    published: list[tuple[int, float]] = field(default_factory=list)
    modes: list[ModeStep] = field(default_factory=list)
    verdicts: list[list[int]] = field(default_factory=lambda: [[0] * len(Verdict) for _ in Regime])
    verdicts_by_strategy: list[list[int]] = field(
        default_factory=lambda: [[0] * len(Verdict) for _ in Strategy]
    )
    refused: Counter[str] = field(default_factory=Counter)
    no_signal: Counter[str] = field(default_factory=Counter)
    unfilled: dict[str, str] = field(default_factory=dict)
    advice_missed: Counter[str] = field(default_factory=Counter)
    advice_taken: int = 0
    advice_used: int = 0
    starts: int = 0
    liquidations: int = 0
    skipped_legs: int = 0
    models: Counter[str] = field(default_factory=Counter)
    booked_aside: PnlParts = field(
        default_factory=lambda: PnlParts(price_usd=0.0, slippage_usd=0.0, fees_usd=0.0, funding_usd=0.0)
    )

    @property
    def curve(self) -> list[tuple[int, float]]:
        """Equity at each decision, deposits and withdrawals included."""
        return list(zip(self.marks.ts, self.marks.equity_usd, strict=True))

    @property
    def total(self) -> PnlParts:
        """The profit or loss in its parts, what is open marked at the last price."""
        return self.account.total.parts(self.account.position_base, self.price_usd)

    @property
    def open_parts(self) -> PnlParts:
        """The parts of the trade that is still open; nothing if there is none."""
        if self.open_trade is None:
            return PnlParts(price_usd=0.0, slippage_usd=0.0, fees_usd=0.0, funding_usd=0.0)
        return self.account.trade.parts(self.account.position_base, self.price_usd)
