"""The node speaks to the real Solana client as a real node does, and goes wrong as it is told."""

import asyncio
import base64
from typing import Any

import aiohttp
import httpx
import pytest
from solana.exceptions import SolanaRpcException
from solana.rpc.commitment import Confirmed, Finalized, Processed
from solana.rpc.core import RPCException
from solana.rpc.types import DataSliceOpts, TxOpts
from solana.rpc.websocket_api import connect
from solders.account import Account
from solders.message import Message
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM
from solders.transaction import VersionedTransaction
from solders.transaction_status import TransactionConfirmationStatus

from drift_e3.drill.chain import BLOCKHASH_BLOCKS, CONFIRMED_SLOTS, FINALIZED_SLOTS
from drift_e3.drill.faults import FaultKind, Faults, Service
from tests.drill.clusters import LAMPORTS, PAYER, SOMEBODY, a_node, a_payment, balance, pays, signed

CONFIRMED = TransactionConfirmationStatus.Confirmed


async def rpc(url: str, method: str, params: Any = None) -> Any:
    """A bare JSON-RPC call, for what the client library does not offer."""
    call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or []}
    async with aiohttp.ClientSession() as session, session.post(url, json=call) as response:
        return await response.json()


async def test_a_transaction_is_sent_lands_and_is_found() -> None:
    async with a_node() as node:
        chain, client = node.chain, node.client
        latest = (await client.get_latest_blockhash()).value
        assert latest.last_valid_block_height == chain.block_height - CONFIRMED_SLOTS + BLOCKHASH_BLOCKS
        payment = signed(latest.blockhash)
        signature = (await client.send_transaction(payment)).value
        assert (await client.get_signature_statuses([signature])).value == [None]
        chain.step()
        first = (await client.get_signature_statuses([signature])).value[0]
        assert first is not None
        assert first.confirmation_status == TransactionConfirmationStatus.Processed
        chain.step()
        confirmed = await client.confirm_transaction(signature, Confirmed)
        assert confirmed.value[0] is not None
        assert confirmed.value[0].err is None
        transaction = (await client.get_transaction(signature, max_supported_transaction_version=0)).value
        assert transaction is not None
        assert transaction.transaction.meta is not None
        assert "success" in str(transaction.transaction.meta.log_messages)
        history = (await client.get_signatures_for_address(SOMEBODY)).value
        assert [(one.signature, one.confirmation_status) for one in history] == [(signature, CONFIRMED)]
        assert (await client.get_balance(SOMEBODY)).value == 1_000_000


async def test_commitments_lag_behind() -> None:
    async with a_node() as node:
        chain, client = node.chain, node.client
        chain.run(a_payment(chain))
        slots = [(await client.get_slot(level)).value for level in (Processed, Confirmed, Finalized)]
        assert slots == [chain.slot, chain.slot - CONFIRMED_SLOTS, chain.slot - FINALIZED_SLOTS]
        balances = [(await client.get_balance(SOMEBODY, level)).value for level in (Processed, Confirmed)]
        assert balances == [1_000_000, 0]
        assert (await client.get_block_height(Processed)).value == chain.block_height


async def test_accounts_are_shown_whole_in_part_and_many_at_once() -> None:
    async with a_node() as node:
        chain, client = node.chain, node.client
        chain.set_account(SOMEBODY, Account(9, b"0123456789", SYSTEM))
        chain.step(CONFIRMED_SLOTS)
        whole = (await client.get_account_info(SOMEBODY)).value
        part = (await client.get_account_info(SOMEBODY, data_slice=DataSliceOpts(offset=2, length=3))).value
        assert whole is not None
        assert part is not None
        assert (bytes(whole.data), bytes(part.data)) == (b"0123456789", b"234")
        answer = await client.get_multiple_accounts([SOMEBODY, Pubkey([9] * 32)])
        assert answer.context.slot == chain.slot - CONFIRMED_SLOTS
        assert [account is not None for account in answer.value] == [True, False]


async def test_the_rest_of_what_a_client_asks_is_answered() -> None:
    async with a_node() as node:
        chain, client = node.chain, node.client
        assert (await client.get_genesis_hash()).value == chain.genesis_hash
        assert "drill" in (await client.get_version()).value.solana_core
        assert (await client.get_minimum_balance_for_rent_exemption(165)).value == 2_039_280
        assert await client.is_connected()
        fees = (await rpc(node.server.url, "getRecentPrioritizationFees", [[str(SOMEBODY)]]))["result"]
        assert fees[-1] == {"slot": chain.slot, "prioritizationFee": 1_000}
        blockhash = str(chain.blockhash(chain.slot)[0])
        config = {"commitment": "processed"}
        valid = await rpc(node.server.url, "isBlockhashValid", [blockhash, config])
        assert valid["result"]["value"] is True


async def test_a_simulation_says_what_would_become_of_it() -> None:
    async with a_node() as node:
        chain, client = node.chain, node.client
        chain.step()
        good = (await client.simulate_transaction(signed(chain.blockhash(chain.slot - 1)[0]))).value
        bad = (await client.simulate_transaction(a_payment_of(node.chain, LAMPORTS * 2))).value
        assert (good.err, good.units_consumed) == (None, 150)
        assert "Custom(1)" in str(bad.err)
        assert balance(chain) == 0
        params = [
            encoded(a_payment_of(chain, 77)),
            {
                "encoding": "base64",
                "commitment": "processed",
                "accounts": {"encoding": "base64", "addresses": [str(SOMEBODY)]},
            },
        ]
        told = (await rpc(node.server.url, "simulateTransaction", params))["result"]["value"]
        assert told["accounts"][0]["lamports"] == 77


def a_payment_of(chain: Any, lamports: int) -> VersionedTransaction:
    """A payment with a blockhash that confirmed readers know."""
    return signed(chain.blockhash(chain.slot - CONFIRMED_SLOTS)[0], pays(lamports))


def encoded(transaction: VersionedTransaction) -> str:
    return base64.b64encode(bytes(transaction)).decode()


async def test_an_unsigned_simulation_takes_any_blockhash_if_asked_to() -> None:
    async with a_node() as node:
        chain = node.chain
        stale = chain.blockhash(chain.slot - 1)[0]
        chain.step(BLOCKHASH_BLOCKS + 10)
        config = {"encoding": "base64", "commitment": "processed"}
        refused = await rpc(node.server.url, "simulateTransaction", [encoded(signed(stale)), config])
        assert refused["result"]["value"]["err"] == "BlockhashNotFound"
        config |= {"replaceRecentBlockhash": True}  # type: ignore[dict-item]
        taken = await rpc(node.server.url, "simulateTransaction", [encoded(signed(stale)), config])
        assert taken["result"]["value"]["err"] is None


async def test_the_preflight_refuses_what_would_fail() -> None:
    async with a_node() as node:
        with pytest.raises(RPCException, match="custom program error: 0x1"):
            await node.client.send_transaction(a_payment_of(node.chain, LAMPORTS * 2))
        with pytest.raises(RPCException, match="Blockhash not found"):
            await node.client.send_transaction(
                a_payment(node.chain), opts=TxOpts(preflight_commitment=Finalized)
            )
        other = PAYER.sign_message(b"something else")
        forged = VersionedTransaction.populate(a_payment(node.chain).message, [other])
        with pytest.raises(RPCException, match="TransactionSignatureVerificationFailure"):
            await node.client.send_transaction(forged)


async def test_without_a_preflight_it_fails_on_chain() -> None:
    async with a_node() as node:
        opts = TxOpts(skip_preflight=True)
        payment = a_payment_of(node.chain, LAMPORTS * 2)
        signature = (await node.client.send_transaction(payment, opts=opts)).value
        node.chain.step(2)
        status = (await node.client.get_signature_statuses([signature])).value[0]
        assert status is not None
        assert "Custom(1)" in str(status.err)


async def test_an_expired_transaction_is_never_found() -> None:
    async with a_node() as node:
        payment = a_payment(node.chain)
        node.chain.step(BLOCKHASH_BLOCKS)
        signature = (await node.client.send_transaction(payment, opts=TxOpts(skip_preflight=True))).value
        node.chain.step(5)
        assert (await node.client.get_signature_statuses([signature])).value == [None]


async def test_legacy_transactions_work_too() -> None:
    async with a_node() as node:
        blockhash = node.chain.blockhash(node.chain.slot - 1)[0]
        legacy = VersionedTransaction(
            Message.new_with_blockhash([pays()], PAYER.pubkey(), blockhash), [PAYER]
        )
        signature = (await node.client.send_transaction(legacy)).value
        node.chain.step(2)
        assert (await node.client.get_transaction(signature)).value is not None
        assert balance(node.chain) == 1_000_000


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("getNothing", [], -32601),
        ("getAccountInfo", ["no address"], -32602),
        ("getAccountInfo", [], -32602),
        ("sendTransaction", ["AAAA", {"encoding": "base64"}], -32602),
        ("getSlot", [{"minContextSlot": 1 << 40}], -32016),
        ("getMultipleAccounts", [[str(SOMEBODY)] * 101], -32602),
    ],
)
async def test_errors_have_the_codes_of_a_real_node(method: str, params: list[Any], code: int) -> None:
    async with a_node() as node:
        assert (await rpc(node.server.url, method, params))["error"]["code"] == code


async def test_a_batch_is_answered_in_order() -> None:
    async with a_node() as node, aiohttp.ClientSession() as session:
        batch = [{"jsonrpc": "2.0", "id": n, "method": "getHealth"} for n in (1, 2)]
        async with session.post(node.server.url, json=batch) as response:
            assert [(one["id"], one["result"]) for one in await response.json()] == [(1, "ok"), (2, "ok")]
        async with session.post(node.server.url, data=b"{") as response:
            assert (await response.json())["error"]["code"] == -32700


# -- websocket ---------------------------------------------------------------------------------------------


async def test_the_real_websocket_client_hears_of_accounts_and_slots() -> None:
    async with a_node() as node:
        for url in (node.server.ws_url, node.server.url.replace("http", "ws")):
            node.chain.step()
            async with connect(url) as socket:
                await socket.account_subscribe(SOMEBODY)
                subscribed: Any = await socket.recv()
                node.chain.run(a_payment(node.chain))
                told: Any = (await socket.recv())[0]
                assert told.result.value.lamports == balance(node.chain)
                await socket.account_unsubscribe(subscribed[0].result)
                await socket.recv()
                await socket.slot_subscribe()
                await socket.recv()
                node.chain.run(a_payment(node.chain))
                slot: Any = (await socket.recv())[0]
                assert slot.result.slot == node.chain.slot


async def test_an_account_that_stays_as_it_is_is_not_told() -> None:
    async with a_node() as node, connect(node.server.ws_url) as socket:
        await socket.account_subscribe(SOMEBODY)
        await socket.recv()
        node.chain.step(3)
        await socket.slot_subscribe()
        answer: Any = (await socket.recv())[0]
        assert answer.result == 2, "the next message is the answer, no notification came before it"


# -- faults ------------------------------------------------------------------------------------------------


async def test_a_busy_node_is_busy_for_one_method_only() -> None:
    faults = Faults()
    async with a_node(faults) as node:
        faults.start(FaultKind.HTTP_BUSY, service=Service.RPC, method="getSlot", count=1)
        with pytest.raises(SolanaRpcException) as caught:
            await node.client.get_slot()
        assert isinstance(caught.value.__cause__, httpx.HTTPStatusError)
        assert caught.value.__cause__.response.status_code == 429
        assert (await node.client.get_slot()).value > 0


async def test_a_lost_response_leaves_the_transaction_on_its_way() -> None:
    faults = Faults()
    async with a_node(faults) as node:
        faults.start(FaultKind.LOST_RESPONSE, count=1)
        payment = a_payment_of(node.chain, 5)
        with pytest.raises(SolanaRpcException):
            await node.client.send_transaction(payment)
        node.chain.step()
        assert balance(node.chain) == 5
        assert node.chain.landed(payment.signatures[0]) is not None


async def test_an_expired_blockhash_is_refused_by_everybody() -> None:
    faults = Faults()
    async with a_node(faults) as node:
        faults.start(FaultKind.EXPIRED_BLOCKHASH, count=1)
        latest = (await node.client.get_latest_blockhash()).value
        assert latest.last_valid_block_height < (await node.client.get_block_height()).value
        with pytest.raises(RPCException, match="Blockhash not found"):
            await node.client.send_transaction(signed(latest.blockhash))
        signature = node.chain.submit(signed(latest.blockhash))
        node.chain.step(2)
        assert node.chain.landed(signature) is None


async def test_a_node_that_goes_back_shows_old_slots_and_old_accounts() -> None:
    faults = Faults()
    async with a_node(faults) as node:
        chain, client = node.chain, node.client
        chain.step(20)
        payment = a_payment(chain)
        chain.run(payment)
        chain.step()
        faults.start(FaultKind.SLOT_BACK, amount=10)
        shown = await client.get_account_info(SOMEBODY)
        assert (shown.context.slot, shown.value) == (chain.slot - CONFIRMED_SLOTS - 10, None)
        assert (await client.get_signature_statuses([payment.signatures[0]])).value == [None]
        faults.stop()
        assert (await client.get_account_info(SOMEBODY)).value is not None


async def test_a_node_that_stands_still_knows_nothing_newer() -> None:
    faults = Faults()
    async with a_node(faults) as node:
        chain, client = node.chain, node.client
        stood = chain.slot
        faults.start(FaultKind.HTTP_STALE, service=Service.RPC)
        payment = a_payment(chain)
        chain.run(payment)
        chain.step(400)
        shown = await client.get_account_info(SOMEBODY, Processed)
        assert (shown.context.slot, shown.value) == (stood, None)
        assert (await client.get_slot(Confirmed)).value == stood
        assert (await client.get_signature_statuses([payment.signatures[0]])).value == [None]
        faults.stop()
        assert (await client.get_account_info(SOMEBODY)).value is not None


async def test_the_websocket_goes_wrong_too() -> None:
    faults = Faults()
    async with (
        a_node(faults) as node,
        aiohttp.ClientSession() as session,
        session.ws_connect(node.server.ws_url) as socket,
    ):
        await socket.send_json({"jsonrpc": "2.0", "id": 1, "method": "slotSubscribe"})
        await socket.receive_json(timeout=5.0)
        faults.start(FaultKind.SOCKET_SILENCE, service=Service.RPC)
        node.chain.step(3)
        faults.stop()
        node.chain.step()
        assert (await socket.receive_json(timeout=5.0))["params"]["result"]["slot"] == node.chain.slot
        faults.start(FaultKind.SOCKET_ABORT, service=Service.RPC, count=1)
        message = await socket.receive(timeout=5.0)
        assert message.type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}


async def test_a_node_that_does_not_answer_holds_nobody_up() -> None:
    faults = Faults()
    async with a_node(faults) as node:
        faults.start(FaultKind.HTTP_TIMEOUT, method="getSlot")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await node.client.get_slot()
        assert (await node.client.get_version()).value is not None
