"""What the account on the chain shows and the journal lacks, to the last unit.

The program keeps running totals: base, ledger, funding, fees. The journal's books keep the same sums of the
events booked. Both begin at one `AccountOpened`, so what is missing is a subtraction, the same after a second
or after a week away, and booking it twice is impossible: what is booked is not missing any more. Nothing here
reads, waits or sends.
"""

from typing import NamedTuple

from drift_e3.core.account import Account
from drift_e3.core.events import AccountOpened, Fill, FundingPaid
from drift_e3.venues.solana.views import BASE_UNITS, QUOTE_UNITS, Totals, UserSeen

FEE_FRAC_MAX = 0.005
"""A fee beyond this part of the trade's value is none: somebody else's trades are in the same total."""


class Books(NamedTuple):
    """Sums of what the journal has booked, in the chain's units. `ledger` is fills' cash - fees + funding."""

    base: int = 0
    ledger: int = 0
    funding: int = 0
    fees: int = 0

    def with_fill(self, fill: Fill) -> "Books":
        """The books after one fill."""
        cash = -fill.side * fill.size_base * fill.price_usd
        fee = to_quote(fill.fee_usd)
        return self._replace(
            base=self.base + fill.side * round(fill.size_base * BASE_UNITS),
            ledger=self.ledger + to_quote(cash) - fee,
            fees=self.fees + fee,
        )

    def with_funding(self, paid: FundingPaid) -> "Books":
        """The books after one funding payment."""
        amount = to_quote(paid.amount_usd)
        return self._replace(ledger=self.ledger + amount, funding=self.funding + amount)


class Missing(NamedTuple):
    """What the books lack, in the chain's units: a trade of `base` for `cash` (negative: spent) with `fee`,
    and `funding` received."""

    base: int
    cash: int
    fee: int
    funding: int

    @property
    def price_usd(self) -> float:
        """The average price of the trade."""
        return -self.cash / self.base * (BASE_UNITS / QUOTE_UNITS)

    def part(self, before: int, size: int) -> "Missing":
        """The part of the trade that comes after `before` and is `size` long, both without sign: all parts
        together are the whole, to the last unit."""
        whole, after = abs(self.base), before + size
        return Missing(
            base=size if self.base > 0 else -size,
            cash=self.cash * after // whole - self.cash * before // whole,
            fee=self.fee * after // whole - self.fee * before // whole,
            funding=0,
        )


def to_quote(amount_usd: float) -> int:
    """USD in the chain's units, to the nearest."""
    return round(amount_usd * QUOTE_UNITS)


def booked(account: Account) -> Books:
    """The books of the core's account."""
    total = account.total
    fees, funding = to_quote(total.fees_usd), to_quote(total.funding_usd)
    return Books(
        base=round(account.position_base * BASE_UNITS),
        ledger=to_quote(total.reference_cash_usd - total.slippage_usd) - fees + funding,
        funding=funding,
        fees=fees,
    )


def opening(user: UserSeen, seen_ts: int) -> AccountOpened:
    """The totals at which new books begin, as if flat: a position that is there already is missing at once,
    as a trade at its entry price."""
    totals = user.totals
    spent = round(totals.base * user.entry_usd * (QUOTE_UNITS / BASE_UNITS))
    cash = totals.collateral + totals.ledger - totals.settled + spent
    return AccountOpened(
        seen_ts=seen_ts,
        account=user.address,
        equity_usd=cash / QUOTE_UNITS,
        ledger=totals.ledger + spent,
        funding=totals.funding,
        fees=totals.fees,
        tokens=totals.collateral - totals.settled,
    )


def missing(begun: AccountOpened, books: Books, totals: Totals, fee_bps: float) -> Missing:
    """What the books lack. A fee total that cannot be of this trade is estimated by `fee_bps`; the trade's
    price then bears the difference, so that the ledger is exact in any case."""
    funding = totals.funding - begun.funding - books.funding
    ledger = totals.ledger - begun.ledger - books.ledger
    base = totals.base - books.base
    fee = totals.fees - begun.fees - books.fees
    value = abs(ledger - funding)
    if not base or abs(fee) > value * FEE_FRAC_MAX:
        fee = round(value * fee_bps * 1e-4) if base else 0
    return Missing(base=base, cash=ledger - funding + fee, fee=fee, funding=funding)


def moved(begun: AccountOpened, totals: Totals, booked_usd: float) -> int:
    """Quote tokens that came or went otherwise than by trading (deposits, withdrawals, interest) and are not
    in `booked_usd` yet, in the chain's units."""
    return totals.collateral - totals.settled - begun.tokens - to_quote(booked_usd)
