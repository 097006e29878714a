"""The plain loop: what it collects, in which order things are heard, and the document made of it."""

import pytest

from drift_e3.core.notes import PositionClosed
from drift_e3.core.terms import Regime, Strategy
from drift_e3.lab.backtest import Backtest, backtest
from drift_e3.lab.result import document, metrics
from tests.live.daemons import Bounded
from tests.live.markets import settings, tape_market

CHOSEN = settings()


@pytest.fixture(scope="module")
def result() -> Backtest:
    return backtest(tape_market(CHOSEN), CHOSEN.trading(), 1_000.0)


def test_every_candle_has_its_decision_and_its_equity(result: Backtest) -> None:
    assert len(result.decisions) == len(result.equity) == 240
    assert [(made.ts, made.equity_usd) for made in result.decisions] == result.equity


def test_trades_and_fills_are_those_of_the_tally(result: Backtest) -> None:
    assert len(result.fills) == result.state.tally.fills > 10
    assert len(result.trades) == result.state.tally.trades > 5
    position_base = 0.0
    for fill in result.fills:
        position_base += fill.side * fill.size_base
    assert position_base == pytest.approx(result.state.account.position_base)


def test_it_is_the_same_every_time(result: Backtest) -> None:
    again = backtest(tape_market(CHOSEN), CHOSEN.trading(), 1_000.0)
    assert document(again) == document(result)


def test_progress_is_told_once_a_candle() -> None:
    told: list[int] = []
    backtest(tape_market(CHOSEN, count=80), CHOSEN.trading(), 1_000.0, lambda: told.append(len(told)))
    assert told == list(range(80))


def test_an_enabled_advisor_is_silent() -> None:
    asking = settings(ADVISOR="ollama")
    assert asking.trading().ai_enabled
    advised = backtest(tape_market(CHOSEN, count=150), asking.trading(), 1_000.0)
    alone = backtest(tape_market(CHOSEN, count=150), CHOSEN.trading(), 1_000.0)
    assert [fill.fill_id for fill in advised.fills] == [fill.fill_id for fill in alone.fills]
    assert {made.no_advice for made in advised.decisions if made.order_id} == {"off"}


def test_a_market_that_ends_at_once_gives_an_empty_result() -> None:
    market = Bounded(tape_market(CHOSEN), end_ts=0)
    whole = document(backtest(market, CHOSEN.trading(), 1_000.0))
    assert whole["decisions"] == whole["fills"] == whole["equity"] == []
    metrics = whole["metrics"]
    assert (metrics["candles"], metrics["first_ts"], metrics["win_rate"], metrics["profit_factor"]) == (
        0,
        None,
        None,
        None,
    )


def test_the_metrics_add_up(result: Backtest) -> None:
    metrics = document(result)["metrics"]
    parts = metrics["price_pnl_usd"] - metrics["slippage_usd"] - metrics["fees_usd"] + metrics["funding_usd"]
    assert metrics["pnl_usd"] == pytest.approx(parts, abs=1e-9)
    assert metrics["equity_end_usd"] - metrics["equity_start_usd"] == pytest.approx(
        metrics["pnl_usd"], abs=1e-9
    )
    assert metrics["return_frac"] == metrics["pnl_usd"] / 1_000.0
    won = [trade.net_usd for trade in result.trades if trade.net_usd > 0.0]
    lost = [-trade.net_usd for trade in result.trades if trade.net_usd <= 0.0]
    assert metrics["wins"] == len(won)
    assert metrics["win_rate"] == len(won) / len(result.trades)
    assert metrics["profit_factor"] == pytest.approx(sum(won) / sum(lost))


def test_trades_are_counted_by_strategy_and_by_regime(result: Backtest) -> None:
    metrics = document(result)["metrics"]
    assert set(metrics["trades_by_strategy"]) == {
        strategy.label for strategy in Strategy if strategy is not Strategy.NONE
    }
    assert set(metrics["trades_by_regime"]) == {regime.label for regime in Regime}
    for grouped in ("trades_by_strategy", "trades_by_regime"):
        assert sum(group["trades"] for group in metrics[grouped].values()) == len(result.trades)
        net_usd = sum(group["net_usd"] for group in metrics[grouped].values())
        assert net_usd == pytest.approx(sum(trade.net_usd for trade in result.trades))


def test_equity_falls_by_no_more_than_the_drawdown_says(result: Backtest) -> None:
    peak = deepest = 0.0
    for _, equity_usd in result.equity:
        peak = max(peak, equity_usd)
        deepest = max(deepest, 1.0 - equity_usd / peak)
    assert 0.0 < deepest <= document(result)["metrics"]["drawdown_frac_max"] < 1.0
    assert all(isinstance(trade, PositionClosed) for trade in result.trades)


def test_what_is_not_kept_changes_nothing_else(result: Backtest) -> None:
    bare = backtest(tape_market(CHOSEN), CHOSEN.trading(), 1_000.0, keep_decisions=False)
    assert bare.decisions == []
    assert bare.equity == []
    assert (bare.candles, bare.first_ts, bare.last_ts) == (
        240,
        result.decisions[0].ts,
        result.decisions[-1].ts,
    )
    assert (bare.fills, bare.trades) == (result.fills, result.trades)
    assert metrics(bare) == metrics(result)
