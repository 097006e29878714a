"""What bars entries: every reason is said, the gravest first, and nothing bars a sound market."""

from collections.abc import Callable

import pytest

from drift_e3.core.terms import OrderKind, Side
from drift_e3.venues.solana.barring import bars
from drift_e3.venues.solana.views import ChainView, MarketStatus, Pauses
from tests.venues.solana.account_model import AccountModel, an_intent


def account(view: ChainView, **changes: object) -> ChainView:
    assert view.user is not None
    return view._replace(user=view.user._replace(**changes))  # type: ignore[arg-type]


def test_a_sound_market_and_account_bar_nothing() -> None:
    assert bars(AccountModel().view(), (), 0, 0) == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda view: account(view, bankrupt=True), "the account is bankrupt"),
        (lambda view: account(view, being_liquidated=True), "the account is being liquidated"),
        (lambda view: account(view, reduce_only=True), "the account may only reduce"),
        (lambda view: account(view, foreign=("2 of market 1",)), "2 of market 1"),
        (
            lambda view: view._replace(perp=view.perp._replace(status=MarketStatus.REDUCE_ONLY)),
            "the market is reduce_only",
        ),
        (lambda view: view._replace(pauses=Pauses(fill=True)), "trading is paused"),
        (
            lambda view: view._replace(pauses=Pauses(place=True, reasons=("placing is off",))),
            "placing is off",
        ),
        (lambda view: view._replace(pauses=Pauses(amm_fill=True, reasons=("no fills",))), "no fills"),
        (lambda view: view._replace(pauses=Pauses(increase=True, reasons=("reduce",))), "reduce"),
        (
            lambda view: view._replace(oracle=view.oracle._replace(confidence_usd=1.51)),
            "the oracle is unsure of its price by more than 100 bps",
        ),
        (
            lambda view: view._replace(perp=view.perp._replace(open_interest_base_max=100.0)),
            "the market's open interest is at its limit",
        ),
    ],
)
def test_each_trouble_is_said(change: Callable[[ChainView], ChainView], words: str) -> None:
    assert bars(change(AccountModel().view()), (), 0, 0) == (words,)


@pytest.mark.parametrize("pauses", [Pauses(settle_pnl=True, reasons=("no settling",)), Pauses(funding=True)])
def test_a_pause_that_does_not_touch_orders_bars_nothing(pauses: Pauses) -> None:
    assert bars(AccountModel().view()._replace(pauses=pauses), (), 0, 0) == ()


def test_a_market_without_a_limit_of_open_interest_is_not_full() -> None:
    view = AccountModel().view()
    assert bars(view._replace(perp=view.perp._replace(open_interest_base_max=0.0)), (), 0, 0) == ()


def test_only_orders_that_are_not_ours_bar() -> None:
    chain = AccountModel()
    chain.hold(7, an_intent(Side.SELL, kind=OrderKind.TRIGGER_MARKET))
    assert bars(chain.view(), {7}, 0, 0) == ()
    assert bars(chain.view(), {8}, 0, 0) == ("the account has open orders that are not the daemon's",)


def test_a_stop_of_ours_that_nobody_follows_bars_until_it_is_swept() -> None:
    chain = AccountModel()
    chain.hold(7, an_intent(Side.SELL, kind=OrderKind.TRIGGER_MARKET, reduce_only=True))
    (words,) = bars(chain.view(), {8}, 0, 0)
    assert words == "the account has a stop of the daemon's that it lost sight of: taken back once flat"
    chain.hold(9, an_intent(Side.SELL, kind=OrderKind.TRIGGER_MARKET))
    assert len(bars(chain.view(), {8}, 0, 0)) == 2


def test_a_foreign_position_is_named_with_its_size() -> None:
    assert bars(AccountModel().view(), (), -2_500_000_000, 0) == (
        "the account holds -2.5 that the daemon did not trade",
    )


def test_a_program_that_nobody_approved_comes_first() -> None:
    view = account(AccountModel().view(), bankrupt=True)
    first, second = bars(view, (), 0, 4242)
    assert "DRIFT_E3_LIVE__DEPLOYMENT_SLOT=4242" in first
    assert second == "the account is bankrupt"


def test_paper_has_no_account_to_bar() -> None:
    assert bars(AccountModel().view()._replace(user=None), (), 0, 0) == ()
