"""What the shell's tests share: the log of daemons that run in the test's own process, kept as lines."""

import pytest

import drift_e3.live.daemon
from tests.live.daemons import KeptLog


@pytest.fixture(autouse=True)
def kept_log(monkeypatch: pytest.MonkeyPatch) -> KeptLog:
    log = KeptLog()
    monkeypatch.setattr(drift_e3.live.daemon, "log", log)
    return log
