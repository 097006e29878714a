"""A fault at a time meets the daemon, and it ends in the safe state that the table names. A sample; the whole
table is in the torture."""

from pathlib import Path

import pytest

from drift_e3.core.terms import OrderKind, Reason
from drift_e3.drill.faults import FaultKind
from drift_e3.ports import VenueRefused
from drift_e3.venues.solana.program import Ticket, Trading
from drift_e3.venues.velocity.program import VelocityProgram
from tests.live.fault_cells import UNPROTECTED_MAX_S, When, check_cell
from tests.live.fault_table import SAMPLE, TABLE
from tests.live.live_checks import check, fills
from tests.live.live_stage import a_stage
from tests.live.virtual_time import run_virtually

ROWS = {row.title: row for row in TABLE}


def test_the_table_has_every_fault_from_every_state() -> None:
    assert {row.kind for row in TABLE} == set(FaultKind)
    assert len(ROWS) == len(TABLE)
    assert len(TABLE) * len(When) >= 60


@pytest.mark.parametrize(("title", "when"), SAMPLE.items())
def test_a_fault_ends_in_its_safe_state(title: str, when: When, tmp_path: Path) -> None:
    check_cell(tmp_path, ROWS[title], when, "velocity", "emulation")


def test_a_position_that_gets_no_stop_is_left_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = VelocityProgram.place

    def refused(self: VelocityProgram, ticket: Ticket, trading: Trading) -> object:
        if ticket.kind is OrderKind.TRIGGER_MARKET:
            raise VenueRefused("no triggers today")
        return place(self, ticket, trading)

    monkeypatch.setattr(VelocityProgram, "place", refused)

    async def story() -> None:
        variables = {"RISK__UNPROTECTED_MAX_S": str(UNPROTECTED_MAX_S), "STRATEGY__M_MAXHOLDHOURS": "10"}
        async with a_stage(tmp_path, variables=variables) as stage:
            await stage.start()
            await stage.until(lambda: stage.state.tally.trades == 1, 70.0)
            assert [fill.reason for fill in fills(stage)] == [Reason.ENTRY, Reason.UNPROTECTED]
            assert UNPROTECTED_MAX_S * 1_000 < stage.loose_ms < UNPROTECTED_MAX_S * 1_000 + 4_000
            check(stage)

    run_virtually(story)
