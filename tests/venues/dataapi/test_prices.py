"""Which prices a candle has: the fills' or the oracle's, and when a market counts as thin."""

import pytest

from drift_e3.venues.dataapi.prices import THICK, THIN, Prices
from drift_e3.venues.dataapi.records import CandleRecord, Ohlc
from tests.venues.dataapi.builders import HOUR, MINUTE, a_candle

DAY_OF_HOURS = 24


def idle(minute: int) -> CandleRecord:
    return a_candle(minute, volume=0.0)


def test_fills_are_used_where_enough_is_traded_and_the_oracle_where_not() -> None:
    busy, thin = Prices("auto", HOUR), Prices("auto", HOUR)
    busy.judge([a_candle(i) if i % 5 else idle(i) for i in range(20)])
    thin.judge([a_candle(i) if i % 4 else idle(i) for i in range(20)])
    assert (busy.idle_share, busy.source) == (0.2, "fills")
    assert (thin.idle_share, thin.source) == (0.25, "oracle")
    candle = a_candle(20)
    assert (busy.choose(candle), thin.choose(candle)) == (candle.fill, candle.oracle)


def test_a_thin_market_counts_as_thin_until_it_is_clearly_not() -> None:
    prices = Prices("auto", HOUR)
    prices.judge([idle(0)])
    shares: list[float] = []
    for minute in range(1, DAY_OF_HOURS):
        prices.judge([a_candle(minute)])
        shares.append(prices.idle_share)
        assert prices.thin is (prices.idle_share > THICK)
    assert shares[-1] < THICK < shares[4] < THIN < shares[2]
    assert not prices.thin


def test_only_the_last_day_counts() -> None:
    prices = Prices("auto", HOUR)
    prices.judge([idle(i) for i in range(DAY_OF_HOURS)])
    prices.judge([a_candle(i) for i in range(DAY_OF_HOURS - 6)])
    assert prices.idle_share == 6 / DAY_OF_HOURS
    prices.judge([a_candle(i) for i in range(100)])
    assert prices.idle_share == 0.0


@pytest.mark.parametrize("volume", [0.0, 1.0])
def test_a_setting_wins_over_what_is_traded(volume: float) -> None:
    fills, oracle = Prices("fills", MINUTE), Prices("oracle", MINUTE)
    candle = a_candle(0, volume=volume)
    for prices in (fills, oracle):
        prices.judge([candle])
    assert fills.choose(candle) == candle.fill
    assert oracle.choose(candle) == candle.oracle


def test_without_fills_a_candle_of_fills_stays_at_the_last_close() -> None:
    prices = Prices("fills", MINUTE)
    nothing = a_candle(1, close=107.0, volume=0.0, fills=False)
    assert prices.choose(nothing) == nothing.oracle
    prices.choose(a_candle(2, close=103.0))
    assert prices.choose(nothing) == Ohlc(103.0, 103.0, 103.0, 103.0)


def test_without_the_oracles_prices_the_fills_are_used() -> None:
    candle = a_candle(0, oracle=False)
    assert Prices("oracle", MINUTE).choose(candle) == candle.fill


def test_without_any_prices_there_is_no_candle() -> None:
    nothing = a_candle(0, fills=False, oracle=False)
    assert Prices("oracle", MINUTE).choose(nothing) is None
    assert Prices("fills", MINUTE).choose(nothing) is None
