"""Accounts recorded on chain, with what they were found to mean."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from solders.pubkey import Pubkey

from drift_e3.venues.solana.program import RawAccount


class Record(NamedTuple):
    """A recorded account: where it is (None: not recorded), what it is, what it means."""

    address: Pubkey | None
    account: RawAccount
    kind: str
    summary: dict[str, Any]


def records(folder: Path, stem: str, kind: str | None = None) -> Iterator[Record]:
    """The recorded accounts of that file, of one kind only where it is given."""
    for row in json.loads((folder / "onchain" / f"{stem}.json").read_text()):
        if kind in {None, row["type"]}:
            owner = Pubkey.from_string(row["owner"]) if row["owner"] else Pubkey.default()
            data = base64.b64decode(row["data_base64"])
            address = Pubkey.from_string(row["pubkey"]) if row["pubkey"] else None
            yield Record(address, RawAccount(owner, data), row["type"], row["decoded_summary"])


def spoilt(account: RawAccount) -> dict[str, RawAccount]:
    """The account with each of the things wrong that must be refused."""
    data = account.data
    return {
        "a byte more": account._replace(data=data + b"\0"),
        "a byte less": account._replace(data=data[:-1]),
        "empty": account._replace(data=b""),
        "another owner": account._replace(owner=Pubkey(b"x" * 32)),
        "another kind": account._replace(data=bytes([data[0] ^ 1]) + data[1:]),
    }


def shown(value: Any) -> Any:
    """The value as the recording writes it: names as text, keys in base58, enum variants by name."""
    if isinstance(value, Pubkey):
        return str(value)
    if hasattr(value, "__attrs_attrs__"):
        return type(value).__name__
    if isinstance(value, list) and len(value) == 32:
        return bytes(value).decode().rstrip(" \0")
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**53:
        return str(value)
    return value


def found(account: Any, key: str) -> Any:
    """The attribute of that name in the account, its AMM, its oracle history or its fees."""
    amm = getattr(account, "amm", account)
    for holder in (
        account,
        amm,
        getattr(amm, "historical_oracle_data", None),
        getattr(account, "fees", None),
    ):
        if hasattr(holder, key):
            return shown(getattr(holder, key))
    raise AssertionError(f"no attribute {key}")


def like(items: list[Any], wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The items with the attributes that the recorded ones have."""
    return [
        {key: shown(getattr(item, key)) for key in this} for item, this in zip(items, wanted, strict=True)
    ]
