"""The RPC door against real servers: what each method asks and gives, who is asked, and how long."""

import asyncio
import base64

import pytest
from solders.hash import Hash
from solders.pubkey import Pubkey

from drift_e3.ports import VenueRefused, VenueUnavailable
from drift_e3.venues.solana import methods
from drift_e3.venues.solana.calls import Blockhash, ChainError, Confirmation, Height, Simulated, Status
from drift_e3.venues.solana.endpoints import Endpoint
from drift_e3.venues.solana.failures import Fault, RpcRejected, RpcUnavailable
from drift_e3.venues.solana.program import RawAccount
from drift_e3.venues.solana.rpc import Rpc, RpcOptions
from drift_e3.venues.solana.transport import ServerUrl
from tests.live.virtual_time import run_virtually
from tests.venues.solana.rpc_doors import ONE, QUICK, SIGNATURES, THREE, TWO, a_transaction, rpc
from tests.venues.solana.scripted_rpc import (
    account_json,
    answers,
    hangs,
    in_context,
    rejects,
    says,
    scripted_rpc,
)


async def test_accounts_come_as_of_one_slot_and_absent_ones_as_none() -> None:
    value = [account_json(b"\x01\x02", owner=THREE, lamports=7), None]
    async with scripted_rpc({"getMultipleAccounts": answers(in_context(value, 55))}) as server:
        async with rpc(server.url) as door:
            look = await door.accounts([ONE, TWO])
        assert server.asked == [
            ("getMultipleAccounts", [[str(ONE), str(TWO)], {"encoding": "base64", "commitment": "confirmed"}])
        ]
    assert look.slot == 55
    assert look.accounts == {ONE: RawAccount(THREE, b"\x01\x02", 7), TWO: None}


async def test_an_account_that_is_asked_for_twice_is_asked_for_once() -> None:
    value = [account_json(b"\x01"), None]
    async with (
        scripted_rpc({"getMultipleAccounts": answers(in_context(value))}) as server,
        rpc(server.url) as door,
    ):
        assert set((await door.accounts([ONE, TWO, ONE])).accounts) == {ONE, TWO}


async def test_more_accounts_than_a_server_gives_are_the_callers_mistake() -> None:
    async with rpc("http://127.0.0.1:1") as door:
        with pytest.raises(ValueError, match="at most 100"):
            await door.accounts([Pubkey.new_unique() for _ in range(101)])


async def test_a_slice_of_an_account_is_asked_for_as_such() -> None:
    async with scripted_rpc({"getAccountInfo": answers(in_context(account_json(b"1234"), 9))}) as server:
        async with rpc(server.url) as door:
            slot, account = await door.account_slice(ONE, 4, 4)
        config = {"encoding": "base64", "dataSlice": {"offset": 4, "length": 4}, "commitment": "confirmed"}
        assert server.asked == [("getAccountInfo", [str(ONE), config])]
    assert (slot, account) == (9, RawAccount(Pubkey.default(), b"1234", 1))


async def test_a_blockhash_comes_with_its_end_and_its_slot() -> None:
    value = {"blockhash": str(Hash(bytes([5]) * 32)), "lastValidBlockHeight": 330}
    async with scripted_rpc({"getLatestBlockhash": answers(in_context(value, 200))}) as server:
        async with rpc(server.url) as door:
            assert await door.latest_blockhash() == Blockhash(Hash(bytes([5]) * 32), 330, 200)
        assert server.asked == [("getLatestBlockhash", [{"commitment": "confirmed"}])]


async def test_slot_and_block_height_are_of_the_same_moment() -> None:
    epoch = {"absoluteSlot": 500, "blockHeight": 480, "epoch": 1, "slotIndex": 68, "slotsInEpoch": 432}
    async with scripted_rpc({"getEpochInfo": answers(epoch)}) as server, rpc(server.url) as door:
        assert await door.height() == Height(500, 480)


async def test_statuses_come_in_order_with_what_failed_and_how_sure_it_is() -> None:
    failed = {
        "slot": 90, "confirmations": 3, "err": {"InstructionError": [2, {"Custom": 6003}]},
        "confirmationStatus": "confirmed",
    }  # fmt: skip
    async with scripted_rpc({"getSignatureStatuses": answers(in_context([failed, None]))}) as server:
        async with rpc(server.url) as door:
            slot, found = await door.statuses(SIGNATURES, history=True)
        asked = [str(signature) for signature in SIGNATURES]
        assert server.asked == [("getSignatureStatuses", [asked, {"searchTransactionHistory": True}])]
    error = ChainError("instruction 2: custom error 6003", 2, 6003)
    assert (slot, found) == (100, (Status(90, error, Confirmation.CONFIRMED), None))


@pytest.mark.parametrize(
    ("told", "confirmation", "settled"),
    [
        ({"confirmationStatus": "processed"}, Confirmation.PROCESSED, False),
        ({"confirmationStatus": "confirmed"}, Confirmation.CONFIRMED, True),
        ({"confirmationStatus": "finalized"}, Confirmation.FINALIZED, True),
        ({"confirmations": 12}, Confirmation.PROCESSED, False),
        ({"confirmations": None}, Confirmation.FINALIZED, True),
    ],
)
async def test_a_transaction_is_settled_once_a_supermajority_has_voted(
    told: dict[str, object], confirmation: Confirmation, settled: bool
) -> None:
    value = [{"slot": 90, "err": None, **told}]
    async with (
        scripted_rpc({"getSignatureStatuses": answers(in_context(value))}) as server,
        rpc(server.url) as door,
    ):
        status = (await door.statuses(SIGNATURES[:1])).found[0]
    assert status == Status(90, None, confirmation)
    assert status is not None
    assert status.settled is settled


@pytest.mark.parametrize(
    ("err", "error"),
    [
        (None, None),
        ("BlockhashNotFound", ChainError("BlockhashNotFound")),
        ({"InstructionError": [0, "InvalidAccountData"]}, ChainError("instruction 0: InvalidAccountData", 0)),
        ({"InstructionError": [3, {"Custom": 0}]}, ChainError("instruction 3: custom error 0", 3, 0)),
        ({"DuplicateInstruction": 1}, ChainError('{"DuplicateInstruction":1}')),
        (False, ChainError("false")),
        ({"InstructionError": "odd"}, ChainError('{"InstructionError":"odd"}')),
    ],
)
async def test_a_simulation_says_why_it_failed(err: object, error: ChainError | None) -> None:
    value = {"err": err, "logs": ["Program log: one", "two"], "unitsConsumed": 1_234, "accounts": None}
    async with scripted_rpc({"simulateTransaction": answers(in_context(value))}) as server:
        async with rpc(server.url) as door:
            assert await door.simulate(a_transaction(), 50) == Simulated(
                error, ("Program log: one", "two"), 1_234
            )
        ((_, (raw, config)),) = server.asked
        assert base64.b64decode(raw) == bytes(a_transaction())
    assert config == {
        "encoding": "base64",
        "sigVerify": False,
        "commitment": "confirmed",
        "minContextSlot": 50,
    }


async def test_logs_of_a_transaction_are_none_until_it_is_in_a_block() -> None:
    whole = {"slot": 5, "meta": {"err": None, "logMessages": ["a", "b"]}, "transaction": ["AA", "base64"]}
    script = [answers(None), answers(whole), answers({"slot": 5, "meta": None})]
    async with scripted_rpc({"getTransaction": script}) as server, rpc(server.url) as door:
        assert await door.transaction_logs(SIGNATURES[0]) is None
        assert await door.transaction_logs(SIGNATURES[0]) == ("a", "b")
        assert await door.transaction_logs(SIGNATURES[0]) == ()


async def test_fees_slot_and_cluster_are_plain_values() -> None:
    fees = [{"slot": 1, "prioritizationFee": 0}, {"slot": 2, "prioritizationFee": 12_000}]
    scripts = {
        "getRecentPrioritizationFees": answers(fees), "getSlot": answers(77), "getGenesisHash": answers("GH"),
    }  # fmt: skip
    async with scripted_rpc(scripts) as server:
        async with rpc(server.url) as door:
            assert await door.recent_fees([ONE]) == [0, 12_000]
            assert await door.slot() == 77
            assert await door.genesis_hash() == "GH"
        assert server.asked[0] == ("getRecentPrioritizationFees", [[str(ONE)]])


async def test_a_server_that_has_not_come_to_the_slot_is_passed_over() -> None:
    async with (
        scripted_rpc({"getMultipleAccounts": answers(in_context([None], 99))}) as behind,
        scripted_rpc({"getMultipleAccounts": rejects(-32016, "Minimum context slot")}) as honest,
        scripted_rpc({"getMultipleAccounts": answers(in_context([None], 100))}) as ahead,
        rpc(behind.url, honest.url, ahead.url) as door,
    ):
        assert (await door.accounts([ONE], min_slot=100)).slot == 100
        stats = door.stats()
    assert [dict(one.faults) for one in stats] == [{"behind": 1}, {"behind": 1}, {}]
    assert all(one.closed for one in stats)


async def test_a_server_that_stays_behind_is_reported_as_behind() -> None:
    scripts = {"getSignatureStatuses": answers(in_context([None], 99))}
    async with scripted_rpc(scripts) as server, rpc(server.url) as door:
        with pytest.raises(RpcUnavailable, match="slot 99 before 100") as caught:
            await door.statuses(SIGNATURES[:1], min_slot=100)
    assert caught.value.fault is Fault.BEHIND


async def test_a_rejection_by_all_is_final_and_nobody_is_asked_again() -> None:
    script = {"getSlot": rejects(-32602, "Invalid params: x")}
    async with (
        scripted_rpc(script) as first,
        scripted_rpc(script) as second,
        rpc(first.url, second.url) as door,
    ):
        with pytest.raises(RpcRejected, match=r"-32602 .* getSlot: Invalid params: x") as caught:
            await door.slot()
        assert (first.methods, second.methods) == (["getSlot"], ["getSlot"])
    assert isinstance(caught.value, VenueRefused)
    assert caught.value.code == -32602


async def test_a_rejection_by_one_may_be_about_its_own_access_key() -> None:
    unpaid = rejects(-32600, "Must be authenticated!", status=401)
    async with (
        scripted_rpc({"getSlot": unpaid}) as first,
        scripted_rpc({"getSlot": [rejects(-32603, "Internal error"), answers(1)]}) as second,
        rpc(first.url, second.url) as door,
    ):
        assert await door.slot() == 1
        assert len(second.asked) == 2
        assert door.stats()[0].rejections == 2


async def test_a_rejection_counts_with_any_status() -> None:
    async with (
        scripted_rpc({"getSlot": rejects(-32600, "Invalid request", status=400)}) as server,
        rpc(server.url) as door,
    ):
        with pytest.raises(RpcRejected):
            await door.slot()


async def test_a_read_is_tried_again_where_it_failed() -> None:
    script = [rejects(-32603, "Internal error"), rejects(-32005, "Node is unhealthy"), answers(7)]
    async with scripted_rpc({"getSlot": script}) as server, rpc(server.url) as door:
        assert await door.slot() == 7
        assert server.methods == ["getSlot"] * 3


async def test_a_read_waits_for_its_only_server_to_rest() -> None:
    async with (
        scripted_rpc({"getSlot": [says(b"", 500), answers(7)]}) as server,
        Rpc([server.url], QUICK) as door,
    ):
        assert await door.slot() == 7
        assert dict(door.stats()[0].faults) == {"http_error": 1}


async def test_retries_come_to_an_end() -> None:
    async with scripted_rpc({"getSlot": rejects(-32603, "Internal error")}) as server:
        async with rpc(server.url) as door:
            with pytest.raises(RpcUnavailable, match="-32603 Internal error"):
                await door.slot()
        assert len(server.asked) == 4


async def test_the_first_server_is_asked_as_long_as_it_answers() -> None:
    async with (
        scripted_rpc({"getSlot": answers(1)}) as first,
        scripted_rpc({"getSlot": answers(2)}) as second,
        rpc(first.url, second.url) as door,
    ):
        assert [await door.slot() for _ in range(5)] == [1] * 5
        assert second.asked == []


async def test_a_hanging_server_costs_a_share_of_the_time_and_then_nothing() -> None:
    options = RpcOptions(calls_per_s=1_000.0, timeout_s=2.0)
    now = asyncio.get_running_loop().time
    async with (
        scripted_rpc({"getSlot": hangs()}) as first,
        scripted_rpc({"getSlot": answers(2)}) as second,
        rpc(first.url, second.url, options=options) as door,
    ):
        began = now()
        assert await door.slot() == 2
        once = now()
        assert await door.slot() == 2
        again = now()
    assert 0.75 < once - began < 2.0
    assert again - once < 0.75
    assert first.methods == ["getSlot"]


async def test_no_call_takes_longer_than_its_time() -> None:
    options = RpcOptions(calls_per_s=1_000.0, timeout_s=0.3)
    now = asyncio.get_running_loop().time
    async with scripted_rpc({"getSlot": hangs()}) as server, Rpc([server.url] * 3, options) as door:
        began = now()
        with pytest.raises(VenueUnavailable):
            await door.slot()
    assert now() - began < 1.0


@pytest.mark.parametrize(("calls", "takes_s"), [(15, 0.0), (16, 3.0), (30, 3.0), (31, 6.0)])
def test_the_budget_of_a_server_spreads_its_calls(calls: int, takes_s: float) -> None:
    """Fifteen at once are within five a second, counted over three."""

    async def story() -> None:
        options = RpcOptions(calls_per_s=5.0, timeout_s=20.0)
        now = asyncio.get_running_loop().time
        async with scripted_rpc({"getSlot": answers(1)}) as server, rpc(server.url, options=options) as door:
            began = now()
            async with asyncio.TaskGroup() as group:
                for _ in range(calls):
                    group.create_task(door.slot())
            assert takes_s <= now() - began <= takes_s + 0.1

    run_virtually(story)


async def test_a_budget_that_is_used_up_is_said_and_nothing_is_sent() -> None:
    now = asyncio.get_running_loop().time
    async with scripted_rpc({"getSlot": answers(1)}) as server:
        endpoint = Endpoint(ServerUrl(server.url), 0.1, 5.0)
        await endpoint.ask(methods.slot(), now() + 10.0)
        with pytest.raises(RpcUnavailable) as caught:
            await endpoint.ask(methods.slot(), now() + 0.05)
        assert (caught.value.fault, caught.value.unsent) == (Fault.OVER_BUDGET, True)
        assert len(server.asked) == 1
        assert endpoint.stats().closed
        await endpoint.close()


async def test_each_server_is_counted() -> None:
    async with (
        scripted_rpc({"getSlot": says(b"nonsense")}) as first,
        scripted_rpc({"getSlot": answers(31)}) as second,
        rpc(first.url, second.url) as door,
    ):
        await door.slot()
        bad, good = door.stats()
        assert (bad.host, bad.calls, bad.errors, dict(bad.faults)) == (
            f"127.0.0.1:{first.port}", 1, 1, {"bad_body": 1},
        )  # fmt: skip
        assert (bad.latency_ms, bad.slot, bad.closed) == (-1.0, -1, False)
        assert (good.calls, good.errors, good.slot, good.closed) == (1, 0, 31, True)
        assert 0.0 < good.latency_ms < 2_000.0


async def test_people_are_told_what_was_asked_of_each_server_and_what_came_of_it() -> None:
    async with (
        scripted_rpc({"getSlot": rejects(-32603, "no"), "getGenesisHash": answers("GH")}) as first,
        scripted_rpc({"getSlot": answers(31)}) as second,
        rpc(first.url, second.url) as door,
    ):
        await door.slot()
        await door.genesis_hash()
        lame, sound = door.servers()
        assert lame.outcomes == {"getGenesisHash": {"answered": 1}, "getSlot": {"node_error": 1}}
        assert (lame.calls, lame.errors, lame.slot, lame.resting) == (2, 1, None, False)
        assert sound.outcomes == {"getSlot": {"answered": 1}}
        assert (sound.host, sound.slot) == (f"127.0.0.1:{second.port}", 31)


async def test_health_tells_of_every_server_what_it_is_like() -> None:
    remembers = answers({"context": {"slot": 10}, "value": [None]})
    well = {
        "getSlot": answers(10), "getGenesisHash": answers("GH"), "getHealth": answers("ok"),
        "getSignatureStatuses": remembers,
    }  # fmt: skip
    no_history = rejects(-32011, "Transaction history is not available from this node")
    async with (
        scripted_rpc(well) as good,
        scripted_rpc(well | {"getHealth": rejects(-32005, "Node is behind by 42 slots")}) as lagging,
        scripted_rpc({"getSlot": answers(9)}) as terse,
        scripted_rpc(well | {"getSignatureStatuses": no_history}) as forgetful,
        rpc(good.url, lagging.url, terse.url, forgetful.url, "http://127.0.0.1:1") as door,
    ):
        first, second, third, fourth, dead = await door.health()
    assert (first.host, first.problem, first.slot, first.genesis) == (f"127.0.0.1:{good.port}", "", 10, "GH")
    assert first.latency_ms > 0.0
    assert "behind by 42 slots" in second.problem
    assert (third.problem, third.slot, third.genesis) == ("", 9, "")
    assert (first.forgets, fourth.problem) == ("", "")
    assert "history is not available" in fourth.forgets
    assert dead.problem.startswith("unreachable: 127.0.0.1:1 getSlot")
    assert (dead.slot, dead.latency_ms) == (-1, -1.0)


@pytest.mark.parametrize("url", ["", "ftp://host", "host:8899", "http://", "http://h:99999", "http://h/#k"])
def test_an_address_that_is_none_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(ValueError, match="address") as caught:
        Rpc([url])
    assert not url or url not in str(caught.value)


def test_no_server_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="no RPC server"):
        Rpc([])
