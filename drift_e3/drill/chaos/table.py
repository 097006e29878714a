"""Every act of chaos, as a table: each with a sentence for people.

What an act is, is `acts`'.
"""

import signal
from typing import Final

from drift_e3.drill.chaos.acts import Act, Board, Clock, Disk, Group, Price, Script, Signal
from drift_e3.drill.faults import FaultKind, Service

F = FaultKind
ASK_AGAIN: Final = frozenset({69})
"""A start that finds no server, a disk that refuses: the service manager tries again."""
ASK_A_PERSON: Final = frozenset({69, 78})
"""A start that finds account or program not as they must be: no waiting mends that, a person must look."""


def _http(service: Service, who: str, *, hinders: bool = False) -> tuple[Act, ...]:
    group = Group.RPC if service is Service.RPC else Group.FEED
    ways = (
        (F.HTTP_BUSY, "busy", "says 429"),
        (F.HTTP_ERROR, "down", "says 500"),
        (F.HTTP_TIMEOUT, "hanging", "takes requests and never answers"),
        (F.HTTP_GARBAGE, "garbage", "says what makes no sense"),
        (F.HTTP_TRUNCATED, "cut", "hangs up in the middle of its answers"),
        (F.HTTP_STALE, "stale", "says what it said before"),
    )
    return tuple(
        Act(
            name=f"{service} {name}",
            group=group,
            sentence=f"{who} {words}.",
            how=Board(kind=kind, service=service),
            hinders=hinders,
            codes=ASK_AGAIN,
        )
        for kind, name, words in ways
    )


def _sockets(service: Service, who: str) -> tuple[Act, ...]:
    ways = (
        (F.SOCKET_CLOSE, "closed", "are closed"),
        (F.SOCKET_ABORT, "cut off", "are cut off"),
        (F.SOCKET_SILENCE, "silent", "stay open and say nothing"),
        (F.SOCKET_DUPLICATES, "twofold", "say everything twice"),
        (F.SOCKET_REORDER, "disordered", "say the later message first"),
        (F.SOCKET_GARBAGE, "babbling", "say what makes no sense"),
    )
    return tuple(
        Act(
            name=f"{service} sockets {name}",
            group=Group.RPC if service is Service.RPC else Group.FEED,
            sentence=f"The websockets of {who} {words}.",
            how=Board(kind=kind, service=service),
        )
        for kind, name, words in ways
    )


def _board(
    name: str,
    group: Group,
    kind: FaultKind,
    sentence: str,
    *,
    method: str = "",
    count: int | None = None,
    strength: tuple[float, float] | None = None,
    drift_strength: float | None = None,
    hinders: bool = True,
    codes: frozenset[int] = frozenset(),
) -> Act:
    service = Service.RPC if method else None
    how = Board(kind=kind, service=service, method=method, count=count, drift_strength=drift_strength)
    return Act(
        name=name, group=group, sentence=sentence, how=how, strength=strength, hinders=hinders, codes=codes
    )


def _venue(
    name: str,
    kind: FaultKind,
    sentence: str,
    number: float | None = None,
    drift_strength: float | None = None,
    *,
    hinders: bool = True,
) -> Act:
    strength = None if number is None else (number, number)
    return _board(
        name,
        Group.VENUE,
        kind,
        sentence,
        strength=strength,
        drift_strength=drift_strength,
        hinders=hinders,
        codes=ASK_A_PERSON,
    )


def _model(script: str, sentence: str) -> Act:
    return Act(name=f"model {script}", group=Group.MODEL, sentence=sentence, how=Script(script))


ACTS: Final[tuple[Act, ...]] = (
    *_http(Service.DATA_API, "The data API"),
    *_http(Service.DLOB, "The order book's server"),
    *_sockets(Service.DATA_API, "the data API"),
    *_sockets(Service.DLOB, "the order book's server"),
    *_http(Service.RPC, "The RPC server", hinders=True),
    *_sockets(Service.RPC, "the RPC server"),
    _board(
        "accounts hanging",
        Group.RPC,
        F.HTTP_TIMEOUT,
        "The RPC server answers no question for accounts.",
        method="getMultipleAccounts",
        codes=ASK_AGAIN,
    ),
    _board(
        "slots back",
        Group.RPC,
        F.SLOT_BACK,
        "The RPC server shows the chain as it was some slots ago.",
        strength=(5.0, 100.0),
        codes=ASK_AGAIN,
    ),
    _board("send busy", Group.SENDING, F.HTTP_BUSY, "Sending is refused with 429.", method="sendTransaction"),
    _board(
        "send hanging", Group.SENDING, F.HTTP_TIMEOUT, "Sending is never answered.", method="sendTransaction"
    ),
    _board(
        "status garbage",
        Group.SENDING,
        F.HTTP_GARBAGE,
        "What became of a transaction is answered by nonsense.",
        method="getSignatureStatuses",
        hinders=False,
        codes=ASK_AGAIN,
    ),
    _board(
        "answers lost",
        Group.SENDING,
        F.LOST_RESPONSE,
        "Transactions land, and the answers to sending them are lost.",
    ),
    _board("one lost", Group.SENDING, F.LOST_TRANSACTION, "A transaction is accepted and lost.", count=1),
    _board("all lost", Group.SENDING, F.LOST_TRANSACTION, "Transactions are accepted and lost."),
    _board(
        "late landings",
        Group.SENDING,
        F.LATE_LANDING,
        "Transactions land some slots late.",
        strength=(5.0, 60.0),
    ),
    _board(
        "expired blockhash",
        Group.SENDING,
        F.EXPIRED_BLOCKHASH,
        "Blockhashes have expired when they are given out.",
        codes=ASK_AGAIN,
    ),
    _board("one failure", Group.SENDING, F.ON_CHAIN_FAILURE, "A transaction lands and fails.", count=1),
    _board("all fail", Group.SENDING, F.ON_CHAIN_FAILURE, "Transactions land and fail."),
    _venue("exchange paused", F.PAUSE_EXCHANGE, "The exchange is paused."),
    _venue("exchange closed", F.PAUSE_EXCHANGE, "The exchange is paused in every respect.", 255),
    _venue("market paused", F.PAUSE_MARKET, "The market fills nothing."),
    _venue("reduce only", F.MARKET_STATUS, "The market takes only what reduces.", 2, 6),
    _venue("account paused", F.PAUSE_USER, "The account is paused."),
    _venue("oracle stale", F.ORACLE_STALE, "The oracle stops."),
    _venue("wrong mint", F.WRONG_MINT, "The quote market shows another mint."),
    _venue(
        "stranger's order",
        F.FOREIGN_ORDER,
        "Somebody else places an order in the account.",
        hinders=False,
    ),
    _venue("small fills", F.PARTIAL_FILL, "The AMM gives little at a time.", hinders=False),
    _venue("keeper asleep", F.KEEPER_ASLEEP, "Nobody fires triggers or fills what rests.", hinders=False),
    _venue("liquidation", F.LIQUIDATION, "The venue takes the position over.", hinders=False),
    Act(
        name="price through the stop",
        group=Group.PRICE,
        sentence="The price jumps against the position, beyond its stop.",
        how=Price(),
        seconds=(1.0, 5.0),
        strength=(0.011, 0.02),
    ),
    _model("hangs", "The model never answers."),
    _model("hangs_midway", "The model stops in the middle of its answer."),
    _model("drips", "The model answers letter by letter."),
    _model("garbage", "The model's server says bytes that are no JSON."),
    _model("prose", "The model answers in prose."),
    _model("wrong_enum", "The model names a regime that does not exist."),
    _model("sure", "The model is 85 times sure."),
    _model("errs", "The model's server says 500."),
    _model("busy", "The model's server says 503."),
    _model("lacks", "The model is not installed."),
    _model("resets", "The model's server hangs up."),
    _model("floods", "The model says the same for ever."),
    Act(
        name="disk full",
        group=Group.DISK,
        sentence="No file can grow any more.",
        how=Disk(read_only=False),
        seconds=(6.0, 20.0),
        hinders=True,
        codes=ASK_AGAIN,
    ),
    Act(
        name="disk read-only",
        group=Group.DISK,
        sentence="No file can be written.",
        how=Disk(read_only=True),
        seconds=(6.0, 20.0),
        hinders=True,
        codes=ASK_AGAIN,
    ),
    Act(
        name="clock ahead",
        group=Group.CLOCK,
        sentence="The wall clock jumps forward, and back again.",
        how=Clock(),
        strength=(2.0, 120.0),
        hinders=True,
        codes=ASK_A_PERSON,
    ),
    Act(
        name="clock behind",
        group=Group.CLOCK,
        sentence="The wall clock jumps back, and forward again.",
        how=Clock(),
        strength=(-120.0, -2.0),
        hinders=True,
        codes=ASK_A_PERSON,
    ),
    Act(
        name="SIGTERM",
        group=Group.PROCESS,
        sentence="The daemon is told to stop, and started again.",
        how=Signal(signal.SIGTERM),
        seconds=(5.0, 15.0),
        hinders=True,
    ),
    Act(
        name="SIGKILL",
        group=Group.PROCESS,
        sentence="The daemon is killed, and started again.",
        how=Signal(signal.SIGKILL),
        seconds=(5.0, 5.0),
        hinders=True,
    ),
    Act(
        name="SIGSTOP",
        group=Group.PROCESS,
        sentence="The daemon stands still for a while.",
        how=Signal(signal.SIGSTOP),
        seconds=(2.0, 45.0),
        hinders=True,
        codes=ASK_AGAIN,
    ),
)
"""Every act. The names are kept: they are what a score card says."""
