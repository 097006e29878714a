"""Four layers of pauses, and what each bit stops."""

import pytest

from drift_e3.drill.velocity_accounts import UNIX_S
from drift_e3.venues.solana.views import Pauses
from drift_e3.venues.velocity.layouts import PERP_MARKET, SPOT_MARKET, STATE
from drift_e3.venues.velocity.wire import AccountLayout
from tests.venues.velocity.accounts import PERP_AT, SPOT_AT, STATE_AT, Values, changed, look, the_accounts

LAYERS = {STATE.name: STATE_AT, PERP_MARKET.name: PERP_AT, SPOT_MARKET.name: SPOT_AT}


def pauses(layout: AccountLayout, **values: int) -> Pauses:
    return look(changed(the_accounts(), LAYERS[layout.name], layout, values)).pauses


def stopped(pauses: Pauses) -> set[str]:
    return {field for field in Pauses._fields if field != "reasons" and getattr(pauses, field)}


def test_nothing_is_paused_in_a_healthy_market() -> None:
    assert look(the_accounts()).pauses == Pauses()
    assert look(the_accounts(), None).pauses == Pauses()


@pytest.mark.parametrize(
    ("layout", "values", "stops", "reason"),
    [
        (STATE, {"exchange_status": 1}, set(), "exchange: deposits are paused"),
        (STATE, {"exchange_status": 2}, set(), "exchange: withdrawals are paused"),
        (STATE, {"exchange_status": 4}, {"amm_fill"}, "exchange: the AMM is paused"),
        (STATE, {"exchange_status": 8}, {"fill", "amm_fill"}, "exchange: fills and triggers are paused"),
        (STATE, {"exchange_status": 16}, set(), "exchange: liquidations are paused"),
        (STATE, {"exchange_status": 32}, {"funding"}, "exchange: funding is paused"),
        (STATE, {"exchange_status": 64}, {"settle_pnl"}, "exchange: settling is paused"),
        (STATE, {"exchange_status": 128}, set(), "exchange: immediate fills of the AMM are paused"),
        (PERP_MARKET, {"paused_operations": 1}, {"funding"}, "market: funding is paused"),
        (PERP_MARKET, {"paused_operations": 2}, {"amm_fill"}, "market: fills of the AMM are paused"),
        (PERP_MARKET, {"paused_operations": 4}, {"fill", "amm_fill"}, "market: fills are paused"),
        (PERP_MARKET, {"paused_operations": 8}, {"settle_pnl"}, "market: settling is paused"),
        (
            PERP_MARKET,
            {"paused_operations": 16},
            {"settle_pnl"},
            "market: settling with a position is paused",
        ),
        (PERP_MARKET, {"paused_operations": 32}, set(), "market: liquidations are paused"),
        (PERP_MARKET, {"paused_operations": 64}, set(), "market: immediate fills of the AMM are paused"),
        (
            PERP_MARKET,
            {"status": 0},
            {"place", "fill", "amm_fill", "increase", "settle_pnl"},
            "market: is being set up",
        ),
        (PERP_MARKET, {"status": 2}, {"increase", "settle_pnl"}, "market: is reduce-only"),
        (
            PERP_MARKET,
            {"status": 3},
            {"place", "fill", "amm_fill", "increase", "funding"},
            "market: is in settlement",
        ),
        (
            PERP_MARKET,
            {"status": 4},
            {"place", "fill", "amm_fill", "increase", "funding", "settle_pnl"},
            "market: is delisted",
        ),
        (
            PERP_MARKET,
            {"status": 7},
            {"place", "cancel", "fill", "amm_fill", "increase", "settle_pnl", "funding"},
            "market: has a status that is not known",
        ),
        (
            PERP_MARKET,
            {"expiry_ts": UNIX_S},
            {"place", "fill", "amm_fill", "increase", "funding"},
            "market: has expired",
        ),
        (SPOT_MARKET, {"status": 2}, {"increase"}, "quote market: is not active"),
        (SPOT_MARKET, {"paused_operations": 4}, set(), "quote market: deposits are paused"),
        (SPOT_MARKET, {"paused_operations": 8}, set(), "quote market: withdrawals are paused"),
    ],
)
def test_each_bit_stops_what_the_program_stops(
    layout: AccountLayout, values: dict[str, int], stops: set[str], reason: str
) -> None:
    found = pauses(layout, **values)
    assert stopped(found) == stops
    assert found.reasons == (reason,)


def test_only_an_exchange_that_pauses_everything_stops_cancelling() -> None:
    assert not pauses(STATE, exchange_status=127).cancel
    everything = pauses(STATE, exchange_status=255)
    assert stopped(everything) == set(Pauses._fields) - {"reasons"}
    assert everything.reasons[-1] == "exchange: everything is paused, cancelling included"
    assert len(everything.reasons) == 9


@pytest.mark.parametrize("values", [{"expiry_ts": UNIX_S + 1}, {"paused_operations": 128}])
def test_what_does_not_touch_traders_is_no_pause(values: dict[str, int]) -> None:
    assert pauses(PERP_MARKET, **values) == Pauses()


@pytest.mark.parametrize(
    ("user", "stats", "stops", "reason"),
    [
        ({}, {"paused_operations": 2}, {"amm_fill"}, "account: immediate fills of the AMM are paused"),
        (
            {},
            {"paused_operations": 4},
            {"increase"},
            "account: immediate fills of the AMM that add risk are paused",
        ),
        ({}, {"equity_breaker_tripped": 1}, {"increase"}, "account: its equity fell below the floor"),
        ({"status": 1}, {}, {"place"}, "account: is being liquidated"),
        ({"status": 2}, {}, {"place"}, "account: is bankrupt"),
        ({"status": 4}, {}, {"increase"}, "account: is reduce-only"),
    ],
)
def test_the_account_has_pauses_of_its_own(user: Values, stats: Values, stops: set[str], reason: str) -> None:
    found = look(the_accounts(user, stats)).pauses
    assert stopped(found) == stops
    assert found.reasons == (reason,)
    assert look(the_accounts(user, stats), None).pauses == Pauses()


def test_all_layers_are_told_at_once() -> None:
    accounts = changed(the_accounts({"status": 4}), STATE_AT, STATE, {"exchange_status": 36})
    accounts = changed(accounts, PERP_AT, PERP_MARKET, {"paused_operations": 8})
    found = look(accounts).pauses
    assert stopped(found) == {"amm_fill", "funding", "settle_pnl", "increase"}
    assert [reason.partition(":")[0] for reason in found.reasons] == [
        "exchange",
        "exchange",
        "market",
        "account",
    ]
