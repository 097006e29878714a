"""What is paused, by whom, in words."""

from typing import Any

import pytest
from driftpy.types import MarketStatus as ProgramStatus
from hypothesis import given
from hypothesis import strategies as st

from drift_e3.drill import drift_accounts
from drift_e3.venues.drift.pauses import EXCHANGE_BITS, MARKET_BITS, STATUS, pauses_of, status_of
from drift_e3.venues.solana.views import MarketStatus, Pauses
from tests.venues.drift.looks import NOW_S, NOW_TS, PRICE_USD, SLOT, TRADING


def paused(
    exchange: int = 0,
    market_bits: int = 0,
    status: str = "Active",
    user_status: int | None = None,
    expiry_s: int = 0,
) -> Pauses:
    market = a_market(status)
    market.paused_operations, market.expiry_ts = market_bits, expiry_s
    user = None
    if user_status is not None:
        user = drift_accounts.user(TRADING)
        user.status = user_status
    return pauses_of(drift_accounts.state(exchange), market, user, NOW_TS)


def a_market(status: str = "Active") -> Any:
    market = drift_accounts.perp_market(PRICE_USD, SLOT, NOW_S)
    market.status = getattr(ProgramStatus, status)()
    return market


def actions(pauses: Pauses) -> set[str]:
    return {name for name, value in pauses._asdict().items() if value is True}


def test_nothing_is_paused_when_no_bit_is_set() -> None:
    assert paused(user_status=0) == Pauses()


@pytest.mark.parametrize(
    ("bits", "stopped", "words"),
    [
        (1, set(), "the exchange has paused deposits"),
        (2, set(), "the exchange has paused withdrawals"),
        (4, {"amm_fill"}, "the exchange has paused fills by the AMM"),
        (8, {"fill"}, "the exchange has paused fills"),
        (16, set(), "the exchange has paused liquidations"),
        (32, {"funding"}, "the exchange has paused funding"),
        (64, {"settle_pnl"}, "the exchange has paused settling"),
        (128, {"amm_fill"}, "the exchange has paused immediate fills by the AMM"),
    ],
)
def test_each_bit_of_the_exchange_pauses_what_it_names(bits: int, stopped: set[str], words: str) -> None:
    found = paused(exchange=bits)
    assert (actions(found), found.reasons) == (stopped, (words,))


@pytest.mark.parametrize("bits", [127, 255])
def test_all_bits_close_the_exchange(bits: int) -> None:
    found = paused(exchange=bits)
    assert {"place", "cancel", "fill", "amm_fill", "funding", "settle_pnl"} <= actions(found)
    assert "the exchange is closed" in found.reasons


@pytest.mark.parametrize(
    ("bits", "stopped"),
    [
        (1, {"funding"}),
        (2, {"amm_fill"}),
        (4, {"fill"}),
        (8, {"settle_pnl"}),
        (16, {"settle_pnl"}),
        (32, set()),
        (64, {"amm_fill"}),
        (128, set()),
        (6, {"fill", "amm_fill"}),
    ],
)
def test_each_bit_of_the_market_pauses_what_it_names(bits: int, stopped: set[str]) -> None:
    found = paused(market_bits=bits)
    assert actions(found) == stopped
    assert all(words.startswith("the market has paused ") for words in found.reasons)


@pytest.mark.parametrize(
    ("status", "told", "stopped"),
    [
        ("Initialized", MarketStatus.INITIALIZED, {"place", "fill"}),
        ("Active", MarketStatus.ACTIVE, set()),
        ("FundingPaused", MarketStatus.PAUSED, {"fill", "funding"}),
        ("AmmPaused", MarketStatus.PAUSED, {"fill", "amm_fill"}),
        ("FillPaused", MarketStatus.PAUSED, {"fill"}),
        ("WithdrawPaused", MarketStatus.PAUSED, {"fill"}),
        ("ReduceOnly", MarketStatus.REDUCE_ONLY, {"increase"}),
        ("Settlement", MarketStatus.SETTLEMENT, {"place", "fill"}),
        ("Delisted", MarketStatus.DELISTED, {"place", "fill"}),
    ],
)
def test_each_status_stops_what_the_program_stops(status: str, told: MarketStatus, stopped: set[str]) -> None:
    assert status_of(a_market(status)) is told
    found = paused(status=status)
    assert actions(found) == stopped
    assert len(found.reasons) == (status != "Active")


def test_every_status_of_the_program_is_known() -> None:
    names = {name for name in dir(ProgramStatus) if name[0].isupper()}
    assert names == STATUS.keys()


@pytest.mark.parametrize(("expiry_s", "stopped"), [(NOW_S, {"place", "fill"}), (NOW_S + 1, set())])
def test_a_market_expires_at_its_time(expiry_s: int, stopped: set[str]) -> None:
    assert actions(paused(expiry_s=expiry_s)) == stopped


@pytest.mark.parametrize(("bits", "stopped"), [(1, {"place"}), (2, {"place"}), (4, {"increase"}), (8, set())])
def test_flags_of_the_account_count_too(bits: int, stopped: set[str]) -> None:
    found = paused(user_status=bits)
    assert actions(found) == stopped
    assert all(words.startswith("the account ") for words in found.reasons)


@given(st.integers(0, 255), st.integers(0, 255))
def test_whatever_is_stopped_has_a_reason(exchange: int, market_bits: int) -> None:
    found = paused(exchange=exchange, market_bits=market_bits)
    named = exchange.bit_count() + market_bits.bit_count()
    assert len(found.reasons) == named + ((exchange & 127) == 127)
    assert bool(found.reasons) >= bool(actions(found))


def test_every_bit_of_a_byte_is_in_the_tables() -> None:
    assert sum(EXCHANGE_BITS) == sum(MARKET_BITS) == 255
