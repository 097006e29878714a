"""The masked question: nothing in it says when, what or at which price."""

from dataclasses import replace

import pytest

from drift_e3.advisors.masked import INDEX, SYMBOL, MaskedAdvisor, masked
from drift_e3.advisors.prompt_templates import load_template
from drift_e3.advisors.prompts import render
from drift_e3.core.advice import Question, Thesis
from drift_e3.core.events import AdviceFailed, AdvisorEvent
from drift_e3.core.terms import Regime, Strategy
from tests.advisors.questions import ASKED_TS, a_question

THESIS = Thesis(strategy=Strategy.E3, regime=Regime.HIGH_VOL, stop_usd=148.0, target_usd=155.0)


def in_position() -> Question:
    return a_question(
        features=a_question().features._replace(atr_usd=3.025, open_interest_usd=5e7),
        position_base=2.0,
        entry_usd=150.0,
        thesis=THESIS,
    )


def test_prices_become_an_index_and_volumes_too() -> None:
    seen = masked(in_position())
    assert seen.price_usd == INDEX
    assert seen.candles[-1][1:] == (99.17, 100.17, 98.84, 99.83, 100.0)
    assert seen.features.atr_usd == pytest.approx(2.0)
    assert seen.features.open_interest_usd != seen.features.open_interest_usd
    assert (seen.entry_usd, seen.thesis) == (99.17, replace(THESIS, stop_usd=97.85, target_usd=102.48))


def test_the_position_keeps_its_notional() -> None:
    before, seen = in_position(), masked(in_position())
    assert seen.position_base * seen.price_usd == pytest.approx(before.position_base * before.price_usd)


def test_time_counts_from_the_first_candle() -> None:
    seen = masked(in_position())
    assert seen.candles[0][0] == 0
    assert seen.ts - seen.candles[-1][0] == in_position().ts - in_position().candles[-1][0]


def test_the_same_market_at_another_time_level_and_name_is_the_same_question() -> None:
    """Ten times the price, a tenth of the size, a year later."""
    there, year_ms = in_position(), 365 * 86_400_000
    elsewhere = replace(
        there,
        symbol="BTC-PERP",
        ts=there.ts + year_ms,
        price_usd=there.price_usd * 10,
        entry_usd=there.entry_usd * 10,
        position_base=there.position_base / 10,
        features=there.features._replace(atr_usd=there.features.atr_usd * 10, open_interest_usd=9e9),
        candles=tuple(
            (row[0] + year_ms, row[1] * 10, row[2] * 10, row[3] * 10, row[4] * 10, row[5] * 3)
            for row in there.candles
        ),
        thesis=replace(THESIS, stop_usd=1480.0, target_usd=1550.0),
    )
    template = load_template()
    prompt = render(masked(there), template)
    assert render(masked(elsewhere), template) == prompt
    assert SYMBOL in prompt
    assert "SOL" not in prompt


@pytest.mark.parametrize("volume", [0.0, 7.0])
def test_a_market_without_candles_or_volume_can_be_masked(volume: float) -> None:
    row = (ASKED_TS, 1.0, 1.0, 1.0, 1.0, volume)
    assert masked(a_question(candles=())).candles == ()
    assert masked(a_question(candles=(row,))).candles[0][5] == (100.0 if volume else 0.0)


class Other:
    """Says when it was asked, and that it knows nothing."""

    def __init__(self) -> None:
        self.asked: list[Question] = []
        self.closed = False

    async def ask(self, question: Question, deadline_ms: int) -> AdvisorEvent:
        self.asked.append(question)
        return AdviceFailed(
            seen_ts=question.ts + 30, question_id=question.question_id, reason="timeout", latency_ms=30
        )

    async def close(self) -> None:
        self.closed = True


async def test_the_answer_is_stamped_as_if_nothing_had_been_masked() -> None:
    other = Other()
    advisor = MaskedAdvisor(other)
    event = await advisor.ask(in_position(), 8_000)
    assert (event.seen_ts, event.question_id) == (ASKED_TS + 30, "q-1")
    assert other.asked == [masked(in_position())]
    await advisor.close()
    assert other.closed
