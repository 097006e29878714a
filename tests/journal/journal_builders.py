"""What the journal's tests are made of: messages, a toy trader, and journals as a crash leaves them."""

import asyncio
import shutil
import types
from collections.abc import Callable
from dataclasses import is_dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, Final, NamedTuple, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from drift_e3.core.commands import CancelOrder, Command
from drift_e3.core.events import CandleClosed, Event
from drift_e3.core.notes import Note, SettingsTaken
from drift_e3.core.params import Params
from drift_e3.core.terms import Strategy
from drift_e3.journal.writer import JournalWriter

CODE = "c0de"


class ToyOutcome(NamedTuple):
    """Commands and notes, as of the real trader."""

    commands: tuple[Command, ...]
    notes: tuple[Note, ...]


def candle(seq: int) -> CandleClosed:
    """An event that is a function of its seq."""
    price = 100.0 + 0.1 * (seq % 17)
    return CandleClosed(
        seen_ts=60_000 * seq,
        open_ts=60_000 * (seq - 1),
        open=price,
        high=price + 1.0,
        low=price - 1.0,
        close=price,
        volume=seq / 3.0,
    )


class ToyTrader:
    """Says something about most candles and cancels an order at some; remembers how many it has seen."""

    def __init__(self, seen: int = 0) -> None:
        self.seen = seen

    def process(self, event: Event) -> ToyOutcome:
        """0 to 2 commands and 0 to 3 notes, by how many events came before."""
        self.seen += 1
        commands = tuple(CancelOrder(order_id=f"{event.seen_ts}-{n}") for n in range(self.seen % 3))
        notes = tuple(SettingsTaken(kept=(f"{self.seen}", f"{n}")) for n in range(self.seen % 4))
        return ToyOutcome(commands, notes)


def outputs_of(seq: int) -> int:
    """How many outputs the toy trader has for event `seq`."""
    return seq % 3 + seq % 4


def append(writer: JournalWriter, trader: ToyTrader, events: int) -> None:
    """Append so many more candles, each with its outcome."""
    for seq in range(writer.last_seq + 1, writer.last_seq + events + 1):
        event = candle(seq)
        writer.append_event(seq, event)
        writer.append_outcome(seq, *trader.process(event))


def write_journal(path: Path, events: int, code: str = CODE) -> None:
    """A journal of so many candles with their outcomes, closed in order."""
    with JournalWriter(path, code) as writer:
        append(writer, ToyTrader(), events)


def left_by_a_crash(path: Path, groups: int, target: Path) -> Path:
    """The files of a journal of `groups` commits of three events each, as a kill would leave them."""

    async def write(writer: JournalWriter) -> None:
        trader = ToyTrader()
        for _ in range(groups):
            append(writer, trader, 3)
            await writer.commit()

    with JournalWriter(path, CODE) as writer:
        asyncio.run(write(writer))
        target.mkdir()
        for file in path.parent.glob(f"{path.name}*"):
            shutil.copy(file, target)
    return target / path.name


def beside(path: Path, suffix: str) -> Path:
    """The log (``-wal``) or its index (``-shm``) of a database."""
    return path.with_name(path.name + suffix)


def change_byte(path: Path, offset: int) -> None:
    """Flip all bits of one byte; a negative offset counts from the end."""
    content = bytearray(path.read_bytes())
    content[offset] ^= 0xFF
    path.write_bytes(content)


def values(hint: Any, floats: st.SearchStrategy[float]) -> st.SearchStrategy[Any]:
    """Values of any type that messages are made of."""
    plain: dict[Any, Callable[[], st.SearchStrategy[Any]]] = {
        float: lambda: floats,
        int: lambda: st.integers(-(2**63), 2**63 - 1),
        bool: st.booleans,
        str: st.text,
        types.NoneType: st.none,
    }
    if hint in plain:
        return plain[hint]()
    members = get_args(hint)
    if get_origin(hint) in (Union, types.UnionType, Final):
        return st.one_of(*(values(member, floats) for member in members))
    if get_origin(hint) is tuple and members[-1] is Ellipsis:
        return st.lists(values(members[0], floats), max_size=3).map(tuple)
    if get_origin(hint) is tuple:
        return st.tuples(*(values(member, floats) for member in members))
    if is_dataclass(hint) or hasattr(hint, "_fields"):
        fields = {name: values(field, floats) for name, field in get_type_hints(hint).items()}
        if hint is Params:
            fields["routing"] = st.tuples(*[st.sampled_from([int(strategy) for strategy in Strategy])] * 5)
        return st.builds(hint, **fields)
    assert issubclass(hint, IntEnum)
    return st.sampled_from(hint)
