"""The daemon in a process of its own."""

import json
import subprocess
from pathlib import Path

from tests.cli.runs import command, environment


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
