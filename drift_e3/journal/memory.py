"""What a snapshot holds: the trader's state as bytes and back, bit for bit (unknown numbers included)."""

from array import array
from typing import Any

import msgspec

from drift_e3.core.state import TraderState


def _encode_array(value: Any) -> Any:
    if isinstance(value, array):
        return value.tobytes()
    raise TypeError(f"{type(value).__name__} has no place in a snapshot")


def _decode_array(kind: Any, value: Any) -> Any:
    if getattr(kind, "__origin__", kind) is array:
        return array("d", value)
    raise TypeError(f"{kind} has no place in a snapshot")


_encoder = msgspec.msgpack.Encoder(enc_hook=_encode_array)


def encode_state(state: TraderState) -> bytes:
    """All that the trader remembers."""
    return _encoder.encode(state)


class SnapshotUnreadable(ValueError):
    """The bytes are not the memory of a trader of this version."""


def decode_state(snapshot: bytes) -> TraderState:
    """The trader's memory again; raises `SnapshotUnreadable` for bytes of another shape."""
    try:
        return msgspec.msgpack.decode(snapshot, type=TraderState, dec_hook=_decode_array)
    except (msgspec.DecodeError, ValueError) as error:
        raise SnapshotUnreadable(str(error)) from error
