"""`python -m tests.bench.model`: a real small model through the real adapter, on free cores and on busy ones.

The figures are of this machine, of one tiny model and of a stand-in for Ollama: they tell what the plumbing
costs and how often an answer can be used, nothing of any model's skill. Needs the extra ``model``.
"""

import argparse
import asyncio
import multiprocessing
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table

from drift_e3.advisors.ollama import OllamaAdvisor
from drift_e3.advisors.ollama_server import OllamaOptions
from drift_e3.advisors.prompt_templates import load_template
from drift_e3.core.advice import Question
from drift_e3.core.events import AdviceReceived, AdvisorEvent, Settings
from drift_e3.core.params import Limits, Params
from drift_e3.core.terms import MS_PER_MINUTE, MS_PER_SECOND
from drift_e3.drill.llama_stand_in import MODEL
from drift_e3.lab.asking import question_at
from drift_e3.venues.paper import PaperMarket
from drift_e3.venues.sim.settings import SimSettings
from drift_e3.venues.synthetic.feed import SyntheticFeed
from tests.advisors.real_model import served_model
from tests.bench.measuring import percentile

QUESTIONS: Final = 20
DEADLINE_MS: Final = 120_000
BUSY: Final = 2


def main(arguments: Sequence[str] | None = None) -> None:
    """Ask, first on the cores as they are, then beside processes that want all of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.model", description="How fast it answers.")
    parser.add_argument("--questions", type=int, default=QUESTIONS, help="questions of each row")
    parser.add_argument("--template", default="brief-v1", help="wording of the prompt")
    chosen = parser.parse_args(arguments)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("cores", "load before", "asked", "advice", "otherwise", "prompt tokens", "answer tokens"):
        table.add_column(title, justify="right")
    for title in ("answer tokens/s of all", "median s", "90 % within s"):
        table.add_column(title, justify="right")
    with served_model() as url:
        for busy in (0, BUSY):
            # Others each time: a server remembers the beginning of the last prompt.
            questions = _questions(chosen.questions, first=busy * chosen.questions)
            load = os.getloadavg()[0]
            with _busy(busy):
                answers = asyncio.run(_ask(url, chosen.template, questions))
            table.add_row(f"{busy} of {os.cpu_count()} busy", f"{load:.1f}", *_row(answers))
    Console(width=160).print(table)


def _questions(count: int, first: int) -> list[Question]:
    """Questions about the synthetic market, each at another price."""
    market = PaperMarket(SyntheticFeed(), SimSettings(), 1_000.0)
    settings = Settings(params=Params(), limits=Limits())
    asked = question_at(market, settings, 1_000.0, market.begins_ts + MS_PER_MINUTE)
    prices = (asked.price_usd * (1.0 + n / 1_000.0) for n in range(first, first + count))
    return [replace(asked, price_usd=price_usd) for price_usd in prices]


async def _ask(url: str, template: str, questions: Sequence[Question]) -> list[AdvisorEvent]:
    answers: list[AdvisorEvent] = []
    for seed, question in enumerate(questions):
        options = OllamaOptions(seed=seed, temperature=0.8)
        advisor = OllamaAdvisor(url, (MODEL,), options, load_template(template))
        answers.append(await advisor.ask(question, DEADLINE_MS))
        await advisor.close()
    return answers


def _row(answers: Sequence[AdvisorEvent]) -> list[str]:
    attempts = [answer.attempts[0] for answer in answers]
    outcomes = Counter(attempt.outcome for attempt in attempts)
    good = outcomes.pop("advice", 0)
    whole = [attempt for answer, attempt in zip(answers, attempts, strict=True) if _is_whole(answer)]
    times_s = [answer.latency_ms / MS_PER_SECOND for answer in answers]
    tokens = sum(attempt.answer_tokens for attempt in whole)
    took_s = sum(attempt.latency_ms for attempt in whole) / MS_PER_SECOND
    return [
        f"{len(answers)}",
        f"{good / len(answers):.0%}",
        ", ".join(f"{count} {name}" for name, count in outcomes.items()),
        f"{sum(attempt.prompt_tokens for attempt in whole) / max(len(whole), 1):.0f}",
        f"{tokens / max(len(whole), 1):.0f}",
        f"{tokens / took_s:.1f}" if took_s else "",
        f"{percentile(times_s, 0.5):.1f}",
        f"{percentile(times_s, 0.9):.1f}",
    ]


def _is_whole(answer: AdvisorEvent) -> bool:
    return isinstance(answer, AdviceReceived)


@contextmanager
def _busy(processes: int) -> Iterator[None]:
    """So many processes that compute without end."""
    spawn = multiprocessing.get_context("spawn")
    spinning = [spawn.Process(target=_spin, daemon=True) for _ in range(processes)]
    for process in spinning:
        process.start()
    try:
        yield
    finally:
        for process in spinning:
            process.kill()


def _spin() -> None:
    while True:
        pass


if __name__ == "__main__":
    main()
