"""A market with some history, the stand-ins that tell of it, and a client that reads what they send."""

import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from drift_e3.core.events import CandleClosed, FundingPublished
from drift_e3.core.terms import MS_PER_HOUR, MS_PER_MINUTE, MS_PER_SECOND
from drift_e3.drill.data_api import DataApi
from drift_e3.drill.dlob import Dlob
from drift_e3.drill.faults import Faults
from drift_e3.drill.market import DrillMarket

START_TS = 1_736_121_600_000
"""2025-01-06 00:00 UTC, a Monday."""
CANDLE_SUBSCRIPTION = {"type": "subscribe", "symbol": "SOL-PERP", "resolution": "1"}
BOOK_SUBSCRIPTION = {
    "type": "subscribe",
    "channel": "orderbook",
    "marketType": "perp",
    "market": "SOL-PERP",
}


def a_candle(minute: int, price: float = 150.0, volume: float = 10.0) -> CandleClosed:
    """The candle of a minute before or after the start; high and low one USD away."""
    open_ts = START_TS + minute * MS_PER_MINUTE
    return CandleClosed(
        seen_ts=open_ts + MS_PER_MINUTE,
        open_ts=open_ts,
        open=price,
        high=price + 1.0,
        low=price - 1.0,
        close=price + 0.5,
        volume=volume,
        history=minute < 0,
    )


def a_funding(hour: int, rate_frac_1h: float = 0.0001) -> FundingPublished:
    ts = START_TS + hour * MS_PER_HOUR
    return FundingPublished(seen_ts=ts, publish_ts=ts, rate_frac_1h=rate_frac_1h, premium_frac=0.0005)


def a_market(minutes: int = 120, hours: int = 0) -> DrillMarket:
    """A market with that much history, its last candle forming since the start."""
    market = DrillMarket()
    market.see(*(a_candle(minute, 150.0 + minute * 0.01) for minute in range(-minutes, 0)))
    market.see(*(a_funding(hour) for hour in range(-hours, 0)))
    market.tick(START_TS + MS_PER_SECOND, 150.0)
    return market


class Reader:
    """A websocket client that decodes each message."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def send(self, message: object) -> None:
        await self.socket.send_json(message)

    async def next(self) -> Any:
        """The next message, decoded; an `aiohttp.WSMessage` of another type as it is."""
        message = await self.socket.receive(timeout=5.0)
        if message.type != aiohttp.WSMsgType.TEXT:
            return message
        try:
            return json.loads(message.data)
        except ValueError:
            return message.data

    async def some(self, number: int) -> list[Any]:
        return [await self.next() for _ in range(number)]


@asynccontextmanager
async def data_api(
    market: DrillMarket, faults: Faults | None = None, **options: Any
) -> AsyncGenerator[DataApi]:
    async with DataApi(market, faults, **options) as api:
        yield api


@asynccontextmanager
async def reading(
    server: DataApi | Dlob, subscription: dict[str, Any] | None = None
) -> AsyncGenerator[Reader]:
    """A client on the server's websocket, subscribed, the acknowledgement read."""
    async with aiohttp.ClientSession() as session, session.ws_connect(server.ws_url) as socket:
        reader = Reader(socket)
        if subscription is not None:
            await reader.send(subscription)
            await reader.next()
        yield reader


async def get(server: DataApi | Dlob, path: str) -> Any:
    """The JSON at a path, with status 200."""
    async with aiohttp.ClientSession() as session, session.get(server.url + path) as response:
        assert response.status == 200, await response.text()
        return await response.json()


async def status_of(server: DataApi | Dlob, path: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(server.url + path) as response:
        return response.status


def times(records: list[dict[str, Any]]) -> Iterator[int]:
    """The times of the records in minutes since the start."""
    return ((record["ts"] * MS_PER_SECOND - START_TS) // MS_PER_MINUTE for record in records)
