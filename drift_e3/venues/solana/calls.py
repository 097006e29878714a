"""Calls to the chain as values: what a call is, and what the answers say.

The calls that there are, and how the servers' JSON reads, are `methods`'; making them is `rpc`'s.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Generic, NamedTuple, TypeVar

from msgspec import Raw
from solders.hash import Hash
from solders.pubkey import Pubkey

from drift_e3.venues.solana.failures import Fault, RpcUnavailable
from drift_e3.venues.solana.program import RawAccount

T = TypeVar("T")


class Confirmation(StrEnum):
    """How far the cluster has got with a transaction."""

    PROCESSED = "processed"
    CONFIRMED = "confirmed"
    FINALIZED = "finalized"


class ChainError(NamedTuple):
    """Why a transaction failed. `code` is the program's own error and `instruction` the number of the one
    that failed, where the error is of that sort."""

    text: str
    instruction: int | None = None
    code: int | None = None


class Status(NamedTuple):
    """What became of a transaction that a node has seen; `err` None: it succeeded."""

    slot: int
    err: ChainError | None
    confirmation: Confirmation

    @property
    def settled(self) -> bool:
        """Whether a supermajority has voted for it."""
        return self.confirmation is not Confirmation.PROCESSED


class Simulated(NamedTuple):
    """A transaction tried without sending it; `units` of compute, 0 where the node does not say."""

    err: ChainError | None
    logs: tuple[str, ...]
    units: int


class Statuses(NamedTuple):
    """What a node that has come to `slot` knows of transactions, in the order in which they were asked for;
    None for one that it has not seen."""

    slot: int
    found: tuple[Status | None, ...]


class Blockhash(NamedTuple):
    """A blockhash, the last block height at which a transaction with it can land, and the slot it is of."""

    blockhash: Hash
    last_valid_block_height: int
    slot: int


class Height(NamedTuple):
    """A node's slot and block height at the same moment."""

    slot: int
    block_height: int


class Look(NamedTuple):
    """Accounts as of one slot, None for those that do not exist."""

    slot: int
    accounts: Mapping[Pubkey, RawAccount | None]


class Answer(NamedTuple, Generic[T]):
    """A value and the slot it is of, -1 for what has none."""

    slot: int
    value: T


class Call(NamedTuple, Generic[T]):
    """A question to the chain. `read` makes an `Answer` of the result, and raises ValueError for what cannot
    be one."""

    method: str
    params: tuple[Any, ...]
    read: Callable[[Raw], Answer[T]]


def read_answer(call: Call[T], result: Raw, min_slot: int) -> Answer[T]:
    """The answer in a result. Raises `RpcUnavailable` for one that cannot be, or is older than `min_slot`."""
    try:
        answer = call.read(result)
    except (ValueError, RecursionError):
        raise RpcUnavailable(Fault.BAD_RESULT, "not what the method gives") from None
    if 0 <= answer.slot < min_slot:
        raise RpcUnavailable(Fault.BEHIND, f"slot {answer.slot} before {min_slot}")
    return answer
