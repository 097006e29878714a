"""Arguments of instructions, read from the bytes that the builders make."""

from dataclasses import dataclass

from drift_e3.drill.emulation.errors import Code, Refused

MARKET, LIMIT, TRIGGER_MARKET, TRIGGER_LIMIT, ORACLE = range(5)
LONG, SHORT = 0, 1
ABOVE, BELOW = 0, 1
IOC_BIT = 1
MUST_EXIST_BIT = 1


class Cursor:
    """Reads borsh in order. Too few bytes are refused as Anchor does."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        taken = self._data[self._at : self._at + size]
        if len(taken) < size:
            raise Refused(Code.NOT_DECODED)
        self._at += size
        return taken

    def number(self, size: int, *, signed: bool = False) -> int:
        return int.from_bytes(self.take(size), "little", signed=signed)

    def option(self, size: int, *, signed: bool = False) -> int | None:
        return self.number(size, signed=signed) if self.take(1) != b"\0" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderArguments:
    """An order as it was asked for, in the program's units."""

    order_type: int
    direction: int
    user_order_id: int
    size: int
    price: int
    reduce_only: bool
    post_only: int
    ioc: bool
    max_ts: int | None
    trigger_price: int | None
    trigger_condition: int


def read_order(cursor: Cursor, offset_bytes: int, *, builder: bool) -> OrderArguments:
    """The parameters of an order. A spot order, or one of another market, is not decoded."""
    number, option = cursor.number, cursor.option
    order_type, market_type, direction, user_order_id = (number(1) for _ in range(4))
    size, price, market_index = number(8), number(8), number(2)
    reduce_only, post_only, bits = number(1), number(1), number(1)
    max_ts, trigger_price, condition = option(8, signed=True), option(8), number(1)
    option(offset_bytes, signed=True)
    option(1)
    option(8, signed=True)
    option(8, signed=True)
    if builder:
        option(1)
        option(2)
    if market_type != 1 or market_index != 0 or order_type > ORACLE:
        raise Refused(Code.NOT_DECODED)
    return OrderArguments(
        order_type=order_type,
        direction=direction,
        user_order_id=user_order_id,
        size=size,
        price=price,
        reduce_only=bool(reduce_only),
        post_only=post_only,
        ioc=bool(bits & IOC_BIT),
        max_ts=max_ts,
        trigger_price=trigger_price,
        trigger_condition=condition,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeArguments:
    """What is to change about an order; None leaves it."""

    size: int | None
    price: int | None
    reduce_only: bool | None
    max_ts: int | None
    trigger_price: int | None
    trigger_condition: int | None
    must_exist: bool


def read_change(cursor: Cursor, offset_bytes: int) -> ChangeArguments:
    """The parameters of a modification; direction and flags that the daemon never changes are skipped."""
    option = cursor.option
    option(1)
    size, price, reduce_only = option(8), option(8), option(1)
    option(1)
    option(1)
    max_ts, trigger_price, condition = option(8, signed=True), option(8), option(1)
    option(offset_bytes, signed=True)
    option(1)
    option(8, signed=True)
    option(8, signed=True)
    policy = option(1) or 0
    return ChangeArguments(
        size=size,
        price=price,
        reduce_only=None if reduce_only is None else bool(reduce_only),
        max_ts=max_ts,
        trigger_price=trigger_price,
        trigger_condition=condition,
        must_exist=bool(policy & MUST_EXIST_BIT),
    )
