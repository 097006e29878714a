"""The RPC door against servers that misbehave: each fault has a code, and costs the next server nothing."""

import asyncio
import gzip
import json

import pytest

from drift_e3.venues.solana import endpoints, methods
from drift_e3.venues.solana.endpoints import Endpoint
from drift_e3.venues.solana.failures import Fault, RpcUnavailable
from drift_e3.venues.solana.rpc import Rpc, RpcOptions
from drift_e3.venues.solana.transport import ServerUrl
from tests.venues.solana.rpc_doors import ONE, TWO, at_once
from tests.venues.solana.scripted_rpc import (
    Act,
    account_json,
    answers,
    cuts,
    floods,
    hangs,
    in_context,
    rejects,
    resets,
    says,
    scripted_rpc,
    speaks_no_http,
)

GOOD = in_context([account_json(b"abc"), None])
OPTIONS = RpcOptions(calls_per_s=1_000.0, timeout_s=1.0)
FAULTS: dict[str, tuple[Act, Fault]] = {
    "429": (says(b"slow down", 429), Fault.RATE_LIMITED),
    "429 as an error": (rejects(429, "Too many requests"), Fault.RATE_LIMITED),
    "429 as both": (rejects(429, "Too many requests", status=429), Fault.RATE_LIMITED),
    "500": (says(b"", 500), Fault.HTTP_ERROR),
    "500 with JSON": (says(b'{"error": "boom"}', 500), Fault.HTTP_ERROR),
    "502 with a page": (says(b"<html>bad gateway</html>", 502), Fault.HTTP_ERROR),
    "503 with an error": (rejects(-32005, "unhealthy", status=503), Fault.HTTP_ERROR),
    "500 with a result": (says(b'{"jsonrpc":"2.0","id":1,"result":1}', 500), Fault.HTTP_ERROR),
    "401": (says(b"who are you", 401), Fault.HTTP_ERROR),
    "redirect": (says(b"", 307, {"Location": "http://127.0.0.1:9/"}), Fault.HTTP_ERROR),
    "204": (says(b"", 204), Fault.BAD_BODY),
    "no body": (says(b""), Fault.BAD_BODY),
    "a web page": (says(b"<html></html>"), Fault.BAD_BODY),
    "garbage": (says(bytes(range(256))), Fault.BAD_BODY),
    "cut": (cuts(GOOD), Fault.BAD_BODY),
    "null": (says(b"null"), Fault.BAD_BODY),
    "an array": (says(b"[]"), Fault.BAD_BODY),
    "deep nesting": (says(b'{"result":' + b"[" * 200_000), Fault.BAD_BODY),
    "an unknown charset": (says(b"{}", headers={"Content-Type": "text/x; charset=hex"}), Fault.BAD_BODY),
    "compressed unasked": (
        says(gzip.compress(json.dumps(GOOD).encode()), headers={"Content-Encoding": "gzip"}),
        Fault.BAD_BODY,
    ),
    "somebody else's answer": (says(b'{"jsonrpc":"2.0","id":77,"result":null}'), Fault.BAD_BODY),
    "somebody else's error": (
        says(b'{"jsonrpc":"2.0","id":77,"error":{"code":-32602,"message":""}}'),
        Fault.BAD_BODY,
    ),
    "an error that is none": (says(b'{"jsonrpc":"2.0","id":1,"error":{"code":"x"}}'), Fault.BAD_BODY),
    "too long": (floods(), Fault.BAD_BODY),
    "no HTTP": (speaks_no_http(), Fault.DISCONNECTED),
    "an endless header": (speaks_no_http(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000), Fault.DISCONNECTED),
    "reset": (resets(), Fault.DISCONNECTED),
    "reset in the answer": (resets(after=b'{"jsonrpc"'), Fault.DISCONNECTED),
    "silence": (hangs(), Fault.TIMEOUT),
    "internal error": (rejects(-32603, "Internal error"), Fault.NODE_ERROR),
    "unhealthy": (rejects(-32005, "Node is unhealthy"), Fault.NODE_ERROR),
    "wrong type": (answers("a string"), Fault.BAD_RESULT),
    "no result": (answers(None), Fault.BAD_RESULT),
    "too few accounts": (answers(in_context([None])), Fault.BAD_RESULT),
    "too many accounts": (answers(in_context([None, None, None])), Fault.BAD_RESULT),
    "no context": (answers({"value": [None, None]}), Fault.BAD_RESULT),
    "a slot below zero": (answers(in_context([None, None], -1)), Fault.BAD_RESULT),
    "a slot beyond all": (answers(in_context([None, None], 2**64)), Fault.BAD_RESULT),
    "no base64": (
        answers(in_context([account_json() | {"data": ["a!", "base64"]}, None])),
        Fault.BAD_RESULT,
    ),
    "another encoding": (
        answers(in_context([account_json() | {"data": ["", "base58"]}, None])),
        Fault.BAD_RESULT,
    ),
    "no owner": (answers(in_context([account_json() | {"owner": "0OIl"}, None])), Fault.BAD_RESULT),
}
RESTED = {Fault.NODE_ERROR, Fault.BAD_RESULT}
"""Faults of one call, after which the server is asked on."""


def patient(code: Fault) -> RpcOptions:
    """Silence is waited for; no other fault must become one on a slow machine."""
    return OPTIONS if code is Fault.TIMEOUT else RpcOptions(calls_per_s=1_000.0, timeout_s=10.0)


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_has_its_code_and_the_next_server_answers(fault: str) -> None:
    act, code = FAULTS[fault]
    async with (
        scripted_rpc({"getMultipleAccounts": act}) as bad,
        scripted_rpc({"getMultipleAccounts": answers(GOOD)}) as good,
        Rpc([bad.url, good.url], patient(code), at_once) as door,
    ):
        look = await door.accounts([ONE, TWO])
        assert look.accounts[TWO] is None
        first, second = door.stats()
    assert dict(first.faults) == {code.value: 1}
    assert first.closed is (code in RESTED)
    assert (second.calls, second.errors) == (1, 0)


@pytest.mark.parametrize("fault", ["500", "garbage", "silence", "wrong type", "reset"])
async def test_a_fault_without_another_server_is_a_typed_error(fault: str) -> None:
    act, code = FAULTS[fault]
    async with (
        scripted_rpc({"getMultipleAccounts": act}) as server,
        Rpc([server.url], patient(code), at_once) as door,
    ):
        with pytest.raises(RpcUnavailable) as caught:
            await door.accounts([ONE, TWO])
    assert caught.value.fault in {code, Fault.RESTING}
    assert f"127.0.0.1:{server.port}" in str(caught.value)


async def test_a_server_that_is_not_there_is_unreachable() -> None:
    async with Rpc(["http://127.0.0.1:1"], OPTIONS, at_once) as door:
        with pytest.raises(RpcUnavailable):
            await door.slot()
        assert set(door.stats()[0].faults) <= {"unreachable", "resting"}


async def test_a_server_that_asks_for_a_pause_gets_it() -> None:
    now = asyncio.get_running_loop().time
    late = says(b"", 429, {"Retry-After": "60"})
    async with scripted_rpc({"getSlot": late}) as server:
        endpoint = Endpoint(ServerUrl(server.url), 1_000.0, 5.0)
        with pytest.raises(RpcUnavailable):
            await endpoint.ask(methods.slot(), now() + 10.0)
        assert 50.0 < endpoint.ready_in(now()) <= 60.0
        await endpoint.close()


async def test_a_server_that_has_recovered_is_preferred_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoints, "REST_S", 0.0)
    async with (
        scripted_rpc({"getSlot": [says(b"", 500), answers(1)]}) as first,
        scripted_rpc({"getSlot": answers(2)}) as second,
        Rpc([first.url, second.url], patient(Fault.HTTP_ERROR)) as door,
    ):
        assert [await door.slot() for _ in range(3)] == [2, 1, 1]


async def test_a_cancelled_call_leaves_the_server_as_it_was() -> None:
    async with (
        scripted_rpc({"getSlot": [says(b"", 500), hangs(), answers(1)]}) as server,
        Rpc([server.url], RpcOptions(calls_per_s=1_000.0, timeout_s=5.0)) as door,
    ):
        server.began.clear()
        asking = asyncio.create_task(door.slot())
        while len(server.asked) < 2:
            server.began.clear()
            await server.began.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert await door.slot() == 1


async def test_a_server_that_answers_badly_to_one_call_is_well_for_the_others() -> None:
    script = [says(b"", 500), rejects(-32603, "Internal error"), hangs(), answers(4)]
    async with (
        scripted_rpc({"getSlot": script}) as server,
        Rpc([server.url], RpcOptions(calls_per_s=1_000.0, timeout_s=5.0)) as door,
        asyncio.TaskGroup() as group,
    ):
        hanging = group.create_task(door.slot())
        while len(server.asked) < 3:
            server.began.clear()
            await server.began.wait()
        # Were the server still on trial, this call would have to wait for the one that hangs.
        assert await door.slot() == 4
        assert door.stats()[0].closed
        hanging.cancel()
