"""`drift-e3 run` from its command line: its log as a story, its exit codes, its signals, its secrets."""

import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from drift_e3 import wiring
from drift_e3.cli.exits import Exit
from drift_e3.config import Settings
from drift_e3.journal.schema import JOURNAL_NAME
from drift_e3.journal.state_lock import StateLock
from drift_e3.log_events import LOG_EVENTS
from drift_e3.venues.paper import MarketFeed
from tests.advisors.scripted_ollama import GOOD_ANSWER, hangs, says
from tests.live.daemons import Bounded
from tests.live.journals import spoil
from tests.live.ollama_thread import ollama_thread
from tests.live.program import Ran, export, program
from tests.live.tapes import HOUR, LIVELY, random_walk, write_candles, write_funding

ROOT = Path(__file__).parents[2]
CANDLES = 400
SECRET = "hunter2-s3cr3t-t0ken"


class Run(NamedTuple):
    """A run over a made tape, in its folder."""

    folder: Path
    arguments: tuple[object, ...]
    ran: Ran


def prepared(folder: Path, seed: int = 4, count: int = CANDLES) -> tuple[object, ...]:
    write_candles(folder / "tape.csv", random_walk(seed, count, minutes=60))
    write_funding(folder / "funding.csv", 1, count + 1)
    return ("--tape", "tape.csv", "--funding", "funding.csv", "--speed", "max", "--state", "state")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run through a whole tape, on rules alone."""
    folder = tmp_path_factory.mktemp("whole")
    arguments = ("--paper", "--venue", "tape", *prepared(folder), "--advisor", "off")
    return Run(folder, arguments, program(folder, "run", *arguments, **LIVELY, OLLAMA__TOKEN=SECRET))


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
    assert {line["reason"] for line in ran.named("advice.failed")} == {"unreachable"}
    assert ran.named("run.summarised")[0]["decisions"] == 80
    assert SECRET not in ran.out


def test_a_model_that_hangs_costs_its_deadline_of_event_time_only(tmp_path: Path) -> None:
    arguments = prepared(tmp_path, count=64)
    with ollama_thread({"slow": hangs()}) as url:
        ran = program(
            tmp_path, "run", *arguments, **LIVELY,
            OLLAMA__URL=url, OLLAMA__MODELS="slow", OLLAMA__DEADLINE_MS="100",
        )  # fmt: skip
    assert ran.code == Exit.OK
    failed = ran.named("advice.failed")
    assert len(failed) > 3
    assert {line["reason"] for line in failed} == {"timeout"}
    assert all(100 <= line["latency_ms"] < 5_000 for line in failed)


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


@pytest.mark.parametrize("arguments", [(), ("journal",)])
def test_a_command_line_without_a_verb_shows_the_verbs(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ran = program(tmp_path, *arguments)
    assert ran.code == Exit.USAGE
    assert ran.err.startswith("Usage: drift-e3")
    assert "Commands:" in ran.err


# -- exit codes ----------------------------------------------------------------------------------------------


def one_line(ran: Ran, code: Exit) -> str:
    assert ran.code == code
    (line,) = ran.err.splitlines()
    assert line.startswith("drift-e3: ")
    return line.removeprefix("drift-e3: ")


def untouched(state: Path, act: Callable[[], None]) -> None:
    """Nothing of a state directory changes while `act` runs, save the lock that says who holds it and what
    SQLite keeps beside a journal that is only read."""

    def content() -> dict[str, bytes]:
        files = {file.name: file.read_bytes() for file in state.iterdir() if file.name != "lock"}
        return {name: data for name, data in files.items() if data and not name.endswith("-shm")}

    before = content()
    act()
    assert content() == before


@pytest.mark.parametrize("more", [(), ("--yes",)])
def test_live_is_refused_in_one_sentence(tmp_path: Path, more: tuple[str, ...]) -> None:
    ran = program(tmp_path, "run", "--live", *more)
    assert "no live venue is configured" in one_line(ran, Exit.CONFIGURATION)
    assert list(tmp_path.iterdir()) == []


def test_a_second_daemon_on_a_state_directory_is_refused(whole: Run) -> None:
    with StateLock(whole.folder / "state", 0):
        ran = program(whole.folder, "run", *whole.arguments, **LIVELY)
        assert f"is in use by process {os.getpid()}" in one_line(ran, Exit.LOCKED)
        assert "is in use" in one_line(
            program(whole.folder, "resume", "--state", "state", "--timeout", "0"), Exit.LOCKED
        )


@pytest.mark.parametrize(
    ("variables", "more"),
    [
        ({"PAPER__EQUITY_USD": "999"}, ()),
        ({"PAPER__MAKER_FEE_BPS": "1"}, ()),
        ({"PAPER__VOLUME_SHARE": "0.5"}, ()),
        ({}, ("--symbol", "ETH-PERP")),
        ({}, ("--funding", "other-funding.csv")),
        ({}, ("--tape", "other-tape.csv")),
    ],
)
def test_a_restart_with_another_market_is_refused_and_touches_nothing(
    whole: Run, variables: dict[str, str], more: tuple[str, ...]
) -> None:
    write_candles(whole.folder / "other-tape.csv", random_walk(5, CANDLES, minutes=60))
    write_funding(whole.folder / "other-funding.csv", 2, CANDLES)

    def act() -> None:
        ran = program(whole.folder, "run", *whole.arguments, *more, **LIVELY, **variables)
        one_line(ran, Exit.DATA)

    untouched(whole.folder / "state", act)


def test_a_damaged_row_is_one_line_that_names_it(whole: Run, tmp_path: Path) -> None:
    arguments = prepared(tmp_path)
    assert program(tmp_path, "run", *arguments, "--advisor", "off", **LIVELY, SPEED="max").code == Exit.OK
    last = export(tmp_path, "state", "stop_requested")
    assert len(last) == 1
    spoil(tmp_path / "state", 30, "events")
    for verb in ("replay", "journal verify"):
        ran = program(tmp_path, *verb.split(), "--state", "state")
        assert ran.code in {Exit.DATA, Exit.CHECK_FAILED}
        assert "30: checksum differs" in ran.out + ran.err


def test_a_state_directory_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    arguments = prepared(tmp_path)
    (tmp_path / "file").touch()
    ran = program(tmp_path, "run", *arguments[:-1], "file/state", "--advisor", "off")
    assert one_line(ran, Exit.UNAVAILABLE) == "file/state: Not a directory"


DISK_FULL = """
import resource, signal, sys
from drift_e3.cli import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))
sys.argv = ["drift-e3", *sys.argv[1:]]
main()
"""


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-c", "from drift_e3.cli import main; main()", *map(str, arguments)]


def environment(**variables: str) -> dict[str, str]:
    mine = {name: value for name, value in os.environ.items() if not name.startswith("DRIFT_E3_")}
    return mine | {"PYTHONPATH": str(ROOT)} | {f"DRIFT_E3_{name}": value for name, value in variables.items()}


@pytest.mark.slow
def test_a_full_disk_is_one_line_and_the_next_start_goes_on(tmp_path: Path) -> None:
    arguments = [*map(str, prepared(tmp_path)), "--advisor", "off"]
    full = subprocess.run(
        [sys.executable, "-c", DISK_FULL, "run", *arguments],
        capture_output=True, text=True, check=False, cwd=tmp_path, env=environment(**LIVELY),
    )  # fmt: skip
    assert full.returncode == Exit.UNAVAILABLE
    (line,) = full.stderr.splitlines()
    assert re.fullmatch(r"drift-e3: state/journal.db: (disk I/O error|database or disk is full)", line)
    decided = export(tmp_path, "state", "decision")
    assert len(decided) > 20
    assert program(tmp_path, "run", *arguments, **LIVELY).code == Exit.OK
    again = export(tmp_path, "state", "decision")
    assert len(again) == CANDLES
    assert again[: len(decided)] == decided


def test_a_halt_holds_over_a_restart_until_a_person_resumes(tmp_path: Path) -> None:
    arguments = (*prepared(tmp_path), "--advisor", "off")
    variables = LIVELY | {"RISK__DRAWDOWN_MAX": "0.005"}
    first = program(tmp_path, "run", *arguments, **variables)
    assert first.code == Exit.OK
    assert first.named("daemon.stopped")[0]["halted"] is True
    again = program(tmp_path, "run", *arguments, **variables)
    assert "drift-e3 resume --state state" in one_line(again, Exit.HALTED)
    resumed = program(tmp_path, "resume", "--state", "state")
    assert (resumed.code, resumed.err) == (Exit.OK, "")
    assert resumed.out.startswith("the halt is lifted")
    assert program(tmp_path, "resume", "--state", "state").out.startswith("there was neither")
    assert program(tmp_path, "run", *arguments, **variables).code == Exit.OK
    assert program(tmp_path, "replay", "--state", "state").code == Exit.OK


# -- signals, in a process of its own ------------------------------------------------------------------------


class Daemon:
    """A daemon in a process of its own; reading its log blocks until there is a line, so nobody sleeps."""

    def __init__(self, folder: Path, *arguments: object, **variables: str) -> None:
        self.process = subprocess.Popen(
            command("run", *arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, cwd=folder, env=environment(**variables),
        )  # fmt: skip

    def until(self, event: str) -> dict[str, object]:
        """Read the log up to a line of this name."""
        assert self.process.stdout is not None
        for text in self.process.stdout:
            line: dict[str, object] = json.loads(text)
            if line["event"] == event:
                return line
        raise AssertionError(f"no {event}; {self.process.communicate()[1]}")

    def end(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Callable[..., Daemon]]:
    started: list[Daemon] = []

    def start(*arguments: object, **variables: str) -> Daemon:
        started.append(Daemon(tmp_path, *arguments, **variables))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.communicate()


@pytest.mark.slow
def test_sigterm_ends_a_real_daemon_in_order_and_sighup_changes_its_settings(
    tmp_path: Path, daemon: Callable[..., Daemon]
) -> None:
    arguments = prepared(tmp_path)
    env_file = tmp_path / ".env"
    env_file.write_text("DRIFT_E3_RISK__RISK_FRAC=0.02\n")
    one = daemon(*arguments, "--speed", "36000", "--advisor", "off", **LIVELY, STOP_TIMEOUT_S="3600")
    one.until("decision.made")
    env_file.write_text("DRIFT_E3_RISK__RISK_FRAC=0.01\n")
    one.process.send_signal(signal.SIGHUP)
    assert one.until("settings.changed")["kept"] == []
    env_file.write_text("DRIFT_E3_RISK__RISK_FRAC=2\n")
    one.process.send_signal(signal.SIGHUP)
    refused = one.until("settings.refused")
    env_file.unlink()
    assert "0.0001 to 0.5" in str(refused["reason"])
    one.process.send_signal(signal.SIGTERM)
    code, out, err = one.end()
    assert (code, err) == (Exit.OK, "")
    events = [json.loads(line)["event"] for line in out.splitlines()]
    assert events[-2:] == ["run.summarised", "daemon.stopped"]
    assert program(tmp_path, "journal", "verify", "--state", "state").code == Exit.OK


@pytest.mark.slow
def test_a_second_signal_ends_a_real_daemon_at_once(tmp_path: Path, daemon: Callable[..., Daemon]) -> None:
    one = daemon(
        *prepared(tmp_path, count=3_000), "--speed", "1000000", "--advisor", "off",
        **LIVELY, STOP_POLICY="reduce",
    )  # fmt: skip
    one.until("position.opened")
    one.process.send_signal(signal.SIGTERM)
    one.until("stop.requested")
    one.process.send_signal(signal.SIGTERM)
    code, _, err = one.end()
    assert (code, err) == (Exit.CHECK_FAILED, "")
    assert program(tmp_path, "journal", "verify", "--state", "state").code == Exit.OK


def test_a_console_is_for_people(tmp_path: Path) -> None:
    arguments = prepared(tmp_path, count=70)
    ran = program(tmp_path, "run", *arguments, "--advisor", "off", "--log-format", "console", **LIVELY)
    assert ran.code == Exit.OK
    assert "decision.made" in ran.out
    assert not ran.out.startswith("{")


def test_the_journal_is_made_in_the_state_directory_of_the_settings(whole: Run) -> None:
    assert (whole.folder / "state" / JOURNAL_NAME).is_file()
    assert sorted(path.name for path in whole.folder.iterdir() if path.is_dir()) == ["state"]


@pytest.mark.parametrize(
    "arguments", [("--tape", "tape.csv", "--venue", "synthetic"), ("--funding", "funding.csv")]
)
def test_options_that_contradict_each_other_are_refused(arguments: tuple[str, ...], tmp_path: Path) -> None:
    one_line(program(tmp_path, "run", *arguments), Exit.USAGE)
    assert not (tmp_path / "state").exists()
