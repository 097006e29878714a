"""Our own numbers for orders: one byte on chain, so they come round again. Pure; who is busy is told."""

from collections.abc import Collection, Sequence
from typing import Final

USER_IDS: Final = range(1, 256)
"""What a program takes as `user_order_id`; 0 means none."""


def free_user_id(busy: Collection[int], used: Sequence[int]) -> int | None:
    """A number that is not `busy`: one never used if there is, else the one used longest ago; None if all are
    busy. `used` has earlier numbers in the order of their use, the latest last, repetitions allowed.

    `busy` must hold the numbers of the account's open orders, of orders that are undecided, and of cancels
    that are: a cancel that lands late takes whatever order has its number then.
    """
    last_use = {number: at for at, number in enumerate(used)}
    free = [number for number in USER_IDS if number not in busy]
    return min(free, key=lambda number: last_use.get(number, -1), default=None)
