"""Byte layouts as tables: named fields of fixed size, read, written, and read many at a time.

The program's accounts are plain C structures behind a discriminator: every field has one offset for ever.
Nothing here knows which structures there are (`layouts`) or what they mean.
"""

from collections.abc import Mapping
from struct import Struct, pack_into, unpack_from
from typing import Any, Final, Generic, NamedTuple, TypeVar

from drift_e3.venues.solana.anchor import DISCRIMINATOR_BYTES, account_discriminator

SCALARS: Final = {
    "u8": "B", "i8": "b", "bool": "?", "u16": "H", "i16": "h", "u32": "I", "i32": "i", "u64": "Q", "i64": "q",
    "u128": "16s", "i128": "16s", "key": "32s",
}  # fmt: skip
WIDE: Final = {"u128": False, "i128": True}
"""Integers that `struct` does not know, and whether they are signed."""

T = TypeVar("T")


class Slot(NamedTuple):
    """Where a scalar lies in its structure, and its type: a key of `SCALARS`, or ``bytes*N``."""

    offset: int
    kind: str

    @property
    def code(self) -> str:
        """The format of `struct`."""
        return SCALARS.get(self.kind) or f"{self.kind.removeprefix('bytes*')}s"


class Layout:
    """A structure: `table` lists its fields in order as ``name:type`` or ``name:type*count``.

    A type is a scalar, ``bytes*N``, or the name of one of `parts`. `slots` maps each scalar to its place by a
    dotted path such as ``orders.3.price``. `tail` bytes without meaning follow the fields.
    """

    def __init__(self, name: str, table: str, *parts: "Layout", header: int = 0, tail: int = 0) -> None:
        self.name: str = name
        self.size: int = 0
        known = {part.name: part for part in parts}
        self.slots: dict[str, Slot] = {}
        offset = header
        for entry in table.split():
            field, _, kind = entry.partition(":")
            of, _, times = kind.partition("*")
            if of not in known:
                slot = Slot(offset, kind)
                self.slots[field] = slot
                offset += Struct(f"<{slot.code}").size
                continue
            part = known[of]
            for index in range(int(times or 1)):
                prefix = f"{field}.{index}." if times else f"{field}."
                for path, slot in part.slots.items():
                    self.slots[prefix + path] = Slot(offset + slot.offset, slot.kind)
                offset += part.size
        self.size = offset + tail

    def read(self, data: bytes | bytearray, path: str) -> Any:
        """One field: an int, a bool or bytes."""
        slot = self.slots[path]
        return _told(slot.kind, unpack_from(f"<{slot.code}", data, slot.offset)[0])

    def write(self, data: bytearray, path: str, value: int | bool | bytes) -> None:
        """Change one field in place. Raises `struct.error` or OverflowError for a value that does not fit."""
        slot = self.slots[path]
        if slot.kind in WIDE:
            value = int(value).to_bytes(16, "little", signed=WIDE[slot.kind])
        pack_into(f"<{slot.code}", data, slot.offset, value)


class AccountLayout(Layout):
    """The layout of an account: a discriminator, then its fields; `size` is the account's exact size."""

    def __init__(self, name: str, table: str, *parts: Layout, tail: int = 0) -> None:
        super().__init__(name, table, *parts, header=DISCRIMINATOR_BYTES, tail=tail)
        self.discriminator = account_discriminator(name)

    def blank(self) -> bytearray:
        """An account of this sort with every field zero."""
        return bytearray(self.discriminator + bytes(self.size - DISCRIMINATOR_BYTES))


class Reader(Generic[T]):
    """Reads the fields that the named tuple `of` names from a layout in one go.

    `paths` gives the path of each field that is not named like its path. `at` moves the whole reading, for
    a structure inside another.
    """

    def __init__(self, layout: Layout, of: type[T], paths: Mapping[str, str] | None = None) -> None:
        names: tuple[str, ...] = of._fields  # type: ignore[attr-defined]  # a named tuple
        slots = [layout.slots[(paths or {}).get(name, name)] for name in names]
        order = sorted(range(len(slots)), key=lambda index: slots[index].offset)
        parts, end = ["<"], 0
        for index in order:
            code = slots[index].code
            parts.append(f"{slots[index].offset - end}x{code}")
            end = slots[index].offset + Struct(f"<{code}").size
        self._struct = Struct("".join(parts))
        self._wide = [
            (order.index(index), WIDE[slot.kind]) for index, slot in enumerate(slots) if slot.kind in WIDE
        ]
        self._order = None if order == sorted(order) else [order.index(index) for index in range(len(order))]
        self._make = of._make  # type: ignore[attr-defined]  # the same

    def __call__(self, data: bytes, at: int = 0) -> T:
        values: Any = self._struct.unpack_from(data, at)
        if self._wide:
            values = list(values)
            for index, signed in self._wide:
                values[index] = int.from_bytes(values[index], "little", signed=signed)
        if self._order:
            values = [values[index] for index in self._order]
        made: T = self._make(values)
        return made


def _told(kind: str, value: Any) -> Any:
    return int.from_bytes(value, "little", signed=WIDE[kind]) if kind in WIDE else value
