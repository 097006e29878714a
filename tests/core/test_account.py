"""The account: position, average entry and the parts of profit and loss."""

from collections.abc import Sequence
from math import isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_e3.core.account import Account, Ledger, PnlParts
from drift_e3.core.events import FundingPaid
from drift_e3.core.terms import Direction, Side
from tests.core.builders import START_TS, a_fill

STEP = 0.1


def an_account(initial_usd: float = 1_000.0) -> Account:
    return Account(initial_usd=initial_usd, step_base=STEP)


def funding(amount_usd: float) -> FundingPaid:
    return FundingPaid(seen_ts=START_TS, amount_usd=amount_usd, rate_frac_1h=1e-5, position_base=1.0)


def test_a_new_account_is_flat_and_worth_what_it_began_with() -> None:
    account = an_account()
    assert account.direction is Direction.FLAT
    assert account.equity_usd(nan) == 1_000.0


@pytest.mark.parametrize(("side", "direction"), [(Side.BUY, Direction.LONG), (Side.SELL, Direction.SHORT)])
def test_a_fill_gives_the_position_its_direction(side: Side, direction: Direction) -> None:
    account = an_account()
    account.book_fill(a_fill(side=side, size_base=2.0))
    assert account.direction is direction
    assert account.position_base == side * 2.0
    assert account.entry_usd == 100.0


def test_equity_is_unknown_while_the_price_of_a_position_is() -> None:
    account = an_account()
    account.book_fill(a_fill())
    assert isnan(account.equity_usd(nan))


def test_growing_averages_the_entry_and_reducing_keeps_it() -> None:
    account = an_account()
    account.book_fill(a_fill(size_base=1.0, price_usd=100.0))
    account.book_fill(a_fill(size_base=3.0, price_usd=104.0))
    assert account.entry_usd == 103.0
    account.book_fill(a_fill(side=Side.SELL, size_base=3.0, price_usd=110.0))
    assert (account.position_base, account.entry_usd) == (1.0, 103.0)
    account.book_fill(a_fill(side=Side.SELL, size_base=1.0, price_usd=110.0))
    assert (account.position_base, account.entry_usd) == (0.0, 0.0)


def test_the_average_entry_after_a_flip_is_the_flipping_price() -> None:
    account = an_account()
    account.book_fill(a_fill(size_base=1.0, price_usd=100.0))
    account.book_fill(a_fill(side=Side.SELL, size_base=3.0, price_usd=90.0))
    assert (account.position_base, account.entry_usd) == (-2.0, 90.0)


def test_fills_that_cancel_out_leave_exactly_zero() -> None:
    account = an_account()
    for _ in range(3):
        account.book_fill(a_fill(size_base=0.1))
    account.book_fill(a_fill(side=Side.SELL, size_base=0.3))
    assert account.position_base == 0.0


def test_slippage_is_the_fill_against_its_reference_and_costs_on_both_sides() -> None:
    account = an_account()
    account.book_fill(a_fill(size_base=2.0, price_usd=100.5, reference_usd=100.0, fee_usd=0.2))
    account.book_fill(
        a_fill(side=Side.SELL, size_base=2.0, price_usd=109.0, reference_usd=110.0, fee_usd=0.3)
    )
    account.book_funding(funding(-0.25))
    parts = account.trade.parts(0.0, nan)
    assert parts == PnlParts(price_usd=20.0, slippage_usd=3.0, fees_usd=0.5, funding_usd=-0.25)
    assert parts.net_usd == 16.25
    assert account.equity_usd(nan) == 1_016.25


def test_each_position_has_a_ledger_of_its_own() -> None:
    account = an_account()
    account.book_fill(a_fill(fee_usd=1.0))
    account.book_fill(a_fill(side=Side.SELL, fee_usd=1.0))
    account.book_fill(a_fill(fee_usd=5.0))
    assert account.trade.fees_usd == 5.0
    assert account.total.fees_usd == 7.0


def test_where_a_fill_would_lead_changes_nothing() -> None:
    account = an_account()
    assert account.position_after(a_fill(side=Side.SELL, size_base=0.3)) == -0.3
    assert account == an_account()


def test_the_parts_add_up_to_the_net() -> None:
    ledger = Ledger()
    ledger.book_fill(a_fill(price_usd=101.0, reference_usd=100.0, fee_usd=0.5))
    assert ledger.net_usd(1.0, 103.0) == ledger.parts(1.0, 103.0).net_usd == 1.5


Booked = tuple[Side, int, int, int, int]
"""Side, steps, price and reference in cents, fee in hundredths of a cent."""
bookings = st.lists(
    st.tuples(
        st.sampled_from(Side),
        st.integers(1, 500),
        st.integers(5_000, 20_000),
        st.integers(5_000, 20_000),
        st.integers(-500, 5_000),
    ),
    max_size=30,
)


@given(bookings, st.lists(st.integers(-1_000, 1_000), max_size=5), st.integers(5_000, 20_000))
def test_equity_changes_by_price_less_costs_plus_funding(
    booked: Sequence[Booked], fundings: Sequence[int], price_cents: int
) -> None:
    """Against integers: position in steps, cash in 1e-4 USD times steps."""
    account = an_account()
    steps = cash = slippage = fees = received = 0
    for side, size, price, reference, fee in booked:
        account.book_fill(
            a_fill(
                side=side,
                size_base=size / 10,
                price_usd=price / 100,
                reference_usd=reference / 100,
                fee_usd=fee / 10_000,
            )
        )
        steps += side * size
        cash -= side * size * price
        slippage += side * size * (price - reference)
        fees += fee
    for amount in fundings:
        account.book_funding(funding(amount / 10_000))
        received += amount
    price_usd = price_cents / 100
    assert account.position_base == steps / 10
    parts = account.total.parts(account.position_base, price_usd)
    largest = abs(parts.price_usd) + abs(parts.slippage_usd) + abs(parts.fees_usd) + abs(parts.funding_usd)
    turnover = sum(size * max(price, reference) for _, size, price, reference, _ in booked) / 1_000
    change = (cash + steps * price_cents) / 1_000 - fees / 10_000 + received / 10_000
    assert abs(account.equity_usd(price_usd) - 1_000.0 - parts.net_usd) <= 1e-9 * (largest + 1_000.0)
    assert abs(parts.net_usd - change) <= 1e-12 * (turnover + largest + 1.0)
    assert abs(parts.slippage_usd - slippage / 1_000) <= 1e-12 * (turnover + 1.0)
