"""Backtest, compiled loop, paper daemon and replay are one: line by line the same decisions and fills."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest

from drift_e3.config import load
from drift_e3.lab.audit.findings import Rule
from drift_e3.lab.backtest import backtest
from drift_e3.lab.kernel.preparing import Unsupported, prepare
from drift_e3.lab.kernel.retelling import retell
from drift_e3.lab.kernel.running import run
from drift_e3.lab.result import document
from drift_e3.venues.sim.settings import SimSettings
from drift_e3.venues.synthetic.feed import DEFAULT_START_TS, SyntheticFeed
from drift_e3.wiring import paper_market, recording
from tests.live.daemons import Bounded, orders, run_on
from tests.live.journals import audited, plant_difference
from tests.live.program import export, program
from tests.live.tapes import HOUR, LIVELY, random_walk, write_candles, write_funding, write_ticks

REAL = {
    "real 5m": ("sol_usdt_binance_usdm_5m_2024-12_2025-09.parquet", 0),
    "real 1m": ("sol_usdt_binance_usdm_1m_2025-05_2025-06.parquet", 20_000),
}
REAL_FUNDING = "sol_hyperliquid_funding_premium_1h_2024-12_2025-09.parquet"
REAL_CANDLES = 10_000


@dataclass
class Both:
    """One tape, run by the daemon (whose journal is in `folder`/state) and by the backtest."""

    folder: Path
    arguments: list[object]
    variables: dict[str, str]
    candles: int
    daemon_output: str
    backtest: dict[str, Any]


def _made(folder: Path, name: str) -> tuple[list[object], dict[str, str], int]:
    variables = dict(LIVELY)
    if name == "made 60m":
        candles, hours = random_walk(4, 1_000, minutes=60), 1_001
    elif name == "made 5m":
        candles, hours = random_walk(3, 3_000), 251
    else:
        candles, hours = random_walk(5, 600, minutes=60), 601
        variables["TAPE__TICKS"] = str(write_ticks(folder / "ticks.csv", candles))
    tape = write_candles(folder / "tape.csv", candles)
    funding = write_funding(folder / "funding.csv", 1, hours)
    return ["--tape", tape, "--funding", funding], variables, len(candles)


def _real(folder: Path, name: str, shared: Path) -> tuple[list[object], dict[str, str], int]:
    file, first = REAL[name]
    table = pq.read_table(shared / "candles" / file).slice(first, REAL_CANDLES)
    pq.write_table(table, folder / "tape.parquet")
    return (
        ["--tape", folder / "tape.parquet", "--funding", shared / "funding" / REAL_FUNDING],
        {},
        table.num_rows,
    )


@pytest.fixture(
    scope="module",
    params=[
        "made 5m",
        "made 60m",
        "made ticks",
        *(pytest.param(name, marks=(pytest.mark.shared_data, pytest.mark.slow)) for name in REAL),
    ],
)
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Both:
    name: str = request.param
    folder = tmp_path_factory.mktemp("parity")
    if name in REAL:
        tape, variables, count = _real(folder, name, request.getfixturevalue("shared_data"))
    else:
        tape, variables, count = _made(folder, name)
    ran = program(
        folder,
        "run",
        "--paper",
        "--venue",
        "tape",
        *tape,
        "--speed",
        "max",
        "--advisor",
        "off",
        "--state",
        "state",
        **variables,
    )
    assert (ran.code, ran.err) == (0, "")
    tested = program(folder, "backtest", *tape, "--json", "result.json", **variables)
    assert tested.code == 0
    result = json.loads((folder / "result.json").read_text())
    return Both(folder, tape, variables, count, ran.out, result)


def test_the_daemon_goes_through_all_candles_and_ends_with_a_summary(both: Both) -> None:
    *_, summary, ended = (json.loads(line) for line in both.daemon_output.splitlines())
    assert (summary["event"], ended["event"]) == ("run.summarised", "daemon.stopped")
    assert summary["decisions"] == both.candles
    assert summary["trades"] > 3


def test_the_daemon_takes_the_decisions_of_the_backtest_line_by_line(both: Both) -> None:
    _same_lines(export(both.folder, "state", "decision"), both.backtest["decisions"], both.candles)


def test_the_daemon_has_the_fills_of_the_backtest_line_by_line(both: Both) -> None:
    _same_lines(export(both.folder, "state", "fill"), both.backtest["fills"], 6)


def test_the_compiled_loop_has_the_daemons_decisions_and_fills_line_by_line(both: Both) -> None:
    environment = {f"DRIFT_E3_{name}": value for name, value in both.variables.items()}
    tape = {"path": str(both.arguments[1]), "funding": str(both.arguments[3])}
    if "TAPE__TICKS" in both.variables:
        tape["ticks"] = both.variables["TAPE__TICKS"]
    settings = load(environment=environment, overrides={"advisor": "off", "tape": tape}).settings
    feed = recording(settings).feed
    if "ticks" in tape:
        with pytest.raises(Unsupported):
            prepare(feed, settings.simulation())
        return
    prepared = prepare(feed, settings.simulation(), keep=False)
    result = retell(prepared, run(prepared, settings.trading(), settings.paper.equity_usd))
    told = msgspec.json.decode(msgspec.json.encode(document(result)))
    _same_lines(export(both.folder, "state", "decision"), told["decisions"], both.candles)
    _same_lines(export(both.folder, "state", "fill"), told["fills"], 6)
    assert told["metrics"] == both.backtest["metrics"]


def test_a_replay_is_byte_equal(both: Both) -> None:
    ran = program(both.folder, "replay", "--state", "state")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.endswith("decisions and commands are byte-equal\n")


def test_the_summary_is_the_one_of_the_backtest(both: Both) -> None:
    summary = json.loads(both.daemon_output.splitlines()[-2])
    metrics = both.backtest["metrics"]
    for name in ("fills", "trades", "wins", "position_base", "halted"):
        assert summary[name] == metrics[name], name
    for name in ("pnl_usd", "price_pnl_usd", "slippage_usd", "fees_usd", "funding_usd"):
        assert summary[name] == round(metrics[name], 4), name


def test_no_entry_exceeds_the_cap_and_excess_is_brought_down_at_once(both: Both) -> None:
    found = audited(both.folder / "state")
    assert found.findings == ()
    assert found.checked[Rule.PACE] > 3, "entries"
    if "TAPE__TICKS" not in both.variables:
        # With ticks some minutes apart an order has nothing to fill at any sooner.
        assert found.figures.overexposed_ms_max <= SimSettings().order_latency_ms + 2_000


def test_a_planted_difference_is_found_and_shown(both: Both, tmp_path: Path) -> None:
    seq = plant_difference(both.folder / "state", tmp_path / "state")
    ran = program(tmp_path, "replay", "--state", "state")
    assert (ran.code, ran.out) == (1, "")
    where, journaled, computed = ran.err.splitlines()
    assert journaled.removeprefix("journal: ")[:24] == computed.removeprefix("replay:  ")[:24]
    assert where.startswith(f"event {seq} ")
    assert journaled.startswith("journal: ")
    assert computed.startswith("replay:  ")
    assert journaled.removeprefix("journal: ") != computed.removeprefix("replay:  ")


def _same_lines(one: list[dict[str, Any]], other: list[dict[str, Any]], at_least: int) -> None:
    for place, (journaled, computed) in enumerate(zip(one, other, strict=True)):
        assert journaled == computed, place
    assert len(one) >= at_least


def test_the_synthetic_market_has_one_course_for_daemon_and_backtest(tmp_path: Path) -> None:
    """Ticks, books and funding: the market is endless, so both are cut off at the same event time."""
    settings = load(
        environment={f"DRIFT_E3_{name}": value for name, value in LIVELY.items()},
        overrides={"advisor": "off"},
    ).settings
    hours = 3

    def market() -> Bounded:
        return Bounded(paper_market(settings, SyntheticFeed(seed=7)), DEFAULT_START_TS + hours * HOUR)

    how = orders(tmp_path / "state", settings.trading())
    ended = run_on(market(), how)
    tested = document(backtest(market(), settings.trading(), how.equity_usd))
    _same_lines(export(tmp_path, "state", "decision"), tested["decisions"], hours * 60)
    _same_lines(export(tmp_path, "state", "fill"), tested["fills"], 2)
    assert ended.trader.state.tally.fills == len(tested["fills"])
    found = audited(tmp_path / "state")
    assert found.findings == ()
    assert found.figures.overexposed_ms_max <= SimSettings().order_latency_ms + 2_000
    assert program(tmp_path, "replay", "--state", "state").code == 0
