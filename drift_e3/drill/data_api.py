"""A stand-in for the venues' data API: the documented answers, quirks included, about a `DrillMarket`.

The quirks are the point: `startTs` is the newer end, the order is not promised, the last candle is
unfinished, decimals are strings in some answers and numbers in others, and `/stats/markets` gives funding in
percent per hour as the long side's profit, which turns the sign round.
"""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

from aiohttp import web

from drift_e3.core.terms import MS_PER_DAY, MS_PER_SECOND, Side
from drift_e3.drill.faults import Fault, FaultKind, Faults, Service
from drift_e3.drill.market import Bar, Book, DrillMarket, FundingRow, Trade, bucket_ts
from drift_e3.drill.serving import HOST, Spoiler, serving
from drift_e3.drill.sockets import Connection, Sockets

CANDLES_MAX = 1000
FUNDING_MAX = 750
PAGE_DEFAULT = 20
FUNDING_DAYS = 31
Json = dict[str, Any]


class DataApi:
    """The server: an async context manager. `newest_first` is how this one sorts its candles."""

    def __init__(
        self, market: DrillMarket, faults: Faults | None = None, *, newest_first: bool = True
    ) -> None:
        self.market = market
        self.faults = faults or Faults()
        self.newest_first = newest_first
        self.url = ""
        self.asked: list[str] = []
        """Paths with their queries, as they came."""
        self.sockets = Sockets(self.faults, Service.DATA_API, self._hear)
        self._spoiler = Spoiler(self.faults, Service.DATA_API)
        self._stack = AsyncExitStack()
        self._frozen_ts: int | None = None
        self.faults.watch(self._fault_changed)
        market.listeners.append(self)

    @property
    def ws_url(self) -> str:
        return self.url.replace("http", "ws", 1) + "/ws"

    async def __aenter__(self) -> "DataApi":
        app = web.Application()
        app.router.add_get("/ws", self.sockets.serve)
        app.router.add_get("/{path:.*}", self._get)
        port = await self._stack.enter_async_context(serving(app))
        self.url = f"http://{HOST}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    # -- REST ----------------------------------------------------------------------------------------------

    async def _get(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path_qs)
        return await self._spoiler.spoil(request, request.path, self._answer)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        try:
            match request.path.strip("/").split("/"):
                case ["market", symbol, "candles", resolution] if symbol == self.market.symbol:
                    return web.json_response(self._candles(resolution, request.query))
                case ["market", symbol, "fundingRates"] if symbol == self.market.symbol:
                    return web.json_response(self._funding(request.query))
                case ["market", symbol, "trades"] if symbol == self.market.symbol:
                    return web.json_response(self._trades(request.query))
                case ["stats", "markets"]:
                    return web.json_response(self._stats())
                case _:
                    return web.json_response({"success": False, "message": "Not found"}, status=404)
        except (KeyError, ValueError) as error:
            return web.json_response({"success": False, "message": f"Invalid request: {error}"}, status=400)

    def _candles(self, resolution: str, query: Any) -> Json:
        limit = int(query.get("limit", PAGE_DEFAULT))
        if not 1 <= limit <= CANDLES_MAX:
            raise ValueError("limit")
        newer_ts = min(self._now_ts(), int(query.get("startTs", 1 << 40)) * MS_PER_SECOND)
        older_ts = int(query.get("endTs", 0)) * MS_PER_SECOND
        bars = [bar for bar in self.market.candles(resolution) if older_ts <= bar.ts <= newer_ts][-limit:]
        if self.newest_first:
            bars.reverse()
        return {"success": True, "records": [candle_record(bar) for bar in bars]}

    def _funding(self, query: Any) -> Json:
        limit = int(query.get("limit", PAGE_DEFAULT))
        if not 1 <= limit <= FUNDING_MAX:
            raise ValueError("limit")
        now_ts = self._now_ts()
        rows = [r for r in self.market.funding if now_ts - FUNDING_DAYS * MS_PER_DAY <= r.ts <= now_ts]
        rows.reverse()
        skip = int(query.get("page") or 0)
        more = str(skip + limit) if skip + limit < len(rows) else None
        records = [self._funding_record(row) for row in rows[skip : skip + limit]]
        return {"success": True, "records": records, "meta": {"nextPage": more}}

    def _funding_record(self, row: FundingRow) -> Json:
        rate = f"{row.rate_usd:.9f}"
        return {
            "ts": row.ts // MS_PER_SECOND,
            "txSig": f"drillFunding{row.ts}",
            "slot": self.market.slot,
            "recordId": str(row.ts // MS_PER_SECOND // 3600),
            "marketIndex": self.market.market_index,
            "symbol": self.market.symbol,
            "fundingRate": rate,
            "fundingRateLong": rate,
            "fundingRateShort": rate,
            "cumulativeFundingRateLong": f"{row.cumulative_usd:.9f}",
            "cumulativeFundingRateShort": f"{row.cumulative_usd:.9f}",
            "oraclePriceTwap": f"{row.oracle_twap_usd:.6f}",
            "markPriceTwap": f"{row.mark_twap_usd:.6f}",
            "baseAssetAmountWithAmm": "0.000000000",
        }

    def _trades(self, query: Any) -> Json:
        limit = int(query.get("limit", PAGE_DEFAULT))
        newest = self.market.trades[-limit:][::-1]
        records = [trade_record(self.market, trade) for trade in newest]
        return {"success": True, "records": records, "meta": {"nextPage": None}}

    def _stats(self) -> Json:
        market = self.market
        last = market.funding[-1] if market.funding else None
        percent = 100.0 * last.rate_usd / last.oracle_twap_usd if last else 0.0
        day = [bar for bar in market.bars if bar.ts > market.now_ts - MS_PER_DAY]
        mark_usd = market.oracle_usd * (1.0 + market.premium_frac)
        return {
            "success": True,
            "markets": [
                {
                    "symbol": market.symbol,
                    "marketIndex": market.market_index,
                    "marketType": "perp",
                    "baseAsset": market.symbol.removesuffix("-PERP"),
                    "quoteAsset": market.quote_asset,
                    "status": "active",
                    "precision": {"base": 9, "quote": 6},
                    "limits": {"leverage": {"min": 1, "max": 20}, "amount": {"min": 0.01, "max": 1359.78}},
                    "fees": {"maker": -0.000025, "taker": 0.00035},
                    "oraclePrice": f"{market.oracle_usd:.6f}",
                    "markPrice": f"{mark_usd:.6f}",
                    "baseVolume": f"{sum(bar.base_volume for bar in day):.9f}",
                    "quoteVolume": f"{sum(bar.quote_volume for bar in day):.6f}",
                    "openInterest": {
                        "long": f"{market.open_interest_base:.9f}",
                        "short": f"{-0.8 * market.open_interest_base:.9f}",
                    },
                    "fundingRate": {"long": f"{-percent:.9f}", "short": f"{percent:.9f}"},
                    "fundingRateUpdateTs": last.ts // MS_PER_SECOND if last else 0,
                }
            ],
        }

    # -- websocket -----------------------------------------------------------------------------------------

    def _hear(self, connection: Connection, message: Any) -> None:
        """Subscriptions to candles; a malformed one gets an error and the socket stays open."""
        if not isinstance(message, dict) or "type" not in message:
            return
        symbol, resolution = message.get("symbol"), str(message.get("resolution", ""))
        try:
            bucket_ts(0, resolution)
        except KeyError:
            resolution = ""
        if symbol != self.market.symbol or not resolution:
            self.sockets.push(connection, {"type": "error", "message": "unknown market"}, content=False)
            return
        if message["type"] == "subscribe":
            connection.topics[resolution] = True
            told = {"type": "subscription", "symbol": symbol, "resolution": resolution}
            self.sockets.push(connection, told, content=False)
        elif message["type"] == "unsubscribe":
            connection.topics.pop(resolution, None)

    def on_bar(self, bar: Bar, trades: Sequence[Trade]) -> None:
        """Tell the subscribers of the candle that the minute belongs to, finished or forming."""
        wanted = {topic for connection in self.sockets.connections for topic in connection.topics}
        for resolution in sorted(wanted):
            whole = bar
            if resolution != "1":
                open_ts = bucket_ts(bar.ts, resolution)
                whole = next(b for b in reversed(self.market.candles(resolution)) if b.ts == open_ts)
            candle = candle_record(whole) | {"symbol": self.market.symbol, "resolution": resolution}
            records = [trade_record(self.market, trade) for trade in trades]
            update = {"type": "update", "candle": candle, "trades": records}
            for connection in self.sockets.subscribers(resolution):
                self.sockets.push(connection, update)

    def on_book(self, book: Book) -> None:
        """Books are another server's."""

    def on_trade(self, trade: Trade) -> None:
        """Trades come with the candle that they made."""

    def _now_ts(self) -> int:
        return self.market.now_ts if self._frozen_ts is None else self._frozen_ts

    def _fault_changed(self, fault: Fault, began: bool) -> None:
        if fault.kind == FaultKind.HTTP_STALE and fault.service in {None, Service.DATA_API}:
            self._frozen_ts = self.market.now_ts if began else None


def candle_record(bar: Bar) -> Json:
    """A candle as the API writes it: numbers, and the time in seconds."""
    fill, oracle = bar.fill, bar.oracle
    return {
        "ts": bar.ts // MS_PER_SECOND,
        "fillOpen": fill[0],
        "fillHigh": fill[1],
        "fillClose": fill[3],
        "fillLow": fill[2],
        "oracleOpen": oracle[0],
        "oracleHigh": oracle[1],
        "oracleClose": oracle[3],
        "oracleLow": oracle[2],
        "quoteVolume": round(bar.quote_volume, 6),
        "baseVolume": round(bar.base_volume, 9),
    }


def trade_record(market: DrillMarket, trade: Trade) -> Json:
    """A fill as the API writes it: decimals as strings."""
    return {
        "ts": trade.ts // MS_PER_SECOND,
        "txSig": f"drillTrade{trade.number}",
        "slot": market.slot,
        "fillRecordId": str(trade.number),
        "marketIndex": market.market_index,
        "marketType": "perp",
        "symbol": market.symbol,
        "action": "fill",
        "actionExplanation": "orderFilledWithAmm",
        "baseAssetAmountFilled": f"{trade.size_base:.9f}",
        "quoteAssetAmountFilled": f"{trade.size_base * trade.price_usd:.6f}",
        "takerFee": f"{trade.size_base * trade.price_usd * 0.00035:.6f}",
        "takerOrderDirection": "long" if trade.side == Side.BUY else "short",
        "oraclePrice": f"{market.oracle_usd:.6f}",
    }
