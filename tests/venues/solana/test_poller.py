"""The poll: its pace, the order of its looks, what it says when there is none, and what wakes it."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from drift_e3.venues.solana.calls import Look
from drift_e3.venues.solana.failures import Fault, RpcRejected, RpcUnavailable
from drift_e3.venues.solana.poller import LEAP_SLOTS, Poller
from drift_e3.venues.solana.rpc import Rpc
from drift_e3.venues.solana.transport import ServerUrl
from drift_e3.venues.solana.wakeups import Wakeups
from tests.live.virtual_time import run_virtually
from tests.venues.solana.rpc_doors import ONE, QUICK, TWO, at_once
from tests.venues.solana.scripted_rpc import (
    Act,
    ScriptedRpc,
    account_json,
    answers,
    in_context,
    rejects,
    says,
    scripted_rpc,
)
from tests.venues.solana.scripted_socket import Line, scripted_socket

DEADLINE_S = 10.0
INTERVAL_S = 0.1
Seen = Look | RpcUnavailable | RpcRejected


def at_slot(slot: int, data: bytes = b"") -> Act:
    """Both accounts as of a slot, whatever slot is asked for."""
    return answers(in_context([account_json(data), None], slot))


@asynccontextmanager
async def polling(
    *looks: Act, slot: Act | None = None, interval_s: float = INTERVAL_S, gap_s: float = 0.0
) -> AsyncGenerator[tuple[ScriptedRpc, Poller]]:
    scripts: dict[str, Any] = {"getMultipleAccounts": list(looks)}
    if slot is not None:
        scripts["getSlot"] = slot
    async with scripted_rpc(scripts) as server, Rpc([server.url], QUICK, at_once) as door:
        yield server, Poller(door, (ONE, TWO), interval_s=interval_s, gap_s=gap_s)


async def take(poller: Poller, count: int, within_s: float = DEADLINE_S) -> list[Seen]:
    seen: list[Seen] = []
    looks = poller.looks()
    async with asyncio.timeout(within_s):
        async for one in looks:
            seen.append(one)
            if len(seen) == count:
                break
    await looks.aclose()
    return seen


async def test_looks_come_in_the_order_of_their_slots() -> None:
    async with polling(at_slot(5), at_slot(6), at_slot(9)) as (_, poller):
        seen = await take(poller, 3)
        assert [look.slot for look in seen if isinstance(look, Look)] == [5, 6, 9]
        stats = poller.stats()
    assert (stats.looks, stats.failures, stats.behind, stats.slot) == (3, 0, 0, 9)


async def test_all_accounts_come_in_one_call() -> None:
    async with polling(at_slot(5, b"xy")) as (server, poller):
        look = await poller.look()
        assert len(server.asked) == 1
    assert look.accounts[TWO] is None
    account = look.accounts[ONE]
    assert account is not None
    assert account.data == b"xy"


async def test_a_look_at_the_same_slot_again_is_fine() -> None:
    async with polling(at_slot(5), at_slot(5)) as (_, poller):
        assert all(isinstance(look, Look) for look in await take(poller, 2))


async def test_a_slot_that_goes_back_is_dropped_and_counted() -> None:
    async with polling(at_slot(7), *[at_slot(6)] * 4, at_slot(8)) as (server, poller):
        first, second, third = await take(poller, 3)
        stats = poller.stats()
        assert server.asked[1][1][1]["minContextSlot"] == 7
    assert isinstance(first, Look)
    assert isinstance(second, RpcUnavailable)
    assert second.fault is Fault.BEHIND
    assert isinstance(third, Look)
    assert third.slot == 8
    assert (stats.looks, stats.failures, stats.behind) == (2, 1, 1)


async def test_of_two_looks_at_once_the_older_one_is_dropped() -> None:
    later = asyncio.Event()

    async def waits(request: web.Request, body: Mapping[str, Any]) -> web.StreamResponse:
        await later.wait()
        return await at_slot(6)(request, body)

    async with polling(waits, at_slot(7)) as (server, poller):
        slow = asyncio.create_task(poller.look())
        await server.began.wait()
        assert (await poller.look()).slot == 7
        later.set()
        with pytest.raises(RpcUnavailable) as caught:
            await slow
        assert caught.value.fault is Fault.BEHIND
        assert poller.stats().slot == 7


async def test_a_failure_is_told_and_the_next_look_comes() -> None:
    script = [*[rejects(-32603, "Internal error")] * 4, rejects(-32602, "no"), at_slot(5)]
    async with polling(*script) as (_, poller):
        first, second, third = await take(poller, 3)
        assert poller.stats().failures == 2
    assert isinstance(first, RpcUnavailable)
    assert isinstance(second, RpcRejected)
    assert isinstance(third, Look)


async def test_a_slot_far_ahead_of_all_others_is_not_believed() -> None:
    wild = 3 * LEAP_SLOTS
    async with polling(at_slot(5), at_slot(wild), at_slot(6), slot=answers(6)) as (_, poller):
        first, second, third = await take(poller, 3)
    assert isinstance(first, Look)
    assert isinstance(second, RpcUnavailable)
    assert second.fault is Fault.BAD_RESULT
    assert isinstance(third, Look)
    assert third.slot == 6


async def test_a_wild_first_slot_is_not_believed_either() -> None:
    async with polling(at_slot(2**60), at_slot(300_000_000), slot=answers(300_000_001)) as (_, poller):
        first, second = await take(poller, 2)
    assert isinstance(first, RpcUnavailable)
    assert isinstance(second, Look)


async def test_a_slot_far_ahead_that_is_confirmed_is_believed() -> None:
    async with polling(at_slot(5), at_slot(900_000), slot=answers(900_001)) as (server, poller):
        assert [isinstance(one, Look) for one in await take(poller, 2)] == [True, True]
        assert server.methods == ["getMultipleAccounts", "getMultipleAccounts", "getSlot"]


async def test_the_pace_is_kept_from_look_to_look() -> None:
    now = asyncio.get_running_loop().time
    async with polling(at_slot(5)) as (_, poller):
        began = now()
        await take(poller, 4)
        took = now() - began
    assert took >= 3 * INTERVAL_S * 0.95


async def test_haste_makes_the_next_look_come_earlier() -> None:
    async with polling(at_slot(5), at_slot(6), interval_s=60.0) as (_, poller):
        seen = 0
        async with asyncio.timeout(DEADLINE_S):
            looks = poller.looks()
            async for _look in looks:
                seen += 1
                if seen == 3:
                    break
                poller.hurry()
            await looks.aclose()
    assert seen == 3


async def test_one_call_for_haste_brings_one_look() -> None:
    async with polling(at_slot(5), interval_s=60.0) as (server, poller):
        looks = poller.looks()
        await anext(looks)
        poller.hurry()
        await anext(looks)
        third = asyncio.create_task(anext(looks))
        # Other looks meanwhile take as long as several hurried ones would.
        for _ in range(5):
            await poller.look()
        assert not third.done()
        assert len(server.asked) == 7
        third.cancel()
        with pytest.raises(asyncio.CancelledError):
            await third


async def test_haste_during_a_look_asks_for_another_one() -> None:
    """What is called for while a look is under way may not be in it yet."""
    now = asyncio.get_running_loop().time
    async with polling(at_slot(5), interval_s=60.0) as (server, poller):
        taking = asyncio.create_task(take(poller, 2))
        await server.began.wait()
        began = now()
        poller.hurry()
        await taking
    assert now() - began < DEADLINE_S


async def test_no_haste_brings_looks_closer_than_the_gap() -> None:
    now = asyncio.get_running_loop().time
    async with polling(at_slot(5), interval_s=60.0, gap_s=0.1) as (_, poller):
        began = now()
        looks = poller.looks()
        for _ in range(4):
            await anext(looks)
            poller.hurry()
        await looks.aclose()
        assert now() - began >= 0.3 * 0.95


async def test_ages_tell_a_silent_server_from_one_whose_slot_stands_still() -> None:
    async with polling(at_slot(5), at_slot(5), says(b"", 500)) as (_, poller):
        fresh = poller.stats()
        assert (fresh.looks, fresh.slot) == (0, -1)
        assert fresh.answered_s == fresh.advanced_s == float("inf")
        await take(poller, 1)
        one = poller.stats()
        await take(poller, 1)
        two = poller.stats()
        assert two.advanced_s > one.advanced_s
        assert two.answered_s < two.advanced_s
        await take(poller, 1)
        assert poller.stats().answered_s > two.answered_s


def test_a_server_that_has_come_to_a_stop_is_passed_over_while_another_goes_on() -> None:
    async def story() -> None:
        still, going = {"getMultipleAccounts": at_slot(5)}, {"getMultipleAccounts": at_slot(9)}
        async with (
            scripted_rpc(still) as first,
            scripted_rpc(going) as second,
            Rpc([first.url, second.url], QUICK, at_once) as door,
        ):
            seen = await take(Poller(door, (ONE, TWO)), 8, within_s=20.0)
            assert [look.slot for look in seen if isinstance(look, Look)] == [5] * 6 + [9] * 2

    run_virtually(story)


async def test_a_websocket_wakes_the_poll_and_gives_it_nothing_else() -> None:
    """The notice tells of slot 99; the looks are what the server says when it is asked."""

    async def talk(line: Line) -> None:
        await line.subscribe()
        await line.notify(slot=99)
        await line.linger()

    async with (
        scripted_socket(talk) as socket,
        polling(at_slot(5), at_slot(6), interval_s=60.0) as (_, poller),
    ):
        wakeups = Wakeups([socket.url], (ONE,), poller.hurry)
        listening = asyncio.create_task(wakeups.run())
        seen = await take(poller, 2)
        listening.cancel()
    assert [look.slot for look in seen if isinstance(look, Look)] == [5, 6]


async def test_a_poll_goes_on_without_its_websocket() -> None:
    async with polling(at_slot(5), at_slot(6), at_slot(7)) as (server, poller):
        wakeups = Wakeups([ServerUrl(server.url)], (ONE,), poller.hurry)
        listening = asyncio.create_task(wakeups.run())
        assert [isinstance(one, Look) for one in await take(poller, 3)] == [True] * 3
        assert not listening.done()
        listening.cancel()
