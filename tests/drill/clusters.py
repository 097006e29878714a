"""A chain with somebody who can pay, and the real Solana client connected to it."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed
from solders.account import Account
from solders.hash import Hash
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

from drift_e3.drill.chain import Chain
from drift_e3.drill.engines import ProgramEngine
from drift_e3.drill.faults import Faults
from drift_e3.drill.rpc_server import RpcServer

NOW_TS = 1_736_121_600_000
PAYER = Keypair.from_seed(bytes([7]) * 32)
SOMEBODY = Keypair.from_seed(bytes([8]) * 32).pubkey()
LAMPORTS = 10_000_000_000


def a_chain(faults: Faults | None = None, seed: int = 0) -> Chain:
    """A chain some slots old, on which `PAYER` is rich and `SOMEBODY` unknown."""
    chain = Chain(ProgramEngine(), faults, now_ts=NOW_TS, seed=seed)
    chain.set_account(PAYER.pubkey(), Account(LAMPORTS, b"", SYSTEM))
    chain.step(40)
    return chain


def pays(lamports: int = 1_000_000, to: Pubkey = SOMEBODY) -> Instruction:
    return transfer(TransferParams(from_pubkey=PAYER.pubkey(), to_pubkey=to, lamports=lamports))


def signed(
    blockhash: Hash, *instructions: Instruction, by: Sequence[Keypair] = (PAYER,)
) -> VersionedTransaction:
    """A transaction of these instructions, one payment if there are none."""
    message = MessageV0.try_compile(by[0].pubkey(), list(instructions) or [pays()], [], blockhash)
    return VersionedTransaction(message, list(by))


def a_payment(chain: Chain, lamports: int = 1_000_000) -> VersionedTransaction:
    """A payment with the newest blockhash; the amount tells payments of one slot apart."""
    return signed(chain.blockhash(chain.slot)[0], pays(lamports))


def balance(chain: Chain, address: Pubkey = SOMEBODY) -> int:
    account = chain.get_account(address)
    return account.lamports if account else 0


@dataclass(frozen=True, slots=True)
class Node:
    """A chain, the node in front of it, and a client."""

    chain: Chain
    server: RpcServer
    client: AsyncClient


@asynccontextmanager
async def a_node(faults: Faults | None = None) -> AsyncGenerator[Node]:
    chain = a_chain(faults)
    async with RpcServer(chain) as server, AsyncClient(server.url, commitment=Confirmed) as client:
        yield Node(chain, server, client)
