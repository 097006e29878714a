"""The RPC door, the poll and the websocket on a local chain, which answers as a real node does."""

import asyncio

import pytest

from drift_e3.drill.chain import BLOCKHASH_BLOCKS
from drift_e3.drill.faults import FaultKind, Faults, Service
from drift_e3.venues.solana.calls import ChainError, Confirmation, Look
from drift_e3.venues.solana.failures import Fault, RpcUnavailable, SendUndecided
from drift_e3.venues.solana.poller import Poller
from drift_e3.venues.solana.rpc import Rpc
from drift_e3.venues.solana.wakeups import Wakeups
from tests.drill.clusters import LAMPORTS, PAYER, SOMEBODY, a_node, pays, signed
from tests.venues.solana.rpc_doors import QUICK, SIGNATURES, at_once

DEADLINE_S = 10.0


async def test_a_transaction_is_sent_and_followed_to_its_end() -> None:
    async with a_node() as node, Rpc([node.server.url], QUICK) as door:
        latest = await door.latest_blockhash()
        slot, height = await door.height()
        assert (latest.slot, latest.last_valid_block_height) == (slot, height + BLOCKHASH_BLOCKS)
        payment = signed(latest.blockhash)
        simulated = await door.simulate(payment, slot)
        assert simulated.err is None
        assert simulated.units > 0
        await door.send(bytes(payment))
        await door.send(bytes(payment))
        asked = [payment.signatures[0], SIGNATURES[0]]
        assert (await door.statuses(asked)).found == (None, None)
        node.chain.step()
        first, unknown = (await door.statuses(asked)).found
        assert first is not None
        assert (first.err, first.confirmation, unknown) == (None, Confirmation.PROCESSED, None)
        assert await door.transaction_logs(payment.signatures[0]) is None
        node.chain.step(3)
        status = (await door.statuses(asked, history=True)).found[0]
        assert status is not None
        assert status.settled
        logs = await door.transaction_logs(payment.signatures[0])
        assert logs is not None
        assert "success" in logs[-1]
        look = await door.accounts([PAYER.pubkey(), SOMEBODY])
        paid = look.accounts[SOMEBODY]
        assert paid is not None
        assert paid.lamports == 1_000_000


async def test_a_simulation_tells_of_the_programs_own_error() -> None:
    async with a_node() as node, Rpc([node.server.url], QUICK) as door:
        too_much = signed((await door.latest_blockhash()).blockhash, pays(2 * LAMPORTS))
        simulated = await door.simulate(too_much)
        assert simulated.err == ChainError("instruction 0: custom error 1", 0, 1)
        assert simulated.logs


async def test_the_small_questions_are_answered() -> None:
    async with a_node() as node, Rpc([node.server.url], QUICK) as door:
        assert await door.slot() == (await door.height()).slot
        assert await door.genesis_hash() == str(node.chain.genesis_hash)
        assert len(await door.recent_fees([SOMEBODY])) == 150
        slot, account = await door.account_slice(PAYER.pubkey(), 0, 8)
        assert slot > 0
        assert account is not None
        (health,) = await door.health()
        assert (health.problem, health.slot, health.genesis) == ("", slot, str(node.chain.genesis_hash))


async def test_a_lost_answer_to_a_send_is_undecided_and_the_transaction_lands() -> None:
    faults = Faults()
    async with a_node(faults) as node, Rpc([node.server.url], QUICK) as door:
        payment = signed((await door.latest_blockhash()).blockhash)
        faults.start(FaultKind.LOST_RESPONSE, count=1)
        with pytest.raises(SendUndecided):
            await door.send(bytes(payment))
        node.chain.step(3)
        status = (await door.statuses(payment.signatures)).found[0]
        assert status is not None
        assert status.settled


@pytest.mark.parametrize(
    "kind",
    [
        FaultKind.HTTP_BUSY,
        FaultKind.HTTP_ERROR,
        FaultKind.HTTP_TIMEOUT,
        FaultKind.HTTP_GARBAGE,
        FaultKind.HTTP_TRUNCATED,
    ],
)
async def test_no_fault_of_one_node_is_felt_while_there_is_another(kind: FaultKind) -> None:
    faults = Faults()
    async with a_node(faults) as bad, a_node() as good:
        faults.start(kind, service=Service.RPC)
        async with Rpc([bad.server.url, good.server.url], QUICK) as door:
            poller = Poller(door, [PAYER.pubkey(), SOMEBODY])
            for _ in range(3):
                assert (await poller.look()).slot > 0
                good.chain.step()
            assert poller.stats().failures == 0


async def test_a_node_whose_slot_goes_back_gives_no_looks_until_it_has_come_up_again() -> None:
    faults = Faults()
    async with a_node(faults) as node, Rpc([node.server.url], QUICK, at_once) as door:
        poller = Poller(door, [PAYER.pubkey()])
        before = await poller.look()
        faults.start(FaultKind.SLOT_BACK)
        with pytest.raises(RpcUnavailable) as caught:
            await poller.look()
        assert caught.value.fault is Fault.BEHIND
        faults.stop()
        assert (await poller.look()).slot == before.slot
        assert poller.stats().behind == 1


async def test_a_change_on_the_chain_makes_the_next_look_come_at_once() -> None:
    async with a_node() as node, Rpc([node.server.url], QUICK) as door:
        poller = Poller(door, [SOMEBODY], interval_s=60.0, gap_s=0.0)
        wakeups = Wakeups(door.urls, [SOMEBODY], poller.hurry)
        listening = asyncio.create_task(wakeups.run())
        looks = poller.looks()
        async with asyncio.timeout(DEADLINE_S):
            while not wakeups.stats().subscribed:
                assert isinstance(await anext(looks), Look)
            node.chain.run(signed(node.chain.blockhash(node.chain.slot)[0]))
            node.chain.step(3)
            async for look in looks:
                assert isinstance(look, Look)
                if look.accounts[SOMEBODY] is not None:
                    break
        await looks.aclose()
        listening.cancel()
        assert wakeups.stats().notices >= 1
