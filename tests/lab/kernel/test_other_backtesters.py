"""Where other backtesters can express the same work they come to the same result."""

import numpy as np
import pytest

from tests.bench.lab import Trading
from tests.bench.markets import made_tapes
from tests.bench.peers import CASH_USD, FEE_FRAC, backtesting_run
from tests.bench.signal_rules import new_state, signals_of, trade_signals


@pytest.fixture(scope="module")
def trading() -> Trading:
    return Trading(made_tapes(6_000))


def test_backtesting_py_closes_the_same_trades_at_the_same_prices(trading: Trading) -> None:
    told = backtesting_run(trading.market, trading.entries, 0.01, 0.02)
    trades = trading.one(0.01, 0.02)
    assert trades == len(told["_trades"]) > 20
    assert told["_equity_curve"]["Equity"].iloc[-1] == pytest.approx(trading.equity_usd[-1], rel=1e-9)
    held = np.diff(trading.equity_usd) != 0.0
    assert np.flatnonzero(held)[0] + 1 == told["_trades"]["EntryBar"].iloc[0]


def test_vectorbt_has_the_same_equity_at_every_candle(trading: Trading) -> None:
    pytest.importorskip("vectorbt_rust")
    trading.check_vectorbt()


def test_what_is_compiled_is_what_is_written(trading: Trading) -> None:
    count = 1_500
    market = type(trading.market)(*(column[:count] for column in trading.market))
    entries, equity_usd = np.empty(count), np.empty(count)
    signals_of(market, new_state(), entries)
    assert entries.tolist() == trading.entries[:count].tolist()
    trade_signals(market, entries, 0.01, 0.02, FEE_FRAC, CASH_USD, equity_usd)
    trading.one(0.01, 0.02)
    assert equity_usd.tolist() == trading.equity_usd[:count].tolist()
