"""The stand-in for the order book's server answers in the documented shapes, on both venues' channels."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from drift_e3.core.terms import Side
from drift_e3.drill.dlob import Dlob
from drift_e3.drill.faults import FaultKind, Faults, Service
from drift_e3.drill.market import DrillMarket
from tests.drill.feeds import BOOK_SUBSCRIPTION, START_TS, a_market, get, reading, status_of

L2 = "/l2?marketName=SOL-PERP&depth=2"
BIDS = ((149.9, 2.0), (149.8, 3.5), (149.7, 4.0))
ASKS = ((150.1, 1.0), (150.2, 2.0), (150.3, 3.0))


@asynccontextmanager
async def dlob(market: DrillMarket, faults: Faults | None = None, **options: Any) -> AsyncGenerator[Dlob]:
    async with Dlob(market, faults, **options) as server:
        yield server


def a_quoted_market() -> DrillMarket:
    market = a_market()
    market.quote(START_TS + 2000, BIDS, ASKS)
    return market


async def test_levels_are_integers_in_strings_by_source() -> None:
    async with dlob(a_quoted_market()) as server:
        book = await get(server, L2)
    assert book["bids"] == [
        {"price": "149900000", "size": "2000000000", "sources": {"vamm": "2000000000"}},
        {"price": "149800000", "size": "3500000000", "sources": {"vamm": "3500000000"}},
    ]
    assert book["bestAskPrice"] == "150100000"
    assert (book["oracle"], book["oracleData"]["price"]) == (150_000_000, "150000000")
    assert (book["marketName"], book["ts"]) == ("SOL-PERP", START_TS + 2000)


@pytest.mark.shared_data
async def test_the_shape_is_that_of_a_recorded_answer(shared_data: Path) -> None:
    recorded = json.loads((shared_data / "orderbook" / "dlob_l2_sol_perp_trimmed.json").read_bytes())
    async with dlob(a_quoted_market()) as server:
        book = await get(server, L2)

    def shape(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: shape(inner) for key, inner in value.items() if key != "sources"}
        return [shape(value[0])] if isinstance(value, list) else type(value)

    assert shape(book) == shape(recorded)


async def test_a_market_without_quotes_follows_the_oracle() -> None:
    market = a_market()
    async with dlob(market) as server:
        market.tick(START_TS + 3000, 200.0)
        book = await get(server, L2)
    assert int(book["bestBidPrice"]) < 200_000_000 < int(book["bestAskPrice"])


async def test_unknown_markets_and_paths_are_refused() -> None:
    async with dlob(a_market()) as server:
        assert await status_of(server, "/l2?marketName=DOGE-PERP") == 400
        assert await status_of(server, "/l2?marketType=perp&marketIndex=0") == 200
        assert await status_of(server, "/nothing") == 404
        assert await status_of(server, "/health") == 200
        assert (await get(server, "/priorityFees?marketType=perp&marketIndex=0"))["medium"] == 5000


@pytest.mark.parametrize(
    ("grouped", "extra", "channel"),
    [
        (True, {}, "orderbook_perp_0_grouped_1"),
        (True, {"grouping": 10}, "orderbook_perp_0_grouped_10"),
        (False, {}, "orderbook_perp_0"),
    ],
)
async def test_the_book_comes_as_json_inside_json(grouped: bool, extra: dict[str, int], channel: str) -> None:
    market = a_quoted_market()
    async with dlob(market, grouped=grouped) as server, reading(server, BOOK_SUBSCRIPTION | extra) as reader:
        cached = await reader.next()
        market.quote(START_TS + 4000, ((149.0, 1.0),), ((151.0, 1.0),))
        update = await reader.next()
    assert cached["channel"] == update["channel"] == channel
    assert json.loads(cached["data"])["bestBidPrice"] == "149900000"
    assert json.loads(update["data"])["bestBidPrice"] == "149000000"


async def test_trades_have_a_channel_of_their_own() -> None:
    market = a_quoted_market()
    async with dlob(market) as server, reading(server, BOOK_SUBSCRIPTION | {"channel": "trades"}) as reader:
        market.trade(START_TS + 3000, Side.SELL, 149.9, 1.0)
        message = await reader.next()
    assert message["channel"] == "trades_perp_0"
    assert json.loads(message["data"])["takerOrderDirection"] == "short"


async def test_subscriptions_are_acknowledged_or_refused() -> None:
    async with dlob(a_quoted_market()) as server, reading(server) as reader:
        await reader.send(BOOK_SUBSCRIPTION | {"market": "DOGE-PERP"})
        assert await reader.next() == {"channel": "orderbook", "error": "Error subscribing to channel"}
        await reader.socket.send_str("no json")
        await reader.send(BOOK_SUBSCRIPTION)
        assert (await reader.next())["message"].startswith("Subscribe received for channel: orderbook")


async def test_heartbeats_come_every_five_seconds_of_the_drill() -> None:
    faults = Faults()
    async with dlob(a_quoted_market(), faults) as server, reading(server) as reader:
        faults.start(FaultKind.SOCKET_SILENCE)
        for second in range(11):
            server.beat(START_TS + second * 1000)
        assert await reader.some(3) == [{"channel": "heartbeat"}] * 3, "a silent feed still beats"
        server.beat(START_TS + 15_000)
        assert await reader.next() == {"channel": "heartbeat"}


async def test_a_stale_server_keeps_its_book() -> None:
    faults, market = Faults(), a_quoted_market()
    async with dlob(market, faults) as server:
        faults.start(FaultKind.HTTP_STALE, service=Service.DLOB)
        market.quote(START_TS + 4000, ((140.0, 1.0),), ((141.0, 1.0),))
        assert (await get(server, L2))["bestBidPrice"] == "149900000"
        faults.stop()
        assert (await get(server, L2))["bestBidPrice"] == "140000000"
