"""Who may ask the status server for what: hosts, origins, the token, and how often it may be tried.

Pure: a request in a few words goes in, a refusal or none comes out. HTTP itself is `server`'s.
"""

import hmac
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final, NamedTuple

TRIES: Final = 10
"""How many requests to act are heard at once, and how many wrong tokens are answered as such."""
TRY_EVERY_S: Final = 2.0
"""How often one more is after that."""
TOKEN_CHARS_MIN: Final = 16
"""So long that guessing is hopeless at any rate: the right token is never locked out by wrong ones."""


class Refusal(NamedTuple):
    """An HTTP status and why, in words."""

    status: int
    reason: str


class Asked(NamedTuple):
    """A request in short: method, path and the headers that matter, "" where absent."""

    method: str
    path: str
    host: str = ""
    origin: str = ""
    fetch_site: str = ""
    authorization: str = ""


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens there."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(slots=True)
class Budget:
    """So many tries at once, then one every `TRY_EVERY_S`."""

    left: float = TRIES
    counted_s: float = 0.0

    def spend(self, now_s: float) -> bool:
        """Whether one more is allowed now (monotonic)."""
        self.left = min(self.left + (now_s - self.counted_s) / TRY_EVERY_S, TRIES)
        self.counted_s = now_s
        if self.left < 1.0:
            return False
        self.left -= 1.0
        return True


@dataclass(slots=True, kw_only=True)
class Access:
    """The rules of one server.

    Without a `token` nobody may act, and a server that others can reach must have one, for looking too.
    `names` are host names under which it may be addressed besides its own: any other is a stranger's page
    that had its own name point here. `/healthz` and the page itself, which holds nothing, are for everybody.
    """

    host: str
    token: str = ""
    names: tuple[str, ...] = ()
    _acts: Budget = field(default_factory=Budget)
    _wrong: Budget = field(default_factory=Budget)

    def __post_init__(self) -> None:
        if not self.token and not is_loopback(self.host):
            raise ValueError(f"others can reach {self.host}: a token is needed (server.token)")
        if self.token and len(self.token) < TOKEN_CHARS_MIN:
            raise ValueError(f"the token (server.token) needs at least {TOKEN_CHARS_MIN} characters")

    def refuse(self, asked: Asked, now_s: float) -> Refusal | None:
        """Why this request is not answered, or None; `now_s` is monotonic."""
        if not self._is_ours(asked.host):
            return Refusal(421, "this server has another name: see server.names")
        if asked.origin and not self._is_same(asked.origin, asked.host):
            return Refusal(403, "another site's page may not ask")
        if asked.fetch_site not in {"", "same-origin", "none"}:
            return Refusal(403, "another site's page may not ask")
        acts = asked.path.startswith("/api/control/")
        if not acts and asked.method not in {"GET", "HEAD"}:
            return Refusal(405, "can only be looked at")
        if not acts and (is_open(asked.path) or is_loopback(self.host)):
            return None
        if acts and asked.method != "POST":
            return Refusal(405, "needs POST")
        if acts and not self.token:
            return Refusal(403, "no token is set (server.token): nobody may act over HTTP")
        return self._refuse_token(asked.authorization, now_s, acts=acts)

    def _refuse_token(self, authorization: str, now_s: float, *, acts: bool) -> Refusal | None:
        right = hmac.compare_digest(authorization.encode(), f"Bearer {self.token}".encode())
        if right and not acts:
            return None
        if not (self._acts if right else self._wrong).spend(now_s):
            return Refusal(429, "too many tries: wait")
        return None if right else Refusal(401, "needs the token (Authorization: Bearer ...)")

    def _is_ours(self, host: str) -> bool:
        name = _name(host)
        return is_loopback(name) or name == self.host or name in self.names or self._is_any(name)

    def _is_any(self, name: str) -> bool:
        """A server on all addresses may be addressed by any of them, as they are no names."""
        try:
            return ip_address(self.host).is_unspecified and ip_address(name) is not None
        except ValueError:
            return False

    def _is_same(self, origin: str, host: str) -> bool:
        scheme, separator, rest = origin.partition("://")
        return separator != "" and scheme in {"http", "https"} and rest == host


def is_open(path: str) -> bool:
    """Whether everybody may have it: the page, which holds nothing, and whether the daemon lives."""
    return path in {"/", "/healthz", "/favicon.ico"} or path.startswith("/page/")


def _name(host: str) -> str:
    """A Host header without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if ":" in host else host
