"""Websocket frames: content, chatter and garbage, and that reading them is total."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift_e3.core.terms import Side
from drift_e3.venues.dataapi.frames import (
    BookUpdate,
    CandleUpdate,
    Chatter,
    Garbled,
    TradesUpdate,
    read_api_frame,
    read_dlob_frame,
    subscribe_candles,
    subscribe_dlob,
)
from drift_e3.venues.dataapi.records import Trade
from tests.venues.dataapi.builders import T0, a_candle, book_json, candle_frame, candle_json, dlob_frame
from tests.venues.dataapi.frame_fuzz import frames, trade_json


def test_a_candle_comes_with_its_market_where_the_frame_says_it() -> None:
    candle = a_candle(0)
    assert read_api_frame(candle_frame(candle)) == CandleUpdate(candle, "SOL-PERP", "1")
    bare = json.dumps({"type": "update", "candle": candle_json(candle)})
    assert read_api_frame(bare) == CandleUpdate(candle, "", "")
    assert read_api_frame(candle_frame(candle, resolution=5)) == CandleUpdate(candle, "SOL-PERP", "5")


@pytest.mark.parametrize(
    "channel", ["orderbook_perp_0", "orderbook_perp_0_grouped_1", "last_update_orderbook_perp_0"]
)
def test_a_book_comes_under_each_name_that_servers_give_it(channel: str) -> None:
    frame = read_dlob_frame(dlob_frame(book_json(slot=7), channel))
    assert isinstance(frame, BookUpdate)
    assert (frame.market, frame.book.slot, frame.book.bids[0]) == ("SOL-PERP", 7, (149.9, 5.0))


def test_data_may_be_wrapped_twice_or_not_at_all() -> None:
    once = dlob_frame(book_json())
    twice = dlob_frame(json.dumps(book_json()))
    bare = json.dumps({"channel": "orderbook_perp_0", "data": book_json()})
    endless: Any = book_json()
    for _ in range(5):
        endless = json.dumps(endless)
    assert read_dlob_frame(once) == read_dlob_frame(twice) == read_dlob_frame(bare)
    assert read_dlob_frame(dlob_frame(endless)) == Garbled("data is no JSON")


def test_trades_come_alone_or_in_lists() -> None:
    expected = Trade(T0, Side.BUY, 150.0, 0.5, "3")
    one = read_dlob_frame(dlob_frame(trade_json(3), "trades_perp_0"))
    many = read_dlob_frame(dlob_frame([trade_json(3), trade_json(4)], "trades_perp_0"))
    assert one == TradesUpdate((expected,))
    assert many == TradesUpdate((expected, expected._replace(key="4")))


def test_a_trade_without_a_number_is_known_by_its_transaction_and_amounts() -> None:
    row = trade_json(3) | {"fillRecordId": None, "takerOrderDirection": "short"}
    assert read_dlob_frame(dlob_frame(row, "trades_perp_0")) == TradesUpdate(
        (Trade(T0, Side.SELL, 150.0, 0.5, "signature3/0.5/150.0"),)
    )


@pytest.mark.parametrize(
    "change",
    [
        {"takerOrderDirection": "up"},
        {"baseAssetAmountFilled": 0},
        {"quoteAssetAmountFilled": "-1"},
        {"ts": 5},
        {"baseAssetAmountFilled": "1e-320"},
    ],
)
def test_a_trade_without_sense_is_none(change: dict[str, Any]) -> None:
    both = [trade_json(1) | change, trade_json(2)]
    found = read_dlob_frame(dlob_frame(both, "trades_perp_0"))
    assert isinstance(found, TradesUpdate)
    assert [trade.key for trade in found.trades] == ["2"]
    assert read_dlob_frame(dlob_frame(both[0], "trades_perp_0")) == Garbled("no trades")


def test_heartbeats_and_answers_are_chatter_and_complaints_are_heard() -> None:
    for text in (
        '{"channel": "heartbeat"}',
        '{"message": "Subscribe received for channel: orderbook"}',
        "{}",
    ):
        assert read_dlob_frame(text) == Chatter()
    assert read_dlob_frame('{"channel": "orderbook", "error": "Error subscribing"}') == Chatter(
        "Error subscribing"
    )
    assert read_dlob_frame('{"error": {"code": 5}}') == Chatter("an error without words")
    assert read_dlob_frame(dlob_frame({}, "priorityFees_perp_0")) == Chatter()
    assert read_api_frame('{"type": "subscription", "symbol": "SOL-PERP"}') == Chatter()
    assert read_api_frame('{"type": "error", "message": "unknown market"}') == Chatter("unknown market")
    assert read_api_frame('{"type": "ack", "message": "welcome"}') == Chatter()
    assert read_api_frame(json.dumps({"error": "x" * 5_000})) == Chatter("x" * 120)


@pytest.mark.parametrize("text", ["", "null", "17", "[]", "no json", "{", '"a"', "[" * 20_000, b"\xff\x00"])
def test_what_is_no_object_is_garbled(text: str | bytes) -> None:
    assert read_api_frame(text) == read_dlob_frame(text) == Garbled("no JSON object")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"type": "update", "candle": 5}', "no candle"),
        ('{"type": "update", "candle": {"ts": 0}}', "no candle"),
    ],
)
def test_a_candle_without_sense_is_garbled(text: str, reason: str) -> None:
    assert read_api_frame(text) == Garbled(reason)


def test_a_book_or_trades_without_sense_are_garbled() -> None:
    assert read_dlob_frame(dlob_frame({"bids": [[1]], "asks": []})) == Garbled("no order book")
    assert read_dlob_frame(dlob_frame("{", "trades_perp_0")) == Garbled("no trades")


def test_subscriptions_are_the_documented_ones() -> None:
    assert json.loads(subscribe_candles("SOL-PERP", "1")) == {
        "type": "subscribe",
        "symbol": "SOL-PERP",
        "resolution": "1",
    }
    assert json.loads(subscribe_dlob("SOL-PERP", "orderbook")) == {
        "type": "subscribe",
        "channel": "orderbook",
        "marketType": "perp",
        "market": "SOL-PERP",
    }


def test_reading_is_total_over_broken_frames() -> None:
    kinds: set[type] = set()
    for text in frames(seed=11, count=3_000):
        kinds |= {type(read_api_frame(text)), type(read_dlob_frame(text))}
    assert kinds == {CandleUpdate, BookUpdate, TradesUpdate, Chatter, Garbled}


@settings(max_examples=200)
@given(st.one_of(st.text(), st.binary()))
def test_reading_is_total_over_anything(text: str | bytes) -> None:
    for read in (read_api_frame, read_dlob_frame):
        assert isinstance(read(text), Chatter | Garbled)
