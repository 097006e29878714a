"""Parity, replay and exposure over the whole recorded tapes, from their first candle to their last."""

import json
from pathlib import Path

import pytest

from drift_e3.venues.sim.settings import SimSettings
from tests.live.journals import audited
from tests.live.program import export, program

pytestmark = pytest.mark.torture

FUNDING = "funding/sol_hyperliquid_funding_premium_1h_2024-12_2025-09.parquet"
TAPES = {
    "candles/sol_usdt_binance_usdm_1m_2025-05_2025-06.parquet": FUNDING,
    "candles/sol_usdt_binance_usdm_5m_2024-12_2025-09.parquet": FUNDING,
    "candles/sol_usdt_binance_spot_15m_2024-01_2024-09.parquet": (
        "funding/sol_usdt_binance_usdm_funding_8h_2024-01_2026-05.parquet"
    ),
    "candles/sol_usdt_binance_spot_1h.parquet": None,
}


@pytest.mark.parametrize("file", TAPES)
def test_daemon_backtest_and_replay_agree_over_a_whole_tape(
    file: str, shared_data: Path, tmp_path: Path
) -> None:
    funding = TAPES[file]
    tape: list[object] = ["--tape", shared_data / file]
    if funding is not None:
        tape += ["--funding", shared_data / funding]
    ran = program(
        tmp_path, "run", "--paper", "--venue", "tape", *tape, "--speed", "max", "--advisor", "off",
        "--state", "state", RISK__DRAWDOWN_MAX="0.95",
    )  # fmt: skip
    assert (ran.code, ran.err) == (0, "")
    result = tmp_path / "result.json"
    assert program(tmp_path, "backtest", *tape, "--json", result, RISK__DRAWDOWN_MAX="0.95").code == 0
    whole = json.loads(result.read_text())
    assert export(tmp_path, "state", "decision") == whole["decisions"]
    assert export(tmp_path, "state", "fill") == whole["fills"]
    assert len(whole["fills"]) > 100
    assert program(tmp_path, "replay", "--state", "state").code == 0
    found = audited(tmp_path / "state")
    assert found.findings == ()
    assert found.figures.overexposed_ms_max <= SimSettings().order_latency_ms + 2_000
