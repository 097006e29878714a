"""A backtest and the garbage collector, which it pauses: there must be nothing for it to collect."""

import gc

import pytest

from drift_e3.core.events import Settings
from drift_e3.core.params import Limits
from drift_e3.lab.backtest import Backtest, backtest
from drift_e3.venues.paper import PaperMarket
from tests.bench.markets import EQUITY_USD, made_tapes, markets
from tests.bench.tick import EAGER

SETTINGS = Settings(params=EAGER, limits=Limits())
CANDLES = 2_000


def run(market: PaperMarket) -> Backtest:
    return backtest(market, SETTINGS, EQUITY_USD)


def is_ours(found: object) -> bool:
    """Whether it is a function or an object of the program: one of them is in any cycle that it makes."""
    return any(str(getattr(one, "__module__", "")).startswith("drift_e3.") for one in (found, type(found)))


def test_a_backtest_makes_no_reference_cycles() -> None:
    new_market = markets(made_tapes(CANDLES))
    run(new_market())
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        result = run(new_market())
        gc.collect()
        # Threads that other tests' libraries have left behind make cycles of their own meanwhile.
        assert [found for found in gc.garbage if is_ours(found)] == []
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert len(result.decisions) == CANDLES
    assert result.fills


def test_the_collector_is_paused_while_it_runs_and_on_again_even_after_a_bug(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = []

    def fail(_: PaperMarket) -> None:
        seen.append(gc.isenabled())
        raise ZeroDivisionError

    monkeypatch.setattr(PaperMarket, "advance", fail)
    with pytest.raises(ZeroDivisionError):
        run(markets(made_tapes(1))())
    assert seen == [False]
    assert gc.isenabled()
