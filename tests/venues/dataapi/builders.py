"""Candles, books and frames of the venues' services, with something sensible where nothing is said."""

import json
from typing import Any

from drift_e3.venues.dataapi.records import CandleRecord, Ohlc

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
T0 = 1_790_000_040_000
"""On the grid of minutes, not of hours."""


def a_candle(
    minute: int, close: float = 100.0, volume: float = 1.0, *, fills: bool = True, oracle: bool = True
) -> CandleRecord:
    """A candle `minute` minutes after `T0`; the oracle's prices are 0.1 above the fills'."""
    fill = Ohlc(100.0, max(100.0, close) + 1.0, min(100.0, close) - 1.0, close)
    other = Ohlc(*(price + 0.1 for price in fill))
    return CandleRecord(
        T0 + minute * MINUTE, fill if fills else None, other if oracle else None, volume, volume * close
    )


def candle_json(candle: CandleRecord, **more: Any) -> dict[str, Any]:
    """A candle as the services write it."""
    row: dict[str, Any] = {"ts": candle.open_ts // 1_000}
    for name, prices in (("fill", candle.fill), ("oracle", candle.oracle)):
        if prices is not None:
            row |= {
                f"{name}Open": prices.open,
                f"{name}High": prices.high,
                f"{name}Low": prices.low,
                f"{name}Close": prices.close,
            }
    return row | {"baseVolume": candle.volume_base, "quoteVolume": candle.volume_quote} | more


def candle_frame(candle: CandleRecord, **more: Any) -> str:
    """A candle on the websocket."""
    told = candle_json(candle, symbol="SOL-PERP", resolution="1")
    return json.dumps({"type": "update", "candle": told | more, "trades": []})


def records_body(*rows: dict[str, Any], **more: Any) -> bytes:
    """An answer with records."""
    return json.dumps({"success": True, "records": rows} | more).encode()


def book_json(slot: int = 1, ts: int = T0, **more: Any) -> dict[str, Any]:
    """A book around 150: bids at 149.9 and 149.8, asks at 150.1 and 150.2."""
    return {
        "bids": [{"price": "149900000", "size": "5000000000"}, {"price": "149800000", "size": "7000000000"}],
        "asks": [{"price": "150100000", "size": "6000000000"}, {"price": "150200000", "size": "8000000000"}],
        "marketName": "SOL-PERP",
        "ts": ts,
        "slot": slot,
        "oracle": 150_000_000,
        "oracleData": {"price": "150000000", "slot": str(slot)},
    } | more


def dlob_frame(data: object, channel: str = "orderbook_perp_0_grouped_1") -> str:
    """Data on the order book server's websocket: a JSON string inside the JSON."""
    return json.dumps({"channel": channel, "data": json.dumps(data)})
