"""The stand-in for the data API answers in the documented shapes, quirks included."""

from datetime import UTC, datetime

import aiohttp
import pytest

from drift_e3.core.terms import MS_PER_HOUR, MS_PER_MINUTE, MS_PER_SECOND, Side
from drift_e3.drill.faults import FaultKind, Faults, Service
from drift_e3.drill.market import DrillMarket, bucket_ts
from drift_e3.venues.synthetic import SyntheticFeed
from tests.drill.feeds import (
    CANDLE_SUBSCRIPTION,
    START_TS,
    a_candle,
    a_market,
    data_api,
    get,
    reading,
    status_of,
    times,
)

CANDLES = "/market/SOL-PERP/candles/1"


async def test_candles_come_newest_first_and_the_last_is_forming() -> None:
    async with data_api(a_market()) as api:
        answer = await get(api, f"{CANDLES}?limit=3")
    assert answer["success"] is True
    assert list(times(answer["records"])) == [0, -1, -2]
    forming, closed, _ = answer["records"]
    assert forming["oracleOpen"] == forming["oracleClose"] == 150.0
    assert closed == {
        "ts": (START_TS - MS_PER_MINUTE) // MS_PER_SECOND,
        "fillOpen": 149.99,
        "fillHigh": 150.99,
        "fillClose": 150.49,
        "fillLow": 148.99,
        "oracleOpen": 149.99,
        "oracleHigh": 150.99,
        "oracleClose": 150.49,
        "oracleLow": 148.99,
        "quoteVolume": 1504.9,
        "baseVolume": 10.0,
    }


async def test_another_server_sorts_oldest_first() -> None:
    async with data_api(a_market(), newest_first=False) as api:
        answer = await get(api, f"{CANDLES}?limit=3")
    assert list(times(answer["records"])) == [-2, -1, 0]


async def test_start_is_the_newer_end_and_both_ends_belong() -> None:
    newer, older = START_TS // 1000 - 10 * 60, START_TS // 1000 - 15 * 60
    async with data_api(a_market()) as api:
        page = await get(api, f"{CANDLES}?limit=1000&startTs={newer}&endTs={older}")
        last_two = await get(api, f"{CANDLES}?limit=2&startTs={newer}")
    assert list(times(page["records"])) == [-10, -11, -12, -13, -14, -15]
    assert list(times(last_two["records"])) == [-10, -11]


@pytest.mark.parametrize(
    "path", [f"{CANDLES}?limit=1001", "/market/SOL-PERP/candles/7", f"{CANDLES}?limit=x"]
)
async def test_what_cannot_be_asked_is_refused(path: str) -> None:
    async with data_api(a_market()) as api:
        assert await status_of(api, path) == 400
        assert await status_of(api, "/market/DOGE-PERP/candles/1") == 404


async def test_longer_candles_are_made_of_minutes() -> None:
    async with data_api(a_market()) as api:
        five, forming, hour = [
            (await get(api, f"/market/SOL-PERP/candles/{name}?limit=2"))["records"]
            for name in ("5", "60", "60")
        ]
    assert [record["baseVolume"] for record in five] == [0.0, 50.0]
    assert hour[1]["baseVolume"] == 600.0
    assert hour[1]["fillOpen"] == 149.4
    assert hour[1]["fillHigh"] == 150.99
    assert hour[1]["fillLow"] == 148.4
    assert forming[0]["ts"] == START_TS // MS_PER_SECOND


def test_days_weeks_and_months_begin_where_the_calendar_says() -> None:
    ts = int(datetime(2025, 1, 15, 13, 37, tzinfo=UTC).timestamp()) * 1000  # a Wednesday
    assert datetime.fromtimestamp(bucket_ts(ts, "D") / 1000, UTC).day == 15
    assert datetime.fromtimestamp(bucket_ts(ts, "W") / 1000, UTC).day == 13
    assert datetime.fromtimestamp(bucket_ts(ts, "M") / 1000, UTC).day == 1


async def test_funding_is_newest_first_in_pages_and_quoted_per_base() -> None:
    async with data_api(a_market(hours=25)) as api:
        first = await get(api, "/market/SOL-PERP/fundingRates?limit=20")
        rest = await get(api, f"/market/SOL-PERP/fundingRates?limit=20&page={first['meta']['nextPage']}")
    records = first["records"] + rest["records"]
    assert len(first["records"]) == 20
    assert rest["meta"]["nextPage"] is None
    stamps = [record["ts"] for record in records]
    assert stamps == sorted(stamps, reverse=True)
    assert len(set(stamps)) == 25
    newest = records[0]
    assert isinstance(newest["fundingRateLong"], str)
    assert float(newest["fundingRateLong"]) / float(newest["oraclePriceTwap"]) == pytest.approx(1e-4)
    assert newest["ts"] % 3600 == 60, "the program is late, never early"


async def test_the_overview_turns_the_sign_of_funding_round() -> None:
    async with data_api(a_market(hours=2)) as api:
        (market,) = (await get(api, "/stats/markets"))["markets"]
    assert float(market["fundingRate"]["long"]) == pytest.approx(-0.01), "percent per hour, the long's profit"
    assert float(market["openInterest"]["short"]) < 0 < float(market["openInterest"]["long"])
    assert isinstance(market["oraclePrice"], str)


async def test_trades_are_told_newest_first() -> None:
    market = a_market()
    for number in range(3):
        market.trade(START_TS + 2000, Side.BUY, 150.0 + number, 2.0)
    async with data_api(market) as api:
        records = (await get(api, "/market/SOL-PERP/trades?limit=2"))["records"]
    assert [record["fillRecordId"] for record in records] == ["3", "2"]
    assert records[0]["quoteAssetAmountFilled"] == "304.000000"
    assert records[0]["takerOrderDirection"] == "long"


async def test_the_websocket_tells_forming_and_finished_candles() -> None:
    market = a_market()
    async with data_api(market) as api, reading(api, CANDLE_SUBSCRIPTION) as reader:
        market.tick(START_TS + 59_000, 151.0)
        market.trade(START_TS + 59_500, Side.SELL, 150.5, 1.0)
        market.see(a_candle(0))
        market.tick(START_TS + 60_000, 152.0)
        forming, traded, closed, following = await reader.some(4)
    assert {message["type"] for message in (forming, traded, closed, following)} == {"update"}
    assert (forming["candle"]["fillHigh"], forming["candle"]["symbol"]) == (151.0, "SOL-PERP")
    assert forming["candle"]["resolution"] == "1"
    assert [trade["takerOrderDirection"] for trade in traded["trades"]] == ["short"]
    assert (closed["candle"]["fillClose"], closed["candle"]["baseVolume"]) == (150.5, 10.0)
    assert closed["candle"]["oracleClose"] == 151.0, "the oracle's own candle stays"
    assert list(times([closed["candle"], following["candle"]])) == [0, 1]
    assert closed["trades"] == []


async def test_longer_candles_are_streamed_whole() -> None:
    market = a_market()
    async with data_api(market) as api, reading(api, CANDLE_SUBSCRIPTION | {"resolution": "60"}) as reader:
        market.see(a_candle(0, volume=3.0))
        market.tick(START_TS + 61_000, 155.0)
        update = (await reader.some(2))[1]
    assert update["candle"]["ts"] == START_TS // 1000
    assert (update["candle"]["baseVolume"], update["candle"]["fillHigh"]) == (3.0, 155.0)


async def test_what_is_not_subscribed_is_not_told() -> None:
    market = a_market()
    async with data_api(market) as api, reading(api) as reader:
        await reader.send(CANDLE_SUBSCRIPTION | {"symbol": "DOGE-PERP"})
        assert (await reader.next())["type"] == "error"
        await reader.send(CANDLE_SUBSCRIPTION)
        await reader.next()
        await reader.send(CANDLE_SUBSCRIPTION | {"type": "unsubscribe"})
        await reader.send(CANDLE_SUBSCRIPTION | {"resolution": "5"})
        assert (await reader.next())["type"] == "subscription"
        market.tick(START_TS + 2000, 151.0)
        assert (await reader.next())["candle"]["resolution"] == "5"


async def test_the_synthetic_market_plays_through() -> None:
    feed, market = SyntheticFeed(), DrillMarket()
    until = feed.begins_ts + MS_PER_HOUR // 10
    while feed.next_ts() <= until:
        market.see(feed.advance())
    async with data_api(market) as api:
        candles = (await get(api, f"{CANDLES}?limit=1000"))["records"]
        funding = (await get(api, "/market/SOL-PERP/fundingRates?limit=750"))["records"]
    assert len(market.bars) == 7 * 1440 + 7
    assert len(candles) == 1000
    assert all(r["fillLow"] <= r["fillOpen"] <= r["fillHigh"] for r in candles)
    assert len(funding) == 8 * 24


# -- faults ------------------------------------------------------------------------------------------------


async def test_http_faults_do_what_they_say() -> None:
    faults = Faults()
    async with data_api(a_market(), faults) as api, aiohttp.ClientSession() as session:
        url = api.url + CANDLES
        faults.start(FaultKind.HTTP_BUSY, service=Service.DATA_API, method="/market", count=1)
        async with session.get(url) as response:
            assert response.status == 429
            assert "Retry-After" in response.headers
        faults.start(FaultKind.HTTP_ERROR, count=1, amount=503)
        assert await status_of(api, CANDLES) == 503
        faults.start(FaultKind.HTTP_GARBAGE, count=2)
        bodies = [await (await session.get(url)).read() for _ in range(2)]
        assert len(set(bodies)) == 2
        faults.start(FaultKind.HTTP_TRUNCATED, count=1)
        with pytest.raises(aiohttp.ClientPayloadError):
            await (await session.get(url)).read()
        faults.start(FaultKind.HTTP_TIMEOUT, count=1)
        with pytest.raises(TimeoutError):
            await session.get(url, timeout=aiohttp.ClientTimeout(0.02))
        assert await status_of(api, CANDLES) == 200


async def test_a_stale_server_knows_nothing_newer() -> None:
    faults, market = Faults(), a_market()
    async with data_api(market, faults) as api:
        faults.start(FaultKind.HTTP_STALE, service=Service.DATA_API)
        market.tick(START_TS + 5 * MS_PER_MINUTE, 160.0)
        stale = (await get(api, f"{CANDLES}?limit=1"))["records"]
        faults.stop(FaultKind.HTTP_STALE)
        fresh = (await get(api, f"{CANDLES}?limit=1"))["records"]
    assert list(times(stale + fresh)) == [0, 5]


async def test_a_clean_close_says_its_code_at_once() -> None:
    faults = Faults()
    async with data_api(a_market(), faults) as api, reading(api, CANDLE_SUBSCRIPTION) as reader:
        faults.start(FaultKind.SOCKET_CLOSE, count=1)
        message = await reader.next()
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1001)
        async with reading(api, CANDLE_SUBSCRIPTION):
            assert api.sockets.opened == 2


async def test_a_cut_connection_says_nothing() -> None:
    faults = Faults()
    async with data_api(a_market(), faults) as api, reading(api, CANDLE_SUBSCRIPTION) as reader:
        faults.start(FaultKind.SOCKET_ABORT, count=1)
        message = await reader.next()
        assert message.type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
        assert reader.socket.close_code == 1006


async def test_silence_leaves_the_socket_open() -> None:
    faults, market = Faults(), a_market()
    async with data_api(market, faults) as api, reading(api, CANDLE_SUBSCRIPTION) as reader:
        faults.start(FaultKind.SOCKET_SILENCE)
        market.tick(START_TS + 2000, 151.0)
        faults.stop()
        market.tick(START_TS + 3000, 152.0)
        assert (await reader.next())["candle"]["oracleClose"] == 152.0


async def test_messages_are_doubled_swapped_and_garbled() -> None:
    faults, market = Faults(), a_market()
    async with data_api(market, faults) as api, reading(api, CANDLE_SUBSCRIPTION) as reader:
        faults.start(FaultKind.SOCKET_DUPLICATES, count=1)
        market.tick(START_TS + 2000, 151.0)
        first, second = await reader.some(2)
        assert first == second
        faults.start(FaultKind.SOCKET_REORDER, count=2)
        market.tick(START_TS + 3000, 152.0)
        market.tick(START_TS + 4000, 153.0)
        assert [m["candle"]["oracleClose"] for m in await reader.some(2)] == [153.0, 152.0]
        faults.start(FaultKind.SOCKET_GARBAGE, count=2)
        market.tick(START_TS + 5000, 154.0)
        market.tick(START_TS + 6000, 155.0)
        broken, no_json = await reader.some(2)
        assert no_json == "no json at all"
        assert broken.startswith("{")


async def test_who_does_not_read_is_thrown_out() -> None:
    market = a_market()
    async with data_api(market) as api, reading(api, CANDLE_SUBSCRIPTION) as reader:
        for number in range(1100):
            market.tick(START_TS + 2000 + number, 151.0)
        last = await reader.next()
        while isinstance(last, dict):
            last = await reader.next()
        assert (last.type, last.data) == (aiohttp.WSMsgType.CLOSE, 1008)
