"""Markets of luck: that they are one, and that what is planted is there and nothing else."""

from pathlib import Path

import numpy as np
import pytest

from drift_e3.core.terms import Instrument
from drift_e3.lab.luck.market import (
    BLOCK_DAYS,
    CANDLES_MIN,
    PUSH_CANDLES,
    START_TS,
    Shapes,
    made_shapes,
    planted,
    recorded_shapes,
    shapes_of,
    shuffled,
    tape_of,
)
from drift_e3.ports import DataError
from drift_e3.venues.tape.feed import TapeFeed
from tests.live.tapes import random_walk, write_candles

SOURCE = made_shapes(3)


def luck(seed: int, days: int = 200) -> Shapes:
    return shuffled(SOURCE, days, np.random.default_rng(seed))


def moves(shapes: Shapes) -> np.ndarray:
    return shapes.ratios[:, 3] - 1.0


def test_the_same_seed_is_the_same_market() -> None:
    assert (luck(1).ratios == luck(1).ratios).all()
    assert (luck(1).ratios != luck(2).ratios).any()
    assert (made_shapes(3).ratios == SOURCE.ratios).all()


def test_candles_keep_their_shape() -> None:
    for shapes in (SOURCE, luck(1), planted(luck(1), 0.4)):
        opened, high, low, close = shapes.ratios.T
        assert (high >= np.maximum(opened, close)).all()
        assert (low <= np.minimum(opened, close)).all()
        assert low.min() > 0.0
        assert shapes.volume.min() > 0.0


def test_blocks_of_a_day_stay_together() -> None:
    market = luck(5, 30)
    block = BLOCK_DAYS * market.a_day
    sizes = np.abs(moves(market)).reshape(-1, block)
    source = np.abs(moves(SOURCE))
    # Mirroring rounds in the last digit.
    starts = {round(float(size), 12): place for place, size in enumerate(source)}
    for day in sizes:
        first = starts[round(float(day[0]), 12)]
        assert (np.abs(day - source[(first + np.arange(block)) % len(source)]) < 1e-12).all()


def test_no_past_tells_the_direction_of_what_comes() -> None:
    """Over 40 markets: moves are as often up as down, and no lag correlates; their sizes do."""
    signs, lags, sizes = [], [], []
    for seed in range(40):
        found = moves(luck(seed))
        signs.append(found.mean() / found.std() * np.sqrt(len(found)))
        lags.append([np.corrcoef(found[:-lag], found[lag:])[0, 1] * np.sqrt(len(found)) for lag in (1, 2, 6)])
        sizes.append(np.corrcoef(np.abs(found[:-1]), np.abs(found[1:]))[0, 1])
    assert abs(np.mean(signs)) < 0.5
    assert np.abs(np.mean(lags, axis=0)).max() < 0.5
    assert np.mean(sizes) > 0.1


def test_a_trend_in_the_source_does_not_survive() -> None:
    rising = Shapes(3_600_000, np.tile([1.0, 1.012, 0.999, 1.01], (5_000, 1)), np.full(5_000, 9.0))
    found = moves(shuffled(rising, 100, np.random.default_rng(1)))
    assert sorted(set(found.round(9))) == [-0.01, 0.01]
    assert abs(found.mean()) < 0.001


def test_an_edge_drifts_after_a_push_and_nowhere_else() -> None:
    bare = luck(7)
    found = planted(bare, 0.3)
    added = moves(found) - moves(bare)
    drifting = np.flatnonzero(added)
    assert 0.02 < len(drifting) / len(added) < 0.5
    begins = [place for place in drifting if added[place - 1] == 0.0]
    body = bare.ratios[:, 3] - bare.ratios[:, 0]
    for place in begins:
        assert np.sign(added[place]) == np.sign(body[place - 1])
        assert np.count_nonzero(added[place : place + PUSH_CANDLES]) == PUSH_CANDLES
    stronger = moves(planted(bare, 0.6)) - moves(bare)
    assert stronger == pytest.approx(2.0 * added)
    assert (planted(bare, 0.0).ratios == bare.ratios).all()


def test_a_made_market_is_a_tape_like_any_other() -> None:
    tape = tape_of(luck(9, 20))
    assert (tape.ts_ms[0], tape.frame_ms, len(tape.ts_ms)) == (START_TS, 3_600_000, 480)
    assert all(
        low <= min(opened, close) and max(opened, close) <= high
        for opened, high, low, close in zip(tape.open, tape.high, tape.low, tape.close, strict=True)
    )
    assert TapeFeed(tape, None, Instrument()).next_ts() is not None
    again = shapes_of(tape)
    assert again.ratios == pytest.approx(luck(9, 20).ratios[1:])
    assert again.volume == pytest.approx(luck(9, 20).volume[1:])


def test_hourly_candles_of_a_file_will_do_and_others_will_not(tmp_path: Path) -> None:
    path = tmp_path / "tape.csv"
    write_candles(path, random_walk(4, CANDLES_MIN, minutes=60))
    assert len(recorded_shapes(path).ratios) == CANDLES_MIN - 1
    write_candles(path, random_walk(4, CANDLES_MIN - 1, minutes=60))
    with pytest.raises(DataError, match=r"tape.csv: has 719 candles; at least 720 are needed"):
        recorded_shapes(path)
    write_candles(path, random_walk(4, CANDLES_MIN, minutes=5))
    with pytest.raises(DataError, match=r"tape.csv: has candles of 300 s; hourly ones"):
        recorded_shapes(path)


def test_a_recorded_market_is_shuffled_as_well(shared_data: Path) -> None:
    source = recorded_shapes(shared_data / "candles" / "sol_usdt_binance_spot_1h.parquet")
    found = shuffled(source, 365, np.random.default_rng(1))
    assert len(found.ratios) == 8_760
    assert np.abs(moves(found)).mean() == pytest.approx(np.abs(moves(source)).mean(), rel=0.2)


def test_an_order_that_rests_in_a_made_market_is_worth_its_price_and_no_more() -> None:
    """A stop or target some way off, where the hour reaches it: the hour ends there on average."""
    close = SOURCE.ratios[:, 3]
    for level in (0.985, 0.995):
        touched = SOURCE.ratios[:, 2] <= level
        error = close[touched].std() / np.sqrt(touched.sum())
        assert touched.sum() > 1_000
        assert abs(close[touched].mean() - level) < 3.0 * error
    for level in (1.005, 1.015):
        touched = SOURCE.ratios[:, 1] >= level
        error = close[touched].std() / np.sqrt(touched.sum())
        assert abs(close[touched].mean() - level) < 3.0 * error
