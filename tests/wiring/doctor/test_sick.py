"""Each thing that can be wrong, broken on the drill: the check that names it, and what it advises."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from solders.account import Account
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from drift_e3.core.terms import MS_PER_SECOND, Side
from drift_e3.drill.chain import SLOT_MS
from drift_e3.drill.faults import FaultKind, Service
from drift_e3.drill.local_chain import PROGRAMS_VARIABLE, LocalChain, write_key
from drift_e3.drill.stage import PROGRAM_FILES
from drift_e3.journal.schema import JOURNAL_NAME
from drift_e3.venues.solana.deployment import DeploymentPin
from drift_e3.venues.solana.endpoints import JITTER_FRAC, REST_S
from drift_e3.wiring.doctor import Purpose, chain
from tests.drill.stages import Trader
from tests.wiring.doctor.patients import Patient, a_patient, failures, found, warnings

SYSTEM = Pubkey.default()


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers that all failed are asked again without waiting."""
    monkeypatch.setattr(chain, "SECOND_LOOK_S", 0.0)


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


# -- the program and the market ------------------------------------------------------------------------------


async def test_a_program_that_is_gone_fails(tmp_path: Path) -> None:
    async with a_patient(tmp_path) as patient:
        shown = patient.local.chain.shown
        for address in list(shown):
            account = shown[address]
            shown[address] = Account(account.lamports, account.data, account.owner, executable=False)
        report = await patient.examined()
        assert failures(report) == ["program"]
        assert "cannot be carried out" in found(report, "program").detail


async def test_code_that_was_closed_fails(tmp_path: Path) -> None:
    async with a_patient(tmp_path) as patient:
        shown = patient.local.chain.shown
        del shown[next(address for address, account in shown.items() if not account.executable)]
        report = await patient.examined()
        assert failures(report) == ["deployment"]
        assert "closed" in found(report, "deployment").detail


async def test_a_program_that_was_deployed_anew_fails_until_it_is_approved(tmp_path: Path) -> None:
    async with a_patient(tmp_path) as patient:
        DeploymentPin(tmp_path, 0).pin(patient.local.chain.first_slot)
        patient.local.faults.start(FaultKind.REDEPLOYED)
        slot = patient.local.chain.slot
        check = found(await patient.examined(), "deployment")
        assert check.failed
        assert f"DRIFT_E3_LIVE__DEPLOYMENT_SLOT={slot}" in check.remedy
        approved = await patient.examined(LIVE__DEPLOYMENT_SLOT=str(slot))
        assert found(approved, "deployment").status == "pass"
        assert (await patient.examined(Purpose.PAPER)).ok


async def test_a_new_program_that_nobody_has_approved_yet_is_a_warning(tmp_path: Path) -> None:
    async with a_patient(tmp_path) as patient:
        assert found(await patient.examined(), "deployment").status == "warn"
        patient.local.stage.deployed(patient.local.chain.slot - 1_000_000)
        assert found(await patient.examined(), "deployment").status == "pass"


async def test_a_pin_that_holds_no_slot_fails(tmp_path: Path) -> None:
    async with a_patient(tmp_path) as patient:
        (tmp_path / "program.pin").write_text("soon")
        assert failures(await patient.examined()) == ["deployment"]


@pytest.mark.parametrize("venue", ["velocity", "drift"])
async def test_another_quote_asset_fails(venue: str, tmp_path: Path) -> None:
    async with a_patient(tmp_path, venue=venue) as patient:
        patient.local.faults.start(FaultKind.WRONG_MINT)
        patient.local.step(2)
        report = await patient.examined()
        assert failures(report) == ["quote_mint"]
        assert "mint" in found(report, "quote_mint").detail
        assert "do not trade" in found(report, "quote_mint").remedy
        assert found(report, "account").detail == "not checked: quote_mint failed"


async def test_another_market_than_the_settings_mean_fails(tmp_path: Path) -> None:
    async with a_patient(tmp_path) as patient:
        report = await patient.examined(Purpose.PAPER, SYMBOL="BTC-PERP")
        assert "accounts" in failures(report)
        assert "BTC-PERP" in found(report, "accounts").detail


@pytest.mark.parametrize(
    ("venue", "fault", "amount", "says"),
    [
        ("velocity", FaultKind.PAUSE_EXCHANGE, 8, "fills and triggers are paused"),
        ("velocity", FaultKind.PAUSE_EXCHANGE, 255, "everything is paused"),
        ("velocity", FaultKind.PAUSE_MARKET, 4, "market: fills are paused"),
        ("velocity", FaultKind.PAUSE_MARKET, 2, "fills of the AMM"),
        ("velocity", FaultKind.MARKET_STATUS, 2, "reduce-only"),
        ("velocity", FaultKind.MARKET_STATUS, 4, "delisted"),
        ("drift", FaultKind.PAUSE_EXCHANGE, 8, "the exchange has paused fills"),
        ("drift", FaultKind.PAUSE_MARKET, 4, "the market has paused fills"),
    ],
)
async def test_a_pause_fails_whatever_layer_pauses(
    venue: str, fault: FaultKind, amount: int, says: str, tmp_path: Path
) -> None:
    async with a_patient(tmp_path, venue=venue) as patient:
        patient.local.faults.start(fault, amount=amount)
        patient.local.step(2)
        report = await patient.examined()
        assert "pauses" in failures(report)
        assert says in found(report, "pauses").detail
        assert "wait" in found(report, "pauses").remedy
        if venue == "drift":
            assert found(report, "liveness").detail.startswith("Drift v2 is halted: ")
        paper = await patient.examined(Purpose.PAPER)
        assert paper.ok
        assert "paper goes on" in found(paper, "pauses").detail


async def test_a_pause_that_stops_no_entry_is_a_warning(tmp_path: Path) -> None:
    async with a_patient(tmp_path) as patient:
        patient.local.faults.start(FaultKind.PAUSE_EXCHANGE, amount=1)
        patient.local.step(2)
        report = await patient.examined()
        assert report.ok
        assert "deposits are paused" in found(report, "pauses").detail


async def test_a_full_market_fails(tmp_path: Path) -> None:
    async with a_patient(tmp_path) as patient:
        stage = patient.local.stage
        stage.edit("PerpMarket", stage.dialect.perp_market, {"max_open_interest": 1})
        patient.local.step(2)
        report = await patient.examined()
        assert "market" in failures(report)
        assert "nothing can be opened" in found(report, "market").detail


async def test_a_fee_that_paper_does_not_know_is_a_warning(tmp_path: Path) -> None:
    async with a_patient(tmp_path) as patient:
        check = found(await patient.examined(PAPER__TAKER_FEE_BPS="3"), "market")
        assert check.status == "warn"
        assert "DRIFT_E3_PAPER__TAKER_FEE_BPS=3.5" in check.remedy


# -- Drift, halted -------------------------------------------------------------------------------------------


async def test_a_drift_without_funding_says_that_it_is_halted(tmp_path: Path) -> None:
    async with a_patient(tmp_path, venue="drift") as patient:
        stage = patient.local.stage
        long_ago_s = patient.local.chain.now_ts // MS_PER_SECOND - 200 * 86_400
        stage.edit("PerpMarket", stage.dialect.perp_market, {"amm.last_funding_rate_ts": long_ago_s})
        patient.local.step(2)
        for purpose in Purpose:
            check = found(await patient.examined(purpose), "liveness")
            assert check.detail.startswith("Drift v2 is halted: there has been no funding for 200 days")
            assert check.failed == (purpose is not Purpose.PAPER)


@pytest.mark.skipif(
    not (Path(os.environ.get(PROGRAMS_VARIABLE, "")) / PROGRAM_FILES["velocity"]).is_file(),
    reason=f"no {PROGRAM_FILES['velocity']} in {PROGRAMS_VARIABLE}",
)
async def test_the_real_program_refuses_a_paused_order_in_the_rehearsal(tmp_path: Path) -> None:
    async with a_patient(tmp_path, engine="program") as patient:
        patient.local.faults.start(FaultKind.PAUSE_EXCHANGE)
        patient.local.step(2)
        report = await patient.examined()
        assert failures(report) == ["pauses", "order"]
        assert "ExchangePaused (6024)" in found(report, "order").detail


# -- the account ---------------------------------------------------------------------------------------------


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
        patient.local.step(2)
        # Without a journal it is nobody's.
        assert {"pauses", "foreign", "dlob"} <= set(failures(await patient.examined()))
        (tmp_path / JOURNAL_NAME).touch()
        report = await patient.examined()
        assert failures(report) == []
        assert "a position to guard" in found(report, "pauses").detail
        assert {"pauses", "dlob"} <= set(warnings(report))


async def test_a_position_that_is_adopted_is_a_warning(tmp_path: Path) -> None:
    async with a_patient(tmp_path) as patient:
        foreign_position(patient, tmp_path)
        report = await patient.examined(ACCOUNT__FOREIGN="adopt")
        assert report.ok
        assert "guarded and closed" in found(report, "foreign").detail


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
