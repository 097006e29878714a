"""A venue with everything in place: what is looked at, for which purpose, and how it is told."""

import json
import os
from pathlib import Path

import pytest

from drift_e3.drill.local_chain import PROGRAMS_VARIABLE, EngineName, VenueName
from drift_e3.drill.stage import PROGRAM_FILES
from drift_e3.wiring.doctor import Purpose
from tests.wiring.doctor.patients import a_patient, found, warnings

MACHINE = ["settings", "disk", "lock"]
CHAIN = [
    "rpc", "rpc_lag", "cluster", "program", "deployment", "clock", "accounts", "quote_mint", "market",
    "oracle", "pauses",
]  # fmt: skip
ACCOUNT = [
    "rpc_history", "key", "account", "delegate", "fee_payer", "collateral", "foreign", "order",
    "priority_fee",
]  # fmt: skip
SERVICES = ["data_api", "dlob", "model"]


def case(venue: VenueName, engine: EngineName) -> object:
    binary = Path(os.environ.get(PROGRAMS_VARIABLE, "")) / PROGRAM_FILES[venue]
    absent = engine == "program" and not binary.is_file()
    reason = f"no {PROGRAM_FILES[venue]} in {PROGRAMS_VARIABLE}"
    return pytest.param(
        venue, engine, marks=pytest.mark.skipif(absent, reason=reason), id=f"{venue}-{engine}"
    )


@pytest.mark.parametrize(
    ("venue", "engine"),
    [
        case("velocity", "emulation"),
        case("velocity", "program"),
        case("drift", "emulation"),
        case("drift", "program"),
    ],
)
async def test_a_venue_with_everything_in_place_is_well(
    venue: VenueName, engine: EngineName, tmp_path: Path
) -> None:
    async with a_patient(tmp_path / "state", venue=venue, engine=engine) as patient:
        report = await patient.examined(LIVE__DEPLOYMENT_SLOT=str(patient.local.chain.first_slot))
        liveness = ["liveness"] if venue == "drift" else []
        assert [check.name for check in report.checks] == MACHINE + liveness + CHAIN + ACCOUNT + SERVICES
        assert report.ok
        # The drill is no cluster that anybody knows.
        assert warnings(report) == ["cluster"]
        assert not (tmp_path / "state").exists(), "nothing is made"
        assert "1,000.00 USD" in found(report, "account").detail
        assert str(patient.local.delegate.pubkey()) in found(report, "delegate").detail
        # Looked at, tried, and not sent.
        assert "sendTransaction" not in patient.local.rpc.asked
        assert "simulateTransaction" in patient.local.rpc.asked


async def test_paper_needs_neither_key_nor_account(tmp_path: Path) -> None:
    async with a_patient(tmp_path) as patient:
        report = await patient.examined(Purpose.PAPER, KEY__FILE="/no/such/key")
        assert [check.name for check in report.checks] == MACHINE + CHAIN + SERVICES
        assert report.ok


async def test_paper_without_servers_of_its_own_asks_no_chain(tmp_path: Path) -> None:
    async with a_patient(tmp_path) as patient:
        del patient.settings["DRIFT_E3_RPC__URLS"]
        report = await patient.examined(Purpose.PAPER)
        assert [check.name for check in report.checks] == [*MACHINE, "clock", *SERVICES]
        assert patient.local.rpc.asked == []
        # The drill's own time is not that of its server's machine, whose clock the answer's head tells.
        assert "the clock of 127.0.0.1" in found(report, "clock").detail
        assert found(report, "clock").failed


async def test_without_a_purpose_the_account_is_looked_at_if_one_is_named(tmp_path: Path) -> None:
    async with a_patient(tmp_path) as patient:
        report = await patient.examined(Purpose.ANY)
        assert [check.name for check in report.checks] == MACHINE + CHAIN + ACCOUNT + SERVICES
        del patient.settings["DRIFT_E3_ACCOUNT__AUTHORITY"]
        report = await patient.examined(Purpose.ANY)
        assert [check.name for check in report.checks] == [*MACHINE, *CHAIN, "account", *SERVICES]
        assert report.ok
        assert found(report, "account").status == "warn"
        assert "DRIFT_E3_ACCOUNT__AUTHORITY" in found(report, "account").remedy


async def test_the_document_has_exactly_the_keys_that_are_promised(tmp_path: Path) -> None:
    async with a_patient(tmp_path) as patient:
        report = await patient.examined()
    document = json.loads(json.dumps(report.document()))
    assert set(document) == {"ok", "checks"}
    assert document["ok"] is True
    for row in document["checks"]:
        assert set(row) == {"name", "status", "detail", "remedy"}
        assert row["status"] in {"pass", "warn", "fail"}
        assert row["detail"]
        assert bool(row["remedy"]) == (row["status"] != "pass")
