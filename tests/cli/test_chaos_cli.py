"""`drift-e3 chaos`: what it refuses, what its card says, and that it ends with 1 for what it must find."""

import json
from pathlib import Path
from typing import Any

import pytest
from solders.message import MessageV0
from solders.transaction import VersionedTransaction

from drift_e3.cli.exits import Exit
from drift_e3.core.terms import Side
from drift_e3.drill.chaos import play
from drift_e3.drill.chaos.schedule import schedule
from drift_e3.drill.witness import Witness
from tests.live.program import program

KEYS = {
    "seed",
    "faults",
    "safe_states",
    "orders_doubled",
    "fills_lost",
    "invariants_broken",
    "unprotected_s_max",
}


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((), "--seed"),
        (("--seed", "x"), "--seed"),
        (("--seed", "-1"), "--seed"),
        (("--seed", "1", "--minutes", "0"), "--minutes"),
        (("--seed", "1", "--venue", "synthetic"), "--venue"),
        (("--seed", "1", "--keep", "."), "--keep"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(
    arguments: tuple[str, ...], word: str, tmp_path: Path
) -> None:
    ran = program(tmp_path, "chaos", *arguments)
    assert (ran.code, ran.out) == (Exit.USAGE, "")
    assert len(ran.err.splitlines()) == 1
    assert word in ran.err


@pytest.mark.slow
@pytest.mark.parametrize("seed", [12, 20, 33])
def test_a_minute_of_chaos_doubles_nothing_loses_nothing_and_breaks_nothing(
    seed: int, tmp_path: Path
) -> None:
    """Seeds in which a disk is full, one is read-only and all that is sent is lost, the daemon is killed."""
    ran = program(tmp_path, "chaos", "--seed", seed, "--minutes", "1", "--json")
    card: dict[str, Any] = json.loads(ran.out)
    assert (ran.code, ran.err, card["findings"]) == (Exit.OK, "", [])
    assert set(card) >= KEYS
    assert (card["orders_doubled"], card["fills_lost"], card["invariants_broken"]) == (0, 0, 0)
    assert card["fills"] > 0, "where nothing is traded nothing can go wrong"
    assert card["starts"] == len(card["exit_codes"]) > 1
    wanted = [(strike.act.name, strike.begins_s) for strike in schedule(seed, 1.0)]
    assert [(fault["name"], fault["begins_s"]) for fault in card["faults"]] == wanted
    assert all(fault["led_to"] and fault["back_s"] is not None for fault in card["faults"])
    assert sum(card["safe_states"].values()) == len(wanted)
    assert card["again"] == f"drift-e3 chaos --seed {seed} --minutes 1 --venue velocity"


@pytest.mark.slow
def test_an_order_that_somebody_places_once_more_is_found_and_ends_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon's own key places an order of which the daemon knows nothing, as a doubled send would."""
    seen: list[Witness] = []
    leave = play._leave

    async def with_one_more(*given: Any) -> None:
        await leave(*given)
        witness = next(one for one in given if isinstance(one, Witness))
        seen.append(witness)
        local = witness._local
        hand = local.stage.hand(local.authority, local.delegate.pubkey())
        order = hand.limit(Side.BUY, 1_000_000_000, round(local.price_usd * 1.01 * 1_000_000), 77)
        blockhash, _ = local.chain.blockhash(local.chain.slot)
        message = MessageV0.try_compile(local.delegate.pubkey(), [order], [], blockhash)
        local.chain.submit(VersionedTransaction(message, [local.delegate]), spared=True)
        local.step(10)

    monkeypatch.setattr(play, "_leave", with_one_more)
    ran = program(tmp_path, "chaos", "--seed", "4", "--minutes", "0.5")
    assert ran.code == Exit.CHECK_FAILED
    assert seen
    counts = {line[:20].strip(): line[20:].strip() for line in ran.out.splitlines()}
    assert counts["orders doubled"] == "1"
    assert counts["fills lost"] == "1"
    assert "of which the outbox has no record" in ran.out
    assert "the same again: drift-e3 chaos --seed 4 --minutes 0.5 --venue velocity" in ran.out
