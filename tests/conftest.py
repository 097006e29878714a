"""What every test may ask for: the recorded data beside the checkout, where it exists."""

from pathlib import Path

import pytest

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
