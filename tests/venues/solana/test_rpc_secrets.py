"""Access keys planted in the addresses of RPC servers, and looked for wherever anything is shown."""

import asyncio
import base64
import copy
import pickle

import pytest

from drift_e3.logs import redact_value
from drift_e3.venues.solana.failures import (
    DETAIL_CHARS_MAX,
    RpcRejected,
    RpcUnavailable,
    SendUndecided,
)
from drift_e3.venues.solana.rpc import Rpc, RpcOptions
from drift_e3.venues.solana.transport import ServerUrl
from tests.venues.solana.planting import everything_logged, shown
from tests.venues.solana.rpc_doors import a_transaction, at_once
from tests.venues.solana.scripted_rpc import answers, rejects, scripted_rpc
from tests.venues.solana.test_rpc_faults import FAULTS

PATH_KEY, QUERY_KEY, PASSWORD = "p4thK3yp4thK3y", "qu3ryK3y-qu3ryK3y", "pa55/w0rd"
KEYS = (PATH_KEY, QUERY_KEY, PASSWORD, "pa55%2Fw0rd", base64.b64encode(f"user:{PASSWORD}".encode()).decode())
OPTIONS = RpcOptions(calls_per_s=1_000.0, timeout_s=0.5)
ACTS = {name: act for name, (act, _) in FAULTS.items()} | {
    "a talkative error": rejects(-32603, f"key {PATH_KEY} at /v2/{PATH_KEY}?api-key={QUERY_KEY}"),
    "a talkative rejection": rejects(-32602, f"{QUERY_KEY} is not valid for {PATH_KEY}"),
    "an error that is cut in a key": rejects(-32603, "x" * (DETAIL_CHARS_MAX - 7) + QUERY_KEY),
    "an address in an error": rejects(-32603, f"see https://other.example/{QUERY_KEY}"),
}


def with_keys(url: str) -> str:
    scheme, host = url.split("://")
    return f"{scheme}://user:pa55%2Fw0rd@{host}/v2/{PATH_KEY}?api-key={QUERY_KEY}"


def keys_in(text: str) -> list[str]:
    return [key for key in (*KEYS, QUERY_KEY[:6]) if key in text]


async def test_the_keys_do_reach_the_server() -> None:
    async with scripted_rpc({"getSlot": answers(3)}) as server, Rpc([with_keys(server.url)]) as door:
        assert await door.slot() == 3
        assert server.paths == [f"/v2/{PATH_KEY}?api-key={QUERY_KEY}"]
        assert server.headers[0]["Authorization"] == f"Basic {KEYS[-1]}"
        assert server.headers[0]["Host"] == f"127.0.0.1:{server.port}"


@pytest.mark.parametrize("fault", ACTS)
async def test_no_fault_brings_a_key_to_light(fault: str) -> None:
    scripts = dict.fromkeys(("getSlot", "sendTransaction", "getHealth"), ACTS[fault])
    errors: list[BaseException] = []
    with everything_logged() as lines:
        async with scripted_rpc(scripts) as server, Rpc([with_keys(server.url)], OPTIONS, at_once) as door:
            for asking in (door.slot(), door.send(bytes(a_transaction()))):
                try:
                    await asking
                except (RpcUnavailable, RpcRejected, SendUndecided) as error:
                    errors.append(error)
            told = f"{door!r} {door.stats()} {await door.health()} {redact_value(door.stats())}"
    assert errors
    assert keys_in("".join(map(shown, errors))) == []
    assert keys_in(told) == []
    assert lines
    assert keys_in("\n".join(lines)) == []


async def test_a_server_that_is_not_there_brings_no_key_to_light() -> None:
    with everything_logged() as lines:
        async with Rpc([with_keys("http://127.0.0.1:1"), with_keys("https://127.0.0.1:1")], OPTIONS) as door:
            with pytest.raises(RpcUnavailable) as caught:
                await door.slot()
            found = keys_in(shown(caught.value)) + keys_in(str(await door.health()))
    assert found + keys_in("\n".join(lines)) == []


async def test_a_server_without_a_certificate_brings_no_key_to_light() -> None:
    async with scripted_rpc() as server:
        url = with_keys(server.url.replace("http", "https"))
        with everything_logged() as lines:
            async with Rpc([url], OPTIONS) as door:
                with pytest.raises(RpcUnavailable) as caught:
                    await door.slot()
    assert keys_in(shown(caught.value) + "\n".join(lines)) == []


def test_the_address_of_a_server_shows_its_host_and_cannot_be_written_down() -> None:
    url = ServerUrl(with_keys("https://rpc.example:8899"))
    assert repr(url) == str(url) == "ServerUrl(rpc.example:8899)"
    assert keys_in(f"{url} {redact_value(url)} {url.host} {url.origin}") == []
    for writing in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            writing(url)


@pytest.mark.parametrize(
    ("url", "websocket"),
    [
        ("http://127.0.0.1:8899", "ws://127.0.0.1:8900"),
        ("https://rpc.example/v2/key?api-key=k", "wss://rpc.example/v2/key?api-key=k"),
        ("https://u:p@rpc.example:443/x", "wss://u:p@rpc.example:444/x"),
        ("http://[::1]:8899", "ws://[::1]:8900"),
        ("http://[::1]/", "ws://[::1]/"),
    ],
)
def test_the_websocket_is_beside_the_server(url: str, websocket: str) -> None:
    assert ServerUrl(url).reveal_websocket() == websocket


async def test_a_debugging_loop_shows_no_key() -> None:
    asyncio.get_running_loop().set_debug(True)
    with everything_logged() as lines:
        async with scripted_rpc({"getSlot": answers(3)}) as server, Rpc([with_keys(server.url)]) as door:
            await door.slot()
    assert keys_in("\n".join(lines)) == []
