"""What the shell's tests share: the log of daemons that run in the test's own process, kept as lines."""

from typing import Any

import pytest

import drift_e3.live.daemon


class KeptLog:
    """Stands in for the daemon's logger: (level, event, fields) of each line, in order."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, Any]]] = []

    def __getattr__(self, level: str) -> Any:
        return lambda event, **fields: self.lines.append((level, event, fields))

    def named(self, event: str) -> list[dict[str, Any]]:
        """The fields of the lines of one name."""
        return [fields for _, name, fields in self.lines if name == event]


@pytest.fixture(autouse=True)
def kept_log(monkeypatch: pytest.MonkeyPatch) -> KeptLog:
    log = KeptLog()
    monkeypatch.setattr(drift_e3.live.daemon, "log", log)
    return log
