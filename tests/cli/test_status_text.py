"""The words of a status: what a person reads of states that are hard to come by."""

from dataclasses import replace
from pathlib import Path

import pytest

from drift_e3.cli import status_text
from drift_e3.cli.exits import Exit
from drift_e3.live.control_wire import encode
from drift_e3.operating import Answer
from drift_e3.status import (
    AdvisorStatus,
    AlertStatus,
    ArrivalStatus,
    DaemonStatus,
    ServerStatus,
    Status,
)
from drift_e3.trader_status import Circumstances, status
from tests.core.stories import a_cold_story, a_story, in_position
from tests.live.program import program
from tests.live.test_control_client import daemon, says

DAEMON = DaemonStatus(pid=7, version="0", venue="velocity", speed=None, started_ts=1, uptime_s=7_300.0)
STORY = in_position()
RUNNING = status(
    STORY.state, Circumstances(seq=9, now_ts=STORY.now, event_ts=STORY.now, decision=None, daemon=DAEMON)
)


def lines(seen: Status) -> dict[str, str]:
    return {name: text for name, text in status_text.everything(seen) if name}


def changed(**fields: object) -> dict[str, str]:
    return lines(replace(RUNNING, **fields))  # type: ignore[arg-type]


def test_a_daemon_is_told_with_its_age_and_its_pace_where_it_has_one() -> None:
    assert lines(RUNNING)["daemon"] == ("runs as process 7 for 2.0 h, venue velocity, as fast as it goes")
    assert changed(live_feed=True)["daemon"] == "runs as process 7 for 2.0 h, venue velocity"
    slow = replace(DAEMON, speed=60.0, venue="", uptime_s=200_000.0)
    assert changed(daemon=slow)["daemon"] == "runs as process 7 for 2.3 d, speed 60"


def test_a_pause_is_told_with_its_end() -> None:
    limits = replace(RUNNING.limits, paused_until_ts=1_735_689_600_000)
    told = changed(mode="reducing", mode_cause="daily_loss", limits=limits)
    assert told["mode"] == "reducing (daily_loss), paused until 2025-01-01 00:00:00 UTC"


def test_a_stop_that_is_missing_is_shouted() -> None:
    assert RUNNING.position is not None
    bare = replace(RUNNING, position=replace(RUNNING.position, stop_rests=False), unprotected_s=2.0)
    assert any("NOT ON THE VENUE" in text for _, text in status_text.everything(bare))
    assert lines(bare)["without stop"].startswith("2.0 s now")


@pytest.mark.parametrize(
    ("advisor", "text"),
    [
        (AdvisorStatus(enabled=False, asking=False, missed="off"), "off"),
        (AdvisorStatus(enabled=True, asking=True, missed="timeout"), "no advice: timeout, asking"),
        (
            AdvisorStatus(enabled=True, asking=False, missed="not_asked", share_frac=0.25, counted=312),
            "no advice: not_asked; weight 25% earned in 312 counted answers",
        ),
        (
            AdvisorStatus(
                enabled=True,
                asking=False,
                missed="",
                regime="chop",
                direction="long",
                confidence=0.625,
                age_s=90.0,
            ),
            "long, chop, confidence 0.62, 1.5 min old",
        ),
        (
            AdvisorStatus(
                enabled=True,
                asking=False,
                missed="overdue",
                regime="chop",
                direction="flat",
                confidence=0.5,
                age_s=9.0,
            ),
            "flat, chop, confidence 0.50, 9.0 s old; since then: overdue",
        ),
    ],
)
def test_the_advisors_word(advisor: AdvisorStatus, text: str) -> None:
    assert changed(advisor=advisor)["advisor"] == text


def test_bars_and_stale_feeds_are_told() -> None:
    told = changed(barred=("program_paused", "oracle_old"), stale="oracle_stale")
    assert told["entries"] == "barred: program_paused; oracle_old"
    assert told["feeds"].endswith("; oracle_stale")


def test_the_chains_servers_and_what_became_of_notices_are_told() -> None:
    server = ServerStatus(
        host="a.example", calls=9, errors=2, outcomes={}, latency_ms=83.4, slot=7, resting=False
    )
    unheard = replace(server, host="b.example", latency_ms=None, resting=True)
    told = [text for _, text in status_text.everything(replace(RUNNING, rpc=(server, unheard)))]
    assert "a.example: 9 calls, 2 failed, last answer in 83 ms" in told
    assert "b.example: 9 calls, 2 failed, left alone for a moment" in told
    notices = changed(alerts=AlertStatus(sent=3, failed=1, limited=2, waiting=4, last_failed=True))
    assert notices["notices"] == "3 sent, 1 failed, 2 held back, 4 waiting; THE LAST ONE FAILED"
    assert changed(alerts=AlertStatus())["notices"] == "0 sent, 0 failed, 0 held back"


def test_what_waits_and_what_was_merged_is_told() -> None:
    arrivals = ArrivalStatus(
        waiting=2, waiting_most=9, room=1_024, merged={"order_book": 7, "oracle_tick": 0}
    )
    told = changed(arrivals=arrivals)["arrivals"]
    assert told == "2 waiting, 9 at most (room for 1024), merged: 7 of order_book"
    assert changed(arrivals=replace(arrivals, merged={}))["arrivals"].endswith("merged: none")


def test_what_is_not_known_is_unknown() -> None:
    story = a_cold_story(0)
    cold = status(story.state, Circumstances(seq=1, now_ts=story.now, event_ts=story.now, decision=None))
    told = lines(cold)
    assert told["market"] == "SOL-PERP, paper account, price unknown"
    assert (told["position"], told["decision"]) == ("flat", "none yet")
    assert told["feeds"] == "candle nothing yet, oracle nothing yet"


def test_what_is_open_is_told_in_a_few_words() -> None:
    assert status_text.what_is_open(RUNNING).startswith("long ")
    story = a_story()
    story.rally()
    entering = status(story.state, Circumstances(seq=1, now_ts=story.now, event_ts=story.now, decision=None))
    assert status_text.what_is_open(entering) == "no position, 1 order"


# -- what a daemon answers that could not do it in time ------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    return tmp_path


def answer(*, ending: bool = False) -> bytes:
    return encode(Answer(seq=3, ending=ending, status=RUNNING)) + b"\n"


@pytest.mark.parametrize(
    ("verb", "ending", "told"),
    [
        ("halt", False, "halted, but still open after 60 s: long 5 SOL-PERP, 2 orders; the daemon goes on"),
        ("halt", True, "halted, but open: long 5 SOL-PERP, 2 orders; close it with drift-e3 flatten"),
        ("flatten", False, "still open after 60 s: long 5 SOL-PERP, 2 orders"),
    ],
)
def test_not_flat_in_time_is_told_and_is_exit_code_1(
    folder: Path, verb: str, ending: bool, told: str
) -> None:
    with daemon(folder / "state", says(answer(ending=ending))):
        ran = program(folder, verb, "--state", "state")
    size = f"{RUNNING.position and RUNNING.position.size_base:g}"
    assert (ran.code, ran.err) == (Exit.CHECK_FAILED, "")
    assert ran.out == told.replace("long 5 ", f"long {size} ") + "\n"


def test_what_a_daemon_left_open_when_it_ended_is_closed_without_it(folder: Path) -> None:
    """There is no journal here: that it is looked for shows that nobody was left to ask."""
    with daemon(folder / "state", says(answer(ending=True))):
        ran = program(folder, "flatten", "--state", "state")
    assert (ran.code, ran.err) == (Exit.DATA, "drift-e3: state/journal.db: no journal there\n")


def test_positions_of_a_daemon_that_runs_are_told_without_more(folder: Path) -> None:
    with daemon(folder / "state", says(answer())):
        out = program(folder, "positions", "--state", "state").out
    assert out.startswith("position      long ")
