"""What SQLite's write-ahead log holds, and what SQLite will silently leave out of it.

SQLite replays a log up to the first frame whose salt or checksum is wrong and says nothing about the rest.
After a kill that rest is unfinished business; after a torn disk write or a truncation it may be commits. This
module tells the two apart by the documented format (sqlite.org/walformat.html). It only reads, and must look
*before* SQLite opens the file: opening rewrites the shared-memory index, closing may remove the log.
"""

import struct
from os import SEEK_END
from pathlib import Path
from typing import BinaryIO, NamedTuple

_BYTE_ORDERS = {0x377F0682: "<", 0x377F0683: ">"}
"""By the log's magic number, the order of bytes that its checksums were taken in."""
_INDEX_HEAD = 48
_HEADER = struct.Struct(">IIII8sII")
"""Magic, format, page size, checkpoint number, salts, checksum of the first 24 bytes."""
_FRAME = struct.Struct(">II8sII")
"""Page number, pages in the database after a commit (0: no commit), salts, checksum up to here."""


class WalTail(NamedTuple):
    """The end of a write-ahead log: frames that will be replayed, and what is lost, if anything.

    `frames_dropped` and `bytes_dropped` count committed frames that SQLite will not replay (behind a damaged
    header only bytes can be counted, up to the file's end); `reason` is empty when nothing is lost.
    """

    frames_good: int = 0
    frames_dropped: int = 0
    bytes_dropped: int = 0
    reason: str = ""


def inspect(journal: Path) -> WalTail:
    """The state of the log beside the database `journal`; an absent log has lost nothing.

    A log that is being written at this moment can look torn, so a loss counts only when it is seen twice.
    """
    tail = _inspect(journal)
    return _inspect(journal) if tail.reason else tail


def _inspect(journal: Path) -> WalTail:
    # The index first: what it counts was in the log before.
    indexed = _indexed_frames(journal)
    try:
        with journal.with_name(journal.name + "-wal").open("rb") as log:
            return _tail(log, *indexed)
    except FileNotFoundError:
        return WalTail()


def _indexed_frames(journal: Path) -> tuple[int, bytes]:
    """How many frames the shared-memory index says are committed, and the salts of the log it speaks of."""
    try:
        with journal.with_name(journal.name + "-shm").open("rb") as index:
            head, copy = index.read(_INDEX_HEAD), index.read(_INDEX_HEAD)
    except FileNotFoundError:
        return 0, b""
    if len(head) < _INDEX_HEAD or head != copy or struct.unpack("=II", head[40:]) != _sums(head[:40], "="):
        return 0, b""
    (frames,) = struct.unpack_from("=I", head, 16)
    return frames, head[32:40]


def _tail(log: BinaryIO, indexed: int, indexed_salts: bytes) -> WalTail:
    header = log.read(_HEADER.size).ljust(_HEADER.size, b"\0")
    magic, _, page_size, _, salts, *stored = _HEADER.unpack(header)
    order = _BYTE_ORDERS.get(magic, "=")
    if tuple(stored) != (sums := _sums(header[:24], order)) or magic not in _BYTE_ORDERS:
        lost = log.seek(0, SEEK_END) - _HEADER.size
        return WalTail(0, 0, lost, "the log's header is damaged") if lost > 0 else WalTail()
    frame_size = _FRAME.size + page_size
    seen = valid = committed = marked = 0
    while len(frame := log.read(frame_size)) >= _FRAME.size:
        seen += 1
        _, pages_after, frame_salts, *stored = _FRAME.unpack_from(frame)
        if valid == seen - 1 and frame_salts == salts and len(frame) == frame_size:
            sums = _sums(frame[:8] + frame[_FRAME.size :], order, sums)
            if sums == tuple(stored):
                valid = seen
        if pages_after and frame_salts == salts:
            marked = seen
            committed = seen if valid == seen else committed
    if indexed_salts == salts:
        # The index counts every commit. One bad frame that it does not count is a commit cut off by a kill.
        marked = indexed if marked == valid + 1 else max(marked, indexed)
    if marked <= committed:
        return WalTail(committed)
    reason = "the log is cut off" if valid == seen else f"frame {valid + 1} of the log is damaged"
    return WalTail(committed, marked - committed, (marked - committed) * frame_size, reason)


def _sums(data: bytes, order: str, start: tuple[int, int] = (0, 0)) -> tuple[int, int]:
    """The log's running checksum over `data`, taken as words in byte order `order`."""
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    first, second = start
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second
