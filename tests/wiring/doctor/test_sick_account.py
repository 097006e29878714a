"""Key and account: each trouble is named, and what to do about it."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from solders.account import Account
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from drift_e3.core.terms import Side
from drift_e3.drill.faults import FaultKind, Service
from drift_e3.drill.local_chain import write_key
from drift_e3.drill.ollama_acts import hangs, says
from drift_e3.drill.scripted_ollama import scripted_ollama
from drift_e3.journal.schema import JOURNAL_NAME
from drift_e3.wiring.doctor import Purpose
from tests.drill.stages import Trader
from tests.wiring.doctor.patients import Patient, a_patient, failures, found, warnings

SYSTEM = Pubkey.default()


def stranger(patient: Patient, folder: Path) -> dict[str, str]:
    key = Keypair.from_seed(bytes([77]) * 32)
    write_key(folder / "stranger.json", key)
    patient.local.chain.set_account(key.pubkey(), Account(10_000_000_000, b"", SYSTEM))
    patient.local.step(2)
    return {"KEY__FILE": str(folder / "stranger.json")}


def owner(patient: Patient, _: Path) -> dict[str, str]:
    return {"KEY__FILE": str(patient.local.owner_key_file)}


def no_key(_: Patient, folder: Path) -> dict[str, str]:
    return {"KEY__FILE": str(folder / "none.json")}


def open_key(patient: Patient, folder: Path) -> dict[str, str]:
    write_key(folder / "open.json", patient.local.delegate)
    (folder / "open.json").chmod(0o644)
    return {"KEY__FILE": str(folder / "open.json")}


def no_account(_: Patient, __: Path) -> dict[str, str]:
    return {"ACCOUNT__SUB_ACCOUNT": "7"}


def no_address(_: Patient, __: Path) -> dict[str, str]:
    return {"ACCOUNT__AUTHORITY": "z" * 44}


def no_sol(patient: Patient, _: Path) -> dict[str, str]:
    patient.local.chain.set_account(patient.local.delegate.pubkey(), Account(100_000, b"", SYSTEM))
    patient.local.step(2)
    return {}


def foreign_order(patient: Patient, _: Path) -> dict[str, str]:
    patient.local.faults.start(FaultKind.FOREIGN_ORDER)
    patient.local.step(3)
    return {}


def foreign_position(patient: Patient, _: Path) -> dict[str, str]:
    assert Trader(patient.local).place(Side.BUY, 1.0, 152.0) is not None
    return {}


def liquidation(patient: Patient, _: Path) -> dict[str, str]:
    patient.local.faults.start(FaultKind.LIQUIDATION)
    patient.local.step(2)
    return {}


def paused_account(patient: Patient, _: Path) -> dict[str, str]:
    patient.local.faults.start(FaultKind.PAUSE_USER)
    patient.local.step(2)
    return {}


Break = Callable[[Patient, Path], dict[str, str]]


@pytest.mark.parametrize(
    ("broken", "name", "says", "advises"),
    [
        (stranger, "delegate", "may not sign", "the account's delegate"),
        (owner, "delegate", "which can withdraw", "make a new key"),
        (no_key, "key", "there is no key", "0400"),
        (open_key, "key", "open to others", "0400"),
        (no_account, "account", "does not exist", "open the account"),
        (no_address, "account", "is not an address", "DRIFT_E3_ACCOUNT__AUTHORITY"),
        (no_sol, "fee_payer", "0 transactions", "SOL to"),
        (foreign_order, "foreign", "1 open orders", "cancel"),
        (foreign_position, "foreign", "+1 that the daemon did not open", "DRIFT_E3_ACCOUNT__FOREIGN=adopt"),
        (liquidation, "account", "being liquidated", "deposit"),
        (paused_account, "account", "immediate fills of the AMM", "ask the venue"),
    ],
)
async def test_what_is_wrong_with_key_or_account_fails_by_its_name(
    broken: Break, name: str, says: str, advises: str, tmp_path: Path
) -> None:
    async with a_patient(tmp_path / "state") as patient:
        report = await patient.examined(**broken(patient, tmp_path))
        assert name in failures(report)
        assert says in found(report, name).detail
        assert advises in found(report, name).remedy
        # A key is no text of any report.
        assert str(list(bytes(patient.local.delegate)))[1:40] not in str(report)


@pytest.mark.parametrize(("broken", "name"), [(stranger, "delegate"), (no_sol, "fee_payer")])
async def test_an_order_that_must_fail_is_not_tried_and_not_held_against_the_venue(
    broken: Break, name: str, tmp_path: Path
) -> None:
    async with a_patient(tmp_path / "state", venue="drift") as patient:
        report = await patient.examined(**broken(patient, tmp_path))
        assert failures(report) == [name]
        assert found(report, "order").detail == f"not checked: {name} failed"
        assert "simulateTransaction" not in patient.local.rpc.asked


async def test_the_owner_s_key_is_a_warning_where_it_is_allowed(tmp_path: Path) -> None:
    async with a_patient(tmp_path) as patient:
        report = await patient.examined(**owner(patient, tmp_path), KEY__ALLOW_OWNER="true")
        assert report.ok
        assert "delegate" in warnings(report)


async def test_no_account_named_fails_live(tmp_path: Path) -> None:
    async with a_patient(tmp_path) as patient:
        del patient.settings["DRIFT_E3_ACCOUNT__AUTHORITY"]
        report = await patient.examined()
        assert failures(report) == ["account"]
        assert found(report, "order").detail == "not checked: account failed"


@pytest.mark.parametrize(
    ("deposit_usd", "status"), [(0.0, "fail"), (0.01, "fail"), (1.0, "warn"), (2.0, "pass")]
)
async def test_collateral_must_be_enough_for_the_smallest_order(
    deposit_usd: float, status: str, tmp_path: Path
) -> None:
    async with a_patient(tmp_path, deposit_usd=deposit_usd) as patient:
        check = found(await patient.examined(), "collateral")
        assert check.status == status
        assert ("deposit" in check.remedy) == (status != "pass")


async def test_fees_above_the_cap_are_a_warning_with_the_setting(tmp_path: Path) -> None:
    async with a_patient(tmp_path) as patient:
        patient.local.chain.priority_fee = 5_000_000
        check = found(await patient.examined(), "priority_fee")
        assert check.status == "warn"
        assert "DRIFT_E3_LIVE__PRIORITY_FEE_LAMPORTS_MAX=" in check.remedy


async def test_a_position_to_guard_makes_warnings_of_what_only_stops_entries(tmp_path: Path) -> None:
    async with a_patient(tmp_path) as patient:
        foreign_position(patient, tmp_path)
        patient.local.faults.start(FaultKind.PAUSE_EXCHANGE)
        patient.local.faults.start(FaultKind.HTTP_ERROR, service=Service.DLOB)
        patient.local.faults.start(FaultKind.HTTP_ERROR, service=Service.DATA_API)
        patient.local.step(2)
        # Without a journal it is nobody's.
        assert {"pauses", "foreign", "data_api", "dlob"} <= set(failures(await patient.examined()))
        (tmp_path / JOURNAL_NAME).touch()
        report = await patient.examined()
        assert failures(report) == []
        assert "a position to guard" in found(report, "pauses").detail
        assert {"pauses", "data_api", "dlob"} <= set(warnings(report))


async def test_a_start_with_a_position_to_guard_does_not_wait_for_a_model(tmp_path: Path) -> None:
    async with a_patient(tmp_path) as patient, scripted_ollama({"one": hangs()}, {"one": "a"}) as server:
        asked = {"ADVISOR": "ollama", "OLLAMA__URL": server.url, "OLLAMA__MODELS": "one"}
        foreign_position(patient, tmp_path)
        (tmp_path / JOURNAL_NAME).touch()
        async with asyncio.timeout(20.0):
            report = await patient.examined(Purpose.LIVE, True, **asked)
        assert report.ok
        assert "a position to guard" in found(report, "model").detail
        # Who only wants to know is told; so is a start with nothing to guard.
        server.scripts["one"] = says()
        for starting in (False, True):
            assert found(await patient.examined(Purpose.LIVE, starting, **asked), "model").status == "pass"
            (tmp_path / JOURNAL_NAME).unlink(missing_ok=True)


async def test_stops_like_our_own_of_which_no_journal_knows_are_a_warning(tmp_path: Path) -> None:
    async with a_patient(tmp_path) as patient:
        trader = Trader(patient.local)
        trader.stop(1.0, patient.local.price_usd * 0.98)
        report = await patient.examined()
        assert report.ok
        check = found(report, "foreign")
        assert (check.status, check.detail[:23]) == ("warn", "1 stops or targets like")
        (tmp_path / JOURNAL_NAME).touch()
        assert found(await patient.examined(), "foreign").status == "pass"


async def test_a_position_that_is_adopted_is_a_warning(tmp_path: Path) -> None:
    async with a_patient(tmp_path) as patient:
        foreign_position(patient, tmp_path)
        report = await patient.examined(ACCOUNT__FOREIGN="adopt")
        assert report.ok
        assert "guarded and closed" in found(report, "foreign").detail
