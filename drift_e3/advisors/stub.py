"""A statistical twin of an advisor: as right, as sure, as late and as silent as somebody chose it to be.

For tests, and for backtests that ask what an advisor of such a skill would be worth. It thinks nothing. What
it knows of the future it knows from the oracle that it is handed, and from nowhere else; whoever hands it one
marks the result (`lab.leakage`).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from drift_e3.advisors.failures import Failure
from drift_e3.core.advice import Question
from drift_e3.core.commands import AskAdvisor
from drift_e3.core.events import AdviceFailed, AdviceReceived, AdvisorEvent
from drift_e3.core.terms import FLAT, LONG, SHORT, Direction

Oracle = Callable[[int], Direction]
"""Which way the price goes from a moment (UTC, ms) on; flat where that is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Character:
    """What a stub is like. Fractions are chances, 0..1.

    `right_frac` is how often it says what the oracle says; the chance of a single answer lies within
    `spread_frac` of that. It states this chance as its confidence, or, dishonestly, `claimed_frac` within the
    same spread. With the chance `bias_frac` (negative: short) it says long whatever it knows, with
    `flat_frac` nothing but flat, and with `failure_frac` nothing at all. Latencies are within half of
    `latency_ms`.
    """

    right_frac: float = 0.6
    spread_frac: float = 0.1
    claimed_frac: float | None = None
    bias_frac: float = 0.0
    flat_frac: float = 0.0
    failure_frac: float = 0.0
    latency_ms: int = 0
    multiplier: float = 1.0


class StubAdvisor:
    """Implements `ports.Advisor`, and answers at once where nobody waits (`lab.backtest`).

    The same seed gives the same answer to the same question, whatever was asked before. Without an `oracle`
    it guesses.
    """

    def __init__(self, character: Character, seed: int, oracle: Oracle | None = None) -> None:
        self._character = character
        self._seed = seed
        self._oracle = oracle

    def __call__(self, command: AskAdvisor) -> AdvisorEvent:
        """The answer to a question, stamped with its latency."""
        return self.answer(command.question)

    async def ask(self, question: Question, deadline_ms: int) -> AdvisorEvent:
        """The same; it does not wait."""
        del deadline_ms
        return self.answer(question)

    async def close(self) -> None:
        """Nothing is held."""

    def answer(self, question: Question) -> AdvisorEvent:
        """What it says to a question."""
        character = self._character
        random = Random(f"{self._seed} {question.question_id}")  # noqa: S311  (a statistical twin, not a secret)
        latency_ms = round(character.latency_ms * random.uniform(0.5, 1.5))
        seen_ts = question.ts + latency_ms
        if random.random() < character.failure_frac:
            return AdviceFailed(
                seen_ts=seen_ts,
                question_id=question.question_id,
                reason=Failure.TIMEOUT.value,
                latency_ms=latency_ms,
            )
        deviation = random.uniform(-character.spread_frac, character.spread_frac)
        chance = character.right_frac + deviation
        stated = chance if character.claimed_frac is None else character.claimed_frac + deviation
        answer = {
            "regime": question.rule_regime.label,
            "direction": self._direction(question.ts, chance, random).name,
            "confidence": round(min(max(stated, 0.0), 1.0), 2),
            "multiplier": character.multiplier,
            "reasoning": "",
        }
        return AdviceReceived(
            seen_ts=seen_ts,
            question_id=question.question_id,
            text=json.dumps(answer),
            latency_ms=latency_ms,
            model="stub",
        )

    def _direction(self, now_ts: int, chance: float, random: Random) -> Direction:
        character = self._character
        # All are drawn, so that one trait changes none of the other answers.
        flat, biased, right = random.random(), random.random(), random.random() < chance
        guess = random.choice((LONG, SHORT))
        if flat < character.flat_frac:
            return FLAT
        if biased < abs(character.bias_frac):
            return LONG if character.bias_frac > 0.0 else SHORT
        truth = FLAT if self._oracle is None else self._oracle(now_ts)
        if truth is FLAT:
            return guess
        return truth if right else Direction(-truth)
