"""The framework's discriminators and error codes."""

import base64
import json
from pathlib import Path

import pytest

from drift_e3.venues.solana.anchor import (
    ERRORS,
    account_discriminator,
    event_discriminator,
    instruction_discriminator,
)


def test_an_account_an_instruction_and_an_event_of_one_name_differ() -> None:
    made = {
        account_discriminator("Deposit"),
        event_discriminator("Deposit"),
        instruction_discriminator("Deposit"),
    }
    assert len(made) == 3
    assert {len(one) for one in made} == {8}


def test_known_discriminators_are_made() -> None:
    assert account_discriminator("PythLazerOracle").hex() == "9f07a1f922517985"
    assert event_discriminator("OrderActionRecord").hex() == "e0344347c2ed6d01"
    assert instruction_discriminator("settle_pnl").hex() == "2b3dea2d0f5f9899"


def test_the_programs_own_errors_are_not_in_the_frameworks_table() -> None:
    assert max(ERRORS) < 6000
    assert ERRORS[101] == "InstructionFallbackNotFound"


@pytest.mark.parametrize("venue", ["drift_v2", "velocity"])
def test_recorded_accounts_begin_with_their_discriminator(shared_data: Path, venue: str) -> None:
    seen = set()
    for path in (shared_data / "onchain").glob(f"{venue}_*.json"):
        for record in json.loads(path.read_text()):
            if record["type"] in {"State", "PerpMarket", "SpotMarket", "User", "UserStats"}:
                data = base64.b64decode(record["data_base64"])
                assert data[:8] == account_discriminator(record["type"])
                seen.add(record["type"])
    assert {"PerpMarket", "SpotMarket"} <= seen
