"""Bodies and frames gone wrong by the thousand: good ones changed at random, and noise, all from a seed."""

import json
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Any

from aiohttp import web
from solders.hash import Hash

from tests.venues.solana.rpc_doors import SIGNATURES, a_transaction
from tests.venues.solana.scripted_rpc import Act, account_json, in_context

GOOD_RESULTS: dict[str, object] = {
    "getMultipleAccounts": in_context([account_json(b"abc"), None]),
    "getAccountInfo": in_context(account_json(b"abcd")),
    "getLatestBlockhash": in_context({"blockhash": str(Hash.default()), "lastValidBlockHeight": 330}),
    "getEpochInfo": {"absoluteSlot": 500, "blockHeight": 480, "epoch": 1},
    "getSignatureStatuses": in_context(
        [{"slot": 5, "confirmations": 3, "err": None, "confirmationStatus": "confirmed"}]
    ),
    "simulateTransaction": in_context({"err": {"InstructionError": [0, {"Custom": 6003}]}, "logs": ["a"]}),
    "sendTransaction": str(a_transaction().signatures[0]),
    "getTransaction": {"slot": 5, "meta": {"err": None, "logMessages": ["a"]}},
    "getRecentPrioritizationFees": [{"slot": 1, "prioritizationFee": 5}],
    "getSlot": 77,
    "getGenesisHash": "GH",
    "getHealth": "ok",
}
NOTICE = {
    "jsonrpc": "2.0",
    "method": "accountNotification",
    "params": {"result": in_context(account_json(b"abc")), "subscription": 500},
}
ODD_VALUES: list[object] = [
    None, True, False, 0, -1, 1, 2**31, 2**53, 2**63, 2**64, 10**40, 1.5, -0.0, 1e308, "", "0", "x" * 300,
    "\ud800", "\x00", "é", [], {}, [[]], {"": None}, str(SIGNATURES[0]), "1" * 44, "confirmed",
    {"Custom": 2**70},
]  # fmt: skip
ERRORS: list[object] = [
    -32700, -32600, -32601, -32602, -32603, -32002, -32003, -32005, -32016, 429, 0, 2**70, "x", None, 1.5,
]  # fmt: skip
STATUSES = (200,) * 12 + (201, 204, 301, 400, 401, 403, 404, 413, 429, 500, 502, 503, 599)
HEADERS: list[dict[str, str]] = [
    {"Content-Type": "text/html; charset=hex"}, {"Content-Type": ";;=\"x"}, {"Content-Encoding": "gzip"},
    {"Content-Encoding": "br"}, {"Retry-After": "soon"}, {"Retry-After": "9" * 50}, {"Set-Cookie": "a=b"},
    {"Location": "http://127.0.0.1:1/"}, {"Content-Type": "application/json; charset=utf-16"},
]  # fmt: skip


def spoiled(value: Any, rng: Random) -> Any:
    """A copy of a JSON value with something in it changed, added, doubled or taken away."""
    if rng.random() < 0.15:
        return rng.choice(ODD_VALUES)
    if isinstance(value, dict) and value:
        name = rng.choice(list(value))
        match rng.randrange(4):
            case 0:
                return {key: item for key, item in value.items() if key != name}
            case 1:
                return value | {
                    rng.choice(["x", "err", "slot", "value", "error", "result"]): rng.choice(ODD_VALUES)
                }
            case _:
                return value | {name: spoiled(value[name], rng)}
    if isinstance(value, list) and value:
        place = rng.randrange(len(value))
        match rng.randrange(4):
            case 0:
                return value[:place]
            case 1:
                return value * rng.randrange(2, 5)
            case _:
                return [*value[:place], spoiled(value[place], rng), *value[place + 1 :]]
    return rng.choice(ODD_VALUES)


def garbled(text: bytes, rng: Random) -> bytes:
    """Bytes flipped, cut, doubled, put in, or replaced altogether."""
    match rng.randrange(7):
        case 0:
            return text[: rng.randrange(len(text) + 1)]
        case 1:
            return rng.randbytes(rng.randrange(200))
        case 2:
            return text + text
        case 3:
            place = rng.randrange(len(text) + 1)
            return text[:place] + rng.randbytes(rng.randrange(1, 9)) + text[place:]
        case 4:
            return b"[" * rng.randrange(1, 20_000)
        case 5:
            return text.replace(b'"', rng.choice([b"'", b"", b'"\\']))
        case _:
            spoilt = bytearray(text)
            for _ in range(rng.randrange(1, 5)):
                if spoilt:
                    spoilt[rng.randrange(len(spoilt))] = rng.randrange(256)
            return bytes(spoilt)


def body(method: str, number: object, rng: Random) -> bytes:
    """What a server might answer to a call: rarely well-formed, sometimes good."""
    reply: dict[str, Any] = {"jsonrpc": "2.0", "id": number, "result": GOOD_RESULTS[method]}
    if rng.random() < 0.2:
        del reply["result"]
        reply["error"] = {"code": rng.choice(ERRORS), "message": rng.choice(["", "no", 5, None, "x" * 5_000])}
    shape = rng.random()
    if shape < 0.45:
        reply = spoiled(reply, rng)
    text = json.dumps(reply).encode()
    return garbled(text, rng) if shape > 0.6 else text


def fuzzes(rng: Random, served: Callable[[], None]) -> Act:
    """A server that answers so, with odd statuses and headers at times; tells of each body it serves."""

    async def act(request: web.Request, call: Mapping[str, Any]) -> web.StreamResponse:
        served()
        headers = rng.choice(HEADERS) if rng.random() < 0.1 else None
        if rng.random() < 0.02 and request.transport is not None:
            request.transport.write(rng.randbytes(rng.randrange(100)))
            request.transport.close()
        return web.Response(
            body=body(call["method"], call["id"], rng), status=rng.choice(STATUSES), headers=headers
        )

    return act


def frames(rng: Random, count: int) -> Iterator[str | bytes]:
    """Frames for a client that has subscriptions 0 and 500: mostly text."""
    for _ in range(count):
        frame: Any = rng.choice([NOTICE, {"jsonrpc": "2.0", "id": 0, "result": 500}])
        shape = rng.random()
        if shape < 0.7:
            frame = spoiled(frame, rng)
            if isinstance(frame, dict):
                frame.pop("error", None)
        text = json.dumps(frame).encode()
        if shape > 0.5:
            text = garbled(text, rng)
        yield text if shape > 0.95 else text.decode("utf-8", "replace")
