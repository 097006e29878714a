"""Names what a search trades on: tapes, the simulated venue, and who does the work."""

from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from drift_e3.config import ConfigError, Settings
from drift_e3.core.terms import MS_PER_DAY, Instrument
from drift_e3.lab.archive import Archive, read_archive
from drift_e3.lab.leakage import Mark, unmixed
from drift_e3.lab.licence import Leg, legs_of
from drift_e3.lab.search.evaluator import Evaluator, PlainEvaluator
from drift_e3.lab.search.identity import Account
from drift_e3.lab.search.plan import Period, Plan
from drift_e3.lab.search.work import Bench
from drift_e3.lab.search.workers import Processes, ThisProcess, Workers
from drift_e3.ports import DataError
from drift_e3.venues.paper import PaperMarket
from drift_e3.venues.sim.settings import SimSettings
from drift_e3.venues.tape.checks import day_time
from drift_e3.venues.tape.feed import TapeFeed
from drift_e3.venues.tape.reading import read_candles, read_funding
from drift_e3.venues.tape.series import CandleTape, FundingTape, TapeReport

if TYPE_CHECKING:
    from drift_e3.lab.search.compiled import CompiledEvaluator

WITHOUT_BOOK = "the tape has no order book"
WITHOUT_FLOW = "the tape has neither an order book nor what takers bought"
WITHOUT_PREMIUM = "the funding file has no premium"
WITHOUT_ADVICE = "no recorded advice is given"


class Tapes(NamedTuple):
    """The recorded market of a search."""

    candles: CandleTape
    funding: FundingTape | None

    @property
    def reports(self) -> tuple[TapeReport, ...]:
        """What there is to say of the files."""
        return tuple(tape.report for tape in self if tape is not None)

    @property
    def legs(self) -> frozenset[Leg]:
        """Which kinds of data there are besides candles."""
        funding = self.funding
        return legs_of(
            funding=funding is not None,
            premium=funding is not None and funding.premium_frac is not None,
            book=False,
            taker_flow=self.candles.taker_buy_volume is not None,
        )


class Advice(NamedTuple):
    """Recorded answers, the hash of their file, and what a result with them is worth."""

    archive: Archive
    content_hash: str
    mark: Mark

    @property
    def document(self) -> dict[str, object]:
        """Whose answers they are, for the card."""
        header = self.archive.header
        return {
            "model": header.model,
            "digest": header.digest,
            "mode": header.mode.value,
            "mark": self.mark.value,
            "hash": self.content_hash,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TapeMarkets:
    """Makes the market of a period, at its beginning, as often as it is wanted."""

    candles: CandleTape
    funding: FundingTape | None
    account: Account

    def __call__(self, period: Period) -> PaperMarket:
        """The market of a period."""
        account = self.account
        feed = TapeFeed(
            self.candles,
            self.funding,
            account.instrument,
            start_ts=period.start_ts,
            end_ts=period.end_ts,
        )
        return PaperMarket(feed, account.simulation, account.equity_usd)


def open_tapes(settings: Settings) -> Tapes:
    """Read the tape of the settings. Raises `ConfigError` where there is none, `DataError` for bad files."""
    if settings.tape.path is None:
        raise ConfigError(["tape.path: is needed: give --tape FILE"])
    funding = settings.tape.funding
    return Tapes(read_candles(settings.tape.path), None if funding is None else read_funding(funding))


def account_of(settings: Settings) -> Account:
    """What every set of a search is traded with."""
    instrument: Instrument = settings.instrument()
    simulation: SimSettings = settings.simulation()
    return Account(settings.paper.equity_usd, settings.trading().limits, instrument, simulation)


def plain_evaluator(
    tapes: Tapes, account: Account, advice: Advice | None = None, ai_deadline_ms: int = 8_000
) -> PlainEvaluator:
    """The reference: the daemon's own core, candle by candle."""
    return PlainEvaluator(
        make_market=TapeMarkets(candles=tapes.candles, funding=tapes.funding, account=account),
        limits=account.limits,
        equity_usd=account.equity_usd,
        archive=None if advice is None else advice.archive,
        ai_deadline_ms=ai_deadline_ms,
    )


def compiled_evaluator(
    tapes: Tapes,
    account: Account,
    periods: tuple[Period, ...],
    advice: Advice | None = None,
    ai_deadline_ms: int = 8_000,
) -> "CompiledEvaluator":
    """The same, compiled."""
    # Only now: it brings the compiler.
    from drift_e3.lab.search.compiled import CompiledEvaluator

    return CompiledEvaluator(
        candles=tapes.candles,
        funding=tapes.funding,
        account=account,
        periods=periods,
        archive=None if advice is None else advice.archive,
        ai_deadline_ms=ai_deadline_ms,
    )


def chosen_evaluator(
    plan: Plan, tapes: Tapes, account: Account, advice: Advice | None, ai_deadline_ms: int
) -> tuple[Evaluator, str]:
    """Who trades the sets of a search, the fastest who can, and a note where it is not the compiled loop."""
    from drift_e3.lab.kernel.preparing import Unsupported

    periods = (*plan.training, plan.validation)
    compiled = compiled_evaluator(tapes, account, periods, advice, ai_deadline_ms)
    try:
        compiled.check(plan.base)
    except Unsupported as unsupported:
        reference = plain_evaluator(tapes, account, advice, ai_deadline_ms)
        return reference, f"{unsupported}: the core itself trades, which takes its time"
    return compiled, ""


def crew(plan: Plan, evaluator: Evaluator, workers: int, cluster: str | None) -> Workers:
    """Who does the work of a plan: this process alone, several, or the cluster of a Dask scheduler.

    Raises `ConfigError` where the cluster's library is not installed, `WorkersLost` where nobody answers.
    """
    bench = Bench(evaluator=evaluator, base=plan.base, keys=plan.keys, regime_weights=plan.regime_weights)
    if cluster is not None:
        try:
            from drift_e3.lab.search.cluster import Cluster
        except ImportError as error:
            raise ConfigError(
                ["--cluster: needs Dask: install the program with its extra 'cluster'"]
            ) from error
        return Cluster(bench, cluster)
    return ThisProcess(bench) if workers == 1 else Processes(bench, workers)


def open_advice(path: Path, tapes: Tapes, symbol: str, periods: Sequence[Period]) -> Advice:
    """An archive of answers about this very tape.

    Raises `DataError` for a file that is none, is about another market, or holds answers of which some may
    have known what came and some not.
    """
    archive = read_archive(path)
    archive.check_tape(tapes.candles, symbol)
    mark = unmixed(archive.mark(period.start_ts, period.end_ts) for period in periods)
    assert mark is not None
    return Advice(archive, sha256(path.read_bytes()).hexdigest(), mark)


def covered(tapes: Tapes, period: Period) -> tuple[Period, str]:
    """The part of a period that the tape has, and a note where that is not all of it.

    Raises `DataError` where there is no candle, or no funding, in it.
    """
    candles, funding = tapes.candles, tapes.funding
    first, last = _rows(candles.ts_ms, period)
    if first == last:
        has = f"the file has {day_time(candles.ts_ms[0])} to {day_time(candles.ts_ms[-1] + candles.frame_ms)}"
        raise DataError(f"{candles.report.path}: no candle in {_told(period)}; {has}")
    if funding is not None:
        begin, end = _rows(funding.ts_ms, period)
        if begin == end:
            has = f"the file has {day_time(funding.ts_ms[0])} to {day_time(funding.ts_ms[-1])}"
            raise DataError(f"{funding.report.path}: no funding in {_told(period)}; {has}")
    start_ts = period.start_ts
    if candles.ts_ms[first] - start_ts >= MS_PER_DAY:
        start_ts = candles.ts_ms[first]
    end_ts = period.end_ts
    closed_ts = candles.ts_ms[last - 1] + candles.frame_ms
    if end_ts - closed_ts >= MS_PER_DAY:
        end_ts = closed_ts
    part = period._replace(start_ts=start_ts, end_ts=end_ts)
    return part, "" if part == period else f"{_told(period)}: the tape has only {_told(part)}"


def not_searched(tapes: Tapes, parameters: Mapping[str, object], *, advised: bool) -> dict[str, str]:
    """Parameters that cannot make a difference on this tape, with recorded answers or without, and why.

    `ConfigError` for parameters of FundingFade on a tape without funding.
    """
    legs = tapes.legs
    fading = [key for key in parameters if key.startswith("f_") and key != "f_enabled"]
    if fading and Leg.FUNDING not in legs:
        raise ConfigError(
            [f"--funding: is needed to search {', '.join(fading)}: without it there is nothing to fade"]
        )
    held: dict[str, str] = {}
    for key in parameters:
        if key in {"m_spreadBps", "f_spreadBps"}:
            held[key] = WITHOUT_BOOK
        elif key == "m_imbalance" and Leg.IMBALANCE not in legs:
            held[key] = WITHOUT_FLOW
        elif key in {"m_premiumPct", "f_premiumPct"} and Leg.PREMIUM not in legs:
            held[key] = WITHOUT_PREMIUM
        elif key.startswith("ai_") and not advised:
            held[key] = WITHOUT_ADVICE
    return held


def candles_in(tapes: Tapes, period: Period) -> int:
    """How many candles of the tape open in a period."""
    first, last = _rows(tapes.candles.ts_ms, period)
    return last - first


def _rows(times: "array[int]", period: Period) -> tuple[int, int]:
    return bisect_left(times, period.start_ts), bisect_left(times, period.end_ts)


def _told(period: Period) -> str:
    return f"{period.name} ({day_time(period.start_ts)} to {day_time(period.end_ts)} UTC)"
