"""How a set of parameters is traded over a period: the one thing the search needs of a backtester.

`PlainEvaluator` plays the daemon's own core; it is the reference, and slow. Evaluators are sent to other
processes, so they are values that pickle.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from drift_e3.core.events import Event, Settings
from drift_e3.core.notes import DecisionMade, PositionClosed
from drift_e3.core.params import Limits, Params
from drift_e3.core.terms import MS_PER_DAY
from drift_e3.core.turn import Outcome
from drift_e3.lab.archive import Archive, ArchivedAnswers
from drift_e3.lab.backtest import backtest
from drift_e3.lab.search.plan import Period
from drift_e3.lab.search.score import Metrics, measure
from drift_e3.ports import Market

Column = Any
"""Numbers in a row: a list, or an array of the compiled loop's."""


class Traded(NamedTuple):
    """What came of one set in one period: each finished trade's day (of its exit, from 0; an exit at midnight
    belongs to the day that ends), entry regime and net result in USD with its costs (funding positive when
    received), and the account's equity, marked to the market, at the end of each day begun.
    """

    day: Column
    regime: Column
    net_usd: Column
    slippage_usd: Column
    fees_usd: Column
    funding_usd: Column
    equity_usd: Sequence[float]


class Evaluator(Protocol):
    """Trades sets of parameters over a period, each from the same initial equity."""

    @property
    def equity_usd(self) -> float:
        """What each set begins with."""

    def trade(self, sets: Sequence[Params], period: Period) -> Iterator[Traded]:
        """What came of each set, in their order. Raises `DataError` where the period has no data."""

    def metrics(self, traded: Traded, regime_weights: Sequence[float], period: Period) -> Metrics:
        """The trades of a period measured, each multiplied by the weight of its entry's regime."""


MarketFactory = Callable[[Period], Market]
"""Makes the market of a period anew, at its beginning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainEvaluator:
    """The core as the daemon runs it, on rules alone or with the answers of an archive, which come within
    `ai_deadline_ms` or not at all."""

    make_market: MarketFactory
    limits: Limits
    equity_usd: float
    archive: Archive | None = None
    ai_deadline_ms: int = 8_000

    def trade(self, sets: Sequence[Params], period: Period) -> Iterator[Traded]:
        """What came of each set, in their order."""
        for params in sets:
            yield self._traded(params, period)

    def metrics(self, traded: Traded, regime_weights: Sequence[float], period: Period) -> Metrics:
        """The trades of a period measured."""
        weighted_usd = [
            usd * regime_weights[regime] for usd, regime in zip(traded.net_usd, traded.regime, strict=True)
        ]
        daily_usd = [0.0] * days_begun(period)
        return measure(traded.day, weighted_usd, self.equity_usd, period.days, daily_usd)

    def _traded(self, params: Params, period: Period) -> Traded:
        days = days_begun(period)
        trades: list[tuple[int, int, float, float, float, float]] = []
        equity_usd = [self.equity_usd] * days
        reached = 0

        def watch(event: Event, outcome: Outcome) -> None:
            nonlocal reached
            for note in outcome.notes:
                if type(note) is DecisionMade:
                    day = day_of(note.decision.ts, period)
                    for passed in range(reached + 1, day):
                        equity_usd[passed] = equity_usd[reached]
                    equity_usd[day] = note.decision.equity_usd
                    reached = day
                elif type(note) is PositionClosed:
                    pnl = note.pnl
                    parts = (note.net_usd, pnl.slippage_usd, pnl.fees_usd, pnl.funding_usd)
                    trades.append((day_of(event.seen_ts, period), int(note.regime), *parts))

        settings = Settings(
            params=params,
            limits=self.limits,
            ai_enabled=self.archive is not None,
            ai_deadline_ms=self.ai_deadline_ms,
        )
        backtest(
            self.make_market(period),
            settings,
            self.equity_usd,
            keep_decisions=False,
            advise=None if self.archive is None else ArchivedAnswers(self.archive),
            watch=watch,
        )
        for passed in range(reached + 1, days):
            equity_usd[passed] = equity_usd[reached]
        day, regime, net_usd, slippage_usd, fees_usd, funding_usd = (
            [trade[at] for trade in trades] for at in range(6)
        )
        return Traded(day, regime, net_usd, slippage_usd, fees_usd, funding_usd, equity_usd)


def days_begun(period: Period) -> int:
    """The number of days that the period has, a last one that is not whole included."""
    return max(1, -(-(period.end_ts - period.start_ts) // MS_PER_DAY))


def day_of(ts: int, period: Period) -> int:
    """The day of the period (from 0) that a time belongs to; midnight belongs to the day that ends."""
    return min(max((ts - 1 - period.start_ts) // MS_PER_DAY, 0), days_begun(period) - 1)
