"""Journals of backtests whose advisor is made up: what it says may depend on what has not happened yet."""

import random
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from drift_e3.core.commands import AskAdvisor
from drift_e3.core.events import AdviceFailed, AdviceReceived, AdvisorEvent, Attempt, Event
from drift_e3.core.turn import Outcome
from drift_e3.journal.schema import JOURNAL_NAME
from drift_e3.journal.writer import JournalWriter
from drift_e3.lab.backtest import backtest
from drift_e3.venues.tape.feed import TapeFeed
from drift_e3.venues.tape.reading import read_candles
from drift_e3.wiring import paper_market
from tests.core.builders import an_answer
from tests.live.markets import settings
from tests.live.tapes import MINUTE, Candle, random_walk, write_candles

MODEL = "planted"
TEMPLATE = "made-v1"
FRAME_MS = 5 * MINUTE
WARM_UP = 24 * 12 + 1
"""Candles of five minutes before the first question: a day of volatility."""

Advise = Callable[[AskAdvisor], AdvisorEvent]


def write_advised(state: Path, candles: list[Candle], advise: Advise, **variables: str) -> Path:
    """A state directory with the journal of these candles as this advisor had a say in them."""
    chosen = settings(ADVISOR="ollama", **variables)
    state.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder:
        tape = read_candles(write_candles(Path(folder) / "candles.csv", candles))
    market = paper_market(chosen, TapeFeed(tape, None, chosen.instrument()))
    with JournalWriter(state / JOURNAL_NAME, "c0de", capacity=1 << 30) as writer:

        def note(event: Event, outcome: Outcome) -> None:
            writer.append_event(writer.last_seq + 1, event)
            writer.append_outcome(writer.last_seq, outcome.commands, outcome.notes)

        backtest(market, chosen.trading(), 1_000.0, keep_decisions=False, advise=advise, watch=note)
    return state


def said(
    command: AskAdvisor, text: str, *, latency_ms: int = 1_000, model: str = MODEL, outcome: str = "advice"
) -> AdviceReceived:
    """An answer as an adapter journals it."""
    question = command.question
    return AdviceReceived(
        seen_ts=question.ts + latency_ms,
        question_id=question.question_id,
        text=text,
        latency_ms=latency_ms,
        model=model,
        digest="d1",
        prompt_hash="h1",
        prompt="what now?",
        template=TEMPLATE,
        attempts=(
            Attempt(
                model=model,
                digest="d1",
                options='{"seed":7}',
                outcome=outcome,
                latency_ms=latency_ms,
                load_ms=5,
                prompt_tokens=500,
                answer_tokens=40,
            ),
        ),
    )


def failed(command: AskAdvisor, reason: str, *, latency_ms: int = 8_000, model: str = MODEL) -> AdviceFailed:
    """A failure as an adapter journals it."""
    question = command.question
    return AdviceFailed(
        seen_ts=question.ts + latency_ms,
        question_id=question.question_id,
        reason=reason,
        latency_ms=latency_ms,
        template=TEMPLATE,
        attempts=(Attempt(model=model, digest="d1", options="{}", outcome=reason, latency_ms=latency_ms),),
    )


class Planted(NamedTuple):
    """An advisor of chosen skill: right as often as `right` of what it says, which is `claims` of it."""

    right: Callable[[float], float]
    claims: Callable[[float], float]


GOOD = Planted(right=lambda sure: sure, claims=lambda sure: sure)
USELESS = Planted(right=lambda _: 0.5, claims=lambda sure: sure)
INVERTED = Planted(right=lambda sure: 1.0 - sure, claims=lambda sure: sure)
LIAR = Planted(right=lambda sure: sure, claims=lambda _: 0.95)
SURE = (0.5, 0.55, 0.6, 0.65, 0.7)
"""How sure the planted ones are inside, each as often: right in 60 % on average."""
REGIMES = ("bull_trend", "bear_trend", "high_vol", "crash", "chop")


def planted_answers(planted: Planted, candles: list[Candle], horizon_ms: int = 15 * MINUTE) -> Advise:
    """Answers of a planted advisor, who knows where these candles lead.

    Whether it is right comes from shuffled decks, so that its skill over a few hundred answers is the chosen
    one and no matter of luck.
    """
    closes = {candle.ts_ms + FRAME_MS: candle.close for candle in candles}
    dice = random.Random(99)
    decks: dict[float, list[bool]] = {}

    def is_right(sure: float) -> bool:
        deck = decks.setdefault(sure, [])
        if not deck:
            deck += [card < 20 * planted.right(sure) - 1e-9 for card in range(20)]
            dice.shuffle(deck)
        return deck.pop()

    def advise(command: AskAdvisor) -> AdvisorEvent:
        question = command.question
        later = closes.get(question.ts + horizon_ms, question.price_usd)
        rises = later > closes[question.ts]
        sure = dice.choice(SURE)
        direction = "LONG" if rises == is_right(sure) else "SHORT"
        regime = question.rule_regime.label if dice.random() < 0.7 else dice.choice(REGIMES)
        latency_ms = int(dice.lognormvariate(7.5, 0.4))
        return said(command, an_answer(direction, planted.claims(sure), regime), latency_ms=latency_ms)

    return advise


@cache
def walk(count: int, seed: int = 5) -> list[Candle]:
    """Candles of five minutes."""
    return random_walk(seed, count)
