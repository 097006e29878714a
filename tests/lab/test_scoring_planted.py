"""Four planted advisors, 2,000 decisions each, through the journal of a real backtest: the score tells them
apart by name."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from drift_e3.journal.reader import open_journal
from drift_e3.journal.schema import JOURNAL_NAME
from drift_e3.lab.ledger_reading import read_ledger, round_trip_frac
from drift_e3.lab.scoring_card import Card, score
from drift_e3.lab.scoring_direction import DirectionScore, Honesty, Skill
from drift_e3.lab.scoring_intervals import Measure
from tests.lab.advised_journals import (
    GOOD,
    INVERTED,
    LIAR,
    USELESS,
    WARM_UP,
    planted_answers,
    walk,
    write_advised,
)

PLANTED = {"good": GOOD, "useless": USELESS, "inverted": INVERTED, "liar": LIAR}
CANDLES = walk(WARM_UP + 2_030)


@pytest.fixture(scope="module")
def cards(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Card]:
    scored: dict[str, Card] = {}
    for name, planted in PLANTED.items():
        state: Path = tmp_path_factory.mktemp(name)
        write_advised(state, CANDLES, planted_answers(planted, CANDLES))
        with open_journal(state / JOURNAL_NAME) as reader:
            scored[name] = score(read_ledger(reader), round_trip_frac(reader), ["15m"])
    return scored


def told(cards: Mapping[str, Card], name: str) -> DirectionScore:
    direction = cards[name].horizons[0].direction
    assert direction is not None
    assert direction.rate.answers >= 2_000
    return direction


def lies_in(measure: Measure, low: float, high: float) -> bool:
    """Whether the whole interval does."""
    assert measure.interval is not None
    return low < measure.interval.low < measure.interval.high < high


@pytest.mark.parametrize(
    ("name", "skill", "honesty"),
    [
        ("good", Skill.SKILLED, Honesty.CALIBRATED),
        ("useless", Skill.UNPROVEN, Honesty.OVERCONFIDENT),
        ("inverted", Skill.INVERTED, Honesty.OVERCONFIDENT),
        ("liar", Skill.SKILLED, Honesty.OVERCONFIDENT),
    ],
    ids=list(PLANTED),
)
def test_each_is_called_by_its_name(
    cards: Mapping[str, Card], name: str, skill: Skill, honesty: Honesty
) -> None:
    assert (told(cards, name).skill, told(cards, name).honesty) == (skill, honesty)


def test_intervals_hold_the_planted_hit_rate(cards: Mapping[str, Card]) -> None:
    for name, planted in (("good", 0.6), ("useless", 0.5), ("inverted", 0.4), ("liar", 0.6)):
        low, high = told(cards, name).rate.interval
        assert low < planted < high
        assert high - low < 0.06


def test_the_edge_tells_who_is_right(cards: Mapping[str, Card]) -> None:
    assert lies_in(told(cards, "good").edge, 0.05, 0.15)
    assert lies_in(told(cards, "useless").edge, -0.05, 0.05)
    assert lies_in(told(cards, "inverted").edge, -0.15, -0.05)
    assert lies_in(told(cards, "liar").edge, 0.05, 0.15)


def test_calibration_tells_who_means_what_it_says(cards: Mapping[str, Card]) -> None:
    good, liar = told(cards, "good"), told(cards, "liar")
    assert lies_in(good.overconfidence, -0.04, 0.04)
    assert good.calibration_error < 2.0 * good.calibration_noise
    assert lies_in(liar.overconfidence, 0.3, 0.4)
    assert lies_in(told(cards, "useless").overconfidence, 0.05, 0.15)
    assert lies_in(told(cards, "inverted").overconfidence, 0.15, 0.25)
    for name in ("useless", "inverted", "liar"):
        assert told(cards, name).calibration_error > 4.0 * told(cards, name).calibration_noise


def test_only_the_good_one_beats_the_base_rate(cards: Mapping[str, Card]) -> None:
    assert lies_in(told(cards, "good").base_skill, 0.02, 0.12)
    for name in ("useless", "inverted", "liar"):
        assert lies_in(told(cards, name).base_skill, -1.0, 0.0)


def test_only_the_good_ones_confidence_resolves_and_is_reliable(cards: Mapping[str, Card]) -> None:
    parts = {name: told(cards, name).parts for name in PLANTED}
    assert parts["good"].reliability < 0.001 < parts["useless"].reliability < parts["inverted"].reliability
    assert parts["inverted"].reliability < parts["liar"].reliability
    assert parts["good"].resolution > 0.002
    assert parts["liar"].resolution == pytest.approx(0.0, abs=1e-9)


def test_a_good_advisor_improves_on_the_rules(cards: Mapping[str, Card]) -> None:
    rules = cards["good"].horizons[0].rules
    assert rules.directional > 100
    assert lies_in(rules.advisor_skill, 0.0, 1.0)
    assert lies_in(rules.blend_skill, 0.0, 1.0)
    liar = cards["liar"].horizons[0].rules
    assert liar.advisor_skill.interval is not None
    assert liar.advisor_skill.interval.low < 0.0
    assert liar.vetoed > 30
    assert rules.vetoed == 0


def test_the_card_tells_questions_latency_and_agreement(cards: Mapping[str, Card]) -> None:
    card = cards["good"]
    assert card.questions >= 2_000
    assert card.outcomes["advice"] >= 2_000
    assert card.cost_frac == 0.002
    assert 1_000.0 < card.latency_ms["p50"] < card.latency_ms["p99"] <= card.latency_ms["max"] < 10_000.0
    # Seven answers of ten repeat the rules' regime, the others are one of five at random.
    assert card.regimes.agreed_frac == pytest.approx(0.7 + 0.3 / 5, abs=0.03)
    assert card.regimes.kappa is not None
    assert 0.4 < card.regimes.kappa < 0.7
    assert sum(sum(row) for row in card.regimes.table) == card.outcomes["advice"]
    assert card.rule_confidence.pearson is not None
    low, high = card.rule_confidence.pearson.interval
    assert low < 0.0 < high
    assert sum(card.known["15m"].values()) == card.questions
    assert list(card.known) == ["15m"]
