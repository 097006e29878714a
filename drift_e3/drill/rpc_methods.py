"""The methods of a Solana RPC node that a trading client uses, answered from the drill's chain.

Shapes and error codes are those of the real node. A reader sees the chain as of a slot: the commitment's, or
an earlier one where the node lags. Which requests go wrong on the way is the server's.
"""

import base64
from collections.abc import Callable
from typing import Any

from solders.account import Account
from solders.hash import Hash
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from drift_e3.core.terms import MS_PER_SECOND
from drift_e3.drill.chain import BLOCKHASH_BLOCKS, FINALIZED_SLOTS, Chain, Landed, SignatureWrong, height_of
from drift_e3.drill.faults import Fault, FaultKind, Service
from drift_e3.drill.transaction_json import transaction_json

ACCOUNTS_MAX = 100
STATUSES_MAX = 256
EPOCH_SLOTS = 432_000
RENT_LAMPORTS_PER_BYTE_YEAR = 3_480
RENT_YEARS = 2
ACCOUNT_OVERHEAD_BYTES = 128
Json = dict[str, Any]


class RpcError(Exception):
    """A JSON-RPC error: code, message and data."""

    def __init__(self, code: int, message: str, data: object = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data


class RpcMethods:
    """The table of methods for one chain."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        chain.faults.watch(self._fault_changed)
        self._table: dict[str, Callable[[list[Any], Json], Any]] = {
            "getAccountInfo": self._account_info,
            "getBalance": self._balance,
            "getBlockHeight": lambda _, config: height_of(self._slot(config)),
            "getEpochInfo": self._epoch_info,
            "getGenesisHash": lambda *_: str(chain.genesis_hash),
            "getHealth": lambda *_: "ok",
            "getLatestBlockhash": self._latest_blockhash,
            "getMinimumBalanceForRentExemption": self._rent,
            "getMultipleAccounts": self._multiple_accounts,
            "getRecentPrioritizationFees": self._priority_fees,
            "getSignatureStatuses": self._signature_statuses,
            "getSignaturesForAddress": self._signatures_for_address,
            "getSlot": lambda _, config: self._slot(config),
            "getTransaction": self._transaction,
            "getVersion": lambda *_: {"solana-core": "2.2.0-drill", "feature-set": 0},
            "isBlockhashValid": self._blockhash_valid,
            "sendTransaction": self._send,
            "simulateTransaction": self._simulate,
        }

    def call(self, method: str, params: object) -> Any:
        """The result of a call. Raises `RpcError` as the real node answers with an error."""
        if method not in self._table:
            raise RpcError(-32601, "Method not found")
        given = params if isinstance(params, list) else []
        config = given[-1] if given and isinstance(given[-1], dict) else {}
        try:
            return self._table[method](given, config)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise RpcError(-32602, f"Invalid params: {error}") from error

    def _slot(self, config: Json) -> int:
        """The slot that this reader sees."""
        slot = self.chain.slot_at(config.get("commitment") or "finalized")
        if self.chain.pinned_slot is not None:
            slot = min(slot, self.chain.pinned_slot)
        if fault := self.chain.faults.hit(FaultKind.SLOT_BACK, Service.RPC):
            slot -= int(fault.amount)
        wanted = config.get("minContextSlot")
        if wanted is not None and slot < wanted:
            raise RpcError(-32016, "Minimum context slot has not been reached", {"contextSlot": slot})
        return slot

    def _fault_changed(self, fault: Fault, began: bool) -> None:
        """A stale node stands still where it was."""
        if fault.kind == FaultKind.HTTP_STALE and fault.service in {None, Service.RPC}:
            self.chain.pinned_slot = self.chain.slot if began else None

    def _in_context(self, slot: int, value: object) -> Json:
        return {"context": {"apiVersion": "2.2.0", "slot": slot}, "value": value}

    # -- accounts ------------------------------------------------------------------------------------------

    def _account_info(self, params: list[Any], config: Json) -> Json:
        slot = self._slot(config)
        account = self.chain.get_account(Pubkey.from_string(params[0]), slot)
        return self._in_context(slot, account_json(account, config))

    def _multiple_accounts(self, params: list[Any], config: Json) -> Json:
        if len(params[0]) > ACCOUNTS_MAX:
            raise RpcError(-32602, f"Too many inputs provided; max {ACCOUNTS_MAX}")
        slot = self._slot(config)
        accounts = [self.chain.get_account(Pubkey.from_string(address), slot) for address in params[0]]
        return self._in_context(slot, [account_json(account, config) for account in accounts])

    def _balance(self, params: list[Any], config: Json) -> Json:
        slot = self._slot(config)
        account = self.chain.get_account(Pubkey.from_string(params[0]), slot)
        return self._in_context(slot, account.lamports if account else 0)

    def _rent(self, params: list[Any], _: Json) -> int:
        return (ACCOUNT_OVERHEAD_BYTES + int(params[0])) * RENT_LAMPORTS_PER_BYTE_YEAR * RENT_YEARS

    # -- blockhashes and fees ------------------------------------------------------------------------------

    def _latest_blockhash(self, _: list[Any], config: Json) -> Json:
        slot = self._slot(config)
        given = slot
        if self.chain.faults.hit(FaultKind.EXPIRED_BLOCKHASH, Service.RPC):
            given -= BLOCKHASH_BLOCKS + FINALIZED_SLOTS + 1
        blockhash, last_valid = self.chain.blockhash(given)
        return self._in_context(slot, {"blockhash": str(blockhash), "lastValidBlockHeight": last_valid})

    def _epoch_info(self, _: list[Any], config: Json) -> Json:
        slot = self._slot(config)
        epoch, index = divmod(slot, EPOCH_SLOTS)
        return {
            "absoluteSlot": slot,
            "blockHeight": height_of(slot),
            "epoch": epoch,
            "slotIndex": index,
            "slotsInEpoch": EPOCH_SLOTS,
            "transactionCount": None,
        }

    def _blockhash_valid(self, params: list[Any], config: Json) -> Json:
        slot = self._slot(config)
        return self._in_context(slot, self.chain.knows(Hash.from_string(params[0]), slot))

    def _priority_fees(self, *_: object) -> list[Json]:
        newest, fee = self.chain.slot, self.chain.priority_fee
        return [{"slot": slot, "prioritizationFee": fee} for slot in range(newest - 149, newest + 1)]

    # -- sending -------------------------------------------------------------------------------------------

    def _send(self, params: list[Any], config: Json) -> str:
        transaction = decoded(params[0], config)
        if not config.get("skipPreflight", False):
            self._preflight(transaction, config)
        try:
            return str(self.chain.submit(transaction))
        except SignatureWrong as error:
            raise RpcError(-32003, "Transaction signature verification failure") from error

    def _preflight(self, transaction: VersionedTransaction, config: Json) -> None:
        """What a node checks before it passes a transaction on: signatures, the blockhash, a simulation."""
        if not all(transaction.verify_with_results()):
            raise RpcError(-32003, "Transaction signature verification failure")
        slot = self._slot({"commitment": config.get("preflightCommitment"), **config})
        result = self._simulated(transaction, slot, {})
        if result["err"] is not None:
            raise RpcError(-32002, f"Transaction simulation failed: {in_words(result['err'])}", result)

    def _simulate(self, params: list[Any], config: Json) -> Json:
        transaction = decoded(params[0], config)
        slot = self._slot(config)
        if config.get("sigVerify") and not all(transaction.verify_with_results()):
            raise RpcError(-32003, "Transaction signature verification failure")
        if config.get("replaceRecentBlockhash"):
            return self._in_context(slot, self._simulated(transaction, None, config))
        return self._in_context(slot, self._simulated(transaction, slot, config))

    def _simulated(self, transaction: VersionedTransaction, slot: int | None, config: Json) -> Json:
        """A simulation as JSON; with a slot the blockhash is checked as of it."""
        if slot is not None and not self.chain.knows(transaction.message.recent_blockhash, slot):
            return {"err": "BlockhashNotFound", "logs": [], "accounts": None, "unitsConsumed": 0}
        ran = self.chain.simulate(transaction)
        wanted = (config.get("accounts") or {}).get("addresses")
        accounts = None
        if wanted is not None:
            after = {str(address): account for address, account in ran.accounts.items()}
            accounts = [account_json(after.get(address), {"encoding": "base64"}) for address in wanted]
        return {
            "err": ran.error,
            "logs": list(ran.logs),
            "accounts": accounts,
            "unitsConsumed": ran.units,
            "returnData": None,
            "innerInstructions": None,
        }

    # -- what landed ---------------------------------------------------------------------------------------

    def _signature_statuses(self, params: list[Any], _: Json) -> Json:
        if len(params[0]) > STATUSES_MAX:
            raise RpcError(-32602, f"Too many inputs provided; max {STATUSES_MAX}")
        slot = self._slot({"commitment": "processed"})
        return self._in_context(slot, [self._status(Signature.from_string(one), slot) for one in params[0]])

    def _status(self, signature: Signature, slot: int) -> Json | None:
        landed = self.chain.landed(signature)
        if landed is None or landed.slot > slot:
            return None
        final = slot - landed.slot >= FINALIZED_SLOTS
        return {
            "slot": landed.slot,
            "confirmations": None if final else slot - landed.slot,
            "err": landed.error,
            "status": {"Ok": None} if landed.error is None else {"Err": landed.error},
            "confirmationStatus": commitment_of(landed, slot),
        }

    def _signatures_for_address(self, params: list[Any], config: Json) -> list[Json]:
        slot = self._slot(config)
        found = [one for one in self.chain.signatures_of(Pubkey.from_string(params[0])) if one.slot <= slot]
        names = [str(one.signature) for one in found]
        begin = names.index(config["before"]) + 1 if config.get("before") in names else 0
        end = names.index(config["until"]) if config.get("until") in names else len(found)
        return [
            {
                "signature": str(landed.signature),
                "slot": landed.slot,
                "err": landed.error,
                "memo": None,
                "blockTime": landed.ts // MS_PER_SECOND,
                "confirmationStatus": commitment_of(landed, self.chain.slot),
            }
            for landed in found[begin : min(end, begin + int(config.get("limit") or 1000))]
        ]

    def _transaction(self, params: list[Any], config: Json) -> Json | None:
        landed = self.chain.landed(Signature.from_string(params[0]))
        if landed is None or landed.slot > self._slot(config):
            return None
        if (
            isinstance(landed.transaction.message, MessageV0)
            and "maxSupportedTransactionVersion" not in config
        ):
            raise RpcError(-32015, "Transaction version (0) is not supported by the requesting client")
        return transaction_json(landed, str(config.get("encoding") or "json"))


def commitment_of(landed: Landed, slot: int) -> str:
    """How settled it is in the eyes of a reader of that slot."""
    if slot - landed.slot >= FINALIZED_SLOTS:
        return "finalized"
    return "confirmed" if slot > landed.slot else "processed"


def account_json(account: Account | None, config: Json) -> Json | None:
    """An account as the node shows it. Data of more than 128 bytes needs an encoding, as there."""
    if account is None:
        return None
    data = bytes(account.data)
    if cut := config.get("dataSlice"):
        data = data[cut["offset"] : cut["offset"] + cut["length"]]
    return {
        "lamports": account.lamports,
        "owner": str(account.owner),
        "executable": account.executable,
        "rentEpoch": 18_446_744_073_709_551_615,
        "space": len(account.data),
        "data": [base64.b64encode(data).decode(), "base64"],
    }


def decoded(text: str, config: Json) -> VersionedTransaction:
    """The transaction that a client sent. Raises `RpcError` for what is none."""
    try:
        if config.get("encoding") != "base64":
            raise ValueError("the drill's node takes base64 only")
        return VersionedTransaction.from_bytes(base64.b64decode(text, validate=True))
    except ValueError as error:
        raise RpcError(-32602, f"failed to deserialize transaction: {error}") from error


def in_words(error: Any) -> str:
    """A transaction's error as the node words it."""
    match error:
        case {"InstructionError": [index, {"Custom": code}]}:
            return f"Error processing Instruction {index}: custom program error: {code:#x}"
        case "BlockhashNotFound":
            return "Blockhash not found"
        case _:
            return str(error)
