"""The real program, where somebody has put its binary."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def drift_binary() -> bytes:
    """The Drift v2 program; the test is skipped where there is none."""
    folder = os.environ.get("DRIFT_E3_PROGRAMS", "")
    path = Path(folder) / "drift.so"
    if not folder or not path.is_file():
        pytest.skip("DRIFT_E3_PROGRAMS names no folder with drift.so")
    return path.read_bytes()
