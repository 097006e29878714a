"""How often and how surely right: the scores of directional answers at one horizon.

The definitions of claim, hit and chance are those of `scoring_answers`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import fsum, sqrt
from typing import Final

from drift_e3.lab.scoring import (
    BrierParts,
    Forecast,
    brier,
    brier_parts,
    calibration_error,
    calibration_noise,
    log_loss,
    reliability_bins,
    skill,
)
from drift_e3.lab.scoring_answers import Answer, claims, hit
from drift_e3.lab.scoring_intervals import (
    LEAST_TRIALS,
    Interval,
    Measure,
    block_length,
    effective_count,
    measures,
    overlap,
    wilson,
)

NOISE_ALLOWED: Final = 2.0
"""A calibration error of up to so many times what chance alone gives is no finding."""


class Skill(StrEnum):
    """What the interval of the edge over chance says."""

    SKILLED = "right more often than chance"
    UNPROVEN = "no more often right than chance explains"
    INVERTED = "wrong more often than chance"
    UNKNOWN = "too few answers to tell"


class Honesty(StrEnum):
    """What confidences are worth: their mean against the share of hits, then bin by bin."""

    CALIBRATED = "its confidence is what it delivers, as far as can be told"
    OVERCONFIDENT = "it claims more than it delivers"
    UNDERCONFIDENT = "it delivers more than it claims"
    MISLEADING = "right on average, but single confidences do not mean what they say"
    UNKNOWN = "too few answers to tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class BinScore:
    """A bar of the reliability diagram: what was claimed on average and how often it came true, with a Wilson
    interval over the effective number of answers."""

    low: float
    high: float
    answers: int
    mean_confidence: float
    hit_frac: float
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class HitRate:
    """How often directional answers were right. `effective` is how many independent answers they are worth;
    `interval` is Wilson's for so many. `expected_frac` is what blind picks of the same sides would get."""

    answers: int
    hits: int
    frac: float
    effective: float
    interval: Interval
    expected_frac: float
    mean_confidence: float
    brier: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectionScore:
    """All scores of the directional answers of one model, or of all.

    `edge` is the share of hits less the one expected by chance; `overconfidence` is mean confidence less the
    share of hits; `base_skill` is the Brier skill against always claiming the base rate of the side picked.
    """

    rate: HitRate
    edge: Measure
    overconfidence: Measure
    base_skill: Measure
    parts: BrierParts
    log_loss: float
    calibration_error: float
    calibration_noise: float
    bins: tuple[BinScore, ...]
    skill: Skill
    honesty: Honesty


class Field:
    """What was judged at one horizon, and the base rates of both sides there."""

    def __init__(self, answers: list[Answer], place: int, horizon_ms: int) -> None:
        self.answers = answers
        self.place = place
        self.horizon_ms = horizon_ms
        self.directional = [one for one in answers if one.direction != 0]
        self.base = {
            side: len([one for one in answers if hit(side, one.returns[place])]) / max(1, len(answers))
            for side in (-1, 1)
        }
        self.lags = overlap([one.ts for one in answers], horizon_ms)

    def hits(self, members: Iterable[Answer]) -> list[bool]:
        """Which of the answers were right, in order."""
        return [hit(one.direction, one.returns[self.place]) for one in members]

    def effective(self, members: Sequence[Answer]) -> float:
        """How many independent answers these are worth."""
        return effective_count(self.hits(members), overlap([one.ts for one in members], self.horizon_ms))


def hit_rate(field: Field, members: Sequence[Answer]) -> HitRate:
    """The hit rate of some of the field's directional answers, at least one."""
    hits = field.hits(members)
    right = len([one for one in hits if one])
    frac, effective = right / len(hits), field.effective(members)
    return HitRate(
        answers=len(hits),
        hits=right,
        frac=frac,
        effective=effective,
        interval=wilson(frac * effective, effective),
        expected_frac=fsum(field.base[one.direction] for one in members) / len(members),
        mean_confidence=fsum(one.confidence for one in members) / len(members),
        brier=brier(claims(members, field.place)),
    )


# The columns of the bootstrap, one row a judged question; sides and claims count only the answers scored.
_JUDGED, _UPS, _DOWNS, _LONGS, _LONG_HITS, _SHORTS, _SHORT_HITS, _CLAIMED, _SQUARES = range(9)


def _columns(field: Field, members: Sequence[Answer]) -> list[list[float]]:
    scored = set(map(id, members))
    columns: list[list[float]] = [[] for _ in range(9)]
    for one in field.answers:
        return_frac = one.returns[field.place]
        counts = id(one) in scored
        right = counts and hit(one.direction, return_frac)
        is_long, is_short = counts and one.direction > 0, counts and one.direction < 0
        row = (
            1.0,
            return_frac > 0.0,
            return_frac < 0.0,
            is_long,
            is_long and right,
            is_short,
            is_short and right,
            one.confidence if counts else 0.0,
            (one.confidence - right) * (one.confidence - right) if counts else 0.0,
        )
        for column, value in zip(columns, row, strict=True):
            column.append(float(value))
    return columns


def _edge(sums: Sequence[float]) -> float | None:
    scored = sums[_LONGS] + sums[_SHORTS]
    if scored == 0.0:
        return None
    expected = (sums[_LONGS] * sums[_UPS] + sums[_SHORTS] * sums[_DOWNS]) / sums[_JUDGED]
    return (sums[_LONG_HITS] + sums[_SHORT_HITS] - expected) / scored


def _overconfidence(sums: Sequence[float]) -> float | None:
    scored = sums[_LONGS] + sums[_SHORTS]
    return (sums[_CLAIMED] - sums[_LONG_HITS] - sums[_SHORT_HITS]) / scored if scored else None


def _base_skill(sums: Sequence[float]) -> float | None:
    reference = 0.0
    for base, count, hits in (
        (sums[_UPS] / sums[_JUDGED], sums[_LONGS], sums[_LONG_HITS]),
        (sums[_DOWNS] / sums[_JUDGED], sums[_SHORTS], sums[_SHORT_HITS]),
    ):
        # The squares of base less outcome, added over the answers on this side.
        reference += count * base * base - 2.0 * base * hits + hits
    return skill(sums[_SQUARES], reference)


def direction_score(field: Field, members: Sequence[Answer]) -> DirectionScore:
    """All scores of some of the field's directional answers, at least one."""
    told = claims(members, field.place)
    length = block_length(len(field.answers), field.lags)
    edge, overconfidence, base_skill = measures(
        _columns(field, members), length, (_edge, _overconfidence, _base_skill)
    )
    if len(members) < LEAST_TRIALS:
        edge, overconfidence, base_skill = (
            Measure(value=one.value, interval=None) for one in (edge, overconfidence, base_skill)
        )
    rate = hit_rate(field, members)
    error = calibration_error(told)
    # Answers that share their stretch of market miss together, and so by more than independent ones.
    noise = calibration_noise(told) * sqrt(rate.answers / rate.effective)
    return DirectionScore(
        rate=rate,
        edge=edge,
        overconfidence=overconfidence,
        base_skill=base_skill,
        parts=brier_parts(told),
        log_loss=log_loss(told),
        calibration_error=error,
        calibration_noise=noise,
        bins=_bins(told, rate.effective / rate.answers),
        skill=_skill(edge.interval),
        honesty=_honesty(overconfidence.interval, error, noise),
    )


def _bins(told: Sequence[Forecast], worth: float) -> tuple[BinScore, ...]:
    return tuple(
        BinScore(
            low=part.low,
            high=part.high,
            answers=part.total,
            mean_confidence=part.mean_probability,
            hit_frac=part.happened_frac,
            interval=wilson(part.happened * worth, part.total * worth),
        )
        for part in reliability_bins(told)
    )


def _skill(edge: Interval | None) -> Skill:
    if edge is None:
        return Skill.UNKNOWN
    if edge.low > 0.0:
        return Skill.SKILLED
    return Skill.INVERTED if edge.high < 0.0 else Skill.UNPROVEN


def _honesty(overconfidence: Interval | None, error: float, noise: float) -> Honesty:
    if overconfidence is None:
        return Honesty.UNKNOWN
    if overconfidence.low > 0.0:
        return Honesty.OVERCONFIDENT
    if overconfidence.high < 0.0:
        return Honesty.UNDERCONFIDENT
    return Honesty.MISLEADING if error > NOISE_ALLOWED * noise else Honesty.CALIBRATED
