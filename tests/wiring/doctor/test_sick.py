"""Program and market: each trouble, broken on the drill, the check that names it, and what it advises."""

import os
from pathlib import Path

import pytest
from solders.account import Account

from drift_e3.core.terms import MS_PER_SECOND
from drift_e3.drill.faults import FaultKind
from drift_e3.drill.local_chain import PROGRAMS_VARIABLE
from drift_e3.drill.stage import PROGRAM_FILES
from drift_e3.venues.solana.deployment import DeploymentPin
from drift_e3.wiring.doctor import Purpose
from tests.wiring.doctor.patients import a_patient, failures, found


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
