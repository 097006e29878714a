"""Sets traded in the compiled loop: the same numbers as `PlainEvaluator`'s, bit for bit, and the scoring rule
compiled as it stands.

Importing this brings numba, which only those who trade do. A period that is the beginning of a known one is
played on what was prepared for the whole of that, so a tape is prepared once for all parts of it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numba
import numpy as np

from drift_e3.core.events import Settings
from drift_e3.core.params import Params
from drift_e3.core.terms import MS_PER_DAY, Regime
from drift_e3.lab.archive import Archive
from drift_e3.lab.kernel.answering import Answers, recorded
from drift_e3.lab.kernel.preparing import Prepared, prepare
from drift_e3.lab.kernel.running import Run, run_many
from drift_e3.lab.search.evaluator import Traded, days_begun
from drift_e3.lab.search.identity import Account
from drift_e3.lab.search.plan import Period
from drift_e3.lab.search.score import Metrics, measure
from drift_e3.venues.tape.feed import TapeFeed
from drift_e3.venues.tape.series import CandleTape, FundingTape

_measure = numba.njit(cache=True)(measure)


@dataclass(slots=True, kw_only=True)
class CompiledEvaluator:
    """Trades over a tape without ticks or books. `periods` are those that will be asked for, or parts of
    them. What was prepared is kept on disk for the next search; not `keep` for a tape that nobody will search
    again.
    """

    candles: CandleTape
    funding: FundingTape | None
    account: Account
    periods: tuple[Period, ...]
    keep: bool = True
    archive: Archive | None = None
    ai_deadline_ms: int = 8_000
    _prepared: dict[int, tuple[Prepared, Answers | None]] = field(default_factory=dict, repr=False)

    @property
    def equity_usd(self) -> float:
        """What each set begins with."""
        return self.account.equity_usd

    def trade(self, sets: Sequence[Params], period: Period) -> Iterator[Traded]:
        """What came of each set, in their order. Raises `DataError` where the period has no candle."""
        prepared, answers = self._prepare(period)
        settings = [
            Settings(
                params=params,
                limits=self.account.limits,
                ai_enabled=self.archive is not None,
                ai_deadline_ms=self.ai_deadline_ms,
            )
            for params in sets
        ]
        runs = run_many(prepared, settings, self.equity_usd, period.end_ts, answers)
        last_of_day: Any = None
        for run in runs:
            if last_of_day is None:
                ends = period.start_ts + MS_PER_DAY * np.arange(1, days_begun(period) + 1)
                last_of_day = np.searchsorted(run.ts, ends, side="right")
            yield self._traded(run, period, last_of_day)

    def check(self, params: Params) -> None:
        """Raise `Unsupported` where limits or parameters are not played here. Prepares all periods and
        compiles what is not compiled yet, so that of many workers none has to."""
        for period in self.periods:
            first_ts = period.start_ts + self.candles.frame_ms
            for traded in self.trade([params], period._replace(end_ts=first_ts)):
                self.metrics(traded, (1.0,) * len(Regime), period)

    def metrics(self, traded: Traded, regime_weights: Sequence[float], period: Period) -> Metrics:
        """The trades of a period measured."""
        weighted_usd = traded.net_usd * np.array(regime_weights)[traded.regime]
        daily_usd = np.zeros(days_begun(period))
        made: Metrics = _measure(traded.day, weighted_usd, self.equity_usd, period.days, daily_usd)
        return made

    def _prepare(self, period: Period) -> tuple[Prepared, Answers | None]:
        ready = self._prepared.get(period.start_ts)
        if ready is None or ready[0].ends_ts < period.end_ts:
            end_ts = max(
                (one.end_ts for one in self.periods if one.start_ts <= period.start_ts < one.end_ts),
                default=period.end_ts,
            )
            feed = TapeFeed(
                self.candles,
                self.funding,
                self.account.instrument,
                start_ts=period.start_ts,
                end_ts=max(end_ts, period.end_ts),
            )
            prepared = prepare(feed, self.account.simulation, keep=self.keep)
            answers = None if self.archive is None else recorded(prepared, self.archive.answers)
            ready = self._prepared[period.start_ts] = (prepared, answers)
        return ready

    def _traded(self, run: Run, period: Period, last_of_day: Any) -> Traded:
        trades = run.trades
        days = (trades["exit_ts"] - 1 - period.start_ts) // MS_PER_DAY
        equity_usd = np.concatenate(([self.equity_usd], run.equity_usd))
        return Traded(
            day=np.clip(days, 0, days_begun(period) - 1),
            regime=trades["regime"],
            net_usd=trades["net_usd"],
            slippage_usd=trades["slippage_usd"],
            fees_usd=trades["fees_usd"],
            funding_usd=trades["funding_usd"],
            equity_usd=equity_usd[last_of_day].tolist(),
        )
