"""The features of a candle: against an independent computation, at each warm-up boundary, in rare cases."""

from math import isnan, log, nan, sqrt
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from drift_e3.core.features import NO_FEATURES, Features, new_state, push_candle, windows_for
from drift_e3.core.terms import MS_PER_HOUR, MS_PER_MINUTE
from tests.core.market_builders import (
    INSTRUMENT,
    START_TS,
    a_candle,
    a_view,
    funding_at,
    observe_all,
    streamed_features,
    synthetic_tape,
)
from tests.core.naive_features import Tape, naive_features, naive_rank

TOLERANCE = 1e-9


def assert_agrees(tape: Tape) -> None:
    """Streaming and naive features know the same and agree to 1e-9; ranks are of the very values of rv_1h."""
    streamed = streamed_features(tape)
    naive = naive_features(tape, INSTRUMENT.tick_usd, INSTRUMENT.funding_floor_frac_1h)
    naive["rv_rank"] = naive_rank(streamed["rv_1h"], tape.frame_ms // MS_PER_MINUTE)
    for name in Features._fields:
        np.testing.assert_allclose(
            streamed[name], naive[name], rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True, err_msg=name
        )


def first_known(rows: list[Features], name: str) -> int:
    """The index of the first candle whose feature is known."""
    return next(index for index, row in enumerate(rows) if not isnan(getattr(row, name)))


def a_walk(count: int, frame_ms: int = MS_PER_MINUTE) -> list[Features]:
    """Features of `count` candles that rise and fall."""
    view = a_view(frame_ms)
    return observe_all(view, (a_candle(i, 100.0 + i % 7, frame_ms=frame_ms) for i in range(count)))


@pytest.mark.parametrize(
    ("minutes", "count"), [(1, 12_500), (3, 4_000), (5, 2_600), (15, 1_500), (30, 1_000), (60, 1_200)]
)
def test_features_agree_with_an_independent_computation(minutes: int, count: int) -> None:
    assert_agrees(synthetic_tape(minutes, count, minutes))


def test_every_feature_of_the_comparison_is_known_somewhere_and_unknown_somewhere() -> None:
    streamed = streamed_features(synthetic_tape(60, 1_200, 60))
    for name in set(Features._fields) - {"spread_bps", "imbalance_source"}:
        known = ~np.isnan(streamed[name])
        assert known.any(), name
        assert not known.all() or name == "open_interest_usd", name


def test_a_tape_without_gaps_agrees_as_well() -> None:
    assert_agrees(synthetic_tape(9, 3_000, 1, gap_share=0.0))


def test_the_recorded_minute_tape_agrees(shared_data: Path) -> None:
    table = pq.read_table(shared_data / "candles" / "sol_usdt_binance_usdm_1m_2025-05_2025-06.parquet")
    funding = pq.read_table(
        shared_data / "funding" / "sol_hyperliquid_funding_premium_1h_2024-12_2025-09.parquet"
    )
    assert_agrees(_recorded(table.slice(0, 15_000), funding, MS_PER_MINUTE))


def test_the_recorded_hourly_tape_agrees(shared_data: Path) -> None:
    table = pq.read_table(shared_data / "candles" / "sol_usdt_binance_spot_1h.parquet")
    funding = pq.read_table(shared_data / "funding" / "sol_hyperliquid_funding_1h_2023-05_2025-07.parquet")
    assert_agrees(_recorded(table.slice(20_000), funding, MS_PER_HOUR))


def _recorded(table: "pq.Table", funding: "pq.Table", frame_ms: int) -> Tape:
    column = {name: table[name].to_numpy() for name in table.column_names}
    funding_ts = funding["ts_ms"].to_numpy()
    hours = np.rint(np.diff(funding_ts, prepend=funding_ts[0] - MS_PER_HOUR) / MS_PER_HOUR).clip(1)
    premium = funding["premium"].to_numpy() if "premium" in funding.column_names else np.full(len(hours), nan)
    known = funding_ts <= column["ts_ms"][-1]
    return Tape(
        frame_ms=frame_ms,
        ts=column["ts_ms"],
        open=column["open"],
        high=column["high"],
        low=column["low"],
        close=column["close"],
        volume=column["volume"],
        taker_buy=np.full(len(table), nan),
        funding_ts=funding_ts[known],
        funding_rate=(funding["rate"].to_numpy() / hours)[known],
        funding_hours=hours[known],
        funding_premium=premium[known],
    )


@pytest.mark.parametrize(
    ("name", "candles_before"),
    [
        ("atr_usd", 41),
        ("body_over_atr", 42),
        ("volume_z", 30),
        ("rv_1h", 60),
        ("rv_rank", 60 + 24 * 60),
        ("r5", 5),
        ("r15", 15),
        ("r4h", 240),
        ("slope", 60 * 5 - 1),
        ("volume_trend", 60 * 5 - 1),
        ("efficiency", 49 * 5 - 1),
    ],
)
def test_a_feature_becomes_known_after_its_warm_up(name: str, candles_before: int) -> None:
    assert first_known(a_walk(1_502), name) == candles_before


@pytest.mark.parametrize(
    ("name", "candles_before"),
    [("rv_1h", 1), ("rv_rank", 25), ("r5", 1), ("r15", 1), ("r4h", 4), ("slope", 59), ("efficiency", 48)],
)
def test_windows_of_time_are_shorter_in_hourly_candles(name: str, candles_before: int) -> None:
    assert first_known(a_walk(80, MS_PER_HOUR), name) == candles_before


def test_body_is_measured_in_the_range_of_the_candles_before() -> None:
    view = a_view()
    before = observe_all(view, (a_candle(i, 100.0) for i in range(60)))[-1]
    features = view.observe(a_candle(60, 103.0, open_usd=100.0))
    assert features is not None
    assert before.atr_usd == pytest.approx(0.2)
    assert features.body_over_atr == pytest.approx(3.0 / 0.2)
    assert features.atr_usd == pytest.approx((13 * 0.2 + 3.2) / 14)


def test_body_against_a_dead_market_is_divided_by_a_basis_point_or_the_tick() -> None:
    for tick_usd, divisor in ((0.001, 0.01001), (0.5, 0.5)):
        windows = windows_for(MS_PER_MINUTE)
        state = new_state(windows)
        rows = []
        for i in range(44):
            opened, close = (100.0, 100.1) if i == 43 else (100.0, 100.0)
            rows.append(
                push_candle(
                    state, windows, tick_usd, 0.0, i * MS_PER_MINUTE, opened, close, opened, close, 1.0,
                    nan, nan, nan, nan,
                )
            )  # fmt: skip
        assert rows[42].body_over_atr == 0.0
        assert rows[43].body_over_atr == pytest.approx(0.1 / divisor)


def test_volume_needs_thirty_of_sixty_candles_with_any() -> None:
    view = a_view()
    volumes = [0.0] * 100 + [5.0] * 29 + [0.0] + [5.0] * 2
    rows = observe_all(view, (a_candle(i, volume=volume) for i, volume in enumerate(volumes)))
    assert first_known(rows, "volume_z") == 131
    logs = [0.0] * 29 + [log(6.0)] * 29 + [0.0] + [log(6.0)]
    assert rows[131].volume_z == pytest.approx((log(6.0) - np.mean(logs)) / np.std(logs))


def test_candles_with_volume_count_no_longer_once_they_left_the_window() -> None:
    view = a_view()
    volumes = [5.0] * 60 + [0.0] * 40
    rows = observe_all(view, (a_candle(i, volume=volume) for i, volume in enumerate(volumes)))
    assert not isnan(rows[90].volume_z)
    assert isnan(rows[91].volume_z)


def test_a_steady_volume_is_measured_in_the_least_deviation() -> None:
    view = a_view()
    rows = observe_all(view, (a_candle(i, volume=9.0 if i < 60 else 19.0) for i in range(61)))
    assert rows[-2].volume_z == 0.0
    assert rows[-1].volume_z == pytest.approx(log(2.0) / 0.05)


def test_volatility_adds_the_squared_log_returns_of_an_hour() -> None:
    closes = [100.0 + i % 2 for i in range(62)]
    rows = observe_all(a_view(), (a_candle(i, close) for i, close in enumerate(closes)))
    assert rows[-1].rv_1h == pytest.approx(sqrt(60) * log(1.01))


def test_returns_count_candles_across_a_gap() -> None:
    candles = [a_candle(i if i < 10 else i + 500, 100.0 + i) for i in range(17)]
    assert observe_all(a_view(), candles)[-1].r5 == pytest.approx(116.0 / 111.0 - 1.0)


def test_equal_volatilities_are_not_below_one_another() -> None:
    rows = observe_all(a_view(), (a_candle(i) for i in range(1_600)))
    assert rows[-1].rv_1h == 0.0
    assert rows[-1].rv_rank == 0.0


def test_a_flat_market_has_neither_slope_nor_efficiency() -> None:
    view = a_view()
    flat = ((100.0, 0.0) if i < 400 else (100.0 + i % 2, 3.0) for i in range(430))
    windows, state, rows = view.windows, view.state, []
    for i, (close, volume) in enumerate(flat):
        rows.append(
            push_candle(
                state, windows, 0.01, 0.0, i * MS_PER_MINUTE, close, close, close, close, volume,
                nan, nan, nan, nan,
            )
        )  # fmt: skip
    assert isnan(rows[399].slope)
    assert isnan(rows[399].efficiency)
    assert isnan(rows[399].volume_trend)
    assert not isnan(rows[-1].slope)
    assert not isnan(rows[-1].efficiency)
    assert not isnan(rows[-1].volume_trend)


def test_a_steady_rise_is_fully_efficient_and_slopes_upward() -> None:
    row = observe_all(a_view(), (a_candle(i, 100.0 + 0.25 * i) for i in range(400)))[-1]
    assert row.efficiency == pytest.approx(1.0)
    assert row.slope > 1.0


@pytest.mark.parametrize(("published", "known"), [(48, False), (49, True)])
def test_funding_is_called_unusual_only_against_48_before_it(published: int, known: bool) -> None:
    view = a_view()
    rates = [1e-5 * (1 + i % 3) for i in range(published)]
    for hour, rate in enumerate(rates):
        view.observe(funding_at(START_TS + (hour - published) * MS_PER_HOUR, rate))
    (row,) = observe_all(view, [a_candle()])
    assert row.funding_frac_1h == rates[-1]
    assert row.funding_excess == pytest.approx(rates[-1] - INSTRUMENT.funding_floor_frac_1h)
    assert isnan(row.funding_z) is not known
    if known:
        expected = (rates[-1] - np.mean(rates[:-1])) / np.std(rates[:-1])
        assert row.funding_z == pytest.approx(expected)


def test_funding_that_never_changes_is_measured_in_the_least_deviation() -> None:
    view = a_view()
    for hour in range(60):
        view.observe(funding_at(START_TS + (hour - 60) * MS_PER_HOUR, 1e-5 if hour < 59 else 1.3e-5))
    (row,) = observe_all(view, [a_candle()])
    assert row.funding_z == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("minutes", "hour", "base", "r5", "r15"),
    [
        (1, 60, 5, 5, 15),
        (2, 30, 6, 2, 7),
        (3, 20, 6, 1, 5),
        (4, 15, 12, 1, 3),
        (5, 12, 5, 1, 3),
        (60, 1, 60, 1, 1),
    ],
)
def test_windows_follow_from_the_frame(minutes: int, hour: int, base: int, r5: int, r15: int) -> None:
    windows = windows_for(minutes * MS_PER_MINUTE)
    assert windows.base_ms == base * MS_PER_MINUTE == windows.parts * windows.frame_ms
    assert (windows.hour, windows.day, windows.week) == (hour, 24 * hour, 168 * hour)
    assert (windows.r5, windows.r15, windows.r4h) == (r5, r15, 4 * hour)


@pytest.mark.parametrize(
    "frame_ms", [0, -60_000, 999, 7 * 60_000, 61 * 60_000, 2 * MS_PER_HOUR, 4 * MS_PER_HOUR]
)
def test_a_frame_without_windows_is_refused(frame_ms: int) -> None:
    with pytest.raises(ValueError, match="needs 1 s to 60 min"):
        windows_for(frame_ms)


def test_before_the_first_candle_nothing_is_known() -> None:
    assert all(isnan(value) for value in NO_FEATURES[:-1])
    assert NO_FEATURES.imbalance_source == 0.0
