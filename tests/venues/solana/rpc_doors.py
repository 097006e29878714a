"""What the tests of the RPC door have in common: addresses, a transaction, and a door that never waits."""

import asyncio

from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from drift_e3.venues.solana.rpc import Rpc, RpcOptions

ONE, TWO, THREE = (Pubkey(bytes([n]) * 32) for n in (1, 2, 3))
SIGNATURES = [Signature(bytes([n]) * 64) for n in (1, 2)]
QUICK = RpcOptions(calls_per_s=1_000.0, timeout_s=2.0)


async def at_once(_: float) -> None:
    """A sleep that takes no time; a turn of the loop it does take."""
    await asyncio.sleep(0)


def a_transaction() -> VersionedTransaction:
    signer = Keypair.from_seed(b"s" * 32)
    return VersionedTransaction(MessageV0.try_compile(signer.pubkey(), [], [], Hash.default()), [signer])


def rpc(*urls: str, options: RpcOptions = QUICK) -> Rpc:
    return Rpc(urls, options, at_once)
