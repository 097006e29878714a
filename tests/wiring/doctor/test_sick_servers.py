"""Servers, services and the machine: each trouble is named, and what to do about it."""

from pathlib import Path

import pytest

from drift_e3.core.terms import MS_PER_SECOND
from drift_e3.drill.chain import SLOT_MS
from drift_e3.drill.faults import FaultKind, Service
from drift_e3.drill.local_chain import LocalChain
from drift_e3.venues.solana.endpoints import JITTER_FRAC, REST_S
from drift_e3.venues.solana.rpc import EndpointHealth
from drift_e3.wiring.doctor import Purpose, chain, servers
from tests.wiring.doctor.patients import Patient, a_patient, failures, found, warnings

# -- the servers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "says", "advises"),
    [
        (FaultKind.HTTP_BUSY, "rate_limited", "a server of your own"),
        (FaultKind.HTTP_ERROR, "http_error", "access key"),
        (FaultKind.HTTP_TIMEOUT, "timeout", "DRIFT_E3_RPC__TIMEOUT_S"),
        (FaultKind.HTTP_GARBAGE, "bad_", "that of a Solana RPC server"),
        (FaultKind.HTTP_TRUNCATED, "disconnected", "name another"),
    ],
)
async def test_a_server_that_is_of_no_use_fails_and_says_how(
    fault: FaultKind, says: str, advises: str, tmp_path: Path
) -> None:
    async with a_patient(tmp_path) as patient:
        patient.local.faults.start(fault, service=Service.RPC)
        timeout_s = "0.3" if fault is FaultKind.HTTP_TIMEOUT else "5"
        report = await patient.examined(RPC__TIMEOUT_S=timeout_s)
        check = found(report, "rpc")
        assert failures(report) == ["rpc"]
        assert says in check.detail
        assert advises in check.remedy
        assert found(report, "pauses").detail == "not checked: rpc failed"
        # What does not depend on it is looked at all the same.
        assert found(report, "key").status == found(report, "dlob").status == "pass"


async def test_a_server_that_is_not_there_fails(tmp_path: Path) -> None:
    async with a_patient(tmp_path) as patient:
        report = await patient.examined(RPC__URLS="http://127.0.0.1:9/a-secret-key")
        assert failures(report) == ["rpc"]
        assert "unreachable" in found(report, "rpc").detail
        assert "a-secret-key" not in str(report)


async def test_one_bad_moment_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As long as a server is left alone after a failure.
    monkeypatch.setattr(chain, "SECOND_LOOK_S", REST_S * (1.0 + JITTER_FRAC))
    async with a_patient(tmp_path) as patient:
        patient.local.faults.start(FaultKind.HTTP_GARBAGE, service=Service.RPC, method="getHealth", count=1)
        report = await patient.examined()
        assert report.ok


async def test_a_second_server_that_is_down_is_a_warning(tmp_path: Path) -> None:
    async with a_patient(tmp_path) as patient:
        urls = f"http://127.0.0.1:9,{patient.local.rpc_url}"
        report = await patient.examined(RPC__URLS=urls)
        assert report.ok
        assert "rpc" in warnings(report)
        assert "unreachable: 127.0.0.1:9 " in found(report, "rpc").detail


async def test_an_address_that_is_none_is_said_without_showing_it(tmp_path: Path) -> None:
    async with a_patient(tmp_path) as patient:
        report = await patient.examined(RPC__URLS="http://host/" + 10_000 * "s3cr3t-")
        assert failures(report) == ["rpc"]
        assert "not the address of an RPC server" in found(report, "rpc").detail
        assert "s3cr3t" not in str(report)


async def test_servers_of_two_clusters_fail_and_a_late_one_is_named(tmp_path: Path) -> None:
    async with a_patient(tmp_path) as patient, LocalChain("velocity", "emulation", seed=1) as other:
        other.step(100)
        report = await patient.examined(RPC__URLS=f"{patient.local.rpc_url},{other.rpc_url}")
        assert failures(report) == ["cluster"]
        behind = found(report, "rpc_lag")
        assert behind.status == "warn"
        assert patient.local.rpc_url.removeprefix("http://") in behind.detail


async def test_a_server_that_keeps_no_history_of_transactions_fails_live_and_not_on_paper(
    tmp_path: Path,
) -> None:
    async with a_patient(tmp_path) as patient:
        patient.local.faults.start(FaultKind.HTTP_ERROR, service=Service.RPC, method="getSignatureStatuses")
        report = await patient.examined()
        check = found(report, "rpc_history")
        assert failures(report) == ["rpc_history"]
        assert "no history of transactions" in check.detail
        assert "DRIFT_E3_RPC__URLS" in check.remedy
        paper = await patient.examined(Purpose.PAPER)
        assert paper.ok
        assert "rpc_history" not in [one.name for one in paper.checks]


def test_one_server_of_several_without_history_is_a_warning_and_one_that_is_down_is_none() -> None:
    well = EndpointHealth("a", "", 10, 1.0, "G")
    without = well._replace(host="b", forgets="-32011 Transaction history is not available from this node")
    down = EndpointHealth("c", "unreachable: c", -1, -1.0, "")
    assert servers.history([well, down]).status == "pass"
    assert servers.history([without, down]).status == "fail"
    mixed = servers.history([well, without])
    assert (mixed.status, "-32011" in mixed.detail) == ("warn", True)


# -- the machine ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("skew_s", "status"),
    [(0, "pass"), (3, "pass"), (8, "warn"), (12, "fail"), (3600, "fail"), (-8, "warn"), (-40, "fail")],
)
async def test_a_clock_that_is_off_is_seen(skew_s: int, status: str, tmp_path: Path) -> None:
    async with a_patient(tmp_path) as patient:
        patient.hands.skew_ms = skew_s * MS_PER_SECOND
        check = found(await patient.examined(), "clock")
        assert check.status == status
        assert ("NTP" in check.remedy) == (status != "pass")


async def test_an_oracle_that_is_silent_is_not_taken_for_a_clock(tmp_path: Path) -> None:
    async with a_patient(tmp_path) as patient:
        patient.local.faults.start(FaultKind.ORACLE_STALE)
        patient.local.pass_seconds(20)
        report = await patient.examined()
        assert failures(report) == ["oracle"]
        assert "stops entries" in found(report, "oracle").detail
        assert found(report, "clock").status == "pass"


# -- the services --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "name", "variable"),
    [(Service.DATA_API, "data_api", "DATA_API__URL"), (Service.DLOB, "dlob", "DLOB__URL")],
)
async def test_a_service_that_is_down_or_old_fails(
    service: Service, name: str, variable: str, tmp_path: Path
) -> None:
    async with a_patient(tmp_path) as patient:
        down = await patient.examined(**{variable: "http://127.0.0.1:9"})
        assert failures(down) == [name]
        assert "unreachable" in found(down, name).detail
        assert f"DRIFT_E3_{variable}" in found(down, name).remedy
        fault = patient.local.faults.start(FaultKind.HTTP_GARBAGE, service=service)
        assert failures(await patient.examined()) == [name]
        patient.local.faults.stop(fault.kind)
        patient.local.faults.start(FaultKind.HTTP_STALE, service=service)
        patient.local.step(400_000 // SLOT_MS)
        old = await patient.examined()
        assert failures(old) == [name]
        assert "entries would wait" in found(old, name).detail


async def test_one_bad_answer_of_a_service_is_none(tmp_path: Path) -> None:
    async with a_patient(tmp_path) as patient:
        patient.local.faults.start(FaultKind.HTTP_ERROR, service=Service.DATA_API, count=1)
        assert (await patient.examined()).ok


async def test_nothing_that_is_garbage_makes_a_bug(tmp_path: Path) -> None:
    """Every kind of garbage at every question, one after the other."""
    async with a_patient(tmp_path) as patient:
        methods = dict.fromkeys(await asked_methods(patient))
        for method in methods:
            for fault in (FaultKind.HTTP_GARBAGE, FaultKind.HTTP_TRUNCATED, FaultKind.HTTP_ERROR):
                patient.local.faults.start(fault, service=Service.RPC, method=method)
                report = await patient.examined(RPC__TIMEOUT_S="0.2")
                assert failures(report), method
                patient.local.faults.stop()


async def asked_methods(patient: Patient) -> list[str]:
    await patient.examined()
    return list(patient.local.rpc.asked)
