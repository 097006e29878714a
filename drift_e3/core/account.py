"""The account: position, equity and where every dollar of it came from.

Equity change = price PnL at reference prices - slippage - fees + funding, by construction: each fill books
the cash of its reference price apart from what it got worse than that. Nothing here decides anything.
"""

from dataclasses import dataclass, field

from drift_e3.core.events import AccountOpened, CollateralMoved, Fill, FundingPaid
from drift_e3.core.grid import round_nearest
from drift_e3.core.terms import FLAT, LONG, SHORT, Direction


@dataclass(slots=True, kw_only=True)
class Ledger:
    """Cash flows of a stretch of time in USD: `reference_cash_usd` at reference prices, `slippage_usd` and
    `fees_usd` positive when they cost, `funding_usd` positive when received."""

    reference_cash_usd: float = 0.0
    slippage_usd: float = 0.0
    fees_usd: float = 0.0
    funding_usd: float = 0.0

    def book_fill(self, fill: Fill) -> None:
        """Add one fill's cash flows."""
        signed_base = fill.side * fill.size_base
        self.reference_cash_usd -= signed_base * fill.reference_usd
        self.slippage_usd += signed_base * (fill.price_usd - fill.reference_usd)
        self.fees_usd += fill.fee_usd

    def book_unseen(self, amount_usd: float) -> None:
        """Add the result of trades that nobody saw; it counts as slippage, for there is no price to set it
        against."""
        self.slippage_usd -= amount_usd

    def net_usd(self, position_base: float, price_usd: float) -> float:
        """The profit or loss so far, with the position marked at `price_usd`."""
        marked = position_base * price_usd if position_base else 0.0
        return self.reference_cash_usd + marked - self.slippage_usd - self.fees_usd + self.funding_usd

    def parts(self, position_base: float, price_usd: float) -> "PnlParts":
        """The same in its parts."""
        marked = position_base * price_usd if position_base else 0.0
        return PnlParts(
            price_usd=self.reference_cash_usd + marked,
            slippage_usd=self.slippage_usd,
            fees_usd=self.fees_usd,
            funding_usd=self.funding_usd,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PnlParts:
    """A profit or loss in its parts: `price_usd` at reference prices, costs positive, funding received
    positive."""

    price_usd: float
    slippage_usd: float
    fees_usd: float
    funding_usd: float

    @property
    def net_usd(self) -> float:
        """What the parts add up to."""
        return self.price_usd - self.slippage_usd - self.fees_usd + self.funding_usd


@dataclass(slots=True, kw_only=True)
class Account:
    """What we own: the equity we began with, what was paid in since (less what was paid out), the signed
    position and the two ledgers (all time, this trade). `opened` has the venue's totals when the books began.

    The position is kept on the instrument's step grid, so that fills that cancel out leave exactly zero.
    """

    initial_usd: float
    step_base: float
    moved_usd: float = 0.0
    opened: AccountOpened | None = None
    position_base: float = 0.0
    entry_usd: float = 0.0
    total: Ledger = field(default_factory=Ledger)
    trade: Ledger = field(default_factory=Ledger)

    @property
    def direction(self) -> Direction:
        """Where the position points."""
        if self.position_base > 0.0:
            return LONG
        return SHORT if self.position_base < 0.0 else FLAT

    def equity_usd(self, price_usd: float) -> float:
        """Equity with the position marked at `price_usd`; unknown (NaN) where a needed price is."""
        return self.initial_usd + self.moved_usd + self.total.net_usd(self.position_base, price_usd)

    def position_after(self, fill: Fill) -> float:
        """The position that a fill would lead to."""
        return round_nearest(self.position_base + fill.side * fill.size_base, self.step_base)

    def book_fill(self, fill: Fill) -> None:
        """Move the position and book the cash; `entry_usd` is the average price of what is open."""
        if self.position_base == 0.0:
            self.trade = Ledger()
        before = self.position_base
        signed_base = fill.side * fill.size_base
        after = self.position_after(fill)
        if before * signed_base >= 0.0:
            grown = abs(before) + fill.size_base
            self.entry_usd = (self.entry_usd * abs(before) + fill.price_usd * fill.size_base) / grown
        elif before * after < 0.0:
            self.entry_usd = fill.price_usd
        elif after == 0.0:
            self.entry_usd = 0.0
        self.position_base = after
        self.total.book_fill(fill)
        self.trade.book_fill(fill)

    def book_opening(self, opened: AccountOpened) -> None:
        """Let the books begin at what the venue shows."""
        self.opened, self.initial_usd = opened, opened.equity_usd

    def book_move(self, moved: CollateralMoved) -> None:
        """Book collateral that came or went, or the result of trades that nobody saw."""
        if moved.traded:
            self.total.book_unseen(moved.amount_usd)
            self.trade.book_unseen(moved.amount_usd)
        else:
            self.moved_usd += moved.amount_usd

    def book_funding(self, paid: FundingPaid) -> None:
        """Book a funding payment."""
        self.total.funding_usd += paid.amount_usd
        self.trade.funding_usd += paid.amount_usd
