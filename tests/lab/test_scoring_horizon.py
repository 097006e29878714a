"""The scores at a horizon: what a hit is, what chance gets, what the rules claim; by hand and at large."""

from itertools import cycle, islice
from math import nan

import numpy as np
import pytest

from drift_e3.core.terms import Direction, Regime
from drift_e3.lab.scoring_answers import Answer, claim_for, claims, hit
from drift_e3.lab.scoring_direction import Honesty, Skill
from drift_e3.lab.scoring_horizon import HorizonScore, score_horizon
from tests.lab.scored_answers import a_weighing, an_answer_of, no_advice
from tests.live.tapes import HOUR, MINUTE

LONG, SHORT, FLAT = 1, -1, 0


def scored(answers: list[Answer], cost_frac: float = 0.002) -> HorizonScore:
    return score_horizon(answers, "1h", HOUR, 1, cost_frac)


# -- definitions ---------------------------------------------------------------------------------------------


def test_a_hit_is_a_return_of_the_directions_sign_and_zero_has_none() -> None:
    assert hit(LONG, 0.01)
    assert hit(SHORT, -0.01)
    assert not hit(LONG, -0.01)
    assert not hit(SHORT, 0.01)
    assert not hit(LONG, 0.0)
    assert not hit(SHORT, 0.0)


def test_only_directional_answers_with_a_known_return_make_a_claim() -> None:
    told = [an_answer_of(LONG, 0.7), an_answer_of(FLAT, 0.9), an_answer_of(SHORT, 0.6, nan), no_advice(0.01)]
    assert claims(told, 1) == [(0.7, True)]


def test_the_advisors_claim_is_turned_to_the_rules_side() -> None:
    assert claim_for(LONG, a_weighing(0.7, 0.8, 0.75, 0.01)) == 0.8
    assert claim_for(SHORT, a_weighing(0.7, 0.8, 0.5, 0.01, direction=SHORT)) == pytest.approx(0.2)


# -- by hand -------------------------------------------------------------------------------------------------

FOUR = [
    an_answer_of(LONG, 0.8, 0.01, number=0),
    an_answer_of(LONG, 0.6, -0.01, number=1),
    an_answer_of(SHORT, 0.7, -0.02, number=2),
    no_advice(0.01, number=3),
]
"""Two up, two down; three claims, two of them right."""


def test_base_rates_count_every_question_with_a_known_return() -> None:
    score = scored([*FOUR, an_answer_of(LONG, 0.9, nan, number=4)])
    assert (score.judged, score.up_frac, score.down_frac) == (4, 0.5, 0.5)


def test_hits_edge_and_overconfidence_by_hand() -> None:
    told = scored(FOUR).direction
    assert told is not None
    assert (told.rate.answers, told.rate.hits) == (3, 2)
    assert told.rate.expected_frac == 0.5
    assert told.edge.value == pytest.approx(2 / 3 - 0.5)
    assert told.overconfidence.value == pytest.approx(0.7 - 2 / 3)
    assert told.parts.score == told.rate.brier == pytest.approx((0.04 + 0.36 + 0.09) / 3)


def test_skill_over_the_base_rate_by_hand() -> None:
    told = scored(FOUR).direction
    assert told is not None
    # Always claiming one half costs a quarter each time.
    assert told.base_skill.value == pytest.approx(1 - ((0.04 + 0.36 + 0.09) / 3) / 0.25)


def test_chance_follows_the_sides_picked() -> None:
    rising = [an_answer_of(LONG, 0.6, 0.01, number=n) for n in range(3)]
    falling = [an_answer_of(SHORT, 0.6, -0.01, number=3)]
    told = scored(rising + falling).direction
    assert told is not None
    # Three picks of a side that comes in 3 of 4, one of a side that comes in 1 of 4.
    assert told.rate.expected_frac == pytest.approx((3 * 0.75 + 0.25) / 4)
    assert told.edge.value == pytest.approx(1.0 - (3 * 0.75 + 0.25) / 4)
    assert told.base_skill.value == pytest.approx(1 - 0.16 / ((3 * 0.0625 + 0.5625) / 4))


def test_always_long_in_a_rising_market_is_no_skill() -> None:
    returns = islice(cycle([0.01, 0.01, 0.01, -0.01]), 400)
    told = scored([an_answer_of(LONG, 0.75, r, number=n) for n, r in enumerate(returns)]).direction
    assert told is not None
    assert told.rate.frac == 0.75
    assert told.edge.value == pytest.approx(0.0, abs=1e-12)
    assert told.skill is Skill.UNPROVEN
    assert told.honesty is Honesty.CALIBRATED


def test_against_the_rules_the_same_event_is_judged() -> None:
    weighings = [
        a_weighing(0.7, 0.9, 0.8, 0.01),
        a_weighing(0.6, 0.8, 0.4, -0.01, advice_direction=SHORT, vetoed=True),
        a_weighing(0.6, 0.5, 0.55, -0.01, advice_direction=FLAT, counted=False),
    ]
    rules = scored([an_answer_of(weighings=weighings)]).rules
    assert (rules.signals, rules.directional, rules.counted, rules.vetoed) == (3, 2, 2, 1)
    assert rules.rules_brier == pytest.approx((0.09 + 0.36 + 0.36) / 3)
    assert rules.blend_brier == pytest.approx((0.04 + 0.16 + 0.3025) / 3)
    assert rules.blend_skill.value == pytest.approx(1 - (0.04 + 0.16 + 0.3025) / 0.81)
    # The advisor gave the long signal that fell 0.2.
    assert rules.rules_brier_directional == pytest.approx((0.09 + 0.36) / 2)
    assert rules.advisor_brier == pytest.approx((0.01 + 0.04) / 2)
    assert rules.advisor_skill.value == pytest.approx(1 - 0.05 / 0.45)
    assert rules.blend_skill.interval is None


def test_flat_answers_are_right_where_nobody_earns_the_costs() -> None:
    score = scored(
        [
            an_answer_of(FLAT, 0.6, 0.001, number=0),
            an_answer_of(FLAT, 0.6, -0.002, number=1),
            an_answer_of(FLAT, 0.6, 0.003, number=2),
            an_answer_of(LONG, 0.6, 0.004, number=3),
        ]
    )
    flat = score.flat
    assert (flat.answers, flat.quiet, flat.base_frac) == (3, 2, 0.5)
    assert flat.quiet_frac == pytest.approx(2 / 3)
    assert flat.interval is not None
    assert flat.interval.low < 2 / 3 < flat.interval.high


def test_answers_are_grouped_by_what_they_share() -> None:
    answers = [
        an_answer_of(LONG, 0.6, 0.01, number=0, model="a", advice_regime=Regime.BULL_TREND),
        an_answer_of(SHORT, 0.6, 0.01, number=1, model="b", advice_regime=Regime.BEAR_TREND),
    ]
    score = scored(answers)
    rates = {(one.by, one.value): (one.rate.hits, one.rate.answers) for one in score.slices}
    assert rates == {
        ("model", "a"): (1, 1),
        ("model", "b"): (0, 1),
        ("template", "t-v1"): (1, 2),
        ("advice regime", "bull_trend"): (1, 1),
        ("advice regime", "bear_trend"): (0, 1),
        ("rule regime", "chop"): (1, 2),
        ("direction", "long"): (1, 1),
        ("direction", "short"): (0, 1),
    }
    assert set(score.models) == {"a", "b"}
    assert score.models["a"].rate.hits == 1


def test_one_model_needs_no_scores_of_its_own() -> None:
    assert scored(FOUR).models == {}


def test_nothing_known_has_no_scores() -> None:
    for answers in ([], [an_answer_of(LONG, 0.6, nan)]):
        score = scored(answers)
        assert (score.judged, score.up_frac, score.direction, score.slices) == (0, None, None, ())
        assert score.rules.blend_skill.value is None
        assert (score.flat.answers, score.flat.quiet_frac, score.flat.base_frac) == (0, None, None)


def test_the_mean_of_both_directions_is_of_those_that_point_somewhere() -> None:
    assert Direction(LONG).label == "long"
    score = scored([an_answer_of(FLAT, 0.9, 0.01, number=0), an_answer_of(LONG, 0.5, 0.01, number=1)])
    assert score.direction is not None
    assert score.direction.rate.mean_confidence == 0.5


# -- in the large --------------------------------------------------------------------------------------------


def made(
    right: float, claim: float, *, count: int = 600, seed: int = 1, every_ms: int = 2 * HOUR
) -> list[Answer]:
    """Answers right with this probability, all of one confidence."""
    rng = np.random.default_rng(seed)
    ups = rng.random(count) < 0.5
    hits = rng.random(count) < right
    return [
        an_answer_of(LONG if up == was_hit else SHORT, claim, 0.01 if up else -0.01)._replace(ts=n * every_ms)
        for n, (up, was_hit) in enumerate(zip(ups.tolist(), hits.tolist(), strict=True))
    ]


@pytest.mark.parametrize(
    ("right", "claim", "skill", "honesty"),
    [
        (0.65, 0.65, Skill.SKILLED, Honesty.CALIBRATED),
        (0.65, 0.9, Skill.SKILLED, Honesty.OVERCONFIDENT),
        (0.65, 0.4, Skill.SKILLED, Honesty.UNDERCONFIDENT),
        (0.5, 0.5, Skill.UNPROVEN, Honesty.CALIBRATED),
        (0.35, 0.6, Skill.INVERTED, Honesty.OVERCONFIDENT),
    ],
)
def test_what_is_planted_is_found(right: float, claim: float, skill: Skill, honesty: Honesty) -> None:
    told = scored(made(right, claim)).direction
    assert told is not None
    assert (told.skill, told.honesty) == (skill, honesty)


def test_confidence_that_is_right_on_average_and_means_nothing_is_found() -> None:
    # Half say 0.9 and half 0.4, all are right in 65 %.
    answers = [
        one._replace(confidence=0.9 if n % 2 else 0.4) for n, one in enumerate(made(0.65, 0.65, count=2_000))
    ]
    told = scored(answers).direction
    assert told is not None
    assert told.honesty is Honesty.MISLEADING
    assert told.calibration_error > 5 * told.calibration_noise


def test_few_answers_give_no_finding() -> None:
    told = scored(made(0.9, 0.6, count=25)).direction
    assert told is not None
    assert (told.skill, told.honesty, told.edge.interval) == (Skill.UNKNOWN, Honesty.UNKNOWN, None)


def test_few_answers_among_many_questions_give_no_finding() -> None:
    questions = made(0.9, 0.6)
    answers = [
        no_advice(one.returns[0])._replace(ts=one.ts) if n % 25 else one for n, one in enumerate(questions)
    ]
    told = scored(answers).direction
    assert told is not None
    assert told.rate.answers == 24
    assert (told.skill, told.edge.interval) == (Skill.UNKNOWN, None)


def test_answers_that_share_their_stretch_of_market_are_worth_less() -> None:
    # Every answer twelve times within its hour: the same call, judged by the same move.
    once = made(0.6, 0.6, count=100)
    copies = [one._replace(ts=one.ts + n * 5 * MINUTE) for one in once for n in range(12)]
    apart, together = scored(once).direction, scored(copies).direction
    assert apart is not None
    assert together is not None
    assert together.rate.frac == apart.rate.frac
    assert 90.0 < together.rate.effective < 130.0 < together.rate.answers
    assert together.calibration_noise == pytest.approx(apart.calibration_noise, rel=0.1)
    assert together.rate.interval == pytest.approx(apart.rate.interval, abs=0.02)
