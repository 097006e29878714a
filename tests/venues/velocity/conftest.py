"""The real program, where a binary of it is at hand."""

import os
from pathlib import Path

import pytest

from drift_e3.drill.engines import ProgramEngine
from drift_e3.drill.velocity_accounts import made_accounts
from drift_e3.drill.velocity_world import recorded_accounts
from drift_e3.venues.velocity.addresses import PROGRAM_ID
from tests.venues.velocity.trading_floor import Floor

PROGRAMS = "DRIFT_E3_PROGRAMS"


@pytest.fixture(scope="session")
def engine() -> ProgramEngine:
    """The program as deployed; the test is skipped unless the folder that the environment names holds it."""
    folder = os.environ.get(PROGRAMS)
    if not folder:
        pytest.skip(f"no program binaries ({PROGRAMS} is not set)")
    binary = Path(folder) / "velocity.so"
    if not binary.is_file():
        pytest.skip(f"no velocity.so in {folder} ({PROGRAMS})")
    return ProgramEngine({PROGRAM_ID: binary.read_bytes()})


@pytest.fixture(params=["made", "recorded"])
def floor(request: pytest.FixtureRequest, engine: ProgramEngine) -> Floor:
    """A trading floor on the real program, with made-up and with recorded markets."""
    if request.param == "made":
        return Floor(engine, made_accounts())
    return Floor(engine, recorded_accounts(request.getfixturevalue("shared_data") / "onchain"))


@pytest.fixture
def made_floor(engine: ProgramEngine) -> Floor:
    """A trading floor on the real program with the made-up market."""
    return Floor(engine, made_accounts())
