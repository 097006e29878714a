"""Sending: once, with the bytes as they are, and told truly whether anything can have left."""

import asyncio
import base64
import socket

import pytest

from drift_e3.ports import OutcomeUnknown
from drift_e3.venues.solana.failures import Fault, RpcRejected, RpcUnavailable, SendUndecided
from drift_e3.venues.solana.rpc import Rpc, RpcOptions
from tests.venues.solana.rpc_doors import QUICK, SIGNATURES, a_transaction, rpc
from tests.venues.solana.scripted_rpc import (
    Act,
    answers,
    cuts,
    floods,
    hangs,
    rejects,
    resets,
    says,
    scripted_rpc,
    speaks_no_http,
)

RAW = bytes(a_transaction())
SIGNATURE = str(a_transaction().signatures[0])
TAKEN = {"sendTransaction": answers(SIGNATURE)}
SHORT = RpcOptions(calls_per_s=1_000.0, timeout_s=1.0)
DOUBTFUL: dict[str, tuple[Act, Fault]] = {
    "silence": (hangs(), Fault.TIMEOUT),
    "a lost answer": (resets(), Fault.DISCONNECTED),
    "half an answer": (resets(after=b'{"jsonrpc"'), Fault.DISCONNECTED),
    "a cut answer": (cuts(SIGNATURE), Fault.BAD_BODY),
    "no HTTP": (speaks_no_http(), Fault.DISCONNECTED),
    "garbage": (says(b"\xff\xfe"), Fault.BAD_BODY),
    "somebody else's answer": (says(b'{"id":99,"result":"x"}'), Fault.BAD_BODY),
    "another signature": (answers(str(SIGNATURES[0])), Fault.BAD_RESULT),
    "no signature": (answers(None), Fault.BAD_RESULT),
    "500": (says(b"", 500), Fault.HTTP_ERROR),
    "502": (says(b"<html>", 502), Fault.HTTP_ERROR),
    "429": (says(b"", 429), Fault.RATE_LIMITED),
    "429 as an error": (rejects(429, "slow down"), Fault.RATE_LIMITED),
    "internal error": (rejects(-32603, "upstream timed out"), Fault.NODE_ERROR),
    "already processed": (rejects(-32002, "This transaction has already been processed"), Fault.NODE_ERROR),
    "unhealthy": (rejects(-32005, "Node is unhealthy"), Fault.NODE_ERROR),
}


def a_free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


async def test_the_bytes_go_out_once_without_preflight_or_the_servers_retries() -> None:
    async with scripted_rpc(TAKEN) as server, rpc(server.url) as door:
        await door.send(RAW)
        ((method, (raw, config)),) = server.asked
    assert method == "sendTransaction"
    assert base64.b64decode(raw) == RAW
    assert config == {"encoding": "base64", "skipPreflight": True, "maxRetries": 0}


@pytest.mark.parametrize("doubt", DOUBTFUL)
async def test_what_may_have_arrived_is_undecided_and_not_sent_again(doubt: str) -> None:
    act, fault = DOUBTFUL[doubt]
    options = SHORT if fault is Fault.TIMEOUT else QUICK
    async with (
        scripted_rpc({"sendTransaction": act}) as first,
        scripted_rpc(TAKEN) as second,
        rpc(first.url, second.url, options=options) as door,
    ):
        with pytest.raises(SendUndecided) as caught:
            await door.send(RAW)
        assert (len(first.asked), len(second.asked)) == (1, 0)
    assert caught.value.fault is fault
    assert isinstance(caught.value, OutcomeUnknown)


async def test_an_endless_answer_is_undecided() -> None:
    async with (
        scripted_rpc({"sendTransaction": floods()}) as server,
        rpc(server.url, options=RpcOptions(calls_per_s=1_000.0, timeout_s=10.0)) as door,
    ):
        with pytest.raises(SendUndecided):
            await door.send(RAW)
        assert len(server.asked) == 1


@pytest.mark.parametrize("code", [-32003, -32602, -32601])
async def test_what_all_servers_turned_down_unseen_is_rejected(code: int) -> None:
    script = {"sendTransaction": rejects(code, "no")}
    async with (
        scripted_rpc(script) as first,
        scripted_rpc(script) as second,
        rpc(first.url, second.url) as door,
    ):
        with pytest.raises(RpcRejected) as caught:
            await door.send(RAW)
        assert (len(first.asked), len(second.asked)) == (1, 1)
    assert caught.value.code == code


async def test_a_server_that_turned_it_down_unseen_is_followed_by_the_next() -> None:
    async with (
        scripted_rpc({"sendTransaction": rejects(-32600, "Must be authenticated!", status=401)}) as first,
        scripted_rpc(TAKEN) as second,
        rpc(first.url, second.url) as door,
    ):
        await door.send(RAW)
        assert (len(first.asked), len(second.asked)) == (1, 1)


async def test_doubt_at_one_server_weighs_more_than_a_rejection_by_another() -> None:
    async with (
        scripted_rpc({"sendTransaction": rejects(-32600, "Must be authenticated!")}) as first,
        scripted_rpc({"sendTransaction": resets()}) as second,
        rpc(first.url, second.url) as door,
    ):
        with pytest.raises(SendUndecided):
            await door.send(RAW)


async def test_a_rejection_beside_a_server_that_was_not_reached_is_no_rejection() -> None:
    async with (
        scripted_rpc({"sendTransaction": rejects(-32600, "Must be authenticated!")}) as first,
        rpc(first.url, f"http://127.0.0.1:{a_free_port()}") as door,
    ):
        with pytest.raises(RpcUnavailable) as caught:
            await door.send(RAW)
    assert caught.value.unsent


async def test_a_server_that_is_not_there_is_followed_by_the_next() -> None:
    async with scripted_rpc(TAKEN) as second, rpc(f"http://127.0.0.1:{a_free_port()}", second.url) as door:
        await door.send(RAW)
        assert len(second.asked) == 1
        assert dict(door.stats()[0].faults) == {"unreachable": 1}


async def test_nobody_there_means_that_nothing_was_sent() -> None:
    async with rpc(f"http://127.0.0.1:{a_free_port()}") as door:
        for fault in (Fault.UNREACHABLE, Fault.RESTING):
            with pytest.raises(RpcUnavailable) as caught:
                await door.send(RAW)
            assert (caught.value.fault, caught.value.unsent) == (fault, True)


async def test_a_resting_server_is_not_sent_to() -> None:
    async with (
        scripted_rpc({"getSlot": says(b"", 500), **TAKEN}) as first,
        scripted_rpc({"getSlot": answers(1), **TAKEN}) as second,
        rpc(first.url, second.url) as door,
    ):
        await door.slot()
        await door.send(RAW)
        assert (first.methods, second.methods) == (["getSlot"], ["getSlot", "sendTransaction"])


async def test_a_send_that_finds_no_room_in_the_budget_never_left() -> None:
    options = RpcOptions(calls_per_s=0.1, timeout_s=1.0)
    async with scripted_rpc(TAKEN) as server, rpc(server.url, options=options) as door:
        await door.send(RAW)
        with pytest.raises(RpcUnavailable) as caught:
            await door.send(RAW)
        assert (caught.value.fault, caught.value.unsent) == (Fault.OVER_BUDGET, True)
        assert len(server.asked) == 1


async def test_a_connection_that_is_not_taken_up_is_no_send() -> None:
    """A full backlog: the handshake hangs, and making the connection runs out of its share of the time."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        crowd = [socket.socket() for _ in range(8)]
        try:
            for one in crowd:
                one.setblocking(False)
                one.connect_ex(("127.0.0.1", port))
            async with Rpc([f"http://127.0.0.1:{port}"], SHORT) as door:
                with pytest.raises(RpcUnavailable) as caught:
                    await door.send(RAW)
        finally:
            for one in crowd:
                one.close()
    assert (caught.value.fault, caught.value.unsent) == (Fault.UNREACHABLE, True)


async def test_a_connection_that_went_stale_is_not_sent_over_twice() -> None:
    """The server hangs up on a kept connection exactly when the transaction comes."""
    script = [answers(SIGNATURE), resets(), answers(SIGNATURE)]
    async with scripted_rpc({"sendTransaction": script}) as server, rpc(server.url) as door:
        await door.send(RAW)
        with pytest.raises(SendUndecided):
            await door.send(RAW)
        assert len(server.asked) == 2


async def test_a_cancelled_send_stays_cancelled() -> None:
    async with scripted_rpc({"sendTransaction": hangs()}) as server, rpc(server.url) as door:
        sending = asyncio.create_task(door.send(RAW))
        await server.began.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert len(server.asked) == 1
