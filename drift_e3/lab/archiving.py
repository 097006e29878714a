"""The questions that a trader would put to its advisor along a recorded market, candle by candle.

The trader itself watches the market and asks by its own rule; nobody answers it and its orders go nowhere,
so that it asks flat and to the end of the tape. Who is asked, and what becomes of the answers, is not known
here.
"""

from collections.abc import Iterator
from dataclasses import replace

from drift_e3.core.advice import Question
from drift_e3.core.commands import AskAdvisor
from drift_e3.core.events import AdviceFailed, Event, Settings, Started
from drift_e3.core.trader import Trader
from drift_e3.ports import Market


def questions(
    market: Market, settings: Settings, equity_usd: float, every_s: float
) -> Iterator[Question | None]:
    """Each question in the order of time, and None after every step of the market.

    Asked are a signal, a new rule regime, and at the latest `every_s` after the question before.
    """
    params = settings.params._replace(ai_ttlSeconds=every_s)
    trader = Trader()
    trader.process(
        Started(
            seen_ts=market.next_ts() or 0,
            settings=replace(settings, params=params, ai_enabled=True),
            instrument=market.instrument,
            feed=market.feed,
            equity_usd=equity_usd,
        )
    )
    while market.next_ts() is not None:
        for event in market.advance():
            yield from _asked(trader, event)
        yield None


def _asked(trader: Trader, event: Event) -> Iterator[Question]:
    for command in trader.process(event).commands:
        if isinstance(command, AskAdvisor):
            question = command.question
            trader.process(
                AdviceFailed(
                    seen_ts=event.seen_ts, question_id=question.question_id, reason="off", latency_ms=0
                )
            )
            yield question
