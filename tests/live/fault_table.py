"""The table: every fault of the drill, and the safe state it leads to from each state of the daemon."""

from drift_e3.drill.faults import FaultKind, Service
from tests.live.fault_cells import End, Row, When

TRADES, NO_WAY, NO_ENTRIES, KEPT, BLIND = End.TRADES, End.NO_WAY, End.NO_ENTRIES, End.KEPT, End.BLIND
F, RPC, API = FaultKind, Service.RPC, Service.DATA_API
AS_EVER = (TRADES, TRADES, TRADES)
CUT_OFF = (NO_ENTRIES, NO_ENTRIES, KEPT)
"""Nothing can be seen or sent: the oracle's price grows old."""
MUTE = (NO_WAY, NO_WAY, KEPT)
"""All can be seen, no order gets through."""
BARRED = (NO_ENTRIES, NO_ENTRIES, NO_ENTRIES)
SHUT = (NO_ENTRIES, NO_ENTRIES, KEPT)

SPOILT = (F.HTTP_BUSY, F.HTTP_ERROR, F.HTTP_TIMEOUT, F.HTTP_GARBAGE, F.HTTP_TRUNCATED)
SOCKETS = (
    F.SOCKET_CLOSE,
    F.SOCKET_ABORT,
    F.SOCKET_SILENCE,
    F.SOCKET_DUPLICATES,
    F.SOCKET_REORDER,
    F.SOCKET_GARBAGE,
)

TABLE = (
    # The RPC server.
    *(Row(kind=kind, service=RPC, ends=CUT_OFF) for kind in SPOILT),
    Row(kind=F.HTTP_STALE, service=RPC, ends=(NO_ENTRIES, BLIND, NO_ENTRIES), loose_s=80),
    Row(kind=F.HTTP_BUSY, name="send busy", service=RPC, method="sendTransaction", ends=MUTE),
    Row(kind=F.HTTP_TIMEOUT, name="send timeout", service=RPC, method="sendTransaction", ends=MUTE),
    Row(kind=F.HTTP_ERROR, name="simulation error", service=RPC, method="simulateTransaction", ends=MUTE),
    Row(kind=F.HTTP_GARBAGE, name="status garbage", service=RPC, method="getSignatureStatuses", ends=AS_EVER),
    Row(
        kind=F.HTTP_TIMEOUT,
        name="accounts timeout",
        service=RPC,
        method="getMultipleAccounts",
        ends=(NO_ENTRIES, BLIND, NO_ENTRIES),
        loose_s=85,
    ),
    # The data API; the stream goes on.
    *(Row(kind=kind, name=f"data API {kind}", service=API, ends=AS_EVER) for kind in SPOILT),
    Row(kind=F.HTTP_STALE, name="data API http_stale", service=API, ends=AS_EVER),
    # Every websocket.
    *(Row(kind=kind, ends=AS_EVER) for kind in SOCKETS),
    # What becomes of a transaction.
    Row(kind=F.LOST_RESPONSE, ends=AS_EVER),
    Row(kind=F.LOST_TRANSACTION, count=2, ends=AS_EVER),
    Row(kind=F.LOST_TRANSACTION, name="every transaction lost", ends=MUTE),
    Row(kind=F.LATE_LANDING, ends=AS_EVER, loose_s=12),
    Row(kind=F.LATE_LANDING, name="too late landing", amount=80, ends=MUTE),
    Row(kind=F.EXPIRED_BLOCKHASH, ends=MUTE),
    Row(kind=F.ON_CHAIN_FAILURE, ends=MUTE),
    Row(kind=F.ON_CHAIN_FAILURE, name="one on_chain_failure", count=1, ends=(NO_WAY, TRADES, TRADES)),
    # The chain.
    Row(kind=F.SLOT_BACK, ends=AS_EVER),
    Row(
        kind=F.SLOT_BACK,
        name="slot far back",
        amount=100,
        ends=(NO_ENTRIES, NO_ENTRIES, NO_ENTRIES),
        loose_s=60,
    ),
    Row(kind=F.ORACLE_STALE, ends=CUT_OFF, also=KEPT),
    # The venue.
    Row(kind=F.PAUSE_EXCHANGE, ends=SHUT),
    Row(kind=F.PAUSE_EXCHANGE, name="exchange closed", amount=255, ends=SHUT),
    Row(kind=F.PAUSE_EXCHANGE, name="exchange's AMM paused", amount=4, ends=SHUT),
    Row(kind=F.PAUSE_MARKET, ends=SHUT),
    Row(kind=F.PAUSE_MARKET, name="market's AMM paused", amount=2, ends=SHUT),
    Row(kind=F.MARKET_STATUS, name="reduce-only", amount=2, drift_amount=6, ends=BARRED),
    Row(kind=F.MARKET_STATUS, name="settlement", amount=3, drift_amount=7, ends=SHUT),
    Row(kind=F.PAUSE_USER, ends=SHUT, drift_ends=BARRED),
    Row(kind=F.REDEPLOYED, ends=(End.READ_ONLY, End.READ_ONLY, End.READ_ONLY)),
    Row(kind=F.WRONG_MINT, ends=(NO_ENTRIES, BLIND, NO_ENTRIES), loose_s=80),
    Row(kind=F.FOREIGN_ORDER, ends=BARRED),
    Row(kind=F.PARTIAL_FILL, ends=AS_EVER),
    Row(kind=F.KEEPER_ASLEEP, ends=AS_EVER),
    Row(kind=F.LIQUIDATION, ends=(NO_ENTRIES, TRADES, End.TAKEN)),
)

SAMPLE: dict[str, When] = {
    "http_busy": When.POSITION,
    "http_timeout": When.PENDING,
    "http_garbage": When.FLAT,
    "http_stale": When.PENDING,
    "send timeout": When.PENDING,
    "accounts timeout": When.POSITION,
    "socket_abort": When.FLAT,
    "socket_silence": When.POSITION,
    "lost_response": When.PENDING,
    "lost_transaction": When.PENDING,
    "every transaction lost": When.POSITION,
    "late_landing": When.PENDING,
    "expired_blockhash": When.FLAT,
    "one on_chain_failure": When.POSITION,
    "slot far back": When.PENDING,
    "oracle_stale": When.POSITION,
    "exchange closed": When.POSITION,
    "reduce-only": When.POSITION,
    "redeployed": When.PENDING,
    "wrong_mint": When.POSITION,
    "foreign_order": When.FLAT,
    "partial_fill": When.POSITION,
    "liquidation": When.POSITION,
}
"""One cell of most rows, for the suite; the others are in the torture."""
