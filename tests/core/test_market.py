"""The market view: what it knows, for how long, and what it refuses."""

from dataclasses import replace
from math import inf, isnan, nan

import pytest

from drift_e3.core.events import CandleClosed
from drift_e3.core.features import NO_FEATURES
from drift_e3.core.market import BOOK_FRESH_MS, NO_QUOTES, PREMIUM_SAMPLES, quotes_of
from drift_e3.core.terms import MS_PER_HOUR, MS_PER_MINUTE, Side
from tests.core.market_builders import (
    START_TS,
    a_book,
    a_candle,
    a_tick,
    a_view,
    bits,
    funding_at,
    observe_all,
)

CLOSE_TS = START_TS + MS_PER_MINUTE
"""When the first candle closes."""


def test_before_any_event_nothing_is_known() -> None:
    view = a_view()
    assert isnan(view.price_usd)
    assert isnan(view.spread_bps)
    assert isnan(view.depth_base(Side.BUY))
    assert isnan(view.funding_frac_1h)
    assert isnan(view.funding_z)
    assert view.price_ts == view.oracle_publish_ts == view.candle_seen_ts == view.book_seen_ts == 0
    assert view.features is NO_FEATURES
    assert view.recent_candles == []


def test_the_price_is_the_last_close_until_the_oracle_speaks() -> None:
    view = a_view()
    view.observe(a_candle(0, 101.0))
    assert (view.price_usd, view.price_ts) == (101.0, CLOSE_TS)
    view.observe(a_tick(CLOSE_TS + 900, 102.0, publish_ts=CLOSE_TS + 400))
    view.observe(a_candle(1, 105.0))
    assert (view.price_usd, view.price_ts, view.oracle_publish_ts) == (102.0, CLOSE_TS + 400, CLOSE_TS + 400)


def test_a_candle_gives_its_features_and_other_events_none() -> None:
    view = a_view()
    assert view.observe(a_tick(START_TS)) is None
    assert view.observe(a_book(START_TS)) is None
    assert view.observe(funding_at(START_TS)) is None
    features = view.observe(a_candle())
    assert features is view.features
    assert view.candle_seen_ts == CLOSE_TS


def test_the_last_thirty_candles_are_kept_for_the_prompt() -> None:
    view = a_view()
    observe_all(view, (a_candle(i, 100.0 + i) for i in range(31)))
    assert len(view.recent_candles) == 30
    assert view.recent_candles[0] == (CLOSE_TS, 101.0, 101.1, 100.9, 101.0, 10.0)
    assert view.recent_candles[-1][4] == 130.0


def test_depth_and_imbalance_count_what_rests_within_ten_basis_points() -> None:
    quotes = quotes_of(
        a_book(
            START_TS,
            bids=((99.99, 3.0), (99.91, 2.0), (99.89, 100.0)),
            asks=((100.01, 1.0), (100.09, 0.5), (100.11, 100.0)),
        )
    )
    assert (quotes.bid_base, quotes.ask_base) == (5.0, 1.5)
    assert quotes.mid_usd == pytest.approx(100.0)
    assert quotes.spread_bps == pytest.approx(2.0)
    assert quotes.imbalance == pytest.approx(3.5 / 6.5)


@pytest.mark.parametrize(
    ("bids", "asks"),
    [((), ((100.0, 1.0),)), (((100.0, 1.0),), ()), (((100.2, 1.0),), ((100.1, 1.0),))],
)
def test_a_book_with_an_empty_side_or_crossed_prices_tells_nothing(
    bids: tuple[tuple[float, float], ...], asks: tuple[tuple[float, float], ...]
) -> None:
    assert quotes_of(a_book(START_TS, bids=bids, asks=asks)) is NO_QUOTES


def test_a_wide_book_has_a_spread_and_no_imbalance() -> None:
    quotes = quotes_of(a_book(START_TS, bids=((99.0, 1.0),), asks=((101.0, 1.0),)))
    assert quotes.spread_bps == pytest.approx(200.0)
    assert quotes.bid_base == quotes.ask_base == 0.0
    assert isnan(quotes.imbalance)


def test_a_buy_eats_asks_and_a_sale_eats_bids_of_a_fresh_book() -> None:
    view = a_view(book=True)
    view.observe(a_book(CLOSE_TS + 500, publish_ts=CLOSE_TS))
    assert (view.depth_base(Side.BUY), view.depth_base(Side.SELL)) == (1.0, 3.0)
    assert view.spread_bps == pytest.approx(2.0)
    assert view.book_seen_ts == CLOSE_TS + 500
    view.observe(a_tick(CLOSE_TS + BOOK_FRESH_MS))
    assert view.depth_base(Side.BUY) == 1.0
    view.observe(a_tick(CLOSE_TS + BOOK_FRESH_MS + 1))
    assert isnan(view.depth_base(Side.BUY))
    assert isnan(view.depth_base(Side.SELL))
    assert isnan(view.spread_bps)


@pytest.mark.parametrize(
    ("published_before_ms", "source", "imbalance"),
    [
        (0, 1.0, 0.5),
        (BOOK_FRESH_MS, 1.0, 0.5),
        (BOOK_FRESH_MS + 1, 2.0, -0.2),
        (-BOOK_FRESH_MS - 1, 2.0, -0.2),
    ],
)
def test_imbalance_is_of_a_book_near_the_close_or_else_of_the_takers(
    published_before_ms: int, source: float, imbalance: float
) -> None:
    view = a_view(book=True)
    view.observe(a_book(CLOSE_TS, publish_ts=CLOSE_TS - published_before_ms))
    features = view.observe(a_candle(volume=10.0, taker_buy_volume=4.0))
    assert features is not None
    assert features.imbalance_source == source
    assert features.imbalance == pytest.approx(imbalance)
    assert isnan(features.spread_bps) is (source != 1.0)


@pytest.mark.parametrize(("volume", "taker_buy_volume"), [(10.0, None), (0.0, 0.0)])
def test_imbalance_is_unknown_without_book_and_takers(volume: float, taker_buy_volume: float | None) -> None:
    features = a_view().observe(a_candle(volume=volume, taker_buy_volume=taker_buy_volume))
    assert features is not None
    assert isnan(features.imbalance)
    assert features.imbalance_source == 0.0


def test_premium_is_the_mean_of_five_minutes_of_samples() -> None:
    view = a_view(book=True, oracle_ticks=True)
    five_minutes_ms = 5 * MS_PER_MINUTE
    start_ts = CLOSE_TS - five_minutes_ms
    view.observe(a_book(start_ts - 2))
    view.observe(a_tick(start_ts - 1, 50.0))
    view.observe(a_tick(start_ts, 100.0 / 1.01))
    view.observe(a_tick(CLOSE_TS - 40_000, 100.0 / 1.02))
    view.observe(a_book(CLOSE_TS - 20_000))
    view.observe(a_tick(CLOSE_TS - 10_000, 100.0 / 1.03))
    features = view.observe(a_candle())
    assert features is not None
    assert features.premium_frac == pytest.approx((0.01 + 0.02 + 0.03) / 3)


def test_no_sample_is_taken_of_a_stale_book_or_a_stale_oracle() -> None:
    view = a_view(book=True, oracle_ticks=True)
    view.observe(a_book(CLOSE_TS - 200_000))
    view.observe(a_tick(CLOSE_TS - 139_999, 90.0))
    view.observe(a_book(CLOSE_TS - 79_998))
    view.observe(funding_at(CLOSE_TS, premium_frac=0.5))
    features = view.observe(a_candle())
    assert features is not None
    assert isnan(features.premium_frac)


def test_premium_samples_are_bounded() -> None:
    view = a_view(book=True, oracle_ticks=True)
    view.observe(a_book(CLOSE_TS - 1))
    for _ in range(PREMIUM_SAMPLES):
        view.observe(a_tick(CLOSE_TS - 1, 50.0))
    for _ in range(PREMIUM_SAMPLES):
        view.observe(a_tick(CLOSE_TS - 1, 80.0))
    features = view.observe(a_candle())
    assert features is not None
    assert features.premium_frac == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("age_ms", "known"), [(0, True), (2 * MS_PER_HOUR, True), (2 * MS_PER_HOUR + 1, False)]
)
def test_without_books_premium_and_rate_are_the_published_ones_while_fresh(age_ms: int, known: bool) -> None:
    view = a_view(premium=True)
    view.observe(funding_at(CLOSE_TS - age_ms, 3e-5, premium_frac=-4e-4))
    features = view.observe(a_candle())
    assert features is not None
    assert [features.premium_frac, features.funding_frac_1h] == pytest.approx(
        [-4e-4, 3e-5] if known else [nan, nan], nan_ok=True
    )
    assert view.funding_frac_1h == pytest.approx(3e-5 if known else nan, nan_ok=True)


def test_funding_grows_stale_while_only_ticks_come() -> None:
    view = a_view(oracle_ticks=True)
    for hour in range(49):
        view.observe(funding_at(START_TS + hour * MS_PER_HOUR, 1e-5 * (hour % 2)))
    last_ts = START_TS + 48 * MS_PER_HOUR
    view.observe(a_tick(last_ts + 2 * MS_PER_HOUR))
    assert view.funding_z == pytest.approx(-1.0)
    view.observe(a_tick(last_ts + 2 * MS_PER_HOUR + 1))
    assert isnan(view.funding_z)


def test_history_warms_the_features_like_any_candle() -> None:
    live, warmed = a_view(), a_view()
    candles = [a_candle(i, 100.0 + i % 5) for i in range(80)]
    seen_ts = candles[-1].seen_ts + MS_PER_HOUR
    history = [replace(candle, seen_ts=seen_ts, history=True) for candle in candles]
    assert bits(observe_all(live, candles)) == bits(observe_all(warmed, history))


@pytest.mark.parametrize("index", [3, 2])
def test_a_candle_out_of_order_is_refused_and_changes_nothing(index: int) -> None:
    view = a_view()
    observe_all(view, (a_candle(i) for i in range(4)))
    before = view.features, list(view.state.closes), list(view.recent_candles)
    with pytest.raises(ValueError, match="not after"):
        view.observe(a_candle(index))
    assert (view.features, list(view.state.closes), list(view.recent_candles)) == before


def test_a_candle_off_the_grid_is_refused() -> None:
    with pytest.raises(ValueError, match="off the grid"):
        a_view(5 * MS_PER_MINUTE).observe(a_candle(1))


@pytest.mark.parametrize(
    ("opened", "high", "low", "close", "volume"),
    [
        (100.0, 99.0, 98.0, 99.0, 1.0),
        (100.0, 101.0, 99.0, 102.0, 1.0),
        (100.0, 101.0, 99.0, 98.0, 1.0),
        (98.0, 101.0, 99.0, 100.0, 1.0),
        (0.0, 1.0, 0.0, 1.0, 1.0),
        (1.0, inf, 1.0, 1.0, 1.0),
        (1.0, 1.0, 1.0, nan, 1.0),
        (nan, 1.0, 1.0, 1.0, 1.0),
        (1.0, 1.0, 1.0, 1.0, -1.0),
        (1.0, 1.0, 1.0, 1.0, nan),
        (1.0, 1.0, 1.0, 1.0, inf),
    ],
)
def test_an_impossible_candle_is_refused(
    opened: float, high: float, low: float, close: float, volume: float
) -> None:
    candle = CandleClosed(
        seen_ts=CLOSE_TS, open_ts=START_TS, open=opened, high=high, low=low, close=close, volume=volume
    )
    with pytest.raises(ValueError, match="impossible"):
        a_view().observe(candle)
