"""The ways in which a conversation with an RPC server goes wrong, as typed errors without secrets.

What is done about a failure (next server, rest, retry) is not here but in `endpoints` and `rpc`.
"""

from enum import StrEnum
from typing import Final

from drift_e3.ports import OutcomeUnknown, VenueRefused, VenueUnavailable

DETAIL_CHARS_MAX: Final = 160


class Fault(StrEnum):
    """Why a server was of no use; a short code that people see and metrics count."""

    TIMEOUT = "timeout"
    """No whole answer in time."""
    UNREACHABLE = "unreachable"
    """No connection: nothing was sent."""
    DISCONNECTED = "disconnected"
    """The connection broke before the answer was whole."""
    RATE_LIMITED = "rate_limited"
    """429, as a status or as an error code."""
    HTTP_ERROR = "http_error"
    """Any other status than 200."""
    BAD_BODY = "bad_body"
    """Not JSON-RPC: cut, garbled, a web page, somebody else's answer, or far too long."""
    BAD_RESULT = "bad_result"
    """JSON-RPC, but the result is not what the method gives."""
    NODE_ERROR = "node_error"
    """The server says that it cannot at the moment."""
    BEHIND = "behind"
    """The server is at an older slot than was asked for."""
    OVER_BUDGET = "over_budget"
    """Our own budget of calls left no room in time: nothing was sent."""
    RESTING = "resting"
    """The server failed a moment ago and is left alone: nothing was sent."""


RESTING_FAULTS: Final = frozenset(
    {
        Fault.TIMEOUT,
        Fault.UNREACHABLE,
        Fault.DISCONNECTED,
        Fault.RATE_LIMITED,
        Fault.HTTP_ERROR,
        Fault.BAD_BODY,
    }
)
"""Failures of a server as such. The others belong to one call, which must not cost the calls beside it."""


class RpcUnavailable(VenueUnavailable):
    """A server was of no use. `unsent` is true when certainly no byte of the call left this machine, `rest_s`
    is the pause that the server asked for (0: none)."""

    def __init__(self, fault: Fault, detail: str = "", *, unsent: bool = False, rest_s: float = 0.0) -> None:
        super().__init__(f"{fault.value}: {detail}" if detail else fault.value)
        self.fault = fault
        self.detail = detail
        self.unsent = unsent
        self.rest_s = rest_s


class RpcRejected(VenueRefused):
    """A server understood the call and will not carry it out, now or later; nothing came of it."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message


class SendUndecided(OutcomeUnknown):
    """A transaction may or may not have been forwarded: only the chain can tell."""

    def __init__(self, fault: Fault, detail: str) -> None:
        super().__init__(f"{fault.value}: {detail}")
        self.fault = fault
        self.detail = detail


def printable(text: str) -> str:
    """What a server said on one short line of printable characters, addresses of other servers left out."""
    words = "".join(char if char.isprintable() else " " for char in text[: 8 * DETAIL_CHARS_MAX]).split()
    return " ".join("***" if "://" in word else word for word in words)[:DETAIL_CHARS_MAX]
