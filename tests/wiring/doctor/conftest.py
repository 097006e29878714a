"""Examinations that wait for nothing."""

import pytest

from drift_e3.wiring.doctor import chain


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers that all failed are asked again without waiting."""
    monkeypatch.setattr(chain, "SECOND_LOOK_S", 0.0)
