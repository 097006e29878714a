"""What every test may ask for: the recorded data beside the checkout, where it exists."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# The suite tries the same examples every time: a red run is about the change in hand.
# HYPOTHESIS_PROFILE=search looks for new ones. No deadlines, because machines are shared.
settings.register_profile("suite", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))

# What numba compiles is kept between runs, and shared by all workers of one: the first compiles for all.
os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(__file__).parents[1] / "build" / "compiled"))

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of recorded market and account data; the test is skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("no recorded data beside this checkout (../shared/data)")
    return SHARED_DATA


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test that asks for the recorded data, so that `-m "not shared_data"` leaves none out."""
    for item in items:
        if "shared_data" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.shared_data)
