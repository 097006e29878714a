"""`drift-e3 run` from its command line: its log as a story, its secrets, what it leaves behind."""

import re
from collections import Counter
from pathlib import Path

import pytest

from drift_e3 import wiring
from drift_e3.cli.exits import Exit
from drift_e3.config import Settings
from drift_e3.drill.ollama_acts import GOOD_ANSWER, hangs, in_turn, says
from drift_e3.journal.schema import JOURNAL_NAME
from drift_e3.log_events import LOG_EVENTS
from drift_e3.venues.paper import MarketFeed
from tests.cli.runs import CANDLES, SECRET, Run, one_line, prepared
from tests.live.daemons import Bounded
from tests.live.ollama_thread import ollama_thread
from tests.live.program import export, program
from tests.live.tapes import HOUR, LIVELY, random_walk, write_candles


@pytest.fixture(scope="module")
def advised(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The same with a model's advice, which comes in each of the server's ways."""
    folder = tmp_path_factory.mktemp("advised")
    arguments = prepared(folder, count=150)
    answer = GOOD_ANSWER.replace('"up"', f'"the token={SECRET} says up"')
    with ollama_thread({"good": says(answer)}) as url:
        ran = program(
            folder, "run", *arguments, "--advisor", "ollama",
            **LIVELY, OLLAMA__URL=url, OLLAMA__MODELS="good", OLLAMA__TOKEN=SECRET,
        )  # fmt: skip
    return Run(folder, arguments, ran)


def test_it_goes_through_the_tape_and_ends_well_with_a_summary(whole: Run) -> None:
    assert (whole.ran.code, whole.ran.err) == (Exit.OK, "")
    (summary,) = whole.ran.named("run.summarised")
    assert summary["decisions"] == CANDLES
    assert summary["trades"] > 10
    parts = summary["price_pnl_usd"] - summary["slippage_usd"] - summary["fees_usd"] + summary["funding_usd"]
    assert summary["pnl_usd"] == pytest.approx(parts, abs=2e-4)
    by_regime = summary["decisions_by_regime"].values()
    assert sum(count for verdicts in by_regime for count in verdicts.values()) == CANDLES


@pytest.mark.parametrize("run", ["whole", "advised"])
def test_each_line_of_the_log_is_json_with_a_known_name_a_level_and_its_fields(
    run: str, request: pytest.FixtureRequest
) -> None:
    lines = request.getfixturevalue(run).ran.lines
    for line in lines:
        assert line["level"] in {"debug", "info", "warning", "error"}
        assert line["event"] in LOG_EVENTS
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["wall"])
        unknown = set(line) - {"ts", "wall", "level", "event", "seq", *LOG_EVENTS[line["event"]].fields}
        assert not unknown, line
        if line["event"].split(".")[0] in {"order", "position", "decision", "stop", "advice"}:
            assert line["seq"] > 0
            assert "ts" in line
    numbers = [line["seq"] for line in lines if "seq" in line]
    assert numbers == sorted(numbers)


def test_the_log_tells_a_trade_from_its_decision_to_its_end(whole: Run) -> None:
    lines = whole.ran.lines
    assert [line["event"] for line in lines[:1] + lines[-2:]] == [
        "daemon.started",
        "run.summarised",
        "daemon.stopped",
    ]
    decided = next(line for line in lines if line.get("order_id") and line["event"] == "decision.made")
    trade = decided["order_id"].removesuffix("-entry")
    story = [
        line for line in lines if trade in str(line.get("order_id", "")) or line.get("trade_id") == trade
    ]
    names = [line["event"] for line in story]
    assert names[:5] == [
        "decision.made",
        "order.submitted",
        "order.filled",
        "position.opened",
        "stop.armed",
    ]
    assert names[-2:] == ["order.filled", "position.closed"]
    opened = next(line for line in story if line["event"] == "position.opened")
    closed = story[-1]
    assert opened["direction"] == closed["direction"] == decided["direction"]
    armed = next(line for line in story if line["event"] == "stop.armed")
    assert (armed["trigger_usd"] < opened["entry_usd"]) == (opened["direction"] == "long")
    counts = Counter(line["event"] for line in lines)
    assert counts["position.opened"] in {counts["position.closed"], counts["position.closed"] + 1}
    assert counts["decision.made"] == CANDLES


def test_the_journal_has_what_the_log_tells(whole: Run) -> None:
    fills = export(whole.folder, "state", "fill")
    told = whole.ran.named("order.filled")
    assert [fill["fill_id"] for fill in fills] == [line["fill_id"] for line in told]
    closed = export(whole.folder, "state", "position_closed")
    told = whole.ran.named("position.closed")
    assert [one["trade_id"] for one in closed] == [line["trade_id"] for line in told]


def test_advice_is_asked_for_received_and_used(advised: Run) -> None:
    assert (advised.ran.code, advised.ran.err) == (Exit.OK, "")
    asked, received = (advised.ran.named(f"advice.{what}") for what in ("asked", "received"))
    assert len(asked) == len(received) > 50
    assert [line["question_id"] for line in asked] == [line["question_id"] for line in received]
    assert {line["model"] for line in received} == {"good"}
    used = [line for line in advised.ran.named("decision.made") if line.get("advice") == "used"]
    assert used
    assert program(advised.folder, "replay", "--state", "state").code == Exit.OK


@pytest.mark.parametrize("run", ["whole", "advised"])
def test_secrets_are_in_no_log_no_journal_and_no_complaint(run: str, request: pytest.FixtureRequest) -> None:
    done: Run = request.getfixturevalue(run)
    assert SECRET not in done.ran.out + done.ran.err
    # What a model says is journaled as it said it, and here the model itself tells the secret.
    if run == "whole":
        for file in (done.folder / "state").iterdir():
            assert SECRET.encode() not in file.read_bytes()


def test_a_server_that_is_not_there_is_a_warning_and_the_rules_go_on(tmp_path: Path) -> None:
    arguments = prepared(tmp_path, count=80)
    ran = program(
        tmp_path, "run", *arguments, **LIVELY, OLLAMA__URL="http://127.0.0.1:9", OLLAMA__TOKEN=SECRET
    )
    assert (ran.code, ran.err) == (Exit.OK, "")
    (warned,) = ran.named("advisor.unreachable")
    assert warned["level"] == "warning"
    assert "unreachable" in warned["reason"]
    failed = ran.named("advice.failed")
    assert {line["reason"] for line in failed} == {"resting"}
    assert all("qwq: resting unreachable" in line["detail"] for line in failed)
    assert ran.named("run.summarised")[0]["decisions"] == 80
    assert SECRET not in ran.out


def test_a_model_that_hangs_costs_its_deadline_of_event_time_only(tmp_path: Path) -> None:
    arguments = prepared(tmp_path, count=64)
    with ollama_thread({"slow": in_turn(says(), hangs())}) as url:
        ran = program(
            tmp_path, "run", *arguments, **LIVELY,
            OLLAMA__URL=url, OLLAMA__MODELS="slow", OLLAMA__DEADLINE_MS="100",
        )  # fmt: skip
    assert ran.code == Exit.OK
    failed = ran.named("advice.failed")
    assert len(failed) > 3
    slow, spared = failed[:3], failed[3:]
    assert {line["reason"] for line in slow} == {"timeout"}
    assert all(100 <= line["latency_ms"] < 5_000 for line in slow)
    (rested,) = ran.named("advisor.rested")
    assert (rested["model"], rested["failures"]) == ("slow", 3)
    assert {line["reason"] for line in spared} == {"resting"}
    assert all(line["latency_ms"] < 100 for line in spared)


def test_a_model_that_is_never_loaded_costs_no_more_than_the_deadline(tmp_path: Path) -> None:
    arguments = prepared(tmp_path, count=64)
    with ollama_thread({"cold": hangs()}) as url:
        ran = program(
            tmp_path, "run", *arguments, **LIVELY,
            OLLAMA__URL=url, OLLAMA__MODELS="cold", OLLAMA__DEADLINE_MS="100",
        )  # fmt: skip
    assert ran.code == Exit.OK
    failed = ran.named("advice.failed")
    assert {line["reason"] for line in failed} == {"warming"}
    assert all(line["latency_ms"] < 5_000 for line in failed)


def test_without_a_tape_it_plays_the_synthetic_market(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That market is endless: here it ends after an hour."""
    made = wiring.paper_market

    def bounded(settings: Settings, feed: MarketFeed) -> Bounded:
        return Bounded(made(settings, feed), feed.begins_ts + HOUR)

    monkeypatch.setattr(wiring, "paper_market", bounded)
    command = ("run", "--speed", "max", "--advisor", "off", "--state", "state")
    ran = program(tmp_path, *command, SYNTHETIC__SEED="7")
    assert (ran.code, ran.err) == (Exit.OK, "")
    assert ran.named("daemon.started")[0]["venue"] == "synthetic"
    assert ran.named("run.summarised")[0]["decisions"] == 60
    again = program(tmp_path, *command, SYNTHETIC__SEED="8")
    assert "the checkpoint has seed 7, this market 8" in one_line(again, Exit.DATA)


def test_what_is_odd_about_settings_and_files_is_told_at_the_start(tmp_path: Path) -> None:
    candles = random_walk(4, 80, minutes=60)
    del candles[40]
    write_candles(tmp_path / "tape.csv", candles)
    ran = program(
        tmp_path,
        "run",
        "--tape",
        "tape.csv",
        "--speed",
        "max",
        "--advisor",
        "off",
        STRATEGY__M_REALIZEDVOL="3.0",
    )
    assert ran.code == Exit.OK
    assert "guide's scale" in ran.named("settings.noted")[0]["note"]
    (warned,) = ran.named("tape.warned")
    assert (warned["what"], warned["count"], warned["first_row"]) == ("gap", 1, 41)


def test_a_console_is_for_people(tmp_path: Path) -> None:
    arguments = prepared(tmp_path, count=70)
    ran = program(tmp_path, "run", *arguments, "--advisor", "off", "--log-format", "console", **LIVELY)
    assert ran.code == Exit.OK
    assert "decision.made" in ran.out
    assert not ran.out.startswith("{")


def test_the_journal_is_made_in_the_state_directory_of_the_settings(whole: Run) -> None:
    assert (whole.folder / "state" / JOURNAL_NAME).is_file()
    assert sorted(path.name for path in whole.folder.iterdir() if path.is_dir()) == ["state"]
