"""Whether the program trades, and if not, why, in plain words."""

import subprocess
import sys

import pytest

from drift_e3.core.terms import MS_PER_HOUR
from drift_e3.venues.drift.liveness import Alive, Dead, liveness
from drift_e3.venues.solana.views import ChainView
from tests.venues.drift.looks import NOW_TS, SLOT, Look, seen, with_market, with_state, with_user


def reasons(view: ChainView, now_ts: int = NOW_TS, simulated: int | str | None = None) -> tuple[str, ...]:
    found = liveness(view, now_ts, simulated)
    assert isinstance(found, Dead)
    return found.reasons


def test_a_fresh_market_that_takes_the_order_is_alive() -> None:
    assert liveness(seen(), NOW_TS, None) == Alive()


@pytest.mark.parametrize("code", [6003, 6010, 6057, 6071, 6109, 6252])
def test_a_program_that_refuses_just_this_order_is_alive(code: int) -> None:
    assert liveness(seen(), NOW_TS, code) == Alive()


@pytest.mark.parametrize(
    ("simulated", "words"),
    [
        (101, "a simulated order fails with error 101: the instruction has been taken out of the program"),
        (102, "a simulated order fails with error 102: the program no longer understands the instruction"),
        (3007, "a simulated order fails with error 3007: the program refuses its accounts"),
        (6024, "a simulated order fails with error 6024: the exchange is paused"),
        (6147, "a simulated order fails with error 6147: the market takes no orders"),
        ("InvalidProgramForExecution", "a simulated order fails before the program runs"),
    ],
)
def test_a_simulation_that_finds_no_program_is_death(simulated: int | str, words: str) -> None:
    (found,) = reasons(seen(), simulated=simulated)
    assert found.startswith(words)


def test_two_hours_without_funding_are_death() -> None:
    view = seen()
    assert liveness(view, NOW_TS + 2 * MS_PER_HOUR, None) == Alive()
    assert reasons(view, NOW_TS + 2 * MS_PER_HOUR + 1) == ("there has been no funding for 2 h 0 min",)
    assert reasons(view, NOW_TS + 190 * 24 * MS_PER_HOUR) == ("there has been no funding for 190 days",)


def test_an_amm_and_an_oracle_that_nobody_updates_are_death() -> None:
    assert liveness(seen()._replace(slot=SLOT + 750), NOW_TS, None) == Alive()
    assert reasons(seen()._replace(slot=SLOT + 5_000)) == (
        "the AMM has not been updated for 5000 slots",
        "the oracle has posted no price for 5000 slots",
    )


def close_exchange(state: object) -> None:
    state.exchange_status = 255  # type: ignore[attr-defined]


def pause_fills(market: object) -> None:
    market.paused_operations = 4  # type: ignore[attr-defined]


def pause_funding(market: object) -> None:
    market.paused_operations = 1  # type: ignore[attr-defined]


def test_flags_that_stop_fills_are_death_in_their_own_words() -> None:
    assert "the exchange is closed" in reasons(seen(with_state(close_exchange)))
    assert reasons(seen(with_market(pause_fills))) == ("the market has paused fills",)


def liquidate(user: object) -> None:
    user.status = 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("look", [with_market(pause_funding), with_user(liquidate)])
def test_other_flags_and_those_of_the_account_are_no_halt(look: Look) -> None:
    view = seen(look)
    assert view.pauses.reasons
    assert liveness(view, NOW_TS, None) == Alive()


def test_what_was_left_after_the_halt_is_told_in_one_line() -> None:
    """The accounts as they were, the instruction gone, and half a year of silence."""
    found = liveness(seen()._replace(slot=SLOT + 40_000_000), NOW_TS + 190 * 24 * MS_PER_HOUR, 101)
    assert isinstance(found, Dead)
    assert found.text == (
        "Drift v2 is halted: a simulated order fails with error 101: the instruction has been taken out of"
        " the program; the AMM has not been updated for 40000000 slots; there has been no funding for"
        " 190 days; the oracle has posted no price for 40000000 slots"
    )


def test_to_ask_needs_no_chain_library() -> None:
    code = (
        "import sys, drift_e3.venues.drift.liveness;"
        "print([name for name in ('driftpy', 'anchorpy', 'solana', 'solders') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
