"""JSON-RPC as Solana speaks it: the calls that we make, and how their answers read.

Pure: text in, values out. Nothing of a body is trusted; whatever is not exactly what the method gives is a
`RpcUnavailable`. solders has parsers for all of it, but they take an error for a result at times, and at
others panic: a BaseException, and a backtrace on standard error. Sending is `rpc`'s and `endpoints`'.
"""

import binascii
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, Final, Generic, Literal, NamedTuple, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct
from msgspec.json import Decoder
from solders.hash import Hash, ParseHashError
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from drift_e3.venues.solana.failures import Fault, RpcRejected, RpcUnavailable, printable
from drift_e3.venues.solana.program import RawAccount

T = TypeVar("T")

COMMITMENT: Final = "confirmed"
ADDRESSES_MAX: Final = 100
"""Of one getMultipleAccounts."""
SIGNATURES_MAX: Final = 256
"""Of one getSignatureStatuses."""
FINAL_CODES: Final = frozenset({-32700, -32600, -32601, -32602, -32003, -32006, -32013, -32015})
"""Errors that a server gives before it does anything: malformed, unknown, or badly signed. The failed
preflight (-32002) is not among them: bytes that landed a moment ago fail it too."""
BEHIND_CODE: Final = -32016
RATE_CODE: Final = 429

UInt = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Natural = Annotated[int, Meta(ge=0)]


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


class Request(NamedTuple):
    """A call on its way, in the form that solana-py's provider sends."""

    method: str
    params: tuple[Any, ...]
    number: int

    def to_json(self) -> str:
        body = {"jsonrpc": "2.0", "id": self.number, "method": self.method, "params": self.params}
        return msgspec.json.encode(body).decode()


class _Error(Struct, frozen=True):
    code: int
    message: str = ""


class _Reply(Struct, frozen=True):
    result: Raw | msgspec.UnsetType = msgspec.UNSET
    error: _Error | None = None
    id: int | str | None = None


class _Context(Struct, frozen=True):
    slot: UInt


class _Account(Struct, frozen=True):
    lamports: Natural
    owner: str
    data: tuple[str, Literal["base64"]]
    executable: bool = False


class _Accounts(Struct, frozen=True):
    context: _Context
    value: list[_Account | None]


class _OneAccount(Struct, frozen=True):
    context: _Context
    value: _Account | None


class _HashAndHeight(Struct, frozen=True, rename="camel"):
    blockhash: str
    last_valid_block_height: UInt


class _Blockhash(Struct, frozen=True):
    context: _Context
    value: _HashAndHeight


class _Status(Struct, frozen=True, rename="camel"):
    slot: UInt
    err: Any
    confirmations: int | None = None
    confirmation_status: Confirmation | None = None


class _Statuses(Struct, frozen=True):
    context: _Context
    value: list[_Status | None]


class _Simulation(Struct, frozen=True, rename="camel"):
    err: Any
    logs: tuple[str, ...] | None = None
    units_consumed: UInt | None = None


class _Simulated(Struct, frozen=True):
    context: _Context
    value: _Simulation


class _Meta(Struct, frozen=True, rename="camel"):
    log_messages: tuple[str, ...] | None = None


class _Transaction(Struct, frozen=True):
    slot: UInt
    meta: _Meta | None = None


class _Fee(Struct, frozen=True, rename="camel"):
    prioritization_fee: UInt


class _Epoch(Struct, frozen=True, rename="camel"):
    absolute_slot: UInt
    block_height: UInt


_REPLY = Decoder(_Reply)
_ACCOUNTS = Decoder(_Accounts)
_ONE_ACCOUNT = Decoder(_OneAccount)
_BLOCKHASH = Decoder(_Blockhash)
_EPOCH = Decoder(_Epoch)
_STATUSES = Decoder(_Statuses)
_SIMULATED = Decoder(_Simulated)
_TRANSACTION = Decoder(_Transaction | None)
_FEES = Decoder(list[_Fee])
_NUMBER = Decoder(UInt)
_TEXT = Decoder(str)
_SHORT_TEXT = Decoder(Annotated[str, Meta(max_length=64)])
_OK = Decoder(Literal["ok"])


def result_of(text: str, number: int, scrub: Callable[[str], str]) -> Raw:
    """The result in the body of the answer to request `number`; `scrub` takes secrets out of a server's
    words. Raises `RpcRejected` for a final error and `RpcUnavailable` for everything else."""
    try:
        reply = _REPLY.decode(text)
    except (ValueError, RecursionError):
        raise RpcUnavailable(Fault.BAD_BODY, "not JSON-RPC") from None
    if reply.error is not None:
        code, message = reply.error.code, scrub(printable(reply.error.message))
        if reply.id not in {number, None}:
            raise RpcUnavailable(Fault.BAD_BODY, "somebody else's error")
        if code in FINAL_CODES:
            raise RpcRejected(code, message)
        faults = {RATE_CODE: Fault.RATE_LIMITED, BEHIND_CODE: Fault.BEHIND}
        raise RpcUnavailable(faults.get(code, Fault.NODE_ERROR), f"{code} {message}")
    if isinstance(reply.result, msgspec.UnsetType):
        raise RpcUnavailable(Fault.BAD_BODY, "neither result nor error")
    if reply.id != number:
        raise RpcUnavailable(Fault.BAD_BODY, "somebody else's answer")
    return reply.result


def read_answer(call: Call[T], result: Raw, min_slot: int) -> Answer[T]:
    """The answer in a result. Raises `RpcUnavailable` for one that cannot be, or is older than `min_slot`."""
    try:
        answer = call.read(result)
    except (ValueError, RecursionError):
        raise RpcUnavailable(Fault.BAD_RESULT, "not what the method gives") from None
    if 0 <= answer.slot < min_slot:
        raise RpcUnavailable(Fault.BEHIND, f"slot {answer.slot} before {min_slot}")
    return answer


def accounts(addresses: Sequence[Pubkey], min_slot: int = 0) -> Call[Look]:
    """All accounts in one answer of one slot; at most 100."""
    wanted = tuple(dict.fromkeys(addresses))
    if len(wanted) > ADDRESSES_MAX:
        raise ValueError(f"{len(wanted)} accounts in one call, at most {ADDRESSES_MAX}")

    def read(result: Raw) -> Answer[Look]:
        reply = _ACCOUNTS.decode(result)
        slot = reply.context.slot
        found = map(_account, reply.value)
        return Answer(slot, Look(slot, dict(zip(wanted, found, strict=True))))

    params = (list(map(str, wanted)), {"encoding": "base64", **_context(min_slot)})
    return Call("getMultipleAccounts", params, read)


def account_slice(address: Pubkey, offset: int, length: int) -> Call[RawAccount | None]:
    """`length` bytes of an account from `offset` on, fewer where it ends before."""

    def read(result: Raw) -> Answer[RawAccount | None]:
        reply = _ONE_ACCOUNT.decode(result)
        found = _account(reply.value)
        if found is not None and len(found.data) > length:
            raise ValueError("more bytes than were asked for")
        return Answer(reply.context.slot, found)

    cut = {"offset": offset, "length": length}
    params = (str(address), {"encoding": "base64", "dataSlice": cut, **_context()})
    return Call("getAccountInfo", params, read)


def latest_blockhash() -> Call[Blockhash]:
    def read(result: Raw) -> Answer[Blockhash]:
        reply = _BLOCKHASH.decode(result)
        try:
            blockhash = Hash.from_string(reply.value.blockhash)
        except ParseHashError:
            raise ValueError("not a hash") from None
        slot = reply.context.slot
        return Answer(slot, Blockhash(blockhash, reply.value.last_valid_block_height, slot))

    return Call("getLatestBlockhash", (_context(),), read)


def height() -> Call[Height]:
    """Both numbers of the same bank; getBlockHeight does not say of which slot it speaks."""

    def read(result: Raw) -> Answer[Height]:
        reply = _EPOCH.decode(result)
        return Answer(reply.absolute_slot, Height(reply.absolute_slot, reply.block_height))

    return Call("getEpochInfo", (_context(),), read)


def statuses(signatures: Sequence[Signature], history: bool) -> Call[Statuses]:
    """At most 256, None for what the node has not seen; without `history` it looks back some 150 slots."""
    if len(signatures) > SIGNATURES_MAX:
        raise ValueError(f"{len(signatures)} signatures in one call, at most {SIGNATURES_MAX}")

    def read(result: Raw) -> Answer[Statuses]:
        reply = _STATUSES.decode(result)
        if len(reply.value) != len(signatures):
            raise ValueError("not as many statuses as signatures")
        slot = reply.context.slot
        return Answer(slot, Statuses(slot, tuple(map(_status, reply.value))))

    params = (list(map(str, signatures)), {"searchTransactionHistory": history})
    return Call("getSignatureStatuses", params, read)


def simulate(tx: VersionedTransaction, min_slot: int = 0) -> Call[Simulated]:
    def read(result: Raw) -> Answer[Simulated]:
        reply = _SIMULATED.decode(result)
        tried = reply.value
        return Answer(
            reply.context.slot,
            Simulated(_chain_error(tried.err), tried.logs or (), tried.units_consumed or 0),
        )

    config = {"encoding": "base64", "sigVerify": False, **_context(min_slot)}
    return Call("simulateTransaction", (_base64(bytes(tx)), config), read)


def send(raw: bytes) -> Call[None]:
    """A signed transaction as bytes; the answer must name its signature, which stands behind their count."""
    signature = str(Signature.from_bytes(raw[1:65]))

    def read(result: Raw) -> Answer[None]:
        if _TEXT.decode(result) != signature:
            raise ValueError("the signature of another transaction")
        return Answer(-1, None)

    config = {"encoding": "base64", "skipPreflight": True, "maxRetries": 0}
    return Call("sendTransaction", (_base64(raw), config), read)


def transaction_logs(signature: Signature) -> Call[tuple[str, ...] | None]:
    """None while no block with the transaction is confirmed."""

    def read(result: Raw) -> Answer[tuple[str, ...] | None]:
        reply = _TRANSACTION.decode(result)
        if reply is None:
            return Answer(-1, None)
        return Answer(-1, (reply.meta and reply.meta.log_messages) or ())

    config = {"encoding": "base64", "commitment": COMMITMENT, "maxSupportedTransactionVersion": 0}
    return Call("getTransaction", (str(signature), config), read)


def recent_fees(addresses: Sequence[Pubkey]) -> Call[list[int]]:
    """Lowest priority fees that landed in each of some 150 slots and locked these accounts, in
    micro-lamports per unit of compute."""

    def read(result: Raw) -> Answer[list[int]]:
        return Answer(-1, [fee.prioritization_fee for fee in _FEES.decode(result)])

    return Call("getRecentPrioritizationFees", (list(map(str, addresses)),), read)


def slot() -> Call[int]:
    def read(result: Raw) -> Answer[int]:
        found = _NUMBER.decode(result)
        return Answer(found, found)

    return Call("getSlot", (_context(),), read)


def health() -> Call[str]:
    def read(result: Raw) -> Answer[str]:
        return Answer(-1, _OK.decode(result))

    return Call("getHealth", (), read)


def genesis_hash() -> Call[str]:
    """Tells clusters apart."""

    def read(result: Raw) -> Answer[str]:
        return Answer(-1, _SHORT_TEXT.decode(result))

    return Call("getGenesisHash", (), read)


def _context(min_slot: int = 0) -> dict[str, Any]:
    return {"commitment": COMMITMENT} | ({"minContextSlot": min_slot} if min_slot > 0 else {})


def _base64(raw: bytes) -> str:
    return binascii.b2a_base64(raw, newline=False).decode()


def _account(found: _Account | None) -> RawAccount | None:
    if found is None:
        return None
    data = binascii.a2b_base64(found.data[0], strict_mode=True) if found.data[0] else b""
    return RawAccount(Pubkey.from_string(found.owner), data, found.lamports, found.executable)


def _status(found: _Status | None) -> Status | None:
    if found is None:
        return None
    confirmation = found.confirmation_status
    if confirmation is None:
        # Nodes that do not say it count votes, until the block is rooted and there is nothing left to count.
        confirmation = Confirmation.FINALIZED if found.confirmations is None else Confirmation.PROCESSED
    return Status(found.slot, _chain_error(found.err), confirmation)


def _chain_error(err: Any) -> ChainError | None:
    """``"BlockhashNotFound"``, or ``{"InstructionError": [2, {"Custom": 6003}]}`` and the like."""
    match err:
        case None:
            return None
        case {"InstructionError": [int(instruction), {"Custom": int(code)}]}:
            return ChainError(f"instruction {instruction}: custom error {code}", instruction, code)
        case {"InstructionError": [int(instruction), what]}:
            return ChainError(f"instruction {instruction}: {_said(what)}", instruction)
        case _:
            return ChainError(_said(err))


def _said(err: Any) -> str:
    return printable(err if isinstance(err, str) else msgspec.json.encode(err).decode())
