"""The script of continuous integration: gets what tests drive if it can, and judges by the tests alone."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci" / "run"
NEEDED = ("bash", "dirname", "env", "timeout")


class Ran(NamedTuple):
    """How the script ended, what it said, and what it called."""

    code: int
    said: list[str]
    called: list[str]


class Machine:
    """A checkout and a PATH in which commands only note that they were called."""

    def __init__(self, folder: Path) -> None:
        self._checkout = folder / "checkout"
        self._commands = folder / "commands"
        self._calls = folder / "calls"
        self._commands.mkdir()
        (self._checkout / ".ci").mkdir(parents=True)
        shutil.copy(SCRIPT, self._checkout / ".ci" / "run")
        for name in NEEDED:
            (self._commands / name).symlink_to(str(shutil.which(name)))
        for name in ("make", "apt-get"):
            self.has(name)
        # Who is not root asks for it; here it is the same.
        self._write("sudo", 'shift\nexec "$@"')

    def has(self, name: str, failing: str = "") -> None:
        """A command of this name; called with `failing` among its words it fails and says why."""
        self._write(
            name,
            f'echo "{name} $*" >> {self._calls}\n'
            f'case " $* " in *" {failing or "-"} "*) echo noise; echo "no {failing} here" >&2; exit 3;; esac',
        )

    def _write(self, name: str, body: str) -> None:
        command = self._commands / name
        command.write_text(f"#!{shutil.which('bash')}\n{body}\n")
        command.chmod(0o755)

    def run(self) -> Ran:
        self._calls.write_text("")
        done = subprocess.run(
            ["bash", ".ci/run"],
            cwd=self._checkout,
            env={**os.environ, "PATH": str(self._commands)},
            capture_output=True,
            text=True,
            check=False,
        )
        return Ran(done.returncode, done.stdout.splitlines(), self._calls.read_text().splitlines())


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_on_a_new_machine_all_that_tests_drive_is_installed_before_they_run(machine: Machine) -> None:
    ran = machine.run()
    assert (ran.code, ran.said) == (0, [])
    assert ran.called == [
        "apt-get update -q",
        "apt-get install -q -y --no-install-recommends chromium",
        "apt-get install -q -y --no-install-recommends prometheus",
        "make install",
        "make --silent optional",
        "make test",
    ]


def test_what_is_there_is_not_asked_for(machine: Machine) -> None:
    machine.has("chromium")
    machine.has("promtool")
    assert machine.run().called == ["make install", "make --silent optional", "make test"]


def test_what_cannot_be_had_is_one_line_with_its_reason_and_no_failure(machine: Machine) -> None:
    machine.has("apt-get", failing="chromium")
    machine.has("make", failing="optional")
    ran = machine.run()
    assert ran.code == 0
    assert ran.said == [
        "ci: could not get chromium, tests that need it are skipped: no chromium here",
        "ci: could not get what 'make optional' adds, tests that need it are skipped: no optional here",
    ]
    assert ran.called[-1] == "make test"


def test_tests_that_fail_fail_it(machine: Machine) -> None:
    machine.has("make", failing="test")
    assert machine.run().code != 0
