"""Whether anything decided depends on what had not happened yet.

At many moments of a tape the future is exchanged for others (`perturbations`), the run is made anew, and all
that was decided, filled and known up to that moment must be the same to the bit. A rule that is only told
the past passes by construction; this also tries what prepares the data, and the venue.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from drift_e3.core.decision import Decision
from drift_e3.core.events import Settings
from drift_e3.core.notes import DecisionMade
from drift_e3.core.terms import Instrument
from drift_e3.journal.codec import encode
from drift_e3.journal.records import record
from drift_e3.lab.backtest import Backtest, backtest
from drift_e3.lab.perturbations import PERTURBATIONS, other_future
from drift_e3.ports import DataError, Market
from drift_e3.venues.sim.settings import SimSettings
from drift_e3.venues.tape.feed import HISTORY_MS, TapeFeed
from drift_e3.venues.tape.series import CandleTape, FundingTape

PAST = 300
"""Candles traded before a moment; up to eight days before them only warm the features."""
FUTURE = 200
"""Candles after it, to be exchanged."""
Engine = Callable[[TapeFeed], Backtest]
"""Makes a backtest of a feed, decisions and fills included."""


def backtests(make_market: Callable[[TapeFeed], Market], settings: Settings, equity_usd: float) -> Engine:
    """The plain backtest as an engine."""
    return lambda feed: backtest(make_market(feed), settings, equity_usd)


def compiled(simulation: SimSettings, settings: Settings, equity_usd: float) -> Engine:
    """The compiled loop as an engine; nothing that it prepares of a made future is kept."""
    # Only where it is wanted: the compiler takes seconds to import.
    from drift_e3.lab.kernel.preparing import prepare
    from drift_e3.lab.kernel.retelling import retell
    from drift_e3.lab.kernel.running import run

    def engine(feed: TapeFeed) -> Backtest:
        prepared = prepare(feed, simulation, keep=False)
        return retell(prepared, run(prepared, settings, equity_usd))

    return engine


class Leak(NamedTuple):
    """A decision or fill before `cut_ts` (UTC ms) that another future changed; `what` names what of it."""

    kind: str
    cut_ts: int
    ts: int
    what: str
    was: str
    became: str


@dataclass(slots=True)
class Checked:
    """What was tried: moments, futures, decisions compared; and the first leak of each kind of future."""

    moments: int = 0
    futures: int = 0
    decisions: int = 0
    fills: int = 0
    leaks: list[Leak] | None = None

    @property
    def leaking(self) -> list[Leak]:
        """The leaks, none of them if there is none."""
        return self.leaks or []


def check(
    engine: Engine,
    candles: CandleTape,
    funding: FundingTape | None,
    instrument: Instrument,
    *,
    moments: int,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> Checked:
    """Try every kind of future at so many moments, spread over the tape by `seed`.

    Raises `DataError` where the tape is too short for even one moment.
    """
    dice = random.Random(seed)  # noqa: S311 (moments, no secret)
    checked, leaks = Checked(), dict[str, Leak]()
    for number, row in enumerate(_moments(candles, moments, dice)):
        feed = _around(candles, funding, instrument, row)
        before = engine(feed)
        cut_ts = candles.ts_ms[row] + candles.frame_ms
        checked.moments += 1
        for kind in PERTURBATIONS:
            other = other_future(kind, candles, funding, row, dice)
            after = engine(_around(*other, instrument, row))
            checked.futures += 1
            checked.decisions += sum(made.ts <= cut_ts for made in before.decisions)
            checked.fills += sum(fill.seen_ts < cut_ts for fill in before.fills)
            for leak in _differences(kind, cut_ts, before, after):
                leaks.setdefault(kind, leak)
                break
        if progress is not None:
            progress(number + 1, moments)
    checked.leaks = list(leaks.values())
    return checked


def _moments(candles: CandleTape, count: int, dice: random.Random) -> list[int]:
    """Rows to cut after: one at random in each of `count` equal parts of the tape, those warm where it is
    long enough."""
    rows = len(candles.ts_ms)
    warm = min(HISTORY_MS // candles.frame_ms, rows // 2)
    first, last = min(warm + PAST, rows - 2), rows - 2
    if last < 1:
        raise DataError(f"{candles.report.path}: {rows} candles are too few, needs at least 3")
    width = (last - first + 1) / count
    return sorted({first + int((part + dice.random()) * width) for part in range(count)})


def _around(candles: CandleTape, funding: FundingTape | None, instrument: Instrument, row: int) -> TapeFeed:
    """A feed of the candles around a moment, or up to where the tape ends."""
    start_ts = candles.ts_ms[max(row - PAST, 0)]
    last = min(row + FUTURE, len(candles.ts_ms) - 1)
    end_ts = candles.ts_ms[last] + candles.frame_ms
    return TapeFeed(candles, funding, instrument, start_ts=start_ts, end_ts=end_ts)


def _differences(kind: str, cut_ts: int, before: Backtest, after: Backtest) -> Iterator[Leak]:
    """What differs of the past, in order of time. A fill at the very moment of the cut is the future's: an
    order without latency meets the next candle's open, which bears the same time."""
    was = [made for made in before.decisions if made.ts <= cut_ts]
    became = [made for made in after.decisions if made.ts <= cut_ts]
    for one, other in zip(was, became, strict=False):
        if encode(DecisionMade(decision=one)) != encode(DecisionMade(decision=other)):
            yield _leak(kind, cut_ts, one, other)
    if len(was) != len(became):
        yield Leak(kind, cut_ts, cut_ts, "number of decisions", str(len(was)), str(len(became)))
    fills = [[fill for fill in run.fills if fill.seen_ts < cut_ts] for run in (before, after)]
    for filled, refilled in zip(*fills, strict=False):
        if filled != refilled:
            yield Leak(kind, cut_ts, filled.seen_ts, "fill", str(filled), str(refilled))
    if len(fills[0]) != len(fills[1]):
        yield Leak(kind, cut_ts, cut_ts, "number of fills", str(len(fills[0])), str(len(fills[1])))


def _leak(kind: str, cut_ts: int, one: Decision, other: Decision) -> Leak:
    """The first value in which two decisions differ, features by their own names."""
    told, again = (_flat(record(DecisionMade(decision=made), made.ts)) for made in (one, other))
    what = next(name for name in told if told[name] != again[name])
    return Leak(kind, cut_ts, one.ts, what, str(told[what]), str(again[what]))


def _flat(told: dict[str, object]) -> dict[str, object]:
    features = told["features"]
    assert isinstance(features, dict), "a decision's record has its features by name"
    return {f"features.{name}": value for name, value in features.items()} | {
        name: value for name, value in told.items() if name != "features"
    }
