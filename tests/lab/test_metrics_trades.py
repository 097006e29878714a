"""Figures of trades: worked examples, and that parts and groups leave nothing out."""

from math import fsum, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_e3.core.terms import LONG, Strategy
from drift_e3.lab.metrics import undefined
from drift_e3.lab.metrics_trades import (
    added,
    exposure,
    grouped,
    profit_factor,
    trade_figures,
    turnover,
    win_rate,
)
from tests.lab.trades import finished

nets = st.lists(st.floats(-1e6, 1e6), max_size=30)


def test_four_trades_by_hand() -> None:
    trades = [finished(net) for net in (30.0, -10.0, 20.0, -15.0)]
    figures = trade_figures(trades)
    assert (figures.trades, figures.wins, figures.net_usd) == (4, 2, 25.0)
    assert figures.win_rate.value == 0.5
    assert figures.profit_factor.value == 2.0
    assert figures.expectancy_usd.value == 6.25
    assert figures.expectancy_frac.value == pytest.approx(6.25 / 1_000.0)
    assert (figures.average_win_usd.value, figures.average_loss_usd.value) == (25.0, -12.5)
    assert (figures.largest_win_usd.value, figures.largest_loss_usd.value) == (30.0, -15.0)


def test_no_trade_has_reasons_only() -> None:
    figures = trade_figures([])
    told = [figure for figure in figures if isinstance(figure, tuple)]
    assert all(value is None and reason for value, reason in told)
    assert figures.net_usd == 0.0


@pytest.mark.parametrize(
    ("values", "reason"),
    [([], "no trade"), ([1.0], "no losing trade"), ([0.0], "no losing trade")],
)
def test_a_profit_factor_without_a_loss_is_no_infinity(values: list[float], reason: str) -> None:
    assert profit_factor(values) == undefined(reason)


def test_a_profit_factor_without_a_win_is_nothing() -> None:
    assert profit_factor([-1.0]).value == 0.0


@given(values=nets)
def test_expectancy_is_what_wins_and_losses_weigh(values: list[float]) -> None:
    figures = trade_figures([finished(net) for net in values])
    if values:
        rate = win_rate(values).value
        assert rate is not None
        won, lost = figures.average_win_usd.value or 0.0, figures.average_loss_usd.value or 0.0
        assert figures.expectancy_usd.value == pytest.approx(rate * won + (1.0 - rate) * lost, abs=1e-6)


@given(values=nets)
def test_the_parts_add_up_to_the_net(values: list[float]) -> None:
    trades = [finished(net) for net in values]
    parts = added(trade.pnl for trade in trades)
    size = fsum(abs(value) for value in values) + len(values) * 3.0
    assert abs(parts.net_usd - fsum(trade.net_usd for trade in trades)) <= 1e-9 * size


def test_excursions_that_are_not_known_are_left_out() -> None:
    trades = [finished(1.0, worst=0.01, best=0.02), finished(1.0, worst=nan, best=nan)]
    figures = trade_figures(trades)
    assert (figures.worst_frac.value, figures.best_frac.value) == (0.01, 0.02)


def test_groups_keep_their_order_and_the_empty_ones() -> None:
    trades = [finished(1.0), finished(2.0, strategy=Strategy.FUNDING_FADE)]
    groups = grouped(trades, lambda trade: trade.strategy.label, ["none", "e3", "funding_fade"])
    assert list(groups) == ["none", "e3", "funding_fade"]
    assert [len(group) for group in groups.values()] == [0, 1, 1]


def test_exposure_counts_what_is_open_and_only_within_the_time() -> None:
    trades = [finished(1.0, entry=-50, exit_=100), finished(1.0, entry=200, exit_=300)]
    assert exposure(trades, None, 0, 1_000).value == 0.2
    assert exposure(trades, 900, 0, 1_000).value == pytest.approx(0.3)
    assert exposure([], None, 5, 5) == undefined("no time")


def test_turnover_is_over_the_mean_of_daily_equity() -> None:
    assert turnover(3_000.0, [1_000.0, 2_000.0]).value == 2.0
    assert turnover(3_000.0, []) == undefined("no equity")


def test_a_trade_returns_on_its_notional() -> None:
    assert finished(5.0).return_frac == 0.005
    assert finished(5.0).direction is LONG
