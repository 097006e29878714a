"""Backtest and compiled loop over one world, and where they differ."""

from itertools import zip_longest

from drift_e3.lab.backtest import Advise, Backtest, backtest
from drift_e3.lab.kernel.preparing import prepare
from drift_e3.lab.kernel.retelling import retell
from drift_e3.lab.kernel.running import run
from drift_e3.venues.paper import PaperMarket
from tests.lab.kernel.worlds import World


def played(world: World, advise: Advise | None = None) -> Backtest:
    """The backtest of a world."""
    market = PaperMarket(world.feed(), world.sim, world.equity_usd)
    return backtest(market, world.settings, world.equity_usd, advise=advise)


def compiled(world: World) -> Backtest:
    """What the compiled loop makes of it."""
    prepared = prepare(world.feed(), world.sim, keep=False)
    return retell(prepared, run(prepared, world.settings, world.equity_usd))


def differences(one: Backtest, other: Backtest) -> list[str]:
    """The first difference in each part; written out, as an unknown number is not equal to itself."""
    found = []
    for name in ("decisions", "fills", "trades", "equity"):
        rows = zip_longest(getattr(one, name), getattr(other, name))
        for place, (here, there) in enumerate(rows):
            if repr(here) != repr(there):
                found.append(f"{name} {place}:\n  {here}\n  {there}")
                break
    for name in ("account", "tally", "mode"):
        here, there = getattr(one.state, name), getattr(other.state, name)
        if repr(here) != repr(there):
            found.append(f"{name}:\n  {here}\n  {there}")
    for name in ("day", "day_open_usd", "high_water_usd", "loss_streak", "paused_until_ts", "last_exit_ts"):
        here, there = getattr(one.state.breakers, name), getattr(other.state.breakers, name)
        if here != there:
            found.append(f"breakers.{name}: {here} {there}")
    return found
