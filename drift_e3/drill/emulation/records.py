"""Fields of accounts by name, read and written in place, and the accounts that a transaction works on."""

from collections.abc import Mapping
from typing import Any

from solders.account import Account
from solders.pubkey import Pubkey

from drift_e3.venues.velocity.wire import Layout


class Record:
    """A structure in an account's bytes. `names` translates neutral names to this layout's paths; `prefix`
    is where the structure begins."""

    __slots__ = ("_data", "_layout", "_names", "_prefix")

    def __init__(
        self, layout: Layout, data: bytearray, names: Mapping[str, str] | None = None, prefix: str = ""
    ) -> None:
        self._layout = layout
        self._data = data
        self._names = names or {}
        self._prefix = prefix

    def __getitem__(self, name: str) -> Any:
        return self._layout.read(self._data, self._prefix + self._names.get(name, name))

    def __setitem__(self, name: str, value: int | bool | bytes) -> None:
        self._layout.write(self._data, self._prefix + self._names.get(name, name), value)

    def __contains__(self, name: str) -> bool:
        return self._prefix + self._names.get(name, name) in self._layout.slots

    def part(self, prefix: str) -> "Record":
        """The structure that begins there."""
        return Record(self._layout, self._data, None, f"{self._prefix}{prefix}.")

    def clear(self, *names: str) -> None:
        """Set whole numbers and flags to nothing."""
        for name in names:
            self[name] = 0


class Workspace:
    """The accounts as a transaction sees and changes them, until it is known whether it succeeds."""

    def __init__(self, accounts: Mapping[Pubkey, Account]) -> None:
        self._accounts = accounts
        self._changed: dict[Pubkey, tuple[int, Pubkey, bytearray]] = {}

    def data(self, address: Pubkey) -> bytearray | None:
        """An account's bytes, to be changed in place; None where there is none."""
        if address not in self._changed:
            account = self._accounts.get(address)
            if account is None:
                return None
            self._changed[address] = (account.lamports, account.owner, bytearray(account.data))
        return self._changed[address][2]

    def owner(self, address: Pubkey) -> Pubkey | None:
        """The program that an account belongs to."""
        return self._changed[address][1] if self.data(address) is not None else None

    def lamports(self, address: Pubkey) -> int:
        return self._changed[address][0] if self.data(address) is not None else 0

    def pay(self, address: Pubkey, lamports: int) -> None:
        """Change what an account holds; it is made where there is none."""
        if self.data(address) is None:
            self._changed[address] = (0, Pubkey.default(), bytearray())
        held, owner, data = self._changed[address]
        self._changed[address] = (held + lamports, owner, data)

    def create(self, address: Pubkey, owner: Pubkey, data: bytes | bytearray, lamports: int) -> None:
        self._changed[address] = (lamports, owner, bytearray(data))

    def accounts(self) -> dict[Pubkey, Account]:
        """What became of the accounts that were looked at."""
        return {
            address: Account(lamports, bytes(data), owner)
            for address, (lamports, owner, data) in self._changed.items()
        }
