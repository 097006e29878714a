"""A stand-in for the venues' order book server: `/l2` and the websocket, about a `DrillMarket`.

As documented: integers as strings (price 1e-6 USD, size 1e-9 base), `data` a JSON string inside the JSON, a
heartbeat every 5 s that says nothing about content, the last book sent again to whoever subscribes. Drift's
server names its channel ``orderbook_perp_0``, Velocity's adds the grouping (``orderbook_perp_0_grouped_1``).
"""

import json
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

from aiohttp import web

from drift_e3.core.terms import BPS, MS_PER_SECOND, Side
from drift_e3.drill.faults import Fault, FaultKind, Faults, Service
from drift_e3.drill.market import Bar, Book, DrillMarket, Trade
from drift_e3.drill.serving import HOST, Spoiler, serving
from drift_e3.drill.sockets import Connection, Sockets

HEARTBEAT_MS = 5 * MS_PER_SECOND
DEPTH_MAX = 100
GROUPINGS = (1, 10, 100, 500, 1000)
CHANNELS = {"orderbook", "orderbook_indicative", "trades", "priorityfees"}
Json = dict[str, Any]


class Dlob:
    """The server: an async context manager. With `grouped` it names its channels as Velocity's does."""

    def __init__(self, market: DrillMarket, faults: Faults | None = None, *, grouped: bool = True) -> None:
        self.market = market
        self.faults = faults or Faults()
        self.grouped = grouped
        self.url = ""
        self.asked: list[str] = []
        self.sockets = Sockets(self.faults, Service.DLOB, self._hear)
        self._spoiler = Spoiler(self.faults, Service.DLOB)
        self._stack = AsyncExitStack()
        self._frozen: Book | None = None
        self._beat_ts = 0
        self.faults.watch(self._fault_changed)
        market.listeners.append(self)

    @property
    def ws_url(self) -> str:
        return self.url.replace("http", "ws", 1) + "/ws"

    async def __aenter__(self) -> "Dlob":
        app = web.Application()
        app.router.add_get("/ws", self.sockets.serve)
        app.router.add_get("/{path:.*}", self._get)
        port = await self._stack.enter_async_context(serving(app))
        self.url = f"http://{HOST}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def beat(self, now_ts: int) -> None:
        """Send a heartbeat if 5 s have passed since the last one; `now_ts` (UTC, ms) is the drill's time."""
        if now_ts - self._beat_ts >= HEARTBEAT_MS:
            self._beat_ts = now_ts
            for connection in self.sockets.connections:
                self.sockets.push(connection, {"channel": "heartbeat"}, content=False)

    # -- REST ----------------------------------------------------------------------------------------------

    async def _get(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path_qs)
        return await self._spoiler.spoil(request, request.path, self._answer)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.path in {"/health", "/"}:
            return web.Response(text="OK")
        if request.path not in {"/l2", "/priorityFees"}:
            return web.Response(status=404, text="Not found")
        query = request.query
        if not self._is_ours(query.get("marketName"), query.get("marketType"), query.get("marketIndex")):
            return web.Response(status=400, text="Bad Request: unrecognized market")
        if request.path == "/priorityFees":
            return web.json_response(self._priority_fees())
        depth = min(int(query.get("depth", DEPTH_MAX)), DEPTH_MAX)
        return web.json_response(self._l2(self._frozen or self._book(), depth))

    def _is_ours(self, name: str | None, kind: str | None, index: str | None) -> bool:
        if name is not None:
            return name.upper() == self.market.symbol
        return kind == "perp" and index == str(self.market.market_index)

    def _priority_fees(self) -> Json:
        levels = {"min": 0, "low": 100, "medium": 5_000, "high": 20_000, "veryHigh": 100_000}
        return levels | {
            "unsafeMax": 5_000_000,
            "marketType": "perp",
            "marketIndex": self.market.market_index,
        }

    def _book(self) -> Book:
        """The market's book, or one around the oracle's price where nobody has quoted."""
        if self.market.book is not None:
            return self.market.book
        middle = self.market.oracle_usd
        gaps = [(2.0 + 3.0 * level) * BPS for level in range(10)]
        return Book(
            ts=self.market.now_ts,
            bids=tuple((middle * (1.0 - gap), 10.0) for gap in gaps),
            asks=tuple((middle * (1.0 + gap), 10.0) for gap in gaps),
        )

    def _l2(self, book: Book, depth: int) -> Json:
        market = self.market
        bids, asks = book.bids[:depth], book.asks[:depth]
        oracle = price_units(market.oracle_usd)
        best_bid = price_units(bids[0][0]) if bids else 0
        best_ask = price_units(asks[0][0]) if asks else 0
        middle = (best_bid + best_ask) // 2
        return {
            "bids": [level_record(level) for level in bids],
            "asks": [level_record(level) for level in asks],
            "marketName": market.symbol,
            "marketType": "perp",
            "marketIndex": market.market_index,
            "ts": book.ts,
            "slot": market.slot,
            "markPrice": str(middle),
            "bestBidPrice": str(best_bid),
            "bestAskPrice": str(best_ask),
            "spreadPct": str((best_ask - best_bid) * 100_000_000 // middle if middle else 0),
            "spreadQuote": str(best_ask - best_bid),
            "oracle": oracle,
            "oracleData": {
                "price": str(oracle),
                "slot": str(market.slot),
                "confidence": str(oracle // 20_000),
                "hasSufficientNumberOfDataPoints": True,
                "twap": str(oracle),
                "twapConfidence": str(oracle),
            },
            "marketSlot": market.slot,
        }

    # -- websocket -----------------------------------------------------------------------------------------

    def _hear(self, connection: Connection, message: Any) -> None:
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            return
        asked, market, kind = (str(message.get(key, "")) for key in ("channel", "market", "marketType"))
        topic = self._topic(asked.lower(), market, kind.lower(), message.get("grouping"))
        if topic is None:
            error = {"channel": asked, "error": f"Error {message['type'][:-1]}ing to channel"}
            self.sockets.push(connection, error, content=False)
        elif message["type"].lower() == "unsubscribe":
            connection.topics.pop(topic, None)
        elif message["type"].lower() == "subscribe":
            connection.topics[topic] = True
            told = f"Subscribe received for channel: {asked}, market: {market}, marketType: {kind}"
            self.sockets.push(connection, {"message": told}, content=False)
            if topic.startswith("orderbook") and self.market.oracle_usd > 0.0:
                self._send(connection, topic, self._l2(self._book(), DEPTH_MAX))

    def _topic(self, channel: str, market: str, kind: str, grouping: object) -> str | None:
        """The name under which this channel's messages come, or None for what there is not."""
        if channel not in CHANNELS or kind != "perp" or market.upper() != self.market.symbol:
            return None
        name = "priorityFees" if channel == "priorityfees" else channel.removesuffix("_indicative")
        topic = f"{name}_perp_{self.market.market_index}"
        if name == "orderbook" and self.grouped:
            topic += f"_grouped_{grouping if grouping in GROUPINGS else 1}"
        return topic + ("_indicative" if channel.endswith("_indicative") else "")

    def _send(self, connection: Connection, topic: str, data: Json) -> None:
        self.sockets.push(connection, {"channel": topic, "data": json.dumps(data, separators=(",", ":"))})

    def _publish(self, prefix: str, data: Json) -> None:
        for connection in self.sockets.connections:
            for topic in tuple(connection.topics):
                if topic.startswith(prefix):
                    self._send(connection, topic, data)

    def on_book(self, book: Book) -> None:
        """Tell the subscribers of the book."""
        if any(connection.topics for connection in self.sockets.connections):
            self._publish("orderbook_", self._l2(book, DEPTH_MAX))

    def on_trade(self, trade: Trade) -> None:
        """Tell the subscribers of somebody's fill."""
        record = {
            "ts": trade.ts // MS_PER_SECOND,
            "marketIndex": self.market.market_index,
            "marketName": self.market.symbol,
            "marketType": "perp",
            "takerOrderDirection": "long" if trade.side == Side.BUY else "short",
            "baseAssetAmountFilled": trade.size_base,
            "quoteAssetAmountFilled": trade.size_base * trade.price_usd,
            "oraclePrice": self.market.oracle_usd,
            "txSig": f"drillTrade{trade.number}",
            "slot": self.market.slot,
            "action": "fill",
            "actionExplanation": "orderFilledWithAmm",
        }
        self._publish("trades_", record)

    def on_bar(self, bar: Bar, trades: Sequence[Trade]) -> None:
        """Without quotes of its own the book follows the oracle."""
        if self.market.book is None:
            self.on_book(self._book())

    def _fault_changed(self, fault: Fault, began: bool) -> None:
        if fault.kind == FaultKind.HTTP_STALE and fault.service in {None, Service.DLOB}:
            self._frozen = self._book() if began else None


def price_units(price_usd: float) -> int:
    """USD in the chain's units."""
    return round(price_usd * 1_000_000)


def level_record(level: tuple[float, float]) -> Json:
    """A level as the server writes it."""
    size = str(round(level[1] * 1_000_000_000))
    return {"price": str(price_units(level[0])), "size": size, "sources": {"vamm": size}}
