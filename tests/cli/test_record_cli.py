"""`drift-e3 record` as a process against the drill's services: started, stopped, killed, started again."""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from drift_e3.cli.exits import Exit
from drift_e3.venues.tape import Anomaly, read_book, read_candles, read_funding, read_ticks
from tests.cli.served_market import Served, served_market, wait_until
from tests.live.program import program


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with served_market() as found:
        yield found


@pytest.mark.slow
def test_a_recording_survives_a_kill_and_ends_on_a_signal(served: Served, tmp_path: Path) -> None:
    tape = tmp_path / "tape"
    arguments = ("record", "--venue", "velocity", "--out", "tape")
    with served.program(tmp_path, *arguments):
        wait_until((tape / "candles.parquet").exists)
        refused = program(tmp_path, *arguments, **served.variables)
        assert refused.code == Exit.LOCKED
    opened = served.opened()
    with served.program(tmp_path, *arguments) as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        assert (first["event"], first["venue"], first["symbol"]) == ("tape.begun", "velocity", "SOL-PERP")
        wait_until(lambda: served.opened() > opened)
        time.sleep(1.2)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (Exit.OK, "")
    last = json.loads(out.splitlines()[-1])
    assert last["event"] == "tape.recorded"
    assert last["ticks"] >= 1

    candles = read_candles(tape / "candles.parquet")
    assert candles.report.count(Anomaly.GAP) == 0
    truth = {bar.ts: bar.fill for bar in served.market.bars}
    assert [*candles.close] == [truth[ts][3] for ts in candles.ts_ms]
    assert len(candles.ts_ms) >= 299
    ticks = read_ticks(tape / "ticks.parquet")
    assert len(ticks.ts_ms) == last["ticks"]
    assert len(read_book(tape / "book.parquet").ts_ms) == last["books"]
    assert len(read_funding(tape / "funding.parquet").ts_ms) == 30


def test_a_venue_without_services_leaves_no_trace(tmp_path: Path) -> None:
    ran = program(tmp_path, "record", "--out", "tape")
    assert ran.code == Exit.CONFIGURATION
    assert "synthetic has no services to ask" in ran.err
    assert not (tmp_path / "tape").exists()
