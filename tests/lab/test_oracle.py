"""What came next on a tape."""

from pathlib import Path

from drift_e3.core.terms import Direction
from drift_e3.lab.oracle import TapeOracle
from drift_e3.venues.tape.reading import read_candles
from tests.live.tapes import START, Candle, write_candles

HOUR = 3_600_000


def test_it_knows_the_way_from_one_close_to_another_and_nothing_else(tmp_path: Path) -> None:
    closes = (100.0, 101.0, 101.0, 99.0)
    rows = [Candle(START + n * HOUR, close, close, close, close, 1.0) for n, close in enumerate(closes)]
    oracle = TapeOracle(read_candles(write_candles(tmp_path / "tape.csv", rows)), HOUR)
    told = [oracle(START + n * HOUR) for n in range(6)]
    assert [direction.name for direction in told] == ["FLAT", "LONG", "FLAT", "SHORT", "FLAT", "FLAT"]
    assert oracle(START + HOUR + 1) is Direction.FLAT
