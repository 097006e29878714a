"""How good the advisor's word has been, as people are told: the figures that matter of the lab's score card.

Pure: a card's JSON goes in, plain values come out. Who makes cards, and when, is `scorer`'s; what the figures
mean is defined by the lab's modules of scoring.
"""

from dataclasses import dataclass, field
from typing import Final

import msgspec

LEAST_ANSWERS: Final = 30
"""Below so many answers with a direction nothing is said of skill."""
OFF: Final = "The advisor is off: the rules decide alone."
NOT_YET: Final = "No answers have been scored yet; the first score comes within minutes of the first look."

Interval = tuple[float, float]
"""A 95 % interval, ends included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityBin:
    """Answers whose confidence was at least `low` and below `high`: what was claimed on average, how often it
    came true, and between which shares that may lie."""

    low: float
    high: float
    answers: int
    mean_confidence: float
    hit_frac: float
    hit_frac_low: float
    hit_frac_high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HorizonSkill:
    """The answers with a direction, judged by the market this long after them.

    `hit_frac` came true, `expected_frac` would have by blind picks of the same sides; `edge_frac` is their
    difference, with its interval where that can be told. `base_skill`: Brier skill against always claiming
    the base rate, 0 is none. `calibration_noise_frac` is the calibration error that honesty has as well.
    `skill` and `honesty` are the verdicts in words. `bins` are the bars of the reliability diagram.
    """

    horizon: str
    answers: int
    hit_frac: float
    expected_frac: float
    edge_frac: float | None
    edge_frac_low: float | None
    edge_frac_high: float | None
    brier: float
    base_skill: float | None
    mean_confidence: float
    calibration_error_frac: float
    calibration_noise_frac: float
    skill: str
    honesty: str
    bins: tuple[ReliabilityBin, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvisorScore:
    """What is known of the advisor's answers.

    `state` is ``off``, ``not_yet``, ``too_few`` (answers to tell), ``scored``, or ``failed`` (the figures are
    then those before, if any); `words` says so to people. `scored_ts` (UTC, ms) is when it was scored, 0 for
    never; `scoring`: a new score is on its way. `outcomes` counts questions by what came of them.
    """

    state: str
    words: str
    scoring: bool = False
    scored_ts: int = 0
    took_s: float = 0.0
    questions: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    horizons: tuple[HorizonSkill, ...] = ()


class CardUnreadable(Exception):
    """What the scorer printed is no score card."""


# -- the part of the lab's card that is looked at ------------------------------------------------------------


class _Measure(msgspec.Struct):
    value: float | None
    interval: Interval | None


class _Rate(msgspec.Struct):
    answers: int
    frac: float
    expected_frac: float
    mean_confidence: float
    brier: float


class _Bin(msgspec.Struct):
    low: float
    high: float
    answers: int
    mean_confidence: float
    hit_frac: float
    interval: Interval


class _Direction(msgspec.Struct):
    rate: _Rate
    edge: _Measure
    base_skill: _Measure
    calibration_error: float
    calibration_noise: float
    bins: tuple[_Bin, ...]
    skill: str
    honesty: str


class _Horizon(msgspec.Struct):
    horizon: str
    direction: _Direction | None


class _Card(msgspec.Struct):
    questions: int
    outcomes: dict[str, int]
    horizons: tuple[_Horizon, ...]


def read_card(card: bytes, scored_ts: int, took_s: float) -> AdvisorScore:
    """The score of a card's JSON, made at `scored_ts` in `took_s`. Raises `CardUnreadable`."""
    try:
        read = msgspec.json.decode(card, type=_Card)
    except msgspec.MsgspecError as error:
        raise CardUnreadable(str(error)) from error
    horizons = tuple(_skill(one.horizon, one.direction) for one in read.horizons if one.direction is not None)
    most = max((one.answers for one in horizons), default=0)
    enough = most >= LEAST_ANSWERS
    return AdvisorScore(
        state="scored" if enough else "too_few",
        words=_scored(read.questions) if enough else _too_few(most),
        scored_ts=scored_ts,
        took_s=took_s,
        questions=read.questions,
        outcomes=read.outcomes,
        horizons=horizons,
    )


def _scored(questions: int) -> str:
    return f"Scored over {questions:,} questions."


def _too_few(answers: int) -> str:
    counted = "1 answer with a direction has" if answers == 1 else f"{answers} answers with a direction have"
    return f"Too few answers: {counted} been judged by the market so far, {LEAST_ANSWERS} are needed to tell."


def _skill(horizon: str, score: _Direction) -> HorizonSkill:
    rate, edge = score.rate, score.edge
    low, high = edge.interval or (None, None)
    return HorizonSkill(
        horizon=horizon,
        answers=rate.answers,
        hit_frac=rate.frac,
        expected_frac=rate.expected_frac,
        edge_frac=edge.value,
        edge_frac_low=low,
        edge_frac_high=high,
        brier=rate.brier,
        base_skill=score.base_skill.value,
        mean_confidence=rate.mean_confidence,
        calibration_error_frac=score.calibration_error,
        calibration_noise_frac=score.calibration_noise,
        skill=score.skill,
        honesty=score.honesty,
        bins=tuple(
            ReliabilityBin(
                low=one.low,
                high=one.high,
                answers=one.answers,
                mean_confidence=one.mean_confidence,
                hit_frac=one.hit_frac,
                hit_frac_low=one.interval[0],
                hit_frac_high=one.interval[1],
            )
            for one in score.bins
        ),
    )
