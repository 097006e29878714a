"""The rows of the journal as values, and the checksums that guard them. No SQL and no files here."""

import struct
import zlib
from typing import NamedTuple

_NUMBERS = struct.Struct("<qqq")


class EventRow(NamedTuple):
    """One event: `ts` is its `seen_ts` (UTC, ms), `code` the id of the hash of the code that processed it."""

    seq: int
    kind: str
    ts: int
    code: int
    payload: bytes
    crc: int


class OutputRow(NamedTuple):
    """The n-th output (from 0, commands first) of event `seq`; `ts` is the event's."""

    seq: int
    n: int
    role: str
    kind: str
    ts: int
    payload: bytes
    crc: int


class SnapshotRow(NamedTuple):
    """The state of trader and market after event `seq`, under the code with id `code`."""

    seq: int
    code: int
    trader: bytes
    market: bytes
    crc: int


def event_crc(seq: int, kind: str, ts: int, code: int, payload: bytes) -> int:
    """CRC-32 over all of an event's row."""
    return zlib.crc32(payload, zlib.crc32(_NUMBERS.pack(seq, ts, code), zlib.crc32(kind.encode())))


def output_crc(seq: int, n: int, role: str, kind: str, ts: int, payload: bytes) -> int:
    """CRC-32 over all of an output's row."""
    return zlib.crc32(payload, zlib.crc32(_NUMBERS.pack(seq, n, ts), zlib.crc32(f"{role} {kind}".encode())))


def snapshot_crc(seq: int, code: int, trader: bytes, market: bytes) -> int:
    """CRC-32 over all of a snapshot's row, and over where the trader's bytes end."""
    return zlib.crc32(market, zlib.crc32(trader, zlib.crc32(_NUMBERS.pack(seq, code, len(trader)))))


def is_intact(row: EventRow | OutputRow | SnapshotRow) -> bool:
    """Whether a row still is what was written."""
    match row:
        case EventRow(seq, kind, ts, code, payload, crc):
            return crc == event_crc(seq, kind, ts, code, payload)
        case OutputRow(seq, n, role, kind, ts, payload, crc):
            return crc == output_crc(seq, n, role, kind, ts, payload)
        case SnapshotRow(seq, code, trader, market, crc):
            return crc == snapshot_crc(seq, code, trader, market)
