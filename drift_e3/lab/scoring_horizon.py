"""The scores of advice at one horizon: its directions, against rules alone, its FLAT answers, and by group.

The definitions of claim, hit, chance and what the rules claim are those of `scoring_answers`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Final

from drift_e3.core.terms import REGIMES, Direction
from drift_e3.lab.scoring import skill
from drift_e3.lab.scoring_answers import Answer, Weighing, claim_for, hit, judged, weighed
from drift_e3.lab.scoring_direction import DirectionScore, Field, HitRate, direction_score, hit_rate
from drift_e3.lab.scoring_intervals import (
    Interval,
    Measure,
    block_length,
    effective_count,
    measures,
    overlap,
    wilson,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """The hit rate of the answers that share a value of one of their properties."""

    by: str
    value: str
    rate: HitRate


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesScore:
    """Against rules alone, on `signals` of the rules while advice was at hand: Brier scores, and the skill of
    the blend and, where it was `directional`, of the advisor's own claim over the rules'. Where the advice
    was not `counted` the blend is the rules' own claim."""

    signals: int
    directional: int
    counted: int
    vetoed: int
    rules_brier: float | None
    blend_brier: float | None
    blend_skill: Measure
    rules_brier_directional: float | None
    advisor_brier: float | None
    advisor_skill: Measure


@dataclass(frozen=True, slots=True, kw_only=True)
class FlatScore:
    """FLAT answers: how often the market then moved no more than a round trip costs, against how often it did
    after all questions."""

    answers: int
    quiet: int
    quiet_frac: float | None
    interval: Interval | None
    base_frac: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HorizonScore:
    """All scores at one horizon. `up_frac` and `down_frac` are the base rates over the `judged` questions;
    `direction` is None without directional answers."""

    horizon: str
    horizon_ms: int
    judged: int
    up_frac: float | None
    down_frac: float | None
    direction: DirectionScore | None
    models: dict[str, DirectionScore]
    rules: RulesScore
    flat: FlatScore
    slices: tuple[Slice, ...]


SLICES: Final[dict[str, Callable[[Answer], str]]] = {
    "model": lambda one: one.model,
    "template": lambda one: one.template,
    "advice regime": lambda one: REGIMES[one.advice_regime].label,
    "rule regime": lambda one: REGIMES[one.rule_regime].label,
    "direction": lambda one: Direction(one.direction).label,
}


def score_horizon(
    answers: Sequence[Answer], horizon: str, horizon_ms: int, place: int, cost_frac: float
) -> HorizonScore:
    """Score the answers, in order of time, at the horizon of that place in their returns. `cost_frac` is what
    a round trip costs, as a fraction of notional."""
    field = Field(list(judged(answers, place)), place, horizon_ms)
    models = sorted({one.model for one in field.directional})
    return HorizonScore(
        horizon=horizon,
        horizon_ms=horizon_ms,
        judged=len(field.answers),
        up_frac=field.base[1] if field.answers else None,
        down_frac=field.base[-1] if field.answers else None,
        direction=direction_score(field, field.directional) if field.directional else None,
        models={
            model: direction_score(field, [one for one in field.directional if one.model == model])
            for model in models
            if len(models) > 1
        },
        rules=_rules_score(list(weighed(answers, place)), place, horizon_ms),
        flat=_flat_score(field, cost_frac),
        slices=tuple(
            Slice(by=name, value=value, rate=hit_rate(field, members))
            for name, of in SLICES.items()
            for value, members in sorted(_grouped(field.directional, of).items())
        ),
    )


def _rules_score(signals: Sequence[Weighing], place: int, horizon_ms: int) -> RulesScore:
    directional = [one for one in signals if one.advice_direction != 0]

    def against(
        members: Sequence[Weighing], claim: Callable[[Weighing], float]
    ) -> tuple[Measure, list[float]]:
        """The skill of a claim over the rules', and the added squares of both."""
        squares: list[list[float]] = [[], []]
        for one in members:
            happened = hit(one.direction, one.returns[place])
            for column, told in zip(squares, (claim(one), one.rules), strict=True):
                column.append((told - happened) * (told - happened))
        length = block_length(len(members), overlap([one.ts for one in members], horizon_ms))
        (measure,) = measures(squares, length, [lambda sums: skill(sums[0], sums[1])])
        return measure, [fsum(column) / len(column) for column in squares] if members else []

    blend_skill, blend = against(signals, lambda one: one.blended)
    advisor_skill, advisor = against(directional, lambda one: claim_for(one.direction, one))
    return RulesScore(
        signals=len(signals),
        directional=len(directional),
        counted=len([one for one in signals if one.counted]),
        vetoed=len([one for one in signals if one.vetoed]),
        rules_brier=blend[1] if blend else None,
        blend_brier=blend[0] if blend else None,
        blend_skill=blend_skill,
        rules_brier_directional=advisor[1] if advisor else None,
        advisor_brier=advisor[0] if advisor else None,
        advisor_skill=advisor_skill,
    )


def _flat_score(field: Field, cost_frac: float) -> FlatScore:
    def is_quiet(one: Answer) -> bool:
        return abs(one.returns[field.place]) <= cost_frac

    flat = [one for one in field.answers if one.advised and one.direction == 0]
    quiet = [is_quiet(one) for one in flat]
    count = len([one for one in quiet if one])
    effective = effective_count(quiet, overlap([one.ts for one in flat], field.horizon_ms)) if flat else 0.0
    frac = count / len(flat) if flat else None
    return FlatScore(
        answers=len(flat),
        quiet=count,
        quiet_frac=frac,
        interval=wilson(frac * effective, effective) if frac is not None else None,
        base_frac=len([one for one in field.answers if is_quiet(one)]) / len(field.answers)
        if field.answers
        else None,
    )


def _grouped(members: Iterable[Answer], of: Callable[[Answer], str]) -> dict[str, list[Answer]]:
    groups: dict[str, list[Answer]] = {}
    for one in members:
        groups.setdefault(of(one), []).append(one)
    return groups
