"""The program's command line within the test's own process, with its output and its exit code."""

import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
import structlog

import drift_e3.advisors.attendance
import drift_e3.cli.launch
import drift_e3.journal.rotation
import drift_e3.live.daemon
from drift_e3.cli import main


class Ran(NamedTuple):
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Standard output as a log: one object a line."""
        return [msgspec.json.decode(line) for line in self.out.splitlines()]

    def named(self, event: str) -> list[dict[str, Any]]:
        """The log's lines of one name."""
        return [line for line in self.lines if line["event"] == event]


def program(folder: Path, *arguments: object, **variables: str) -> Ran:
    """Run `drift-e3 arguments` in `folder`; variables without their prefix. A bug's exception is raised."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    code = 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(folder)
        patch.delenv("STATE_DIRECTORY", raising=False)
        for name in [name for name in os.environ if name.upper().startswith("DRIFT_E3_")]:
            patch.delenv(name)
        # Many daemons run at once here, and only one could have the status server's port.
        for name, value in ({"SERVER__PORT": "0"} | variables).items():
            patch.setenv(f"DRIFT_E3_{name}", value)
        patch.setattr(sys, "argv", ["drift-e3", *map(str, arguments)])
        patch.setattr(sys, "excepthook", sys.excepthook)
        # A logger keeps the first output it meets, which was another run's.
        for module in (
            drift_e3.cli.launch,
            drift_e3.live.daemon,
            drift_e3.advisors.attendance,
            drift_e3.journal.rotation,
        ):
            patch.setattr(module, "log", structlog.get_logger())
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
    return Ran(code, *(stream.buffer.getvalue().decode() for stream in (out, err)))


def export(folder: Path, state: object, kind: str) -> list[dict[str, Any]]:
    """A journal's records of one kind, without the kind."""
    ran = program(folder, "journal", "export", "--state", state, "--kind", kind)
    assert (ran.code, ran.err) == (0, "")
    return [{name: value for name, value in line.items() if name != "kind"} for line in ran.lines]
