"""The services' answers: documented shapes, numbers or strings, any order, and what makes no sense."""

import json
from math import isnan
from pathlib import Path
from typing import Any

import pytest

from drift_e3.venues.dataapi.answers import (
    BadBody,
    read_book,
    read_candles,
    read_funding,
    read_problem,
    read_stats,
)
from drift_e3.venues.dataapi.records import FundingRecord, Ohlc
from tests.venues.dataapi.builders import HOUR, T0, a_candle, book_json, candle_json, records_body


def funding_json(hour: int, rate: object = "0.0015", oracle: object = "150.0", **more: Any) -> dict[str, Any]:
    row = {"ts": T0 // 1_000 + hour * 3_600, "fundingRateLong": rate, "oraclePriceTwap": oracle}
    return row | {"markPriceTwap": "150.3", "fundingRate": "9.0", "symbol": "SOL-PERP"} | more


# -- candles -------------------------------------------------------------------------------------------------


def test_candles_come_oldest_first_however_the_server_sorts() -> None:
    candles = [a_candle(minute) for minute in range(4)]
    for order in ((3, 2, 1, 0), (0, 1, 2, 3), (2, 0, 3, 1)):
        page = read_candles(records_body(*(candle_json(candles[at]) for at in order)))
        assert list(page.records) == candles
        assert page.refused == 0


def test_of_a_doubled_candle_the_last_word_counts() -> None:
    rows = [candle_json(a_candle(0, volume=1.0)), candle_json(a_candle(0, volume=2.0))]
    assert read_candles(records_body(*rows)).records == (a_candle(0, volume=2.0),)


def test_numbers_may_be_strings() -> None:
    row = {name: str(value) for name, value in candle_json(a_candle(0)).items()}
    assert read_candles(records_body(row)).records == (a_candle(0),)


@pytest.mark.parametrize("lack", ["fill", "oracle"])
@pytest.mark.parametrize("value", [None, 0, "", "NaN", "1e999", -1.0, 10**400])
def test_prices_that_cannot_be_are_none_and_the_others_stay(lack: str, value: object) -> None:
    (candle,) = read_candles(records_body(candle_json(a_candle(0)) | {f"{lack}Low": value})).records
    assert (candle.fill is None, candle.oracle is None) == (lack == "fill", lack == "oracle")


def test_missing_prices_are_none_and_missing_volume_is_nothing_traded() -> None:
    bare = a_candle(0, fills=False)
    row = candle_json(bare)
    del row["baseVolume"], row["quoteVolume"]
    assert read_candles(records_body(row)).records == (bare._replace(volume_base=0.0, volume_quote=0.0),)


@pytest.mark.parametrize(
    "change",
    [
        {"ts": 0},
        {"ts": "soon"},
        {"ts": T0},
        {"baseVolume": -1.0},
        {"baseVolume": "many"},
        {"quoteVolume": -0.1},
        {"fillOpen": -1, "oracleOpen": -1},
        {"ts": [1]},
    ],
)
def test_a_record_without_sense_is_left_out_and_counted(change: dict[str, Any]) -> None:
    rows = [candle_json(a_candle(0)), candle_json(a_candle(1)) | change, candle_json(a_candle(2))]
    page = read_candles(records_body(*rows))
    assert page.records == (a_candle(0), a_candle(2))
    assert page.refused == 1


def test_an_answer_of_mostly_senseless_records_is_none() -> None:
    bad = candle_json(a_candle(0)) | {"ts": 0}
    with pytest.raises(BadBody, match="2 of 3 records make no sense"):
        read_candles(records_body(candle_json(a_candle(0)), bad, bad))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"17",
        b'{"records": 5}',
        b'{"records": [1, 2',
        b"<html>502</html>",
        b"\xff\xfe\x00",
        b'{"success": false, "records": []}',
        b"[" * 100_000,
        b'{"success":true,"records":{"ts":"now"}}',
    ],
)
def test_what_is_no_answer_is_a_bad_body(body: bytes) -> None:
    for read in (read_candles, read_funding, read_book, lambda body: read_stats(body, "SOL-PERP")):
        with pytest.raises(BadBody):
            read(body)


def test_no_candles_at_all_is_an_answer() -> None:
    assert read_candles(records_body()).records == ()


# -- funding -------------------------------------------------------------------------------------------------


def test_funding_is_a_fraction_of_the_oracles_average_and_positive_when_longs_pay() -> None:
    (record,) = read_funding(records_body(funding_json(0))).records
    assert record.publish_ts == T0
    assert record.rate_frac_1h == pytest.approx(1e-5)
    assert record.premium_frac == pytest.approx(0.002)


def test_the_documented_example_of_a_rate() -> None:
    """6.399237833 quote for 1 BTC at an average of 77,333.73 is 0.008275 % an hour."""
    (record,) = read_funding(records_body(funding_json(0, "6.399237833", "77333.73"))).records
    assert record.rate_frac_1h == pytest.approx(0.00008275, rel=1e-4)


def test_funding_comes_newest_first_with_the_cursor_of_the_next_page() -> None:
    body = records_body(*(funding_json(hour) for hour in (1, 3, 2)), meta={"nextPage": "abc"})
    page = read_funding(body)
    assert [record.publish_ts for record in page.records] == [T0 + hour * HOUR for hour in (3, 2, 1)]
    assert page.next_page == "abc"
    assert read_funding(records_body(meta={"nextPage": None})).next_page == ""
    assert read_funding(records_body(meta={"nextPage": 2})).next_page == "2"
    assert read_funding(records_body()).next_page == ""


def test_an_older_record_without_a_rate_for_longs_has_one_for_both() -> None:
    row = funding_json(0, None) | {"fundingRate": "0.003"}
    (record,) = read_funding(records_body(row)).records
    assert record.rate_frac_1h == pytest.approx(2e-5)


def test_a_premium_beyond_belief_is_unknown() -> None:
    for mark in (None, "0", "nonsense", "200"):
        (record,) = read_funding(records_body(funding_json(0, markPriceTwap=mark))).records
        assert record == FundingRecord(T0, record.rate_frac_1h, None)


@pytest.mark.parametrize(
    "change",
    [
        {"fundingRateLong": "8"},
        {"fundingRateLong": "-8"},
        {"oraclePriceTwap": "0"},
        {"ts": -1},
        {"oraclePriceTwap": None},
    ],
)
def test_rates_beyond_belief_are_left_out(change: dict[str, Any]) -> None:
    page = read_funding(records_body(funding_json(0), funding_json(1) | change))
    assert [record.publish_ts for record in page.records] == [T0]


# -- the market's figures, the book --------------------------------------------------------------------------


def stats_body(**more: Any) -> bytes:
    market = {
        "symbol": "SOL-PERP",
        "status": "active",
        "oraclePrice": "150.0",
        "markPrice": "150.3",
        "openInterest": {"long": "471252.73", "short": "-471093.53"},
        "fundingRate": {"long": "-0.008181", "short": "0.008181"},
    } | more
    return json.dumps({"success": True, "markets": [{"symbol": "BTC-PERP"}, 5, market]}).encode()


def test_the_figures_are_turned_to_base_usd_and_fractions_that_longs_pay() -> None:
    stats = read_stats(stats_body(), "SOL-PERP")
    assert (stats.status, stats.oracle_usd, stats.mark_usd) == ("active", 150.0, 150.3)
    assert stats.open_interest_base == 471252.73
    assert stats.open_interest_usd == pytest.approx(471252.73 * 150.0)
    assert stats.funding_frac_1h == pytest.approx(0.00008181)


def test_the_larger_side_is_the_open_interest_and_the_mark_stands_in_for_the_oracle() -> None:
    stats = read_stats(stats_body(openInterest={"long": "1", "short": "-2"}, oraclePrice=None), "SOL-PERP")
    assert stats.open_interest_usd == pytest.approx(300.6)


def test_figures_that_are_missing_are_unknown() -> None:
    stats = read_stats(stats_body(openInterest=None, fundingRate=None), "SOL-PERP")
    assert isnan(stats.open_interest_usd)
    assert isnan(stats.funding_frac_1h)


def test_a_market_that_is_not_listed_is_a_bad_body() -> None:
    with pytest.raises(BadBody, match="DOGE-PERP is not among the markets"):
        read_stats(stats_body(), "DOGE-PERP")


def test_a_book_is_in_usd_and_base_best_first() -> None:
    mixed = book_json()
    mixed["bids"].reverse()
    mixed["asks"] = [
        {"price": 150_200_000, "size": 8_000_000_000, "sources": {"vamm": 1}},
        {"price": "150100000", "size": "4000000000"},
        {"price": "150100000", "size": "2000000000"},
        {"price": "0", "size": "1"},
        {"price": "151000000", "size": "0"},
        {"price": "rubbish", "size": "1"},
    ]
    book = read_book(json.dumps(mixed).encode())
    assert book.bids == ((149.9, 5.0), (149.8, 7.0))
    assert book.asks == ((150.1, 6.0), (150.2, 8.0))
    assert (book.ts, book.slot, book.oracle_usd, book.oracle_slot) == (T0, 1, 150.0, 1)
    assert not book.crossed


def test_what_a_book_does_not_say_is_nothing() -> None:
    book = read_book(b'{"bids": [], "asks": [], "ts": "yesterday", "slot": -5}')
    assert (book.ts, book.slot, book.oracle_usd, book.oracle_slot) == (0, 0, 0.0, 0)
    assert not book.crossed


def test_best_prices_that_meet_are_crossed() -> None:
    assert read_book(json.dumps(book_json(asks=[{"price": "149900000", "size": "1"}])).encode()).crossed


def test_the_recorded_book_reads_as_it_was(shared_data: Path) -> None:
    book = read_book((shared_data / "orderbook" / "dlob_l2_sol_perp_trimmed.json").read_bytes())
    assert book.bids == ((81.11421, 1.0), (80.2604, 406.2021))
    assert book.asks == ((81.13045, 1.0), (86.60358, 61.6353))
    assert (book.ts, book.slot, book.oracle_usd) == (1783268433645, 474184487, 81.12233)


def test_a_problem_is_told_in_the_servers_words() -> None:
    assert read_problem(b'{"message": "Invalid symbol"}') == "Invalid symbol"
    assert read_problem(b'{"error": "no"}') == "no"
    assert read_problem(b"<html>") == ""


def test_prices_must_surround_open_and_close() -> None:
    assert Ohlc(1.0, 2.0, 0.5, 1.5).sound
    for bad in (
        Ohlc(1.0, 0.9, 0.5, 0.8),
        Ohlc(1.0, 2.0, 1.1, 1.5),
        Ohlc(1.0, 1.2, 0.5, 1.5),
        Ohlc(1.0, 2.0, 0.0, 1.5),
        Ohlc(1.0, float("inf"), 0.5, 1.5),
        Ohlc(float("nan"), 2.0, 0.5, 1.5),
    ):
        assert not bad.sound
