"""The service unit, judged by systemd itself: correct, and with little left to attack."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from drift_e3.cli.exits import Exit

UNIT = Path(__file__).parents[2] / "deploy" / "drift-e3.service"
EXPOSURE_MAX = 2.0

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


def values(key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", UNIT.read_text(), re.MULTILINE)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The unit as on a machine where the program is installed."""
    program = tmp_path / "drift-e3"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/drift-e3/bin/drift-e3", str(program)))
    return unit


@needs_systemd
def test_systemd_finds_nothing_wrong(installed: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", installed], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@needs_systemd
def test_little_is_left_to_attack(installed: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", installed],
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found is not None, done.stderr
    assert float(found[1]) <= EXPOSURE_MAX


def test_what_a_restart_cannot_mend_is_not_restarted() -> None:
    hopeless = {Exit.USAGE, Exit.DATA, Exit.CONFIGURATION, Exit.HALTED}
    assert {int(code) for code in values("RestartPreventExitStatus")[0].split()} == set(map(int, hopeless))
    assert values("Restart") == ["on-failure"]


def test_it_is_kept_alive_only_by_the_daemons_word() -> None:
    assert values("Type") == ["notify"]
    assert values("WatchdogSec") == ["90s"]


def test_the_key_is_handed_over_and_not_needed_on_paper() -> None:
    assert values("LoadCredential") == ["drift-e3-key:/etc/drift-e3/key.json"]
    assert values("SetCredential") == ["drift-e3-key:none"]
