"""What is held against a daemon while it runs: how its lives end, and whether it comes back."""

import signal
from types import SimpleNamespace
from typing import Any

import pytest

from drift_e3.drill.chaos import troubles as module
from drift_e3.drill.chaos.acts import Act
from drift_e3.drill.chaos.card import Card
from drift_e3.drill.chaos.card_text import text
from drift_e3.drill.chaos.schedule import Strike
from drift_e3.drill.chaos.service import Ending
from drift_e3.drill.chaos.table import ACTS
from drift_e3.drill.chaos.troubles import BACK_S, Struck, Troubles
from drift_e3.drill.chaos.watch import Where


def act(name: str) -> Act:
    return next(one for one in ACTS if one.name == name)


def struck(name: str, ended_s: float | None = None) -> Struck:
    strike = Strike(begins_s=1.0, seconds=5.0, act=act(name), strength=None)
    return Struck(strike=strike, ended_s=ended_s)


def ending(code: int, *, asked: bool = False, served: bool = True, mute: bool = False) -> Ending:
    return Ending(code, 50.0, asked, served, mute)


class Scene:
    """Troubles with strikes and endings of the test's choice, on a clock that stands still."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *on: Struck) -> None:
        self.now_s = 50.0
        self.killed: list[signal.Signals] = []
        self.shared = SimpleNamespace(stuck=0)
        service: Any = SimpleNamespace(endings=[], bugs=[], down=False, mute=False, kill=self.killed.append)
        service.bring_up = lambda: setattr(service, "down", False)
        watch: Any = SimpleNamespace(where=Where.TRADES, hindered=False, status=None)
        loop = SimpleNamespace(time=lambda: self.now_s)
        monkeypatch.setattr(module, "giver", lambda: self.shared)
        monkeypatch.setattr(module, "asyncio", SimpleNamespace(get_running_loop=lambda: loop))
        self.troubles = Troubles(service, service, service, watch)
        self.troubles.struck.extend(on)
        self.service, self.watch = service, watch

    def look(self, *endings: Ending) -> list[str]:
        self.service.endings.extend(endings)
        self.troubles.look()
        return self.troubles.findings.broken


@pytest.mark.parametrize(
    ("one", "on"),
    [
        (ending(0, asked=True), "SIGTERM"),
        (ending(-15, asked=True, served=False), "SIGTERM"),
        (ending(-9, asked=True), "SIGKILL"),
        (ending(69), "disk full"),
        (ending(69, served=False), "rpc down"),
        (ending(78, served=False), "wrong mint"),
        (ending(69, mute=True), "model busy"),
    ],
)
def test_an_end_that_a_strike_explains_is_none_of_the_daemons_fault(
    one: Ending, on: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Scene(monkeypatch, struck(on)).look(one) == []


@pytest.mark.parametrize(
    ("one", "on"),
    [
        (ending(0), "rpc down"),
        (ending(69), "rpc down"),
        (ending(69, served=False), "model busy"),
        (ending(1), "disk full"),
        (ending(-11, asked=True), "SIGTERM"),
        (ending(69, asked=True), "SIGTERM"),
        (ending(79, served=False), "wrong mint"),
    ],
)
def test_an_end_that_nothing_explains_is_told(one: Ending, on: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (words,) = Scene(monkeypatch, struck(on)).look(one)
    assert f"ended with {one.code}, which nothing explains" in words
    assert words.startswith("the daemon was asked" if one.asked else "the daemon ended by itself")
    assert f"on: {on}" in words


def test_a_bug_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch)
    scene.service.bugs.append("Traceback\nKeyError: 7\n")
    (words,) = scene.look(ending(1))
    assert words.endswith("on: nothing): KeyError: 7")


def test_a_strike_explains_nothing_long_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Scene(monkeypatch, struck("rpc down", ended_s=45.0)).look(ending(69, served=False)) == []
    assert Scene(monkeypatch, struck("rpc down", ended_s=30.0)).look(ending(69, served=False)) != []


def test_a_daemon_that_is_left_to_a_person_is_brought_up_by_one_when_the_trouble_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = struck("wrong mint")
    scene = Scene(monkeypatch, one)
    scene.service.down = True
    assert scene.look(ending(78, served=False)) == []
    assert scene.service.down
    one.ended_s = scene.now_s
    scene.now_s += 1.0
    scene.look()
    assert not scene.service.down
    assert scene.troubles.findings.persons == 1


def test_a_loop_that_stands_still_is_told_and_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch)
    scene.shared.stuck = 1
    assert scene.look() == ["the daemon worked for a minute on end: its loop stood still"]
    scene.look()
    assert scene.killed == [signal.SIGKILL]


def test_who_does_not_trade_again_in_time_is_not_back(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, struck("dlob busy", ended_s=50.0))
    scene.watch.where = Where.FLAT
    scene.look()
    assert scene.troubles.pending
    scene.now_s += BACK_S + 1.0
    (words,) = scene.look()
    assert "dlob busy at 1 s for 5 s: 120 s after it the daemon was still 'no entries, no position'" in words
    assert not scene.troubles.pending
    assert scene.troubles.struck[0].led_to is Where.FLAT


def test_time_in_which_something_hinders_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, struck("dlob busy", ended_s=50.0), struck("rpc down"))
    scene.watch.where = Where.GUARDED
    scene.look()
    scene.now_s += BACK_S + 1.0
    assert scene.look() == []
    assert scene.watch.hindered


def test_what_a_strike_led_to_is_the_first_safe_state_and_back_is_when_it_trades(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene = Scene(monkeypatch, struck("SIGSTOP", ended_s=50.0))
    for where in (Where.BARE, Where.DEAF, Where.GUARDED, Where.TRADES):
        scene.watch.where = where
        scene.look()
        scene.now_s += 2.0
    one = scene.troubles.struck[0]
    assert (one.led_to, one.back_s) == (Where.GUARDED, 6.0)
    assert not scene.troubles.pending


def a_card(**changes: Any) -> Card:
    values: dict[str, Any] = {
        "seed": 7, "minutes": 5.0, "venue": "velocity", "struck": (struck("SIGKILL"),), "orders_doubled": 0,
        "fills_lost": 0, "invariants_broken": 0, "findings": (), "unprotected_s_max": 1.25,
        "unhindered_s_max": 0.5, "events": 9, "orders_sent": 4, "orders_placed": 4, "fills": 2, "starts": 3,
        "persons": 0, "endings": (-9, 0), "elapsed_s": 12.0,
    }  # fmt: skip
    return Card(**(values | changes))


@pytest.mark.parametrize("count", ["orders_doubled", "fills_lost", "invariants_broken"])
def test_any_of_the_three_counts_spoils_the_card(count: str) -> None:
    assert a_card().good
    assert not a_card(**{count: 1}).good


def test_the_card_tells_people_what_was_found_and_how_to_do_it_again() -> None:
    told = text(a_card(orders_doubled=1, findings=("order 1-entry landed 2 times",), fills=0))
    assert "orders doubled          1" in told
    assert "FOUND: order 1-entry landed 2 times" in told
    assert "nothing was traded: this card proves little" in told
    assert told.splitlines()[-1] == "the same again: drift-e3 chaos --seed 7 --minutes 5 --venue velocity"
    assert "nothing was traded" not in text(a_card())
    assert "SIGKILL                         nothing safe" in told
