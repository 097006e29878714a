"""`drift-e3 doctor` from its command line, and what `run --live` asks before it starts."""

import io
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import structlog

import drift_e3.cli.launch
import drift_e3.wiring.doctor
from drift_e3.cli.exits import Exit
from drift_e3.drill.faults import FaultKind
from drift_e3.journal.state_lock import StateLock
from drift_e3.wiring.doctor import Report
from tests.cli.chain_thread import ThreadedChain, chain_thread
from tests.live.ollama_thread import ollama_thread
from tests.live.program import Ran, program
from tests.live.tapes import random_walk, write_candles

SECRET = "hunter2-s3cr3t-t0ken"
OFF = {"ADVISOR": "off"}


@pytest.fixture(scope="module")
def velocity() -> Iterator[ThreadedChain]:
    with chain_thread() as chain:
        yield chain


@pytest.fixture(scope="module")
def drift() -> Iterator[ThreadedChain]:
    with chain_thread("drift") as chain:
        yield chain


@pytest.fixture(autouse=True)
def all_is_well(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test has broken on a chain is whole again afterwards."""
    yield
    for name in {"velocity", "drift"} & set(request.fixturenames):
        request.getfixturevalue(name).mend()


def told(ran: Ran) -> dict[str, dict[str, str]]:
    """The checks of `--json` by their names."""
    document = json.loads(ran.out)
    assert set(document) == {"ok", "checks"}
    assert document["ok"] == (ran.code == Exit.OK)
    return {check["name"]: check for check in document["checks"]}


# -- without a chain -----------------------------------------------------------------------------------------


def test_the_synthetic_market_needs_little(tmp_path: Path) -> None:
    ran = program(tmp_path, "doctor", "--json", **OFF)
    assert (ran.code, ran.err) == (Exit.OK, "")
    assert list(told(ran)) == ["settings", "disk", "lock", "model"]
    assert list(tmp_path.iterdir()) == [], "nothing is made"


def test_people_get_a_line_for_each_check_and_what_to_do(tmp_path: Path) -> None:
    ran = program(tmp_path, "doctor", OLLAMA__URL="http://127.0.0.1:9")
    lines = ran.out.splitlines()
    assert [line.split()[:2] for line in lines[:4]] == [
        ["pass", "settings"],
        ["pass", "disk"],
        ["pass", "lock"],
        ["warn", "model"],
    ]
    assert lines[4].strip().startswith("-> start it (ollama serve)")
    assert lines[5] == "3 pass, 1 warn, 0 fail"
    assert ran.code == Exit.OK


def test_models_that_are_not_installed_are_a_warning_with_the_command(tmp_path: Path) -> None:
    with ollama_thread() as url:
        where = {"OLLAMA__URL": url, "OLLAMA__TOKEN": SECRET}
        ran = program(tmp_path, "doctor", "--json", **where, OLLAMA__MODELS="good")
        assert told(ran)["model"]["status"] == "pass"
        ran = program(tmp_path, "doctor", "--json", **where, OLLAMA__MODELS="best,good")
        assert told(ran)["model"]["status"] == "warn"
        assert told(ran)["model"]["remedy"] == "ollama pull best"
        assert SECRET not in ran.out + ran.err


def test_settings_that_cannot_be_used_are_a_failed_check(tmp_path: Path) -> None:
    ran = program(tmp_path, "doctor", "--json", "--live", RISK__RISK_FRAC="0.9", NONSENSE="1")
    assert ran.code == Exit.CHECK_FAILED
    checks = told(ran)
    assert list(checks) == ["settings"]
    assert "DRIFT_E3_RISK__RISK_FRAC" in checks["settings"]["detail"]
    assert "DRIFT_E3_NONSENSE" in checks["settings"]["detail"]


def test_a_tape_is_read(tmp_path: Path) -> None:
    write_candles(tmp_path / "tape.csv", random_walk(4, 30, minutes=60))
    variables = OFF | {"TAPE__PATH": "tape.csv"}
    checks = told(program(tmp_path, "doctor", "--venue", "tape", "--json", **variables))
    assert checks["tape"]["status"] == "pass"
    (tmp_path / "tape.csv").write_text("ts_ms,open\n1,2\n")
    ran = program(tmp_path, "doctor", "--venue", "tape", "--json", **variables)
    assert told(ran)["tape"]["status"] == "fail"
    assert ran.code == Exit.CHECK_FAILED


def test_a_running_daemon_is_a_warning_that_names_it(tmp_path: Path) -> None:
    with StateLock(tmp_path / "state", 1_700_000_000_000):
        ran = program(tmp_path, "doctor", "--json", **OFF)
    assert ran.code == Exit.OK
    detail = told(ran)["lock"]["detail"]
    assert detail == f"process {os.getpid()} holds the state directory since 2023-11-14 22:13:20 UTC"


def test_a_disk_that_is_full_or_none_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    ran = program(tmp_path, "doctor", "--json", "--state", "file/state", **OFF)
    assert "is no folder" in told(ran)["disk"]["detail"]
    for free, status in ((10_000_000, "fail"), (900_000_000, "warn"), (9_000_000_000, "pass")):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: SimpleNamespace(free=free))
        assert told(program(tmp_path, "doctor", "--json", **OFF))["disk"]["status"] == status


def test_what_is_logged_meanwhile_is_not_in_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def examine(*_: object) -> Report:
        structlog.get_logger().warning("chain.unseen", reason="made up")
        logging.getLogger("a.library").warning("made up as well")
        return Report(checks=())

    monkeypatch.setattr(drift_e3.wiring.doctor, "examine", examine)
    ran = program(tmp_path, "doctor", "--json")
    assert json.loads(ran.out) == {"ok": True, "checks": []}
    assert ran.err.count("made up") == 2


def test_whoever_breaks_it_off_sees_no_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def examine(*_: object) -> Report:
        raise KeyboardInterrupt

    monkeypatch.setattr(drift_e3.wiring.doctor, "examine", examine)
    ran = program(tmp_path, "doctor")
    assert (ran.code, ran.out, ran.err) == (128 + signal.SIGINT, "", "")


# -- with one ------------------------------------------------------------------------------------------------


def test_a_venue_that_is_well_is_code_0_and_one_that_is_paused_code_1(
    velocity: ThreadedChain, tmp_path: Path
) -> None:
    ran = program(tmp_path, "doctor", "--live", **velocity.variables)
    assert (ran.code, ran.err) == (Exit.OK, "")
    assert ran.out.splitlines()[-1].endswith("0 fail")
    assert "warn  licence       no parameter card is given, and the default parameters have no" in ran.out
    velocity.start(FaultKind.PAUSE_EXCHANGE)
    ran = program(tmp_path, "doctor", "--json", **velocity.variables)
    assert ran.code == Exit.CHECK_FAILED
    assert told(ran)["pauses"]["status"] == "fail"
    assert list(tmp_path.iterdir()) == []


def test_standard_output_is_the_report_alone(drift: ThreadedChain, tmp_path: Path) -> None:
    """The library that reads Drift's accounts likes to print."""
    variables = drift.variables | {"RPC__URLS": f"{drift.local.rpc_url}/?api-key={SECRET}"}
    ran = subprocess.run(
        [sys.executable, "-c", "from drift_e3.cli import main; main()", "doctor", "--json", "--live"],
        cwd=tmp_path, env=environment(variables), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (Exit.OK, "")
    names = [check["name"] for check in json.loads(ran.stdout)["checks"]]
    assert "liveness" in names
    assert SECRET not in ran.stdout


# -- before a live start -------------------------------------------------------------------------------------


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """The daemon is not started; this is whether it would have been, and live."""
    started: list[bool] = []

    async def launch(*_: object, live: bool, cautions: object) -> Any:
        started.append(live)
        return SimpleNamespace(trader=SimpleNamespace(state=SimpleNamespace(started_halted=False)))

    monkeypatch.setattr(drift_e3.cli.launch, "launch", launch)
    return started


def live(chain: ThreadedChain, folder: Path, *more: str, **variables: str) -> Ran:
    accepted = ("--accept", "unlicensed")
    return program(folder, "run", "--live", *accepted, *more, **chain.variables | variables)


def refused(ran: Ran, code: Exit) -> list[str]:
    """The lines of a refusal; the first names what failed."""
    assert (ran.code, ran.out) == (code, "")
    lines = ran.err.splitlines()
    assert all(line.startswith("drift-e3: ") for line in lines)
    return [line.removeprefix("drift-e3: ") for line in lines]


@pytest.mark.usefixtures("starts")
def test_a_failed_check_refuses_and_is_named(velocity: ThreadedChain, tmp_path: Path) -> None:
    velocity.start(FaultKind.PAUSE_EXCHANGE)
    lines = refused(live(velocity, tmp_path, "--yes"), Exit.UNAVAILABLE)
    assert lines[0] == "trading live is refused: pauses, order failed"
    assert lines[1].startswith("pauses: exchange: fills and triggers are paused -> ")
    assert len(lines) == 3
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("starts")
def test_what_a_person_must_mend_is_another_code(velocity: ThreadedChain, tmp_path: Path) -> None:
    variables = {"KEY__FILE": str(velocity.local.owner_key_file)}
    lines = refused(live(velocity, tmp_path, "--yes", **variables), Exit.CONFIGURATION)
    assert lines[0] == "trading live is refused: delegate failed"


@pytest.mark.usefixtures("starts")
def test_a_halted_drift_says_so_first(drift: ThreadedChain, tmp_path: Path) -> None:
    drift.start(FaultKind.PAUSE_EXCHANGE, amount=255)
    lines = refused(live(drift, tmp_path, "--yes", DLOB__URL="http://127.0.0.1:9"), Exit.UNAVAILABLE)
    assert lines[0].startswith("trading live is refused: liveness, ")
    assert lines[1].startswith("liveness: Drift v2 is halted: ")


@pytest.mark.usefixtures("starts")
def test_a_second_daemon_is_refused_before_anything_is_asked(velocity: ThreadedChain, tmp_path: Path) -> None:
    velocity.local.rpc.asked.clear()
    with StateLock(tmp_path / "state", 0):
        lines = refused(live(velocity, tmp_path, "--yes"), Exit.LOCKED)
    assert f"is in use by process {os.getpid()}" in lines[0]
    assert velocity.local.rpc.asked == []


def test_without_a_terminal_it_needs_a_yes(
    velocity: ThreadedChain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, starts: list[bool]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    ran = live(velocity, tmp_path)
    assert (ran.code, ran.out) == (Exit.USAGE, "")
    assert ran.err.splitlines()[-1].endswith("needs --yes where there is no terminal to ask on")
    assert (starts, list(tmp_path.iterdir())) == ([], [])


class Terminal(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("typed", "code", "started", "last"),
    [
        ("y\n", Exit.OK, True, ""),
        ("n\n", Exit.CHECK_FAILED, False, "not started"),
        ("\n", Exit.CHECK_FAILED, False, "not started"),
        ("", Exit.CHECK_FAILED, False, "not started"),
    ],
)
def test_on_a_terminal_it_shows_account_caps_and_venue_and_asks(
    velocity: ThreadedChain,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    typed: str,
    code: Exit,
    started: bool,
    last: str,
    starts: list[bool],
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    ran = live(velocity, tmp_path, LEVERAGE__CHOP="0.7", RISK__MAX_POSITION_USD="1234")
    assert (ran.code, ran.out) == (code, "")
    assert starts == ([True] if started else [])
    assert "LIVE on velocity" in ran.err
    assert f"of {velocity.local.authority}: 1,000.00 USD, no position" in ran.err
    assert "chop 0.7x" in ran.err
    assert "1,234 USD a position" in ran.err
    assert "exchange, market and quote market are open" in ran.err
    assert "Trade this account live on velocity?" in ran.err
    assert ran.err.endswith(f"drift-e3: {last}\n" if last else "[y/N]: ")


@pytest.mark.slow
def test_with_a_yes_it_starts_and_its_log_stays_clean(velocity: ThreadedChain, tmp_path: Path) -> None:
    arguments = ("run", "--live", "--yes", "--accept", "unlicensed")
    with subprocess.Popen(
        [sys.executable, "-c", "from drift_e3.cli import main; main()", *arguments],
        cwd=tmp_path, env=environment(velocity.variables), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        assert (first["event"], first["paper"]) == ("daemon.started", False)
        assert process.stderr is not None
        for text in process.stdout:
            line = json.loads(text)
            # The first that comes from the market itself.
            if line["event"] == "market.recovered":
                process.send_signal(signal.SIGTERM)
        assert line["event"] == "daemon.stopped"
        assert process.wait(60) == Exit.OK
        assert process.stderr.read().startswith("LIVE on velocity")


def environment(variables: dict[str, str]) -> dict[str, str]:
    mine = {name: value for name, value in os.environ.items() if not name.startswith("DRIFT_E3_")}
    root = {"PYTHONPATH": str(Path(__file__).parents[2])}
    return mine | root | {f"DRIFT_E3_{name}": value for name, value in variables.items()}
