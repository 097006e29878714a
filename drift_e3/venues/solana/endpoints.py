"""One RPC server as we use it: a budget, a circuit that lets it rest after failures, and counters.

Which server is asked, and what is done when none is of use, is `rpc`'s.
"""

import asyncio
import math
import random
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, TypeVar

from asyncio_throttle import Throttler

from drift_e3.core.terms import MS_PER_SECOND
from drift_e3.status import ServerStatus
from drift_e3.venues.solana.calls import Answer, Call, read_answer
from drift_e3.venues.solana.failures import RESTING_FAULTS, Fault, RpcRejected, RpcUnavailable
from drift_e3.venues.solana.jsonrpc import Request, result_of
from drift_e3.venues.solana.transport import ServerUrl, Transport

T = TypeVar("T")

REST_S: Final = 0.25
"""The rest after the first failure; each further one in a row doubles it."""
REST_S_MAX: Final = 8.0
"""A position may stand there unseen meanwhile."""
ANSWERED: Final = "answered"
REJECTED: Final = "rejected"
"""What became of a call, where it is no `Fault`."""
JITTER_FRAC: Final = 0.25
RATE_STATUS: Final = 429
BURST_S: Final = 3.0
"""The budget counts over so long: a fill and the stop for it take a dozen calls at once, then few."""


class Circuit:
    """Whether a server may be asked: yes, not before a time, or by a single call that tries it out.

    Times are seconds of any monotonic clock; `chance` gives 0..1 and makes rests longer by up to a quarter,
    so that many clients do not come back at once.
    """

    __slots__ = ("_chance", "_failures", "_trying", "_until")

    def __init__(self, chance: Callable[[], float] = random.random) -> None:
        self._chance = chance
        self._failures = 0
        self._until = -math.inf
        self._trying = False

    @property
    def closed(self) -> bool:
        """Whether the last call that could tell found the server well."""
        return self._failures == 0

    def ready_in(self, now: float) -> float:
        """Seconds until a call may go; 0 when it may now, or once the one that tries the server is back."""
        return max(self._until - now, 0.0)

    def admit(self, now: float) -> bool:
        """Whether a call may go now; its outcome must then be told."""
        if self.closed:
            return True
        if self._trying or now < self._until:
            return False
        self._trying = True
        return True

    def succeeded(self) -> None:
        self._failures = 0
        self._trying = False
        self._until = -math.inf

    def failed(self, now: float, rest_s: float = 0.0) -> None:
        """`rest_s`: the pause that the server asked for. Calls that fail together count once."""
        self._trying = False
        if now >= self._until:
            rest = min(REST_S * 2.0 ** min(self._failures, 16), REST_S_MAX)
            self._failures += 1
            self._until = now + rest * (1.0 + JITTER_FRAC * self._chance())
        self._until = max(self._until, now + rest_s)

    def abandoned(self) -> None:
        """The call ended without telling anything about the server."""
        self._trying = False


class EndpointStats(NamedTuple):
    """A server's counters since the start. `latency_ms` is the last good answer's, `slot` the highest that it
    has told of; both are -1 before there is one. `outcomes` counts by method and by what became of the call:
    answered, rejected, or the code of a `Fault`, of which some are of calls that were never sent."""

    host: str
    calls: int
    outcomes: Mapping[tuple[str, str], int]
    latency_ms: float
    slot: int
    closed: bool

    @property
    def faults(self) -> Mapping[str, int]:
        """Failures by their code, whatever was asked."""
        found: Counter[str] = Counter()
        for (_, outcome), count in self.outcomes.items():
            if outcome not in {ANSWERED, REJECTED}:
                found[outcome] += count
        return found

    @property
    def errors(self) -> int:
        """How many calls failed."""
        return Counter(self.faults).total()

    @property
    def rejections(self) -> int:
        """How many calls the server would not carry out."""
        return sum(count for (_, outcome), count in self.outcomes.items() if outcome == REJECTED)


def server_status(stats: EndpointStats) -> ServerStatus:
    """A server's counters as people are told of them."""
    outcomes: dict[str, dict[str, int]] = {}
    for (method, outcome), count in sorted(stats.outcomes.items()):
        outcomes.setdefault(method, {})[outcome] = count
    return ServerStatus(
        host=stats.host,
        calls=stats.calls,
        errors=stats.errors,
        outcomes=outcomes,
        latency_ms=stats.latency_ms if stats.latency_ms >= 0.0 else None,
        slot=stats.slot if stats.slot >= 0 else None,
        resting=not stats.closed,
    )


class Endpoint:
    """One RPC server. Shown and pickled, it is its host alone, and its address is no part of any error."""

    __slots__ = (
        "_calls", "_circuit", "_latency_ms", "_outcomes", "_slot", "_throttle", "_transport", "_url",
    )  # fmt: skip

    def __init__(self, url: ServerUrl, calls_per_s: float, connect_s: float) -> None:
        self._url = url
        self._transport = Transport(url, connect_s)
        # A whole number of calls, at exactly the rate that is asked for.
        burst = math.ceil(calls_per_s * BURST_S)
        self._throttle = Throttler(burst, period=burst / calls_per_s)
        self._circuit = Circuit()
        self._outcomes: Counter[tuple[str, str]] = Counter()
        self._calls = 0
        self._latency_ms = -1.0
        self._slot = -1

    def __repr__(self) -> str:
        return f"Endpoint({self.host})"

    @property
    def host(self) -> str:
        return self._url.host

    @property
    def url(self) -> ServerUrl:
        return self._url

    def ready_in(self, now: float) -> float:
        """Seconds until the server has rested."""
        return self._circuit.ready_in(now)

    def stats(self) -> EndpointStats:
        return EndpointStats(
            self.host,
            self._calls,
            dict(self._outcomes),
            self._latency_ms,
            self._slot,
            self._circuit.closed,
        )

    async def ask(self, call: Call[T], ends: float, min_slot: int = 0) -> Answer[T]:
        """The answer, not older than `min_slot`, until `ends` (the loop's time). Raises `RpcUnavailable`, or
        `RpcRejected` for what the server will never carry out."""
        now = asyncio.get_running_loop().time
        if not self._circuit.admit(now()):
            raise RpcUnavailable(Fault.RESTING, f"{self.host} failed a moment ago", unsent=True)
        error: RpcUnavailable | RpcRejected
        try:
            answer = await self._exchange(call, ends, min_slot)
        except RpcRejected as rejection:
            self._outcomes[call.method, REJECTED] += 1
            self._circuit.succeeded()
            error = RpcRejected(rejection.code, f"{self._name(call)}: {rejection.message}")
        except RpcUnavailable as failure:
            self._outcomes[call.method, failure.fault.value] += 1
            if failure.fault in RESTING_FAULTS:
                self._circuit.failed(now(), failure.rest_s)
            elif failure.unsent:
                self._circuit.abandoned()
            else:
                self._circuit.succeeded()
            detail = f"{self._name(call)} {failure.detail}".rstrip()
            error = RpcUnavailable(failure.fault, detail, unsent=failure.unsent)
        except BaseException:
            # Cancelled, or a bug: the next call may try the server out.
            self._circuit.abandoned()
            raise
        else:
            self._circuit.succeeded()
            self._outcomes[call.method, ANSWERED] += 1
            self._slot = max(self._slot, answer.slot)
            return answer
        # Outside of the handlers: the first error's traceback holds the server's words as they came.
        raise error

    async def close(self) -> None:
        """Hang up."""
        await self._transport.close()

    async def _exchange(self, call: Call[T], ends: float, min_slot: int) -> Answer[T]:
        now = asyncio.get_running_loop().time
        if not await self._within_budget(ends):
            raise RpcUnavailable(Fault.OVER_BUDGET, unsent=True)
        self._calls += 1
        began = now()
        request = Request(call.method, call.params, self._calls)
        received = await self._transport.post(request, ends)
        try:
            result = result_of(received.text, request.number, self._url.scrub)
        except RpcUnavailable:
            if received.status == 200:
                raise
            fault = Fault.RATE_LIMITED if received.status == RATE_STATUS else Fault.HTTP_ERROR
            raise RpcUnavailable(fault, f"status {received.status}", rest_s=received.rest_s) from None
        if received.status != 200:
            raise RpcUnavailable(Fault.HTTP_ERROR, f"status {received.status} with a result")
        answer = read_answer(call, result, min_slot)
        self._latency_ms = (now() - began) * MS_PER_SECOND
        return answer

    async def _within_budget(self, ends: float) -> bool:
        """Wait for our turn; false when it does not come before `ends`."""
        try:
            async with asyncio.timeout_at(ends):
                await self._throttle.acquire()
        except TimeoutError:
            return False
        return True

    def _name(self, call: Call[T]) -> str:
        return f"{self.host} {call.method}"
