"""A backtest as one document: metrics, decisions, fills and equity, as the journal exports them."""

from typing import Any

from drift_e3.core.notes import DecisionMade, PositionClosed
from drift_e3.core.terms import Regime, Strategy, Verdict
from drift_e3.journal.records import record
from drift_e3.lab.backtest import Backtest

Document = dict[str, Any]


def document(result: Backtest) -> Document:
    """The whole result, ready for JSON. Times are UTC ms, money is USD."""
    return {
        "metrics": metrics(result),
        "decisions": [_bare(record(DecisionMade(decision=made), made.ts)) for made in result.decisions],
        "fills": [_bare(record(fill, fill.seen_ts)) for fill in result.fills],
        "equity": [{"ts": ts, "equity_usd": equity_usd} for ts, equity_usd in result.equity],
    }


def metrics(result: Backtest) -> Document:
    """What it came to. Fractions unless the name says otherwise; `profit_factor` is None without a loss.

    `pnl_usd` is `price_pnl_usd` - `slippage_usd` - `fees_usd` + `funding_usd`, the open position marked at
    the last price; wins and profit factor count finished trades, net of all costs.
    """
    state, trades = result.state, result.trades
    account, tally, price_usd = state.account, state.tally, state.market.price_usd
    pnl = account.total.parts(account.position_base, price_usd)
    won_usd = lost_usd = 0.0
    for trade in trades:
        if trade.net_usd > 0.0:
            won_usd += trade.net_usd
        else:
            lost_usd -= trade.net_usd
    return {
        "candles": result.candles,
        "first_ts": result.first_ts or None,
        "last_ts": result.last_ts or None,
        "equity_start_usd": account.initial_usd,
        "equity_end_usd": account.equity_usd(price_usd),
        "return_frac": pnl.net_usd / account.initial_usd,
        "pnl_usd": pnl.net_usd,
        "price_pnl_usd": pnl.price_usd,
        "slippage_usd": pnl.slippage_usd,
        "fees_usd": pnl.fees_usd,
        "funding_usd": pnl.funding_usd,
        "drawdown_frac_max": tally.drawdown_frac_max,
        "fills": tally.fills,
        "trades": tally.trades,
        "wins": tally.wins,
        "win_rate": tally.wins / tally.trades if tally.trades else None,
        "profit_factor": won_usd / lost_usd if lost_usd > 0.0 else None,
        "position_base": account.position_base,
        "halted": state.mode.halted,
        "decisions_by_regime": {
            regime.label: {verdict.label: tally.decisions[regime][verdict] for verdict in Verdict}
            for regime in Regime
        },
        "trades_by_strategy": {
            strategy.label: _trades([trade for trade in trades if trade.strategy is strategy])
            for strategy in Strategy
            if strategy is not Strategy.NONE
        },
        "trades_by_regime": {
            regime.label: _trades([trade for trade in trades if trade.regime is regime]) for regime in Regime
        },
    }


def _trades(trades: list[PositionClosed]) -> Document:
    net_usd = 0.0
    for trade in trades:
        net_usd += trade.net_usd
    return {"trades": len(trades), "net_usd": net_usd}


def _bare(one: Document) -> Document:
    """A record in a list of its own kind needs no kind."""
    return {name: value for name, value in one.items() if name != "kind"}
