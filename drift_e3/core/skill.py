"""What an advisor's answers were worth, and the weight that this earns: the rule and its memory.

An answer with a direction is judged at the first close an hour later: right if the price has moved its way.
An hour is the scale of a momentum trade (held four hours at most, with stops of about an hour's deviation)
and far above what a round trip costs; a shorter one would judge noise, a longer one takes weeks to judge.

Hours that overlap say the same thing many times. So of one advisor only answers are *counted* that came when
the counted one before had been judged; the others are judged for the journal. Everything below is of counted
answers, the latest `MEMORY` of them.

A right answer is no merit where its direction comes true anyway: `base` is that rate, drawn towards a coin's,
and at least a coin's. A confidence is worth what it came true for so far (`core.calibration`), as known when
the answer came. *Evidence* is the logarithm of the odds that the calibrated confidence has won against the
base rate by predicting each outcome first (prequential likelihood ratio: Dawid, JRSS A 147, 1984). For an
advisor that is no better than the base rate these odds are a fair game or worse, whose chance of ever being
N : 1 is at most 1/N (Ville 1939): one in twenty is ever heard, and one in 160 ever fully.

| odds at least | share of ai_confidenceWeight at most | |
|---|---|---|
| below 20 : 1 | 0 | no effect at all: no veto, no size, no regime, and no decision waits |
| 20 : 1 | 1/4 | confidence, and size in this proportion |
| 40 : 1 | 1/2 | the same |
| 80 : 1 | 3/4 | the same |
| 160 : 1 | 1 | veto and regime as well |

Up by one row at most, and then not again for `PROMOTION_PAUSE` counted answers; down at once, by as many rows
as it takes, when the odds are half of what a row needs (lest it flutters). Odds above 160 : 1 are not kept:
what was earned long ago must not hide what is lost now. And who was right in the latest `RECENT` answers no
more often than the base rates say begins anew, with nothing: his odds would fall ever slower, as calibration
comes to know him.

Simulated, in counted answers, half of the runs and 19 of 20: one who is right 60 times in 100 and says so is
heard after 245 and 569, fully after 394 and 721; a useless, an inverted and a lying one never were; one who
turns useless or lies is silent after 101 and 302, one who turns into his opposite after 43 and 93.
"""

from dataclasses import dataclass, field, replace
from math import log
from typing import Final, NamedTuple

from drift_e3.core.calibration import calibrated, isotonic_steps
from drift_e3.core.decision import HeldAdvice
from drift_e3.core.terms import FLAT, LONG, MS_PER_HOUR, MS_PER_MINUTE, Direction
from drift_e3.core.windows import added

HORIZON_MS: Final = MS_PER_HOUR
OVERDUE_MS: Final = 15 * MS_PER_MINUTE
"""After a gap in the candles an outcome this much later than its horizon is another horizon's: not judged."""
MEMORY: Final = 500
"""Counted answers that calibration and base rate know: three weeks of hours."""
SAMPLE_LEAST: Final = 50
"""Before so many counted answers a confidence is worth the base rate, and so nothing can be won."""
COIN_COUNT: Final = 50.0
"""Outcomes of a coin that are added to the base rate."""
OPEN_MAX: Final = 128
ADVISORS_MAX: Final = 8
"""More than a ladder of models has; the one that was not heard of for the longest time is forgotten."""
SHARES: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
EVIDENCE_LEAST: Final = (log(20.0), log(40.0), log(80.0), log(160.0))
"""For each share above none."""
EVIDENCE_MOST: Final = EVIDENCE_LEAST[-1]
SLACK: Final = log(2.0)
PROMOTION_PAUSE: Final = 25
RECENT: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAdvice:
    """An answer whose outcome is not known yet, with what was thought of it when it came."""

    question_id: str
    advisor: str
    direction: Direction
    confidence: float
    due_ts: int
    price_usd: float
    base: float
    calibrated: float
    counted: bool


@dataclass(slots=True, kw_only=True)
class Record:
    """What is remembered of one advisor, an item for each counted answer.

    `rights` and `rises` are 1.0 or 0.0: whether it was right, whether the price rose; `bases` are the base
    rates that it had to beat. `row` is the row of the table above, `counted` counts all there ever were.
    """

    confidences: list[float] = field(default_factory=list)
    rights: list[float] = field(default_factory=list)
    bases: list[float] = field(default_factory=list)
    rises: list[float] = field(default_factory=list)
    evidence: float = 0.0
    row: int = 0
    counted: int = 0
    promoted_at: int = -PROMOTION_PAUSE
    free_from_ts: int = 0

    @property
    def share(self) -> float:
        """The share of ai_confidenceWeight that is earned, 0..1."""
        return SHARES[self.row]

    def base_rate(self, direction: Direction) -> float:
        """How often a direction comes true without any skill; never below a coin's half."""
        rate = (added(self.rises) + 0.5 * COIN_COUNT) / (len(self.rises) + COIN_COUNT)
        if direction is FLAT:
            return 0.5
        return max(rate if direction is LONG else 1.0 - rate, 0.5)

    def worth(self, confidence: float, base: float) -> float:
        """What a stated confidence has been worth so far: a probability, `base` where too little is known."""
        if len(self.rights) < SAMPLE_LEAST:
            return base
        return calibrated(isotonic_steps(self.confidences, self.rights), confidence, base)

    def count(self, advice: OpenAdvice, *, right: bool, rose: bool) -> None:
        """Take the outcome of a counted answer, and let the weight follow."""
        # One who is worth less than the base rate is not bet against either: nobody inverts an advisor.
        worth, base = max(advice.calibrated, advice.base), advice.base
        self.evidence += log(worth / base) if right else log((1.0 - worth) / (1.0 - base))
        self.evidence = min(self.evidence, EVIDENCE_MOST)
        self.confidences.append(advice.confidence)
        self.rights.append(1.0 if right else 0.0)
        self.bases.append(base)
        self.rises.append(1.0 if rose else 0.0)
        if len(self.rights) > MEMORY:
            del self.confidences[0], self.rights[0], self.bases[0], self.rises[0]
        self.counted += 1
        self._follow_evidence()

    def _follow_evidence(self) -> None:
        if self.row > 0 and added(self.rights[-RECENT:]) <= added(self.bases[-RECENT:]):
            self.row, self.evidence = 0, 0.0
        while self.row > 0 and self.evidence < EVIDENCE_LEAST[self.row - 1] - SLACK:
            self.row -= 1
        if (
            self.row < len(EVIDENCE_LEAST)
            and self.evidence >= EVIDENCE_LEAST[self.row]
            and self.counted - self.promoted_at >= PROMOTION_PAUSE
        ):
            self.row += 1
            self.promoted_at = self.counted


class Judgement(NamedTuple):
    """The outcome of an answer, its advisor's record with it, and the share that he had before."""

    advice: OpenAdvice
    right: bool
    record: Record
    before: float


@dataclass(slots=True, kw_only=True)
class Skill:
    """What is remembered of all advisors, and the answers that wait for their outcome, oldest first."""

    records: dict[str, Record] = field(default_factory=dict)
    open: list[OpenAdvice] = field(default_factory=list)

    @property
    def has_say(self) -> bool:
        """Whether any advisor has earned a share, so that an answer may matter."""
        return any(record.row for record in self.records.values())

    def follow(self, held: HeldAdvice, now_ts: int, price_usd: float) -> None:
        """Remember an answer at the price of the last close, at `now_ts`, until its outcome is known.

        One without a direction has none. One more than `OPEN_MAX` at a time are not followed.
        """
        record = self.records.pop(held.advisor, None) or Record()
        # The newest last: the first is then the one to forget.
        self.records[held.advisor] = record
        if len(self.records) > ADVISORS_MAX:
            del self.records[next(iter(self.records))]
        advice = held.advice
        if advice.direction is FLAT or len(self.open) >= OPEN_MAX:
            return
        base = record.base_rate(advice.direction)
        counted = now_ts >= record.free_from_ts
        if counted:
            record.free_from_ts = now_ts + HORIZON_MS
        self.open.append(
            OpenAdvice(
                question_id=held.question_id,
                advisor=held.advisor,
                direction=advice.direction,
                confidence=advice.confidence,
                due_ts=now_ts + HORIZON_MS,
                price_usd=price_usd,
                base=base,
                calibrated=record.worth(advice.confidence, base),
                counted=counted,
            )
        )

    def judge(self, close_ts: int, close_usd: float) -> list[Judgement]:
        """Judge what is due by a candle's close. A price that has not moved, or one that is too late, judges
        nothing; nor is anything judged of an advisor who is forgotten."""
        judged: list[Judgement] = []
        waiting: list[OpenAdvice] = []
        for advice in self.open:
            record = self.records.get(advice.advisor)
            if close_ts < advice.due_ts:
                waiting.append(advice)
            elif (
                record is not None
                and close_ts - advice.due_ts <= OVERDUE_MS
                and close_usd != advice.price_usd
            ):
                rose = close_usd > advice.price_usd
                right = rose is (advice.direction is LONG)
                before = record.share
                if advice.counted:
                    record.count(advice, right=right, rose=rose)
                judged.append(Judgement(advice, right, record, before))
        self.open = waiting
        return judged

    def hear(self, held: HeldAdvice) -> HeldAdvice | None:
        """Advice with as much say as its advisor has earned: calibrated confidence, and size in proportion.

        None without any, and where such a confidence has been worth no more than the base rate.
        """
        record = self.records.get(held.advisor)
        if record is None or record.row == 0:
            return None
        advice, share = held.advice, record.share
        base = record.base_rate(advice.direction)
        worth = record.worth(advice.confidence, base)
        if worth <= base:
            return None
        multiplier = 1.0 + share * (advice.multiplier - 1.0)
        return replace(held, advice=replace(advice, confidence=worth, multiplier=multiplier), trust=share)
