"""The small rule set in two other backtesters: vectorbt (its rust engine) and backtesting.py."""

import os
import warnings
from typing import Any, Final

from drift_e3.lab.kernel.layout import Floats
from tests.bench.signal_rules import Market

os.environ.setdefault("TQDM_DISABLE", "1")  # a progress bar would cost the peer time

CASH_USD: Final = 1e6
FEE_FRAC: Final = 0.001


def vectorbt_portfolio(m: Market, entries: Floats, stops: Any, targets: Any) -> Any:
    """A portfolio; `stops` and `targets` are fractions, or a row of them, one for each column."""
    import vectorbt

    # A column each, beside which a row of stops is one column for each.
    signals = entries[:, None]
    return vectorbt.Portfolio.from_signals(
        m.close[:, None],
        entries=signals > 0.0,
        short_entries=signals < 0.0,
        open=m.open[:, None],
        high=m.high[:, None],
        low=m.low[:, None],
        size=1.0,
        fees=FEE_FRAC,
        init_cash=CASH_USD,
        sl_stop=stops,
        sl_trail=True,
        tp_stop=targets,
        upon_opposite_entry="ignore",
        engine="rust",
        freq="1min",
    )


def backtesting_run(m: Market, entries: Floats, stop_frac: float, target_frac: float) -> Any:
    """The statistics of a run, with its equity curve and its trades."""
    import pandas as pd

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from backtesting import Backtest, Strategy

        class Signals(Strategy):  # type: ignore[misc] # it comes without types
            def init(self) -> None:
                self.peak = 0.0
                self.closed = 0

            def next(self) -> None:
                row = len(self.data) - 1
                left, self.closed = len(self.closed_trades) > self.closed, len(self.closed_trades)
                if self.trades:
                    [trade] = self.trades
                    if trade.is_long:
                        self.peak = max(self.peak, m.high[row])
                        trade.sl = self.peak * (1.0 - stop_frac)
                    else:
                        self.peak = min(self.peak, m.low[row])
                        trade.sl = self.peak * (1.0 + stop_frac)
                elif entries[row] != 0.0 and not left:
                    close, side = m.close[row], entries[row]
                    self.peak = close
                    enter = self.buy if side > 0.0 else self.sell
                    enter(
                        size=1,
                        sl=close * (1.0 - side * stop_frac),
                        tp=close * (1.0 + side * target_frac),
                    )

        frame = pd.DataFrame(
            {"Open": m.open, "High": m.high, "Low": m.low, "Close": m.close, "Volume": m.volume}
        )
        test = Backtest(
            frame, Signals, cash=CASH_USD, commission=FEE_FRAC, trade_on_close=True, exclusive_orders=False
        )
        return test.run()
