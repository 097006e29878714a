"""Fifty seeds of chaos, five minutes of the market each: nothing doubled, nothing lost, nothing broken.

What all of them together must have seen is asserted at the end, where all of them were run in one process.
"""

from pathlib import Path

import pytest

from drift_e3.cli.chaos import DAEMON
from drift_e3.drill.chaos.acts import Group
from drift_e3.drill.chaos.card import Card
from drift_e3.drill.chaos.card_text import text
from drift_e3.drill.chaos.play import run
from drift_e3.drill.chaos.table import ACTS
from drift_e3.drill.chaos.watch import UNSAFE, Where
from drift_e3.drill.local_chain import VenueName

SEEDS = range(1, 51)
ON_DRIFT = (101, 102, 103)
MINUTES = 5.0
CARDS: list[Card] = []


def drilled(seed: int, venue: VenueName, folder: Path) -> Card:
    card = run(seed, MINUTES, venue, folder, DAEMON)
    print(text(card))
    assert (card.orders_doubled, card.fills_lost, card.invariants_broken) == (0, 0, 0), text(card)
    return card


@pytest.mark.torture
@pytest.mark.parametrize("seed", SEEDS)
def test_five_minutes_of_chaos_break_no_promise(seed: int, tmp_path: Path) -> None:
    CARDS.append(drilled(seed, "velocity", tmp_path))


@pytest.mark.torture
@pytest.mark.parametrize("seed", ON_DRIFT)
def test_nor_do_they_on_drift(seed: int, tmp_path: Path) -> None:
    drilled(seed, "drift", tmp_path)


@pytest.mark.torture
def test_all_seeds_together_have_met_everything_and_traded() -> None:
    if len(CARDS) < len(SEEDS):
        pytest.skip("only some of the seeds were run in this process")
    struck = [one for card in CARDS for one in card.struck]
    print(f"{len(struck)} strikes, {sum(card.starts for card in CARDS)} starts", end=", ")
    print(f"{sum(card.orders_placed for card in CARDS)} orders, {sum(card.fills for card in CARDS)} fills")
    print(f"unprotected at most {max(card.unprotected_s_max for card in CARDS):.1f} s")
    assert {one.strike.act.group for one in struck} == set(Group)
    assert len({one.strike.act.name for one in struck}) > len(ACTS) * 9 // 10
    assert {one.led_to for one in struck} == set(Where) - UNSAFE
    assert sum(card.fills for card in CARDS) > 2 * len(SEEDS)
    assert sum(card.starts for card in CARDS) > 5 * len(SEEDS)
