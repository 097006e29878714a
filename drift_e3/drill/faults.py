"""What can go wrong, as switches: one table of faults with a sentence each, and the board they are set on.

The board knows what is wrong and for how long; the stand-ins ask it at the place where the fault belongs and
carry it out. Chances are drawn from a seed for each fault alone, so the same run goes wrong the same way
however its requests interleave.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import NamedTuple


class Service(StrEnum):
    """Where a fault strikes."""

    RPC = "rpc"
    DATA_API = "data_api"
    DLOB = "dlob"
    CHAIN = "chain"


HOSTS = frozenset({Service.RPC, Service.DATA_API, Service.DLOB})
ON_CHAIN = frozenset({Service.CHAIN})


class FaultKind(StrEnum):
    """Every fault by its name."""

    HTTP_BUSY = "http_busy"
    HTTP_ERROR = "http_error"
    HTTP_TIMEOUT = "http_timeout"
    HTTP_GARBAGE = "http_garbage"
    HTTP_TRUNCATED = "http_truncated"
    HTTP_STALE = "http_stale"
    SOCKET_CLOSE = "socket_close"
    SOCKET_ABORT = "socket_abort"
    SOCKET_SILENCE = "socket_silence"
    SOCKET_DUPLICATES = "socket_duplicates"
    SOCKET_REORDER = "socket_reorder"
    SOCKET_GARBAGE = "socket_garbage"
    LOST_RESPONSE = "lost_response"
    LOST_TRANSACTION = "lost_transaction"
    LATE_LANDING = "late_landing"
    EXPIRED_BLOCKHASH = "expired_blockhash"
    ON_CHAIN_FAILURE = "on_chain_failure"
    SLOT_BACK = "slot_back"
    ORACLE_STALE = "oracle_stale"
    PAUSE_EXCHANGE = "pause_exchange"
    PAUSE_MARKET = "pause_market"
    MARKET_STATUS = "market_status"
    PAUSE_USER = "pause_user"
    REDEPLOYED = "redeployed"
    WRONG_MINT = "wrong_mint"
    FOREIGN_ORDER = "foreign_order"
    PARTIAL_FILL = "partial_fill"
    KEEPER_ASLEEP = "keeper_asleep"
    LIQUIDATION = "liquidation"


class FaultInfo(NamedTuple):
    """What a fault does, in one sentence for people; `amount` is its default strength in `unit`."""

    sentence: str
    services: frozenset[Service]
    amount: float = 0.0
    unit: str = ""


FAULTS: dict[FaultKind, FaultInfo] = {
    FaultKind.HTTP_BUSY: FaultInfo("Requests are refused with 429 Too Many Requests.", HOSTS),
    FaultKind.HTTP_ERROR: FaultInfo(
        "Requests fail with an error status of the server.", HOSTS, 500, "status"
    ),
    FaultKind.HTTP_TIMEOUT: FaultInfo("Requests are accepted and never answered.", HOSTS),
    FaultKind.HTTP_GARBAGE: FaultInfo("Requests get 200 with a body that makes no sense.", HOSTS),
    FaultKind.HTTP_TRUNCATED: FaultInfo("The connection dies in the middle of the answer.", HOSTS),
    FaultKind.HTTP_STALE: FaultInfo("Answers stay as they were when the fault began.", HOSTS),
    FaultKind.SOCKET_CLOSE: FaultInfo(
        "Every websocket is closed properly, with the code given.", HOSTS, 1001, "close code"
    ),
    FaultKind.SOCKET_ABORT: FaultInfo("Every websocket is cut off without a word.", HOSTS),
    FaultKind.SOCKET_SILENCE: FaultInfo(
        "Websockets stay open, heartbeats go on, and no content comes any more.", HOSTS
    ),
    FaultKind.SOCKET_DUPLICATES: FaultInfo("Websocket messages come twice.", HOSTS),
    FaultKind.SOCKET_REORDER: FaultInfo("Websocket messages come in pairs, the later one first.", HOSTS),
    FaultKind.SOCKET_GARBAGE: FaultInfo("Websocket messages make no sense.", HOSTS),
    FaultKind.LOST_RESPONSE: FaultInfo(
        "A transaction is accepted and lands, but the answer to sending it is lost.", frozenset({Service.RPC})
    ),
    FaultKind.LOST_TRANSACTION: FaultInfo("A transaction is accepted and never lands.", ON_CHAIN),
    FaultKind.LATE_LANDING: FaultInfo("A transaction lands late.", ON_CHAIN, 20, "slots"),
    FaultKind.EXPIRED_BLOCKHASH: FaultInfo(
        "Blockhashes that are given out have already expired.", frozenset({Service.RPC})
    ),
    FaultKind.ON_CHAIN_FAILURE: FaultInfo(
        "A transaction lands and fails with a custom error code.", ON_CHAIN, 6000, "error code"
    ),
    FaultKind.SLOT_BACK: FaultInfo(
        "Accounts and slots are shown as they were some slots ago.", frozenset({Service.RPC}), 10, "slots"
    ),
    FaultKind.ORACLE_STALE: FaultInfo("The oracle stops publishing.", ON_CHAIN),
    FaultKind.PAUSE_EXCHANGE: FaultInfo(
        "The whole exchange is paused by these bits of its status.", ON_CHAIN, 8, "bits"
    ),
    FaultKind.PAUSE_MARKET: FaultInfo(
        "The market's operations of these bits are paused.", ON_CHAIN, 4, "bits"
    ),
    FaultKind.MARKET_STATUS: FaultInfo("The market's status is set to this number.", ON_CHAIN, 2, "status"),
    FaultKind.PAUSE_USER: FaultInfo(
        "The account's operations of these bits are paused.", ON_CHAIN, 255, "bits"
    ),
    FaultKind.REDEPLOYED: FaultInfo("The program was deployed anew in the present slot.", ON_CHAIN),
    FaultKind.WRONG_MINT: FaultInfo("The quote market shows another mint.", ON_CHAIN),
    FaultKind.FOREIGN_ORDER: FaultInfo(
        "Somebody else with the key places a limit order in the account.", ON_CHAIN, 1, "base"
    ),
    FaultKind.PARTIAL_FILL: FaultInfo("The AMM gives no taker more at a time.", ON_CHAIN, 2, "base"),
    FaultKind.KEEPER_ASLEEP: FaultInfo("No keeper fires triggers or fills resting orders.", ON_CHAIN),
    FaultKind.LIQUIDATION: FaultInfo("The account is liquidated: its position is taken over.", ON_CHAIN),
}


@dataclass(eq=False, slots=True, kw_only=True)
class Fault:
    """A fault that is on. `left` is how often it still strikes (None: until stopped), `chance` how likely.

    `service` and `method` narrow it down: a method is the RPC's method name or the beginning of a path.
    """

    kind: FaultKind
    service: Service | None
    method: str
    left: int | None
    chance: float
    amount: float
    struck: int = 0
    _rng: Random = field(default_factory=Random, repr=False)

    def strikes(self, service: Service, method: str) -> bool:
        """Whether it strikes this time, which it counts."""
        if self.left == 0 or self.service not in {None, service} or not method.startswith(self.method):
            return False
        if self.chance < 1.0 and self._rng.random() >= self.chance:
            return False
        if self.left is not None:
            self.left -= 1
        self.struck += 1
        return True


Watcher = Callable[[Fault, bool], None]
"""Told of a fault and whether it began or ended."""


class Faults:
    """The board. Faults of the same kind may be on side by side; the first that strikes counts."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._started = 0
        self._on: list[Fault] = []
        self._watchers: list[Watcher] = []

    @property
    def active(self) -> tuple[Fault, ...]:
        """What is on and not used up."""
        return tuple(fault for fault in self._on if fault.left != 0)

    def start(
        self,
        kind: FaultKind,
        *,
        service: Service | None = None,
        method: str = "",
        count: int | None = None,
        chance: float = 1.0,
        amount: float | None = None,
    ) -> Fault:
        """Switch a fault on; ValueError where it cannot strike there."""
        info = FAULTS[kind]
        if service is not None and service not in info.services:
            raise ValueError(f"{kind} does not strike at {service}")
        strength = info.amount if amount is None else amount
        self._started += 1
        rng = Random(f"{self._seed}/{self._started}/{kind}")  # noqa: S311  (a drill, not a secret)
        fault = Fault(
            kind=kind,
            service=service,
            method=method,
            left=count,
            chance=chance,
            amount=strength,
            _rng=rng,
        )
        self._on.append(fault)
        for watcher in tuple(self._watchers):
            watcher(fault, True)
        return fault

    def stop(self, kind: FaultKind | None = None) -> None:
        """Switch off every fault of this kind, or all."""
        ending = [fault for fault in self._on if kind is None or fault.kind == kind]
        self._on = [fault for fault in self._on if fault not in ending]
        for fault in ending:
            for watcher in tuple(self._watchers):
                watcher(fault, False)

    def hit(self, kind: FaultKind, service: Service, method: str = "") -> Fault | None:
        """The fault that strikes here and now, counted; None if none does."""
        for fault in self._on:
            if fault.kind == kind and fault.strikes(service, method):
                return fault
        return None

    def watch(self, watcher: Watcher) -> None:
        """Tell this function of every fault that begins or ends from now on."""
        self._watchers.append(watcher)
