"""A landed transaction as `getTransaction` shows it: encoded or spelt out, with its meta data."""

import base64
from typing import Any

from solders.message import MessageV0

from drift_e3.core.terms import MS_PER_SECOND
from drift_e3.drill.chain import Landed
from drift_e3.drill.engines import FEE_LAMPORTS

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
Json = dict[str, Any]


def transaction_json(landed: Landed, encoding: str) -> Json:
    """The answer for one transaction. Balances are not kept: they read 0. ValueError for an encoding that
    the drill does not offer."""
    transaction = landed.transaction
    versioned = isinstance(transaction.message, MessageV0)
    zeros = [0] * len(transaction.message.account_keys)
    if encoding == "base64":
        encoded: object = [base64.b64encode(bytes(transaction)).decode(), "base64"]
    elif encoding == "json":
        encoded = {
            "signatures": [str(signature) for signature in transaction.signatures],
            "message": _message(landed),
        }
    else:
        raise ValueError(f"encoding {encoding}")
    return {
        "slot": landed.slot,
        "blockTime": landed.ts // MS_PER_SECOND,
        "transaction": encoded,
        "version": 0 if versioned else "legacy",
        "meta": {
            "err": landed.error,
            "status": {"Ok": None} if landed.error is None else {"Err": landed.error},
            "fee": FEE_LAMPORTS * len(transaction.signatures),
            "preBalances": zeros,
            "postBalances": zeros,
            "innerInstructions": [],
            "logMessages": list(landed.logs),
            "preTokenBalances": [],
            "postTokenBalances": [],
            "rewards": [],
            "loadedAddresses": {"readonly": [], "writable": []},
            "computeUnitsConsumed": landed.units,
        },
    }


def _message(landed: Landed) -> Json:
    message = landed.transaction.message
    shown: Json = {
        "accountKeys": [str(key) for key in message.account_keys],
        "header": {
            "numRequiredSignatures": message.header.num_required_signatures,
            "numReadonlySignedAccounts": message.header.num_readonly_signed_accounts,
            "numReadonlyUnsignedAccounts": message.header.num_readonly_unsigned_accounts,
        },
        "recentBlockhash": str(message.recent_blockhash),
        "instructions": [
            {
                "programIdIndex": instruction.program_id_index,
                "accounts": list(instruction.accounts),
                "data": base58(bytes(instruction.data)),
                "stackHeight": 1,
            }
            for instruction in message.instructions
        ],
    }
    if isinstance(message, MessageV0):
        shown["addressTableLookups"] = []
    return shown


def base58(data: bytes) -> str:
    """Bytes as Solana writes them."""
    zeros = len(data) - len(data.lstrip(b"\0"))
    number, digits = int.from_bytes(data), ""
    while number:
        number, digit = divmod(number, 58)
        digits = BASE58[digit] + digits
    return "1" * zeros + digits
