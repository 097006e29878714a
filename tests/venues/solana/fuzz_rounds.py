"""Rounds of fuzzing over real sockets: every call ends in an answer or a typed error, and nobody falls."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from random import Random

import pytest

from drift_e3.venues.solana import endpoints, transport
from drift_e3.venues.solana.failures import RpcRejected, RpcUnavailable, SendUndecided
from drift_e3.venues.solana.rpc import Rpc, RpcOptions
from drift_e3.venues.solana.wakeups import Wakeups, WakeupStats
from tests.venues.solana.fuzzing import GOOD_RESULTS, frames, fuzzes
from tests.venues.solana.rpc_doors import ONE, SIGNATURES, TWO, a_transaction, at_once
from tests.venues.solana.scripted_rpc import answers, scripted_rpc
from tests.venues.solana.scripted_socket import Line, scripted_socket

ASKING: dict[str, Callable[[Rpc], Awaitable[object]]] = {
    "getMultipleAccounts": lambda door: door.accounts([ONE, TWO]),
    "getAccountInfo": lambda door: door.account_slice(ONE, 0, 4),
    "getLatestBlockhash": lambda door: door.latest_blockhash(),
    "getEpochInfo": lambda door: door.height(),
    "getSignatureStatuses": lambda door: door.statuses(SIGNATURES[:1]),
    "simulateTransaction": lambda door: door.simulate(a_transaction()),
    "sendTransaction": lambda door: door.send(bytes(a_transaction())),
    "getTransaction": lambda door: door.transaction_logs(SIGNATURES[0]),
    "getRecentPrioritizationFees": lambda door: door.recent_fees([ONE]),
    "getSlot": lambda door: door.slot(),
    "getGenesisHash": lambda door: door.genesis_hash(),
    "getHealth": lambda door: door.health(),
}
OPTIONS = RpcOptions(calls_per_s=100_000.0, timeout_s=30.0)


async def fuzz_bodies(count: int, seed: int, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Have `count` bodies read; how the calls ended. Anything but a typed error escapes."""
    # No rests: each body is to be read, not waited for.
    monkeypatch.setattr(endpoints, "REST_S", 0.0)
    monkeypatch.setattr(transport, "REST_S_MAX", 0.0)
    rng, ends, served = Random(seed), Counter[str](), Counter[str]()
    act = fuzzes(rng, lambda: served.update(["bodies"]))
    async with (
        scripted_rpc(dict.fromkeys(GOOD_RESULTS, act)) as server,
        Rpc([server.url], OPTIONS, at_once) as door,
    ):
        while served["bodies"] < count:
            method = rng.choice(list(ASKING))
            try:
                await ASKING[method](door)
                ends["answer"] += 1
            except (RpcUnavailable, RpcRejected, SendUndecided) as failure:
                ends[type(failure).__name__] += 1
        # After all of it the door is as good as new.
        server.scripts |= {method: answers(result) for method, result in GOOD_RESULTS.items()}
        for ask in ASKING.values():
            await ask(door)
    ends["bodies"] = served["bodies"]
    return ends


async def fuzz_frames(count: int, seed: int) -> WakeupStats:
    """Have `count` frames sent over many connections, and then a good notice heard; what came of them."""
    rng, sent, woken = Random(seed), 0, asyncio.Event()

    async def talk(line: Line) -> None:
        nonlocal sent
        if sent >= count:
            await line.subscribe()
            woken.clear()
            await line.notify()
            await woken.wait()
            good.set()
            await line.linger()
        elif rng.random() < 0.1:
            for _ in range(20):
                line.raw(rng.randbytes(rng.randrange(1, 50)))
                sent += 1
            await asyncio.sleep(0)
            line.abort()
        else:
            if rng.random() < 0.8:
                await line.subscribe()
            for frame in frames(rng, 500):
                if line.socket.closed:
                    return
                sent += 1
                if isinstance(frame, bytes):
                    await line.socket.send_bytes(frame)
                else:
                    await line.socket.send_str(frame)

    good = asyncio.Event()
    async with scripted_socket(talk) as server:
        wakeups = Wakeups([server.url], [ONE], woken.set, sleep=at_once)
        running = asyncio.create_task(wakeups.run())
        waiting = asyncio.create_task(good.wait())
        await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
        assert not running.done(), running
        heard = wakeups.stats()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    return heard
