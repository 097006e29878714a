"""The compiled loop beside other backtesters: the same signals and rules, equal trades first, then the clock.

The pairs work on the small rule set of `signal_rules`; the full strategy stands on a line of its own. Without
vectorbt or backtesting installed their lines are left out.
"""

import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Final

import numpy as np

from drift_e3.core.events import Settings
from drift_e3.core.params import Limits, Params
from drift_e3.core.terms import Instrument
from drift_e3.lab.kernel.layout import Floats
from drift_e3.lab.kernel.preparing import prepare
from drift_e3.lab.kernel.running import run_many
from drift_e3.venues.tape.feed import TapeFeed
from tests.bench.markets import EQUITY_USD, Tapes, made_tapes, recorded_tapes
from tests.bench.measuring import QUICK, Figure, Part, Scale, alternate, inverse, ratios
from tests.bench.peers import CASH_USD, FEE_FRAC, backtesting_run, vectorbt_portfolio
from tests.bench.signal_rules import Market, compiled_signals, compiled_trades, new_state

CANDLES_A_UNIT: Final = 13
"""A year of minutes for the tape of a full run."""
ROUNDS_A_UNIT: Final = 3
SLOW_SHARE: Final = 50
"""backtesting.py is given so much shorter a tape: its time grows with the candles."""
REPEATS: Final = 5
STOP_FRAC, TARGET_FRAC = 0.01, 0.02
STOPS: Final = tuple(0.004 + 0.001 * number for number in range(20))
TARGETS: Final = tuple(0.006 + 0.003 * number for number in range(10))
PAIRS: Final = [(stop, target) for stop in STOPS for target in TARGETS]
COLUMNS: Final = 20
"""So many sets vectorbt takes at a time: all at once cost it more memory than time."""
VECTORBT: Final = "vectorbt rust"
UNBROKEN: Final = Settings(params=Params(), limits=Limits(drawdown_max=1.0, daily_loss_max=1.0))
"""No limit ends the trading early."""
ROOT: Final = Path(__file__).parents[2]


class Trading:
    """One tape, its signals, and how to trade them."""

    def __init__(self, tapes: Tapes) -> None:
        candles, _ = tapes
        columns = (candles.open, candles.high, candles.low, candles.close, candles.volume)
        self.market = Market(*(np.array(column) for column in columns))
        self.count = len(self.market.close)
        self.entries = np.empty(self.count)
        compiled_signals(self.market, new_state(), self.entries)
        self.equity_usd = np.empty(self.count)

    def shorter(self) -> tuple[Market, Floats]:
        """The tape's beginning."""
        count = self.count // SLOW_SHARE
        return Market(*(column[:count] for column in self.market)), self.entries[:count]

    def one(self, stop: float = STOP_FRAC, target: float = TARGET_FRAC, out: Floats | None = None) -> int:
        """A backtest with signals precomputed: the trades closed."""
        equity_usd = self.equity_usd if out is None else out
        return int(compiled_trades(self.market, self.entries, stop, target, FEE_FRAC, CASH_USD, equity_usd))

    def on_the_fly(self) -> None:
        """A backtest with features and signals computed on the way."""
        compiled_signals(self.market, new_state(), self.entries)
        self.one()

    def sweep(self) -> None:
        """All pairs on one core."""
        for stop, target in PAIRS:
            self.one(stop, target)

    def sweep_on_two(self) -> None:
        """All pairs on two cores."""

        def half(first: int) -> None:
            equity_usd = np.empty(self.count)
            for stop, target in PAIRS[first::2]:
                self.one(stop, target, equity_usd)

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(half, (0, 1)))

    def peer_one(self) -> None:
        """vectorbt's backtest."""
        vectorbt_portfolio(self.market, self.entries, STOP_FRAC, TARGET_FRAC)

    def peer_sweep(self) -> None:
        """vectorbt's sweep."""
        for first in range(0, len(PAIRS), COLUMNS):
            stops, targets = zip(*PAIRS[first : first + COLUMNS], strict=True)
            vectorbt_portfolio(self.market, self.entries, np.array([stops]), np.array([targets]))

    def peer_slow(self) -> None:
        """The backtest of backtesting.py, of a shorter tape."""
        backtesting_run(*self.shorter(), STOP_FRAC, TARGET_FRAC)

    def check_vectorbt(self) -> None:
        """The same equity at every candle, or there is nothing to compare."""
        self.one()
        told = np.asarray(vectorbt_portfolio(self.market, self.entries, STOP_FRAC, TARGET_FRAC).value())
        told = told.reshape(-1)
        if not np.allclose(told, self.equity_usd, rtol=1e-12, atol=0.0):
            raise AssertionError("vectorbt trades these signals otherwise")

    def check_backtesting(self) -> None:
        """As many trades, and the same equity at the end."""
        market, entries = self.shorter()
        equity_usd = np.empty(len(entries))
        trades = compiled_trades(market, entries, STOP_FRAC, TARGET_FRAC, FEE_FRAC, CASH_USD, equity_usd)
        told = backtesting_run(market, entries, STOP_FRAC, TARGET_FRAC)
        last_usd = told["_equity_curve"]["Equity"].iloc[-1]
        if len(told["_trades"]) != trades or not np.isclose(last_usd, equity_usd[-1], rtol=1e-9, atol=0.0):
            raise AssertionError("backtesting.py trades these signals otherwise")


def measure(scale: Scale) -> list[Figure]:
    """On a year made from a seed, and on the recorded tape where it is there."""
    figures = _measured(made_tapes(scale.candles * CANDLES_A_UNIT), scale, "made", keyed=True)
    recorded = recorded_tapes() if scale.rounds > QUICK.rounds else None
    if recorded is not None:
        figures += _measured(recorded, scale, "recorded", keyed=False)
    return figures


def _measured(tapes: Tapes, scale: Scale, tape: str, *, keyed: bool) -> list[Figure]:
    trading = Trading(tapes)
    prepared = prepare(TapeFeed(*tapes, Instrument()), keep=False)

    def full() -> None:
        run_many(prepared, [UNBROKEN], EQUITY_USD)

    full()
    parts = [
        _timed("one", trading.one, REPEATS),
        _timed("fly", trading.on_the_fly, REPEATS),
        _timed("full", full, 1),
        _timed("sweep", trading.sweep, 1),
        _timed("sweep_two", trading.sweep_on_two, 1),
    ]
    has_vectorbt = find_spec("vectorbt_rust") is not None
    has_backtesting = find_spec("backtesting") is not None
    if has_vectorbt:
        trading.check_vectorbt()
        parts += [_timed("peer_one", trading.peer_one, 1), _timed("peer_sweep", trading.peer_sweep, 1)]
    if has_backtesting:
        trading.check_backtesting()
        parts.append(_timed("peer_slow", trading.peer_slow, 1))
    times = dict(alternate(ROUNDS_A_UNIT * scale.rounds, parts))
    figures = [_figure(f"full strategy, {tape}", "candles/s", times["full"], trading.count)]
    if has_vectorbt:
        for ours, peer, name, unit, work, key in (
            ("one", "peer_one", "signals", "candles/s", trading.count, "backtest_vs_vectorbt_rust"),
            ("sweep", "peer_sweep", "200 sets, one core", "sets/s", 200, "sweep_vs_vectorbt_rust_1core"),
            ("sweep_two", "peer_sweep", "200 sets, two cores", "sets/s", 200, "sweep_vs_vectorbt_rust_2core"),
        ):
            compared = ratios(times[peer], times[ours])
            told = key if keyed else ""
            figures.append(_figure(f"{name}, {tape}", unit, times[ours], work, VECTORBT, compared, told))
    if has_backtesting:
        compared = ratios(times["peer_slow"], times["fly"], SLOW_SHARE)
        key = "onthefly_vs_backtesting_py" if keyed else ""
        name = f"features and signals, {tape}"
        figures.append(
            _figure(name, "candles/s", times["fly"], trading.count, "backtesting.py", compared, key)
        )
    if has_vectorbt and keyed:
        figures.append(_memory(trading.count, scale.rounds))
    return figures


def _timed(name: str, work: Callable[[], object], repeats: int) -> Part:
    def part() -> dict[str, float]:
        began = perf_counter()
        for _ in range(repeats):
            work()
        return {name: (perf_counter() - began) / repeats}

    return part


def _figure(
    name: str,
    unit: str,
    seconds: Sequence[float],
    work: int,
    peer: str = "",
    compared: Sequence[float] = (),
    key: str = "",
) -> Figure:
    values = inverse(seconds, float(work))
    return Figure(measure="lab", name=name, unit=unit, values=values, peer=peer, ratios=compared, key=key)


def _memory(candles: int, rounds: int) -> Figure:
    """The largest memory of a process that makes the tape and sweeps it, against vectorbt's."""
    ours, theirs = ([_peak_mb(who, candles) for _ in range(rounds)] for who in ("ours", "vectorbt"))
    return Figure(
        measure="lab",
        name="memory of the sweep",
        unit="MB",
        values=ours,
        peer=VECTORBT,
        ratios=ratios(ours, theirs),
        key="memory_vs_vectorbt",
    )


def _peak_mb(who: str, candles: int) -> float:
    command = [sys.executable, "-m", "tests.bench.sweep_memory", who, str(candles)]
    ran = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return float(ran.stdout)
