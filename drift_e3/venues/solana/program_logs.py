"""What a program wrote into a transaction's log: its events, as bytes.

A log is a list of lines of the runtime; events are base64 in ``Program data:`` lines and, where the program
avoids the dearer call, in ``Program log:`` lines. What the bytes mean is each program's own affair. A log is
cut off by nodes at some length, so an event that is missing here proves nothing.
"""

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator, Sequence
from typing import Final

from solders.pubkey import Pubkey

from drift_e3.venues.solana.anchor import DISCRIMINATOR_BYTES

TRUNCATED: Final = "Log truncated"

_INVOKED = re.compile(r"Program (\w+) invoke \[\d+\]")
_RETURNED = re.compile(r"Program (\w+) (?:success|failed.*)")
_WROTE = re.compile(r"Program (?:data|log): ([A-Za-z0-9+/]+={0,2})")


def emitted(logs: Sequence[str], program_id: Pubkey) -> Iterator[bytes]:
    """The payloads that this program itself wrote, in order, each with its discriminator.

    Programs that it called or that called it are left out, and so is text that is not base64. Total: any
    lines give some payloads or none.
    """
    running: list[str] = []
    own = str(program_id)
    for line in logs:
        if found := _INVOKED.fullmatch(line):
            running.append(found[1])
        elif _RETURNED.fullmatch(line):
            if running:
                running.pop()
        elif running and running[-1] == own and (found := _WROTE.fullmatch(line)):
            payload = _decoded(found[1])
            if len(payload) >= DISCRIMINATOR_BYTES:
                yield payload


def is_cut_off(logs: Sequence[str]) -> bool:
    """Whether the node dropped the end of the log."""
    return TRUNCATED in logs


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except binascii.Error:
        return b""
