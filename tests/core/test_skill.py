"""The rule by which weight is earned and lost, answer by answer."""

from math import log

import pytest

from drift_e3.core.decision import HeldAdvice
from drift_e3.core.skill import (
    ADVISORS_MAX,
    COIN_COUNT,
    EVIDENCE_LEAST,
    EVIDENCE_MOST,
    HORIZON_MS,
    MEMORY,
    OPEN_MAX,
    OVERDUE_MS,
    PROMOTION_PAUSE,
    RECENT,
    SAMPLE_LEAST,
    SHARES,
    SLACK,
    Judgement,
    OpenAdvice,
    Record,
    Skill,
)
from drift_e3.core.terms import Direction
from tests.core.builders import MINUTE, START_TS, some_advice

PRICE_USD = 100.0


def held(
    direction: Direction = Direction.LONG,
    confidence: float = 0.6,
    *,
    advisor: str = "one",
    multiplier: float = 1.0,
) -> HeldAdvice:
    return HeldAdvice(
        advice=some_advice(direction, confidence, multiplier=multiplier),
        question_id="q",
        received_ts=START_TS,
        advisor=advisor,
    )


def an_open_advice(calibrated: float = 0.6, *, base: float = 0.5, confidence: float = 0.6) -> OpenAdvice:
    return OpenAdvice(
        question_id="q",
        advisor="one",
        direction=Direction.LONG,
        confidence=confidence,
        due_ts=START_TS,
        price_usd=PRICE_USD,
        base=base,
        calibrated=calibrated,
        counted=True,
    )


def outcome(
    advice: HeldAdvice, close_usd: float, after_ms: int = HORIZON_MS, skill: Skill | None = None
) -> list[Judgement]:
    followed = Skill() if skill is None else skill
    followed.follow(advice, START_TS, PRICE_USD)
    return followed.judge(START_TS + after_ms, close_usd)


@pytest.mark.parametrize(
    ("direction", "close_usd", "right"),
    [
        (Direction.LONG, 100.1, True),
        (Direction.LONG, 99.9, False),
        (Direction.SHORT, 99.9, True),
        (Direction.SHORT, 100.1, False),
    ],
)
def test_an_answer_is_right_when_the_price_has_moved_its_way(
    direction: Direction, close_usd: float, right: bool
) -> None:
    [judged] = outcome(held(direction), close_usd)
    assert judged.right is right
    assert judged.record.rights == [float(right)]
    assert judged.record.rises == [float(close_usd > PRICE_USD)]


def test_it_waits_for_its_horizon_and_is_judged_once() -> None:
    skill = Skill()
    assert outcome(held(), 101.0, HORIZON_MS - 1, skill) == []
    assert len(skill.judge(START_TS + HORIZON_MS, 101.0)) == 1
    assert skill.open == []
    assert skill.judge(START_TS + HORIZON_MS, 101.0) == []


@pytest.mark.parametrize(
    ("close_usd", "after_ms"), [(PRICE_USD, HORIZON_MS), (101.0, HORIZON_MS + OVERDUE_MS + 1)]
)
def test_a_price_that_has_not_moved_or_comes_after_a_gap_judges_nothing(
    close_usd: float, after_ms: int
) -> None:
    skill = Skill()
    assert outcome(held(), close_usd, after_ms, skill) == []
    assert skill.open == []
    assert len(outcome(held(), 101.0, HORIZON_MS + OVERDUE_MS)) == 1


def test_an_answer_without_a_direction_is_not_judged() -> None:
    assert outcome(held(Direction.FLAT), 101.0) == []


def test_of_answers_whose_hours_overlap_only_the_first_counts() -> None:
    skill = Skill()
    for minutes in (0, 5, 59, 60):
        skill.follow(held(), START_TS + minutes * MINUTE, PRICE_USD)
    assert [advice.counted for advice in skill.open] == [True, False, False, True]
    judged = skill.judge(START_TS + HORIZON_MS, 101.0)
    judged += skill.judge(START_TS + HORIZON_MS + 5 * MINUTE, 101.0)
    judged += skill.judge(START_TS + HORIZON_MS + 59 * MINUTE, 101.0)
    judged += skill.judge(START_TS + 2 * HORIZON_MS, 101.0)
    assert [one.advice.counted for one in judged] == [True, False, False, True]
    assert skill.records["one"].counted == 2


def test_advisors_are_told_apart_and_the_one_not_heard_of_for_longest_is_forgotten() -> None:
    skill = Skill()
    for number in range(ADVISORS_MAX):
        skill.follow(held(advisor=f"model {number}"), START_TS, PRICE_USD)
    skill.follow(held(advisor="model 0"), START_TS + HORIZON_MS, PRICE_USD)
    skill.follow(held(advisor="another"), START_TS + HORIZON_MS, PRICE_USD)
    assert "model 1" not in skill.records
    assert list(skill.records)[-2:] == ["model 0", "another"]
    judged = skill.judge(START_TS + HORIZON_MS, 101.0)
    assert [one.advice.advisor for one in judged] == [
        f"model {number}" for number in range(ADVISORS_MAX) if number != 1
    ]


def test_no_more_answers_are_followed_than_there_is_room_for() -> None:
    skill = Skill()
    for _ in range(OPEN_MAX + 5):
        skill.follow(held(), START_TS, PRICE_USD)
    assert len(skill.open) == OPEN_MAX


def test_the_memory_is_bounded() -> None:
    record = Record()
    for number in range(MEMORY + 5):
        record.count(an_open_advice(confidence=float(number)), right=True, rose=True)
    assert {len(kept) for kept in (record.confidences, record.rights, record.bases, record.rises)} == {MEMORY}
    assert (record.confidences[0], record.counted) == (5.0, MEMORY + 5)


def test_the_base_rate_is_that_of_the_direction_and_never_below_a_coins() -> None:
    record = Record(rises=[1.0] * 40 + [0.0] * 10)
    assert Record().base_rate(Direction.LONG) == 0.5
    assert record.base_rate(Direction.LONG) == pytest.approx((40 + 25) / (50 + COIN_COUNT))
    assert record.base_rate(Direction.SHORT) == 0.5
    assert record.base_rate(Direction.FLAT) == 0.5


def test_before_the_smallest_sample_a_confidence_is_worth_the_base_rate() -> None:
    record = Record(confidences=[0.6] * (SAMPLE_LEAST - 1), rights=[1.0] * (SAMPLE_LEAST - 1))
    assert record.worth(0.6, 0.55) == 0.55
    record.confidences.append(0.6)
    record.rights.append(1.0)
    assert record.worth(0.6, 0.5) == pytest.approx(0.75)


def test_evidence_is_the_odds_of_the_calibrated_confidence_against_the_base_rate() -> None:
    record = Record()
    record.count(an_open_advice(0.6), right=True, rose=True)
    assert record.evidence == pytest.approx(log(0.6 / 0.5))
    record.count(an_open_advice(0.7, base=0.55), right=False, rose=False)
    assert record.evidence == pytest.approx(log(0.6 / 0.5) + log(0.3 / 0.45))


@pytest.mark.parametrize("right", [True, False])
def test_nobody_is_bet_against(right: bool) -> None:
    record = Record()
    record.count(an_open_advice(0.3), right=right, rose=right)
    assert record.evidence == 0.0


def test_weight_rises_row_by_row_with_a_pause_and_falls_at_once() -> None:
    record = Record(evidence=EVIDENCE_MOST)
    shares: list[float] = []
    for _ in range(3 * PROMOTION_PAUSE + 1):
        record.count(an_open_advice(0.5), right=True, rose=True)
        shares.append(record.share)
    assert shares[0] == SHARES[1]
    assert shares[PROMOTION_PAUSE - 1] == SHARES[1]
    assert [shares[number * PROMOTION_PAUSE] for number in range(4)] == [0.25, 0.5, 0.75, 1.0]
    record.evidence = EVIDENCE_LEAST[3] - SLACK
    record.count(an_open_advice(0.5), right=True, rose=True)
    assert record.share == 1.0
    record.evidence = EVIDENCE_LEAST[1] - SLACK
    record.count(an_open_advice(0.5), right=True, rose=True)
    assert record.share == 0.5
    record.evidence = EVIDENCE_LEAST[0] - SLACK - 0.01
    record.count(an_open_advice(0.5), right=True, rose=True)
    assert record.share == 0.0


def test_who_was_of_late_no_better_than_the_base_rate_begins_anew() -> None:
    record = Record(evidence=EVIDENCE_MOST, row=4)
    for number in range(RECENT):
        record.count(an_open_advice(0.5), right=number % 2 == 0 or number < 2, rose=True)
    assert (record.row, record.evidence) == (4, EVIDENCE_MOST), "one more than half"
    record.count(an_open_advice(0.5), right=False, rose=True)
    record.count(an_open_advice(0.5), right=False, rose=True)
    assert (record.row, record.evidence) == (0, 0.0)


def test_the_latest_answers_count_not_those_before() -> None:
    record = Record(evidence=EVIDENCE_MOST, row=4)
    for number in range(2 * RECENT):
        record.row = 4
        record.count(an_open_advice(0.5), right=number < RECENT, rose=True)
    assert record.row == 0


def test_evidence_is_not_hoarded() -> None:
    record = Record(evidence=EVIDENCE_MOST)
    record.count(an_open_advice(0.9), right=True, rose=True)
    assert record.evidence == EVIDENCE_MOST


def a_record(row: int, right_of_100: int = 70) -> Skill:
    rights = [1.0] * right_of_100 + [0.0] * (100 - right_of_100)
    rises = [1.0, 0.0] * 50
    record = Record(confidences=[0.6] * 100, rights=rights, bases=[0.5] * 100, rises=rises, row=row)
    return Skill(records={"one": record})


def test_an_advisor_without_a_share_or_a_record_is_not_heard() -> None:
    assert a_record(0).hear(held()) is None
    assert a_record(4).hear(held(advisor="another")) is None


def test_what_was_worth_no_more_than_the_base_rate_is_not_heard() -> None:
    assert a_record(4, right_of_100=50).hear(held()) is None


def test_advice_is_heard_with_calibrated_confidence_and_a_size_in_proportion() -> None:
    heard = a_record(2).hear(held(confidence=0.95, multiplier=0.6))
    assert heard is not None
    assert heard.trust == 0.5
    assert heard.advice.confidence == pytest.approx((70.0 + 25.0) / 150.0)
    assert heard.advice.multiplier == pytest.approx(0.8)
    assert heard.question_id == "q"
