"""The emulation is honest: told the same story, Velocity's real program gives the same answers and fills.

Without the program's binary the emulation is still held to the answers that the program gave.
"""

import os
from pathlib import Path

import pytest

from drift_e3.drill.local_chain import PROGRAMS_VARIABLE
from tests.drill.order_story import Floor, a_floor, play, story

CALM_TOLERANCE = 0.0003
FILL_TOLERANCE = 0.0035
"""Of the notional: how far a fill's price may be from the real AMM's, before the first jump and after it."""
FEE_TOLERANCE = 0.01
EXACT = ("base", "bids", "asks", "next_order_id", "open_orders", "has_open_order", "orders")

binary = Path(os.environ.get(PROGRAMS_VARIABLE, "")) / "velocity.so"
needs_program = pytest.mark.skipif(not binary.is_file(), reason=f"no velocity.so in {PROGRAMS_VARIABLE}")


AFTER = """
2|0| 3|0| 3|0| 4|1| 4|1| 4|1| 4|1| 5|1|9 5|1|9 5|1|9 5|1|9 6|1|9,10 7|1|9,11 7|1|9 7|1| 7|1| 7|1| 7|1| 8|201|
9|301| 10|201| 11|201|20 11|201|20 11|201|20 12|201|20,21 12|201|20 13|201|20 13|201|20 13|201|20 13|201|20
13|101| 13|101| 13|101| 14|-199| 15|0| 15|0| 15|0| 15|0| 15|0| 15|0| 16|0|30 16|0|30 17|0|30,31 17|0|30,31
17|0|30,31 17|0|30,31 18|50|30,31
"""
"""After each step, as the real program left it: the next order's number, the position in hundredths of the
base, and the open orders by our numbers."""


def told(floor: Floor) -> list[tuple[str, int | None, str]]:
    """The story with its answers and the account after each step."""
    lines = []
    for step in story():
        code, after = play(floor, step), floor.account()
        numbers = sorted(order["user_order_id"] for order in after["orders"].values())
        open_orders = ",".join(str(number) for number in numbers)
        lines.append((step.name, code, f"{after['next_order_id']}|{after['base'] // 10**7}|{open_orders}"))
    return lines


def expected() -> list[tuple[str, int | None, str]]:
    return [(step.name, step.code, after) for step, after in zip(story(), AFTER.split(), strict=True)]


def test_the_emulation_does_what_the_program_did() -> None:
    assert told(a_floor("emulation")) == expected()


@needs_program
def test_the_program_does_what_the_story_says() -> None:
    assert told(a_floor("program")) == expected()


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
