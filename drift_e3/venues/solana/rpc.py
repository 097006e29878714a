"""The only door to the chain: several RPC servers behind one object, asked in order of preference.

Here live the walk from server to server, the retries of reads and their deadline. How one server is treated
is `endpoints`', what is asked and how answers read is `calls`'. Reads are repeated, a send never is.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Self, TypeVar

from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_attempt,
    stop_before_delay,
    wait_random_exponential,
)

from drift_e3.core.terms import MS_PER_SECOND
from drift_e3.status import ServerStatus
from drift_e3.venues.solana import methods
from drift_e3.venues.solana.calls import Answer, Blockhash, Call, Height, Look, Simulated, Statuses
from drift_e3.venues.solana.endpoints import Endpoint, EndpointStats, server_status
from drift_e3.venues.solana.failures import Fault, RpcRejected, RpcUnavailable, SendUndecided
from drift_e3.venues.solana.program import RawAccount
from drift_e3.venues.solana.transport import ServerUrl

T = TypeVar("T")

ATTEMPTS: Final = 4
ATTEMPT_SHARE: Final = 0.4
"""Of a call's time, what one server may take of it: enough is left for another."""
CONNECT_SHARE: Final = 0.25
"""Of a call's time, what making a connection may take: a send that got no further was certainly not sent."""
JITTER = wait_random_exponential(multiplier=0.1, max=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcOptions:
    """The budget of each server, and how long a call may take, retries included (s)."""

    calls_per_s: float = 5.0
    timeout_s: float = 5.0


class EndpointHealth(NamedTuple):
    """A server that was asked how it is. `problem` is empty when it is well. `genesis` tells its cluster;
    empty where it does not say. `latency_ms` and `slot` are -1 where there was no answer. `forgets` says why
    it cannot be asked for the fate of old transactions, empty where it can, or was not asked."""

    host: str
    problem: str
    slot: int
    latency_ms: float
    genesis: str
    forgets: str = ""


class _Failures:
    """What the servers of one walk said, and what it comes to."""

    def __init__(self) -> None:
        self._resting: RpcUnavailable | None = None
        self._unavailable: RpcUnavailable | None = None
        self._rejected: RpcRejected | None = None

    def add(self, failure: RpcUnavailable | RpcRejected) -> None:
        match failure:
            case RpcRejected():
                self._rejected = failure
            case RpcUnavailable(fault=Fault.RESTING):
                self._resting = failure
            case RpcUnavailable():
                self._unavailable = failure

    def worst(self) -> RpcUnavailable | RpcRejected:
        """A rejection only where all agree, for it is final: one server's may be about its own access key.
        What a resting server says of itself is less than what another one really answered."""
        failure = self._unavailable or self._resting or self._rejected
        assert failure is not None, "there is at least one server"
        return failure


class Rpc:
    """Every call ends within `RpcOptions.timeout_s`. All of them raise `RpcUnavailable` when no server was of
    use and `RpcRejected` when all servers say that they will never carry it out.

    Reads are of commitment ``confirmed``. Raises ValueError for an address that is none, without showing it.
    """

    def __init__(
        self,
        urls: Sequence[str],
        options: RpcOptions | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        if not urls:
            raise ValueError("no RPC server")
        self._options = options or RpcOptions()
        self._sleep = sleep
        connect_s = self._options.timeout_s * CONNECT_SHARE
        self._endpoints = tuple(
            Endpoint(ServerUrl(url), self._options.calls_per_s, connect_s) for url in urls
        )

    def __repr__(self) -> str:
        return f"Rpc({', '.join(endpoint.host for endpoint in self._endpoints)})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def urls(self) -> tuple[ServerUrl, ...]:
        """The servers' addresses, in order of preference."""
        return tuple(endpoint.url for endpoint in self._endpoints)

    def stats(self) -> tuple[EndpointStats, ...]:
        """Counters of each server, in order of preference."""
        return tuple(endpoint.stats() for endpoint in self._endpoints)

    def servers(self) -> tuple[ServerStatus, ...]:
        """The same, as people are told of it."""
        return tuple(server_status(stats) for stats in self.stats())

    async def accounts(self, addresses: Sequence[Pubkey], min_slot: int = 0) -> Look:
        """All accounts (at most 100) as of one slot, which is not before `min_slot`: a server that has not
        got there yet is passed over."""
        return (await self._read(methods.accounts(addresses, min_slot), min_slot)).value

    async def account_slice(self, address: Pubkey, offset: int, length: int) -> tuple[int, RawAccount | None]:
        """A slot, and the account with at most `length` bytes of its data from `offset` on."""
        answer = await self._read(methods.account_slice(address, offset, length))
        return answer.slot, answer.value

    async def latest_blockhash(self) -> Blockhash:
        """What a new transaction is to be signed with."""
        return (await self._read(methods.latest_blockhash())).value

    async def height(self) -> Height:
        """Slot and block height of one server at the same moment."""
        return (await self._read(methods.height())).value

    async def statuses(
        self, signatures: Sequence[Signature], *, history: bool = False, min_slot: int = 0
    ) -> Statuses:
        """What became of transactions (at most 256), by a server that has come to `min_slot`.

        Not to have seen one means something only of a server that is far enough: who wants to call a
        transaction dead asks for the slot of the `height()` that is past its end. Without `history` a server
        looks back about 150 slots, with it as far as it can.
        """
        return (await self._read(methods.statuses(signatures, history), min_slot)).value

    async def simulate(self, tx: VersionedTransaction, min_slot: int = 0) -> Simulated:
        """The transaction tried on the state of `min_slot` or later; its signatures are not checked."""
        return (await self._read(methods.simulate(tx, min_slot), min_slot)).value

    async def transaction_logs(self, signature: Signature) -> tuple[str, ...] | None:
        """The program's log lines, None while no confirmed block has the transaction."""
        return (await self._read(methods.transaction_logs(signature))).value

    async def recent_fees(self, addresses: Sequence[Pubkey]) -> list[int]:
        """Priority fees that lately landed transactions on these accounts, micro-lamports per unit."""
        return (await self._read(methods.recent_fees(addresses))).value

    async def slot(self) -> int:
        return (await self._read(methods.slot())).value

    async def genesis_hash(self) -> str:
        """The cluster's name for itself."""
        return (await self._read(methods.genesis_hash())).value

    async def send(self, raw: bytes) -> None:
        """Hand a signed transaction to one server, once, without preflight and without the server's retries.

        Raises `RpcUnavailable` when certainly nothing was sent, `RpcRejected` when all servers turned it down
        unseen, and `SendUndecided` for everything else. All three speak of this attempt alone. Only a server
        that was not even reached, or turned it down, is followed by the next one.
        """
        call = methods.send(raw)
        ends = asyncio.get_running_loop().time() + self._options.timeout_s
        failures = _Failures()
        for endpoint in self._endpoints:
            try:
                await endpoint.ask(call, ends)
            except RpcUnavailable as failure:
                if not failure.unsent:
                    undecided = SendUndecided(failure.fault, failure.detail)
                    break
                failures.add(failure)
            except RpcRejected as rejection:
                failures.add(rejection)
            else:
                return
        else:
            raise failures.worst()
        raise undecided

    async def health(self) -> tuple[EndpointHealth, ...]:
        """Each server asked for its health, slot, cluster and memory, all at once; never raises."""
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(self._health(endpoint)) for endpoint in self._endpoints]
        return tuple(task.result() for task in asked)

    async def close(self) -> None:
        """Hang up."""
        for endpoint in self._endpoints:
            await endpoint.close()

    async def _read(self, call: Call[T], min_slot: int = 0) -> Answer[T]:
        """Walk over the servers, again and again with jitter, until one is of use or time is up."""
        timeout_s = self._options.timeout_s
        ends = asyncio.get_running_loop().time() + timeout_s
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(RpcUnavailable),
            stop=stop_after_attempt(ATTEMPTS) | stop_before_delay(timeout_s),
            wait=self._pause_s,
            sleep=self._sleep,
            reraise=True,
        )
        return await retrying(self._walk, call, ends, min_slot)

    async def _walk(self, call: Call[T], ends: float, min_slot: int) -> Answer[T]:
        now = asyncio.get_running_loop().time
        failures = _Failures()
        for endpoint in self._endpoints:
            try:
                share_ends = min(ends, now() + self._options.timeout_s * ATTEMPT_SHARE)
                return await endpoint.ask(call, share_ends, min_slot)
            except (RpcUnavailable, RpcRejected) as failure:
                failures.add(failure)
        raise failures.worst()

    def _pause_s(self, state: RetryCallState) -> float:
        """Jitter, and until a server has rested."""
        now = asyncio.get_running_loop().time()
        return JITTER(state) + min(endpoint.ready_in(now) for endpoint in self._endpoints)

    async def _health(self, endpoint: Endpoint) -> EndpointHealth:
        ends = asyncio.get_running_loop().time() + self._options.timeout_s
        slot, latency_ms, genesis, problem, forgets = -1, -1.0, "", "", ""
        try:
            began = asyncio.get_running_loop().time()
            slot = (await endpoint.ask(methods.slot(), ends)).value
            latency_ms = (asyncio.get_running_loop().time() - began) * MS_PER_SECOND
            genesis = await self._said(endpoint, methods.genesis_hash(), ends)
            await self._said(endpoint, methods.health(), ends)
        except (RpcUnavailable, RpcRejected) as failure:
            problem = str(failure)
        else:
            forgets = await self._forgets(endpoint, ends)
        return EndpointHealth(endpoint.host, problem, slot, latency_ms, genesis, forgets)

    @staticmethod
    async def _forgets(endpoint: Endpoint, ends: float) -> str:
        """Why a server cannot search its history for a transaction; any signature will do for asking."""
        try:
            await endpoint.ask(methods.statuses([Signature.default()], history=True), ends)
        except (RpcUnavailable, RpcRejected) as failure:
            return str(failure)
        return ""

    @staticmethod
    async def _said(endpoint: Endpoint, call: Call[str], ends: float) -> str:
        """A server's answer, empty where it does not know the question."""
        try:
            return (await endpoint.ask(call, ends)).value
        except RpcRejected:
            return ""
