"""The ledger of advice: one record per question, from what was asked to what the market did afterwards.

Here live the records and how they are judged against the market's prices. Nothing is stored: `ledger_reading`
derives them from a journal, and `scoring_card` says what they are worth.
"""

import heapq
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from drift_e3.core.advice import Advice, Question
from drift_e3.core.decision import Decision
from drift_e3.core.events import AdviceFailed, AdviceReceived, Attempt, Fill
from drift_e3.core.notes import PositionClosed
from drift_e3.core.terms import MS_PER_HOUR, MS_PER_MINUTE, UNKNOWN

HORIZONS_MS: Final = {
    "15m": 15 * MS_PER_MINUTE,
    "1h": MS_PER_HOUR,
    "4h": 4 * MS_PER_HOUR,
    "24h": 24 * MS_PER_HOUR,
}
"""The horizons at which every answer is judged, by their names."""
UNANSWERED: Final = "unanswered"
"""Why there is no advice where the journal ends, or another question begins, before anything was said."""


class Knowledge(StrEnum):
    """Whether the return at a horizon is known, and if not, why."""

    KNOWN = "known"
    PENDING = "pending"
    """The market has not come so far."""
    GAP = "gap"
    """There is no candle at one of the two times."""
    COARSE = "coarse"
    """Candles do not close at this horizon: they are longer, or do not divide it."""


class Result(NamedTuple):
    """The simple return from the price at the answer to the price at a horizon; NaN unless known.

    Both prices are as of their time: the close of the newest candle closed by then, less than one candle old.
    """

    return_frac: float = UNKNOWN
    knowledge: Knowledge = Knowledge.PENDING


class Results:
    """The results of one moment at each of `HORIZONS_MS`, settled as the market goes on."""

    __slots__ = ("_at", "_price_usd", "_waiting")

    def __init__(self) -> None:
        self._price_usd = UNKNOWN
        self._at = [Result() for _ in HORIZONS_MS]
        self._waiting = len(HORIZONS_MS) + 1

    @property
    def settled(self) -> bool:
        """Whether nothing will change any more."""
        return self._waiting == 0

    @property
    def price_usd(self) -> float:
        """The price that returns count from; NaN where it is not known."""
        return self._price_usd

    def at(self, name: str) -> Result:
        """The result at a horizon by its name."""
        return self._at[list(HORIZONS_MS).index(name)]

    def all(self) -> tuple[Result, ...]:
        """The results in the order of the horizons."""
        return tuple(self._at)

    def settle(self, place: int, price_usd: float) -> None:
        """Take the price, NaN for none, at the moment itself (place -1), or at the horizon of that place."""
        self._waiting -= 1
        if place < 0:
            self._price_usd = price_usd
            return
        return_frac = price_usd / self._price_usd - 1.0
        known = return_frac == return_frac
        self._at[place] = Result(return_frac, Knowledge.KNOWN if known else Knowledge.GAP)

    def give_up(self, place: int) -> None:
        """The candles never close at the horizon of this place."""
        self._waiting -= 1
        self._at[place] = Result(knowledge=Knowledge.COARSE)


class Judge:
    """Settles results as candles close. Holds no more than what waits for its time: a day's worth."""

    def __init__(self) -> None:
        self._frame_ms = 0
        self._close_ts = 0
        self._close_usd = UNKNOWN
        self._due: list[tuple[int, int, int, Results]] = []
        self._count = 0

    @property
    def close_ts(self) -> int:
        """When the newest candle closed (UTC, ms), 0 before the first."""
        return self._close_ts

    def begin(self, frame_ms: int) -> None:
        """Candles last so long from here on."""
        self._frame_ms = frame_ms

    def watch(self, ts: int) -> Results:
        """Results for the moment `ts` (UTC, ms), to be settled by later candles."""
        results = Results()
        self._wait(ts, -1, results)
        for place, horizon_ms in enumerate(HORIZONS_MS.values()):
            if horizon_ms % self._frame_ms == 0:
                self._wait(ts + horizon_ms, place, results)
            else:
                results.give_up(place)
        self._settle()
        return results

    def see(self, open_ts: int, close_usd: float) -> None:
        """Take a closed candle; one that is not newer than the last says nothing new."""
        close_ts = open_ts + self._frame_ms
        if close_ts > self._close_ts:
            self._close_ts, self._close_usd = close_ts, close_usd
            self._settle()

    def _wait(self, ts: int, place: int, results: Results) -> None:
        self._count += 1
        heapq.heappush(self._due, (ts, self._count, place, results))

    def _settle(self) -> None:
        """This close is the price until the next candle can close; what lies before it fell in a gap."""
        while self._due and self._due[0][0] < self._close_ts + self._frame_ms:
            ts, _, place, results = heapq.heappop(self._due)
            results.settle(place, self._close_usd if ts >= self._close_ts else UNKNOWN)


@dataclass(slots=True, kw_only=True)
class Use:
    """A decision on a signal of the rules, made while the advice was at hand, and what followed.

    `decision` has the signal's confidence before and after the blend, risk's verdict and the order's id;
    `multiplier` is what the advice did to the size. `closed` is the trade's end, None while it has none.
    """

    decision: Decision
    multiplier: float
    results: Results
    fills: list[Fill] = field(default_factory=list)
    closed: PositionClosed | None = None

    @property
    def counted(self) -> bool:
        """Whether the advice counted: sure enough, and trusted at all."""
        return self.decision.advice is not None

    @property
    def vetoed(self) -> bool:
        """Whether the advice forbade the trade."""
        return self.decision.reason == "vetoed_by_advice"

    @property
    def open(self) -> bool:
        """Whether it led to a trade that has not ended."""
        return bool(self.fills) and self.closed is None


@dataclass(slots=True, kw_only=True)
class Record:
    """A question and all that came of it.

    `close_ts` is the close (UTC, ms) of the candle that was asked about. `reply` is what the advisor said or
    why it did not, None where the journal has neither; `said_ts` when that was heard. `advice` is the answer
    as it was understood, else `missed` says why there is none. `decision` is the one that waited for the
    answer; `uses` are all decisions on signals made while the advice was at hand. `results` is what the
    market did from `said_ts` on. Complete once it has been given out.
    """

    question: Question
    deadline_ms: int
    close_ts: int
    reply: AdviceReceived | AdviceFailed | None = None
    said_ts: int = 0
    advice: Advice | None = None
    missed: str = ""
    decision: Decision | None = None
    uses: list[Use] = field(default_factory=list)
    results: Results = field(default_factory=Results)

    @property
    def question_id(self) -> str:
        """The question's id."""
        return self.question.question_id

    @property
    def outcome(self) -> str:
        """``advice``, or why there is none."""
        return "advice" if self.advice is not None else self.missed

    @property
    def text(self) -> str:
        """The raw answer, empty where there is none."""
        return self.reply.text if isinstance(self.reply, AdviceReceived) else ""

    @property
    def attempt(self) -> Attempt | None:
        """The model whose answer this is, of those that were tried; the last one where none answered."""
        if self.reply is None or not self.reply.attempts:
            return None
        if isinstance(self.reply, AdviceReceived):
            for attempt in self.reply.attempts:
                if attempt.model == self.reply.model:
                    return attempt
        return self.reply.attempts[-1]

    @property
    def model(self) -> str:
        """Whose answer it is, or who failed last; empty where nobody told."""
        if isinstance(self.reply, AdviceReceived):
            return self.reply.model
        return self.attempt.model if self.attempt is not None else ""
