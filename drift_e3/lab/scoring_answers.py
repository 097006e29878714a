"""What an answer claims and what makes it right: the definitions that every score of advice rests on.

**The claim.** An answer LONG or SHORT of confidence a says: with probability a the return from the price at
the answer to the price at the horizon will have my sign, net of nothing. So a SHORT of 0.7 gives a fall 0.7.
Confidence below 0.5 is taken at its word.

**A hit** is a return of that sign. A return of exactly zero has none: it is a miss for either side. Answers
are judged once per horizon, and only where both prices are known.

**FLAT** answers claim no sign and are scored apart: one is right where neither side would have earned its
costs, that is where abs(return) is at most a round trip at the taker's fee.

**Chance.** The base rate of a side is the share of all judged questions, answered or not, after which the
market had that side's sign. Somebody who picks sides blindly, each as often as this advisor, is right in the
mean of the base rates of the sides picked: `expected`. To always say LONG while the market rises is no skill.

**Rules alone** make a claim only where a strategy signals: with the signal's confidence for the signal's
direction. There the claim of the advice at hand, turned to that direction (1 - a for the opposite one), and
the blended confidence are judged by the same event; returns then count from the price at the decision.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from drift_e3.core.advice import Advice
from drift_e3.core.events import AdviceReceived
from drift_e3.core.terms import FLAT
from drift_e3.lab.ledger import Record, Use
from drift_e3.lab.scoring import Forecast

Returns = tuple[float, ...]
"""Returns in the order of `ledger.HORIZONS_MS`, NaN where not known."""


class Weighing(NamedTuple):
    """A signal of the rules while advice was at hand: its direction (-1 or 1) and the rules' confidence, the
    advisor's direction and its own confidence, what the blend made of both, whether the advice counted."""

    ts: int
    direction: int
    rules: float
    advice_direction: int
    advice: float
    blended: float
    counted: bool
    vetoed: bool
    returns: Returns


class Answer(NamedTuple):
    """What scoring keeps of a record: a few hundred bytes a question, whatever was said.

    `advice_regime` is -1, `direction` 0 and `confidence` NaN where there is no advice; `rule_confidence` and
    `signal_confidence` are NaN where no decision tells them.
    """

    ts: int
    model: str
    template: str
    rule_regime: int
    advice_regime: int
    direction: int
    confidence: float
    rule_confidence: float
    signal_confidence: float
    outcome: str
    latency_ms: int
    returns: Returns
    weighings: tuple[Weighing, ...]

    @property
    def advised(self) -> bool:
        """Whether there is advice."""
        return self.advice_regime >= 0


def answer(record: Record) -> Answer:
    """What scoring needs of a record."""
    advice, decision, reply = record.advice, record.decision, record.reply
    signals = decision is not None and decision.direction != FLAT
    return Answer(
        ts=record.said_ts or record.question.ts,
        model=record.model,
        template=reply.template if reply is not None else "",
        rule_regime=record.question.rule_regime,
        advice_regime=advice.regime if advice is not None else -1,
        direction=advice.direction if advice is not None else 0,
        confidence=advice.confidence if advice is not None else float("nan"),
        rule_confidence=decision.rule_confidence if decision is not None else float("nan"),
        signal_confidence=decision.signal_confidence if decision is not None and signals else float("nan"),
        outcome=record.outcome,
        latency_ms=reply.latency_ms if isinstance(reply, AdviceReceived) else -1,
        returns=tuple(result.return_frac for result in record.results.all()),
        weighings=tuple(_weighing(advice, use) for use in record.uses if advice is not None),
    )


def hit(direction: int, return_frac: float) -> bool:
    """Whether the market went the way of a direction (-1 or 1)."""
    return direction * return_frac > 0.0


def claims(answers: Iterable[Answer], place: int) -> list[Forecast]:
    """The claims of the directional answers whose return at the horizon of that place is known."""
    return [
        Forecast(one.confidence, hit(one.direction, one.returns[place]))
        for one in answers
        if one.direction != 0 and _known(one.returns[place])
    ]


def judged(answers: Iterable[Answer], place: int) -> Iterator[Answer]:
    """The questions, with advice or without, whose return at the horizon of that place is known."""
    return (one for one in answers if _known(one.returns[place]))


def weighed(answers: Iterable[Answer], place: int) -> Iterator[Weighing]:
    """The signals with advice at hand whose return is known, in order of time."""
    return (one for question in answers for one in question.weighings if _known(one.returns[place]))


def claim_for(direction: int, weighing: Weighing) -> float:
    """The advisor's probability that the market goes `direction`; the advice must not be FLAT."""
    return weighing.advice if weighing.advice_direction == direction else 1.0 - weighing.advice


def _weighing(advice: Advice, use: Use) -> Weighing:
    decision = use.decision
    return Weighing(
        ts=decision.ts,
        direction=decision.direction,
        rules=decision.signal_confidence,
        advice_direction=advice.direction,
        advice=advice.confidence,
        blended=decision.confidence,
        counted=use.counted,
        vetoed=use.vetoed,
        returns=tuple(result.return_frac for result in use.results.all()),
    )


def _known(return_frac: float) -> bool:
    return return_frac == return_frac
