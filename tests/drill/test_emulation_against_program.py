"""The emulation is honest: told the same story, Velocity's real program gives the same answers and fills.

Without the program's binary the emulation is still held to the answers that the program gave.
"""

import os
from pathlib import Path
from typing import Any

import pytest

from drift_e3.drill.local_chain import PROGRAMS_VARIABLE
from tests.drill.order_story import Floor, Step, a_floor, play, story

CALM_TOLERANCE = 0.0003
FILL_TOLERANCE = 0.0035
"""Of the notional: how far a fill's price may be from the real AMM's, before the first jump and after it."""
FEE_TOLERANCE = 0.01
EXACT = ("base", "bids", "asks", "next_order_id", "open_orders", "has_open_order", "orders")

binary = Path(os.environ.get(PROGRAMS_VARIABLE, "")) / "velocity.so"
needs_program = pytest.mark.skipif(not binary.is_file(), reason=f"no velocity.so in {PROGRAMS_VARIABLE}")


def told(floor: Floor) -> list[tuple[Step, int | None, dict[str, Any]]]:
    """The story with its answers and the account after each step."""
    return [(step, play(floor, step), floor.account()) for step in story()]


def test_the_emulation_gives_the_answers_that_the_program_gave() -> None:
    answers = [(step.name, code) for step, code, _ in told(a_floor("emulation"))]
    assert answers == [(step.name, step.code) for step in story()]


@needs_program
def test_the_program_gives_the_answers_of_the_story() -> None:
    answers = [(step.name, code) for step, code, _ in told(a_floor("program"))]
    assert answers == [(step.name, step.code) for step in story()]


@needs_program
def test_the_emulation_leaves_the_account_as_the_program_does() -> None:
    emulated, real = a_floor("emulation"), a_floor("program")
    tolerance = CALM_TOLERANCE
    for step in story():
        tolerance = FILL_TOLERANCE if step.jump else tolerance
        before_emulated, before = emulated.account(), real.account()
        play(emulated, step)
        play(real, step)
        after_emulated, after = emulated.account(), real.account()
        for name in EXACT:
            assert after_emulated[name] == after[name], f"{step.name}: {name}"
        moved = abs(after["base"] - before["base"]) * real.price / 1000
        quote, quote_emulated = (
            a["quote"] - b["quote"] for a, b in ((after, before), (after_emulated, before_emulated))
        )
        if step.name != "settle":
            assert abs(quote - quote_emulated) <= tolerance * moved + 1, f"{step.name}: fill"
        fee, fee_emulated = (
            a["fee"] - b["fee"] for a, b in ((after, before), (after_emulated, before_emulated))
        )
        assert abs(fee - fee_emulated) <= FEE_TOLERANCE * fee + 1, f"{step.name}: fee"


@needs_program
def test_a_settled_result_becomes_tokens_in_both() -> None:
    for floor in (a_floor("emulation"), a_floor("program")):
        for step in story():
            before = floor.account()
            play(floor, step)
            if step.name == "settle":
                after = floor.account()
                assert after["quote"] == 0
                assert after["settled"] - before["settled"] == before["quote"] < 0
                assert after["tokens"] < before["tokens"]
