"""Layouts as tables: offsets, reading, writing, reading many fields at once."""

from struct import error
from typing import NamedTuple

import pytest

from drift_e3.venues.velocity.wire import AccountLayout, Layout, Reader, Slot

POINT = Layout("Point", "x:i64 y:u128")
SHAPE = AccountLayout("Shape", "kind:u8 name:bytes*4 centre:Point corners:Point*2 open:bool", POINT, tail=3)


class Row(NamedTuple):
    kind: int
    far_y: int
    open: bool
    name: bytes


READ = Reader(SHAPE, Row, {"far_y": "corners.1.y"})


def test_fields_follow_the_discriminator_one_after_the_other() -> None:
    assert SHAPE.slots["kind"] == Slot(8, "u8")
    assert SHAPE.slots["name"] == Slot(9, "bytes*4")
    assert SHAPE.slots["centre.y"] == Slot(21, "u128")
    assert SHAPE.slots["corners.1.x"] == Slot(61, "i64")
    assert SHAPE.size == 8 + 1 + 4 + 3 * 24 + 1 + 3


def test_what_is_written_is_read() -> None:
    data = SHAPE.blank()
    values: dict[str, int | bytes] = {
        "kind": 200,
        "name": b"abcd",
        "centre.x": -5,
        "corners.1.y": 2**127,
        "open": True,
    }
    for path, value in values.items():
        SHAPE.write(data, path, value)
    assert {path: SHAPE.read(data, path) for path in values} == values
    assert READ(bytes(data)) == Row(kind=200, far_y=2**127, open=True, name=b"abcd")


def test_a_reader_can_start_further_on() -> None:
    data = bytes(5) + bytes(SHAPE.blank())
    assert READ(data, 5) == Row(kind=0, far_y=0, open=False, name=bytes(4))


def test_a_value_that_does_not_fit_is_not_written() -> None:
    data = SHAPE.blank()
    with pytest.raises(error):
        SHAPE.write(data, "kind", 256)
    with pytest.raises(OverflowError):
        SHAPE.write(data, "centre.y", -1)
    assert data == SHAPE.blank()


def test_an_unknown_type_is_a_mistake_in_the_table() -> None:
    with pytest.raises(error):
        Layout("Odd", "x:float128")
