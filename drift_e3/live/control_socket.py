"""Where the control socket is and who may use it: made, found and checked here; what is said over it is
`control_wire`'s."""

import os
import socket
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SOCKET_NAME = "control.sock"
BACKLOG = 8
ADDRESS_BYTES_MAX = 100
"""Systems take 104 to 108 bytes for the address of a socket, the end of the text included."""
CREDENTIALS = "3i"
"""Process, user and group, as Linux gives them."""


def listen(directory: Path) -> socket.socket:
    """A listening socket in the state directory, whose lock the caller holds, in the place of whatever socket
    a killed daemon left there.

    It gets its name only when nobody but its owner can connect any more. Raises `OSError` where that cannot
    be.
    """
    mode = directory.stat().st_mode
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        raise OSError(0, "anybody may write to the state directory, and so put another socket in its place")
    place = directory / SOCKET_NAME
    if place.exists() and not place.is_socket():
        raise OSError(0, f"{SOCKET_NAME} is there and is no socket")
    new = directory / f"{SOCKET_NAME}.new"
    new.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _address(new) as address:
            listening.bind(address)
        new.chmod(0o600)
        listening.listen(BACKLOG)
        new.rename(place)
    except OSError:
        listening.close()
        new.unlink(missing_ok=True)
        raise
    return listening


def connect(directory: Path, timeout_s: float) -> socket.socket:
    """A connection to the daemon of a state directory; raises `OSError` where nobody listens."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout_s)
        with _address(directory / SOCKET_NAME) as address:
            connection.connect(address)
        if not is_trusted(connection):
            raise PermissionError(1, "another user listens there", str(directory / SOCKET_NAME))
    except OSError:
        connection.close()
        raise
    return connection


def is_trusted(connection: socket.socket) -> bool:
    """Whether we ourselves or root are at the other end, by the kernel's word; where the kernel cannot be
    asked the socket's permissions have to do."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    size = struct.calcsize(CREDENTIALS)
    _, user, _ = struct.unpack(
        CREDENTIALS, connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    )
    return os.geteuid() in {0, user} or user == 0


@contextmanager
def _address(path: Path) -> Iterator[str]:
    """A socket's path, or a short one by way of the open directory where the system would not take it."""
    if len(os.fsencode(path)) <= ADDRESS_BYTES_MAX:
        yield str(path)
        return
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        short = Path(f"/proc/self/fd/{directory}")
        if not short.is_dir():
            raise OSError(0, "too long for the address of a socket: use a shorter --state", str(path))
        yield str(short / path.name)
    finally:
        os.close(directory)
