"""A house for senders."""

from pathlib import Path

import pytest

from tests.venues.solana.sender_house import House


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "outbox.db")
