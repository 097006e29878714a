"""What is gathered from events and notes is what the trader itself knows."""

from math import fsum

import pytest

from drift_e3.core.terms import LONG, Reason
from drift_e3.lab.backtest import Backtest, backtest
from drift_e3.lab.historian import Historian
from drift_e3.lab.history import History
from drift_e3.lab.metrics_trades import Source, added
from tests.live.markets import settings, tape_market

CHOSEN = settings()


def told(each: int = 0, count: int = 240, minutes: int = 60) -> tuple[Backtest, History]:
    """A backtest and the history made of it; with `each` oracle ticks a candle."""
    historian = Historian()
    result = backtest(
        tape_market(CHOSEN, each=each, count=count, minutes=minutes),
        CHOSEN.trading(),
        1_000.0,
        watch=lambda event, outcome: historian.tell(event, outcome.notes),
    )
    return result, historian.history


@pytest.fixture(scope="module", params=[False, True], ids=["candles", "ticks"])
def both(request: pytest.FixtureRequest) -> tuple[Backtest, History]:
    # With ticks half a minute apart, which is soon enough for a stop to be in place.
    return told(10, 900, 5) if request.param else told()


def test_the_books_are_the_traders_to_the_bit(both: tuple[Backtest, History]) -> None:
    result, history = both
    assert history.account == result.state.account
    assert history.price_usd == result.state.market.price_usd
    assert history.fills == result.fills
    assert history.curve == result.equity


def test_trades_are_those_of_the_notes(both: tuple[Backtest, History]) -> None:
    result, history = both
    assert len(history.trades) > 5
    kept = [(trade.trade_id, trade.net_usd, trade.reason, trade.pnl) for trade in history.trades]
    assert kept == [(trade.trade_id, trade.net_usd, trade.reason, trade.pnl) for trade in result.trades]
    assert [trade.exit_ts - trade.entry_ts for trade in history.trades] == [
        trade.held_ms for trade in result.trades
    ]


def test_parts_of_trades_and_of_what_is_open_are_all_there_is(both: tuple[Backtest, History]) -> None:
    _, history = both
    parts = added([*(trade.pnl for trade in history.trades), history.open_parts, history.booked_aside])
    total = history.total
    size = fsum(map(abs, (total.price_usd, total.slippage_usd, total.fees_usd, total.funding_usd)))
    for one, other in (
        (parts.price_usd, total.price_usd),
        (parts.slippage_usd, total.slippage_usd),
        (parts.fees_usd, total.fees_usd),
        (parts.funding_usd, total.funding_usd),
    ):
        assert abs(one - other) <= 1e-9 * size


def test_an_excursion_reaches_to_the_fills_and_not_beyond_the_candles(both: tuple[Backtest, History]) -> None:
    _, history = both
    for trade in history.trades:
        moved = (trade.exit_usd / trade.entry_usd - 1.0) * (1.0 if trade.direction is LONG else -1.0)
        assert trade.best_frac >= max(moved, 0.0) - 1e-12
        assert trade.worst_frac >= max(-moved, 0.0) - 1e-12
        seen = [
            (low, high)
            for ts, low, high in zip(
                history.candles.open_ts, history.candles.low, history.candles.high, strict=True
            )
            if trade.entry_ts - history.feed.frame_ms <= ts <= trade.exit_ts
        ]
        # A fill may slip beyond its candle, by what the fill model's slippage is at the most here.
        slack = 0.01
        lowest, highest = min(low for low, _ in seen), max(high for _, high in seen)
        reach = max(highest / trade.entry_usd - 1.0, 1.0 - lowest / trade.entry_usd)
        assert max(trade.best_frac, trade.worst_frac) <= reach + slack


def test_decisions_are_counted_as_in_the_tally(both: tuple[Backtest, History]) -> None:
    result, history = both
    assert history.verdicts == result.state.tally.decisions
    refused = sum(row[2] for row in history.verdicts)
    assert history.refused.total() == refused
    assert history.no_signal.total() == sum(row[0] for row in history.verdicts)


def test_rules_alone_are_the_source_of_everything(both: tuple[Backtest, History]) -> None:
    _, history = both
    assert {trade.source for trade in history.trades} == {Source.RULE}
    assert {trade.reason for trade in history.trades} >= {Reason.STOP}


def test_a_trade_that_is_not_over_is_open() -> None:
    for count in range(60, 240, 5):
        result, history = told(count=count)
        assert (history.open_trade is not None) == (result.state.account.position_base != 0.0)
        if history.open_trade is not None:
            assert history.open_trade.entered_base > 0.0
            return
    pytest.fail("no tape of these ends with a position")
