"""How a set of parameters is traded over a period: the one thing the search needs of a backtester.

`PlainEvaluator` plays the daemon's own core; it is the reference, and slow. Evaluators are sent to other
processes, so they are values that pickle.
"""

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from drift_e3.core.events import Event, Settings
from drift_e3.core.notes import DecisionMade, PositionClosed
from drift_e3.core.params import Limits, Params
from drift_e3.core.terms import MS_PER_DAY
from drift_e3.core.turn import Outcome
from drift_e3.lab.backtest import backtest
from drift_e3.lab.search.plan import Period
from drift_e3.ports import Market


class Traded(NamedTuple):
    """What came of one set in one period: each finished trade's day (of its exit, from 0; an exit at midnight
    belongs to the day that ends), entry regime and net result in USD with its costs (funding positive when
    received), and the account's equity, marked to the market, at the end of each day begun.
    """

    day: "array[int]"
    regime: "array[int]"
    net_usd: "array[float]"
    slippage_usd: "array[float]"
    fees_usd: "array[float]"
    funding_usd: "array[float]"
    equity_usd: "array[float]"


class Evaluator(Protocol):
    """Trades sets of parameters over a period, each from the same initial equity."""

    @property
    def equity_usd(self) -> float:
        """What each set begins with."""

    def trade(self, sets: Sequence[Params], period: Period) -> Iterator[Traded]:
        """What came of each set, in their order. Raises `DataError` where the period has no data."""


MarketFactory = Callable[[Period], Market]
"""Makes the market of a period anew, at its beginning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainEvaluator:
    """The core as the daemon runs it, on rules alone."""

    make_market: MarketFactory
    limits: Limits
    equity_usd: float

    def trade(self, sets: Sequence[Params], period: Period) -> Iterator[Traded]:
        """What came of each set, in their order."""
        for params in sets:
            yield self._traded(params, period)

    def _traded(self, params: Params, period: Period) -> Traded:
        days = days_begun(period)
        traded = Traded(
            day=array("q"),
            regime=array("q"),
            net_usd=array("d"),
            slippage_usd=array("d"),
            fees_usd=array("d"),
            funding_usd=array("d"),
            equity_usd=array("d", [self.equity_usd]) * days,
        )
        reached = 0

        def watch(event: Event, outcome: Outcome) -> None:
            nonlocal reached
            for note in outcome.notes:
                if type(note) is DecisionMade:
                    day = day_of(note.decision.ts, period)
                    for passed in range(reached + 1, day):
                        traded.equity_usd[passed] = traded.equity_usd[reached]
                    traded.equity_usd[day] = note.decision.equity_usd
                    reached = day
                elif type(note) is PositionClosed:
                    traded.day.append(day_of(event.seen_ts, period))
                    traded.regime.append(note.regime)
                    traded.net_usd.append(note.net_usd)
                    traded.slippage_usd.append(note.pnl.slippage_usd)
                    traded.fees_usd.append(note.pnl.fees_usd)
                    traded.funding_usd.append(note.pnl.funding_usd)

        settings = Settings(params=params, limits=self.limits)
        backtest(self.make_market(period), settings, self.equity_usd, keep_decisions=False, watch=watch)
        for passed in range(reached + 1, days):
            traded.equity_usd[passed] = traded.equity_usd[reached]
        return traded


def days_begun(period: Period) -> int:
    """The number of days that the period has, a last one that is not whole included."""
    return max(1, -(-(period.end_ts - period.start_ts) // MS_PER_DAY))


def day_of(ts: int, period: Period) -> int:
    """The day of the period (from 0) that a time belongs to; midnight belongs to the day that ends."""
    return min(max((ts - 1 - period.start_ts) // MS_PER_DAY, 0), days_begun(period) - 1)
