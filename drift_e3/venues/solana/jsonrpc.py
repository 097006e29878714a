"""JSON-RPC as Solana's servers speak it: a request, and what the body of its answer comes to.

Pure: text in, a result or a typed error out. Nothing of a body is trusted. solders has parsers for it, but
for some errors they give the error's code as the result, and over others they panic: a BaseException, and a
backtrace on standard error. What a result says is `methods`' business, sending is `transport`'s.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Raw, Struct
from msgspec.json import Decoder

from drift_e3.venues.solana.failures import Fault, RpcRejected, RpcUnavailable, printable

FINAL_CODES: Final = frozenset({-32700, -32600, -32601, -32602, -32003, -32006, -32013, -32015})
"""Errors that a server gives before it does anything: malformed, unknown, or badly signed. The failed
preflight (-32002) is not among them: bytes that landed a moment ago fail it too."""
BEHIND_CODE: Final = -32016
RATE_CODE: Final = 429


class Request(NamedTuple):
    """A call on its way, in the form that solana-py's provider sends."""

    method: str
    params: tuple[Any, ...]
    number: int

    def to_json(self) -> str:
        body = {"jsonrpc": "2.0", "id": self.number, "method": self.method, "params": self.params}
        return msgspec.json.encode(body).decode()


class _Error(Struct, frozen=True):
    code: int
    message: str = ""


class _Reply(Struct, frozen=True):
    result: Raw | msgspec.UnsetType = msgspec.UNSET
    error: _Error | None = None
    id: int | str | None = None


_REPLY = Decoder(_Reply)


def result_of(text: str, number: int, scrub: Callable[[str], str]) -> Raw:
    """The result in the body of the answer to request `number`; `scrub` takes secrets out of a server's
    words. Raises `RpcRejected` for a final error and `RpcUnavailable` for everything else."""
    try:
        reply = _REPLY.decode(text)
    except (ValueError, RecursionError):
        raise RpcUnavailable(Fault.BAD_BODY, "not JSON-RPC") from None
    if reply.error is not None:
        code, message = reply.error.code, printable(scrub(reply.error.message))
        if reply.id not in {number, None}:
            raise RpcUnavailable(Fault.BAD_BODY, "somebody else's error")
        if code in FINAL_CODES:
            raise RpcRejected(code, message)
        faults = {RATE_CODE: Fault.RATE_LIMITED, BEHIND_CODE: Fault.BEHIND}
        raise RpcUnavailable(faults.get(code, Fault.NODE_ERROR), f"{code} {message}")
    if isinstance(reply.result, msgspec.UnsetType):
        raise RpcUnavailable(Fault.BAD_BODY, "neither result nor error")
    if reply.id != number:
        raise RpcUnavailable(Fault.BAD_BODY, "somebody else's answer")
    return reply.result
