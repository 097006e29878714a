"""Finished trades as the tests make them."""

from math import nan

from drift_e3.core.account import PnlParts
from drift_e3.core.terms import LONG, Reason, Regime, Strategy
from drift_e3.lab.metrics_trades import FinishedTrade, Source


def finished(
    net_usd: float,
    *,
    strategy: Strategy = Strategy.E3,
    entry: int = 0,
    exit_: int = 60_000,
    worst: float = nan,
    best: float = nan,
) -> FinishedTrade:
    """A trade of 1,000 USD that came to this, after a dollar of slippage, one of fees and one of funding."""
    return FinishedTrade(
        trade_id=str(entry),
        entry_ts=entry,
        exit_ts=exit_,
        strategy=strategy,
        regime=Regime.CHOP,
        direction=LONG,
        source=Source.RULE,
        reason=Reason.STOP,
        size_base=10.0,
        entry_usd=100.0,
        exit_usd=100.0,
        notional_usd=1_000.0,
        equity_usd=1_000.0,
        pnl=PnlParts(price_usd=net_usd + 3.0, slippage_usd=1.0, fees_usd=1.0, funding_usd=-1.0),
        net_usd=net_usd,
        worst_frac=worst,
        best_frac=best,
    )
