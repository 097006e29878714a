"""A piece of the search's work, and its doing: sets of parameters in, measured periods out.

A task says all that its result depends on besides the bench, which is the same for the whole search; who
does it, where and when makes no difference.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from drift_e3.core.params import Params
from drift_e3.lab.search.evaluator import Evaluator, Traded
from drift_e3.lab.search.plan import Period, Value
from drift_e3.lab.search.score import Metrics
from drift_e3.lab.verdict import TradeCosts

Values = tuple[Value, ...]
"""A set: a value for each axis of the plan, in its order."""


class Task(NamedTuple):
    """One piece: `key` is its place in the search and never occurs twice. With `returns` the daily returns of
    the real account are wanted as well, with `costs` what each trade was made of."""

    key: str
    sets: tuple[Values, ...]
    periods: tuple[Period, ...]
    returns: bool = False
    costs: bool = False


class Measured(NamedTuple):
    """One set: its metrics in each period, and, where wanted, its daily returns and its trades over all."""

    rows: tuple[Metrics, ...]
    returns: tuple[float, ...] = ()
    costs: tuple[TradeCosts, ...] = ()


Result = tuple[Measured, ...]
"""What came of a task, in the order of its sets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """All that a worker needs besides tasks: the evaluator, and how sets and trades are meant."""

    evaluator: Evaluator
    base: Params
    keys: tuple[str, ...]
    regime_weights: tuple[float, ...]

    def do(self, task: Task) -> Result:
        """Trade and measure the sets of a task."""
        sets = [params_of(self.base, self.keys, values) for values in task.sets]
        columns = [
            [self._measured(traded, period, task) for traded in self.evaluator.trade(sets, period)]
            for period in task.periods
        ]
        return tuple(_joined(parts) for parts in zip(*columns, strict=True))

    def _measured(self, traded: Traded, period: Period, task: Task) -> Measured:
        return Measured(
            (self.evaluator.metrics(traded, self.regime_weights, period),),
            _returns(traded, self.evaluator.equity_usd) if task.returns else (),
            _costs(traded) if task.costs else (),
        )


def params_of(base: Params, keys: Sequence[str], values: Values) -> Params:
    """The parameters of a set."""
    return base._replace(**dict(zip(keys, values, strict=True)))  # type: ignore[arg-type]  # by key


def _joined(parts: tuple[Measured, ...]) -> Measured:
    """One set's periods as one."""
    return Measured(
        tuple(row for part in parts for row in part.rows),
        tuple(change for part in parts for change in part.returns),
        tuple(trade for part in parts for trade in part.costs),
    )


def _returns(traded: Traded, equity_usd: float) -> tuple[float, ...]:
    """The simple return of each day; 0 from an account with nothing left."""
    changes: list[float] = []
    before = equity_usd
    for after in traded.equity_usd:
        changes.append(after / before - 1.0 if before > 0.0 else 0.0)
        before = after
    return tuple(changes)


def _costs(traded: Traded) -> tuple[TradeCosts, ...]:
    parts = zip(traded.net_usd, traded.slippage_usd, traded.fees_usd, traded.funding_usd, strict=True)
    return tuple(TradeCosts(*map(float, part)) for part in parts)
