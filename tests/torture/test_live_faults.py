"""Every fault from every state, on every program that is there."""

from pathlib import Path

import pytest

from drift_e3.drill.local_chain import EngineName, VenueName
from tests.drill.stages import STAGES
from tests.live.fault_cells import Row, When, check_cell
from tests.live.fault_table import TABLE


@pytest.mark.torture
@pytest.mark.parametrize(("venue", "engine"), STAGES)
@pytest.mark.parametrize("when", When)
@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.title)
def test_a_fault_ends_in_its_safe_state(
    row: Row, when: When, venue: VenueName, engine: EngineName, tmp_path: Path
) -> None:
    check_cell(tmp_path, row, when, venue, engine)
