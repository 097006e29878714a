"""The methods of Solana's servers that we call: their parameters, and how their results read.

Pure, and strict: a result that is not exactly what the method gives is a ValueError, never a guess.
"""

import binascii
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Raw, Struct
from msgspec.json import Decoder
from solders.hash import Hash, ParseHashError
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from drift_e3.venues.solana.calls import (
    Answer,
    Blockhash,
    Call,
    ChainError,
    Confirmation,
    Height,
    Look,
    Simulated,
    Status,
    Statuses,
)
from drift_e3.venues.solana.failures import printable
from drift_e3.venues.solana.program import RawAccount

COMMITMENT: Final = "confirmed"
ADDRESSES_MAX: Final = 100
"""Of one getMultipleAccounts."""
SIGNATURES_MAX: Final = 256
"""Of one getSignatureStatuses."""

UInt = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Natural = Annotated[int, Meta(ge=0)]


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
