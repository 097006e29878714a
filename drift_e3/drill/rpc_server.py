"""Serves the drill's chain as a Solana node: JSON-RPC over HTTP, websockets on the same port and the next.

Which requests go wrong on the way is decided here; what they answer is `rpc_methods`, and `ws_server` keeps
the subscriptions.
"""

import json
from contextlib import AsyncExitStack
from typing import Any

from aiohttp import web

from drift_e3.drill.chain import Chain
from drift_e3.drill.faults import FaultKind, Service
from drift_e3.drill.rpc_methods import RpcError, RpcMethods
from drift_e3.drill.serving import HOST, Spoiler, cut_off, serving
from drift_e3.drill.ws_server import Subscriptions

BODY_BYTES_MAX = 200_000
_CALL: web.RequestKey[Any] = web.RequestKey("call", object)


class RpcServer:
    """The node: an async context manager."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.url = ""
        self.ws_url = ""
        self.asked: list[str] = []
        """The methods that were called, in order."""
        self.subscriptions = Subscriptions(chain)
        self._methods = RpcMethods(chain)
        self._spoiler = Spoiler(chain.faults, Service.RPC)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> "RpcServer":
        app = web.Application(client_max_size=BODY_BYTES_MAX)
        app.router.add_get("/", self.subscriptions.sockets.serve)
        app.router.add_post("/", self._post)
        port = await self._stack.enter_async_context(serving(app, ports=2))
        self.url, self.ws_url = f"http://{HOST}:{port}", f"ws://{HOST}:{port + 1}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _post(self, request: web.Request) -> web.StreamResponse:
        try:
            call = await request.json()
        except ValueError:
            return web.json_response(failure(None, RpcError(-32700, "Parse error")))
        request[_CALL] = call
        method = _method_of(call)
        self.asked.append(method)
        return await self._spoiler.spoil(request, method, self._answer)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        call = request[_CALL]
        answer = [self._call(one) for one in call] if isinstance(call, list) else self._call(call)
        method = _method_of(call)
        if method == "sendTransaction" and self.chain.faults.hit(
            FaultKind.LOST_RESPONSE, Service.RPC, method
        ):
            return await cut_off(request, None)
        return web.json_response(answer, dumps=_dumps)

    def _call(self, call: Any) -> dict[str, Any]:
        if not isinstance(call, dict) or not isinstance(call.get("method"), str):
            return failure(None, RpcError(-32600, "Invalid request"))
        number = call.get("id")
        try:
            result = self._methods.call(call["method"], call.get("params"))
        except RpcError as error:
            return failure(number, error)
        return {"jsonrpc": "2.0", "result": result, "id": number}


def failure(number: object, error: RpcError) -> dict[str, Any]:
    """A JSON-RPC answer that says what went wrong."""
    told: dict[str, Any] = {"code": error.code, "message": str(error)}
    if error.data is not None:
        told["data"] = error.data
    return {"jsonrpc": "2.0", "error": told, "id": number}


def _method_of(call: Any) -> str:
    one = call[0] if isinstance(call, list) and call else call
    return str(one.get("method", "")) if isinstance(one, dict) else ""


def _dumps(answer: object) -> str:
    return json.dumps(answer, separators=(",", ":"))
