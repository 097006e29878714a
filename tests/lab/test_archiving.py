"""The questions along a recorded market: asked flat, by the core's own rule, to the end of the tape."""

from dataclasses import replace

from drift_e3.core.advice import Question
from drift_e3.lab.archiving import questions
from tests.live.markets import settings, tape_market

CHOSEN = settings()
COUNT = 200
HOUR = 3_600_000


def asked(every_s: float) -> list[Question]:
    found = questions(tape_market(CHOSEN, count=COUNT), CHOSEN.trading(), 1_000.0, every_s)
    return [question for question in found if question is not None]


def test_each_candle_after_the_warm_up_is_asked_about_once_where_that_is_wanted() -> None:
    found = asked(3_600.0)
    closes = [question.candles[-1][0] + HOUR for question in found]
    assert closes == list(range(closes[0], closes[-1] + 1, HOUR))
    assert closes[-1] == tape_end()
    assert len(found) > COUNT / 2


def tape_end() -> int:
    market = tape_market(CHOSEN, count=COUNT)
    last = 0
    while (next_ts := market.next_ts()) is not None:
        last = next_ts
        market.advance()
    return last


def test_nobody_who_is_asked_seldom_misses_a_signal() -> None:
    often, seldom = asked(3_600.0), asked(86_400.0)
    assert {question.question_id for question in seldom} < {question.question_id for question in often}
    assert len(seldom) > COUNT / 24


def test_the_account_is_flat_and_whole_throughout() -> None:
    for question in asked(3_600.0):
        assert (question.position_base, question.thesis, question.equity_usd) == (0.0, None, 1_000.0)


def test_the_advisor_need_not_be_on_in_the_settings() -> None:
    on = replace(CHOSEN.trading(), ai_enabled=True)
    market = tape_market(CHOSEN, count=COUNT)
    found = [question for question in questions(market, on, 1_000.0, 3_600.0) if question is not None]
    assert repr(found) == repr(asked(3_600.0))
