"""How asking a service fails: a code for each way, and the two errors, one to try again after, one final."""

from enum import StrEnum

from drift_e3.ports import VenueRefused, VenueUnavailable


class Failure(StrEnum):
    """A short code that people see and health reports count."""

    TIMEOUT = "timeout"
    """Nothing complete within the deadline."""
    UNREACHABLE = "unreachable"
    """No connection to the server."""
    DISCONNECTED = "disconnected"
    """The server hung up before the answer was complete."""
    BUSY = "busy"
    """Asked too often (429)."""
    SERVER_ERROR = "server_error"
    """A status from 500 on, or a redirect."""
    BAD_BODY = "bad_body"
    """200, and not what the service sends."""
    TOO_LARGE = "too_large"
    """More bytes than any answer needs."""
    REFUSED = "refused"
    """A status from 400 on, save 408 and 429: asking again would not help."""


class ServiceUnavailable(VenueUnavailable):
    """A service gave no usable answer; asking again is safe. `retry_after_s` is its own wish, 0 for none."""

    def __init__(self, host: str, failure: Failure, detail: str = "", retry_after_s: float = 0.0) -> None:
        super().__init__(f"{host}: {failure.value} {detail}".rstrip())
        self.failure = failure
        self.retry_after_s = retry_after_s


class ServiceRefused(VenueRefused):
    """A service said no: an unknown market, a wrong parameter, no access."""

    def __init__(self, host: str, detail: str) -> None:
        super().__init__(f"{host}: {Failure.REFUSED.value} {detail}".rstrip())
