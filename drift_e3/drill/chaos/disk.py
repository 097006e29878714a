"""Disks that refuse, for a process of its own, without root and for root as well.

Full is a limit on the size of files: what is written beyond it fails with EFBIG where a full disk says
ENOSPC, and what lies below it may be written anew, as on a full disk. Read-only is a filter of system calls:
whatever would change a file fails with EROFS, as on a disk that was mounted anew after an error. An
approximation too: what is written through memory (SQLite's shared index) still is, and the log, which is
written as sockets are. Where the machine has no such filter, nothing at all may be written, not even anew,
and it fails with EFBIG.
"""

import ctypes
import errno
import platform
import resource
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

READ_ONLY: Final = 1
"""What a process is told that is to change no file any more."""
_SET_NO_NEW_PRIVILEGES: Final = 38
_SET_FILTER: Final = 1
_ALL_THREADS: Final = 1
_ALLOW: Final = 0x7FFF0000
_REFUSE: Final = 0x00050000 | errno.EROFS
_LOAD: Final = 0x20
_IF_EQUAL: Final = 0x15
_IF_BITS: Final = 0x45
_RETURN: Final = 0x06
"""Instructions of the kernel's packet filter: load a word, skip unless equal, skip unless a bit is set,
end."""
_NUMBER_AT: Final = 0
_MODES: Final = 0o1 | 0o2 | 0o100 | 0o1000
"""Opening to write, to read and write, making, and emptying, as Linux has them on both machines."""
_INSTRUCTION: Final = struct.Struct("HBBI")


class _Calls(NamedTuple):
    """A machine's numbers of the filter's own call, of what changes files, and of opening with the place of
    its mode among the arguments."""

    architecture: int
    filter: int
    changing: tuple[int, ...]
    opening: tuple[tuple[int, int], ...]


_MACHINES: Final = {
    # pwrite64, pwritev, pwritev2, ftruncate, truncate, fallocate, rename, renameat, renameat2, unlink,
    # unlinkat, mkdir, mkdirat, chmod, fchmod, fchmodat, link, linkat; then open and openat.
    "x86_64": _Calls(
        0xC000003E,
        317,
        (18, 296, 328, 77, 76, 285, 82, 264, 316, 87, 263, 83, 258, 90, 91, 268, 86, 265),
        ((2, 1), (257, 2)),
    ),
    # The same without the calls of old, which this one never had.
    "aarch64": _Calls(0xC00000B7, 277, (68, 70, 287, 46, 45, 47, 38, 276, 35, 34, 52, 53, 37), ((56, 2),)),
}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def limit_files(pid: int, bytes_max: int) -> None:
    """Let a process write no file beyond that size."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (bytes_max, resource.RLIM_INFINITY))


def obey(word: int) -> None:
    """Do to this process what somebody else cannot."""
    if word == READ_ONLY:
        forbid_writing()


def allow_files(pid: int) -> None:
    """Take the limit off again."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def forbid_writing() -> None:
    """Let this process, all its threads, change no file any more, until it ends."""
    calls = _MACHINES.get(platform.machine())
    if calls is None or not _filter(calls):
        limit_files(0, 0)


def _filter(calls: _Calls) -> bool:
    """Whether the kernel takes the filter."""
    system = ctypes.CDLL(None, use_errno=True)
    code = b"".join(_INSTRUCTION.pack(*one) for one in _code(calls))
    program = _Program(len(code) // _INSTRUCTION.size, code)
    if system.prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
        return False
    return bool(system.syscall(calls.filter, _SET_FILTER, _ALL_THREADS, ctypes.byref(program)) == 0)


def _code(calls: _Calls) -> Iterator[tuple[int, int, int, int]]:
    """The filter: (instruction, skip if so, skip if not, value)."""
    yield _LOAD, 0, 0, _NUMBER_AT
    for number in calls.changing:
        yield _IF_EQUAL, 0, 1, number
        yield _RETURN, 0, 0, _REFUSE
    for number, place in calls.opening:
        yield _IF_EQUAL, 0, 4, number
        yield _LOAD, 0, 0, _argument_at(place)
        yield _IF_BITS, 0, 1, _MODES
        yield _RETURN, 0, 0, _REFUSE
        yield _RETURN, 0, 0, _ALLOW
    yield _RETURN, 0, 0, _ALLOW


def _argument_at(place: int) -> int:
    """Where the lower half of a call's argument is, in bytes: after number, machine and address."""
    return 16 + 8 * place
