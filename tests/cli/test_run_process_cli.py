"""`drift-e3 run` in a process of its own: its signals, early and late, and a full disk."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from drift_e3.cli.exits import Exit
from tests.cli.daemon_process import Daemon
from tests.cli.runs import CANDLES, environment, prepared
from tests.live.program import export, program
from tests.live.tapes import LIVELY

DISK_FULL = """
import resource, signal, sys
from drift_e3.cli import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))
sys.argv = ["drift-e3", *sys.argv[1:]]
main()
"""


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


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_an_error_that_nobody_can_be_told_keeps_its_exit_code(tmp_path: Path, unbuffered: str) -> None:
    with Path("/dev/full").open("w") as full:
        told = subprocess.run(
            [sys.executable, "-c", "from drift_e3.cli import main; main()", "status", "--state", "nowhere"],
            check=False, cwd=tmp_path, env=environment() | {"PYTHONUNBUFFERED": unbuffered},
            stdout=full, stderr=full,
        )  # fmt: skip
    assert told.returncode == Exit.DATA


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_cannot_be_written_is_an_error_with_a_code_of_ours(
    tmp_path: Path, unbuffered: str
) -> None:
    with Path("/dev/full").open("w") as full:
        told = subprocess.run(
            [sys.executable, "-c", "from drift_e3.cli import main; main()", "config", "schema"],
            check=False, cwd=tmp_path, env=environment() | {"PYTHONUNBUFFERED": unbuffered},
            stdout=full, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    assert (told.returncode, told.stderr) == (
        Exit.UNAVAILABLE,
        "drift-e3: [Errno 28] No space left on device\n",
    )


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
