"""One intent on its way to the chain, as values: what is wanted, how far it has come, what became of it.

No decisions, no files and no chain library here: what follows from what is `sending`'s.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from drift_e3.core.terms import Side, Term


class Kind(Term):
    """What a submission does. A place is signed once and never again, and so is a change, which gives the
    order that has its number other terms in one step; a cancel or a settling may be signed anew when its
    predecessor can do nothing more."""

    PLACE = 0
    CANCEL = 1
    SETTLE = 2
    MODIFY = 3


ORDERS: Final = frozenset({Kind.PLACE, Kind.MODIFY})
"""What makes an order of the program's."""


class Stage(Term):
    """How far a submission has come. On the disk it is INTENDED, SIGNED (the bytes may have left) or done."""

    INTENDED = 0
    """Wanted; nothing is signed."""
    SIGNED = 1
    """The signed bytes are on the disk; none has left."""
    LEAVING = 2
    """The first attempt is being made."""
    SENT = 3
    """The bytes may have left."""
    UNKNOWN = 4
    """The same after a restart, or after the network fell silent: what happened meanwhile was not watched."""
    LANDED = 5
    FAILED = 6
    """It landed and the program refused: without effect."""
    EXPIRED = 7
    """It never landed and cannot any more."""
    LAPSED = 8
    """It has had no effect and cannot have one any more, even if it lands: `max_ts` is past on chain."""
    FORGOTTEN = 9
    """It cannot land any more; whether it has landed is more than the network remembers."""
    REFUSED = 10
    """Nothing has left and nothing will."""


class Basis(NamedTuple):
    """The look at the account that an intent was made from: its slot, and the number that the program would
    give to the next order."""

    slot: int
    next_order_id: int


class Wanted(NamedTuple):
    """An intent as it is to be submitted. `intent_id` is the core's order id; a cancel has the id and the
    `user_order_id` of its order. `max_ts` (UTC, s): later than that the program does nothing (0: no limit).
    `side` is None for what places no order."""

    intent_id: str
    kind: Kind
    user_order_id: int
    basis: Basis
    side: Side | None = None
    adds_exposure: bool = False
    max_ts: int = 0


class Submission(NamedTuple):
    """An intent and what became of it. `raw` are the signed bytes, empty before and after their time.

    `last_valid_height` is the height of the last block that can hold them, `signed_slot` the slot of the
    blockhash. `slot` is where it landed, or where the account showed it; `code` and `name` say why it was
    refused or failed. Only for the present run: `past_slot`, a slot at which its time was seen to be over
    (0: not yet), and `silent`, the attempts in a row that came to nothing.
    """

    wanted: Wanted
    stage: Stage = Stage.INTENDED
    signature: str = ""
    raw: bytes = b""
    last_valid_height: int = 0
    signed_slot: int = 0
    slot: int = 0
    code: int | None = None
    name: str = ""
    past_slot: int = 0
    silent: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed:
    """It is on chain and did not fail. That it placed or filled anything only the account can say, as of
    `slot` or later."""

    slot: int
    signature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedOnChain:
    """The program refused it: without effect, and it cannot land again."""

    code: int | None
    name: str
    slot: int
    signature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """It has had no effect and never can."""

    signature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """It can have no effect any more; whether it had one only the account can say."""

    signature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """It never left: turned down by simulation (`code` is the program's), by the node, or by ourselves."""

    code: int | None
    name: str


Verdict = Landed | FailedOnChain | Expired | Forgotten | Refused


def verdict(submission: Submission) -> Verdict | None:
    """What became of it, or None while that is undecided."""
    signature, slot = submission.signature, submission.slot
    match submission.stage:
        case Stage.LANDED:
            return Landed(slot=slot, signature=signature)
        case Stage.FAILED:
            return FailedOnChain(code=submission.code, name=submission.name, slot=slot, signature=signature)
        case Stage.EXPIRED | Stage.LAPSED:
            return Expired(signature=signature)
        case Stage.FORGOTTEN:
            return Forgotten(signature=signature)
        case Stage.REFUSED:
            return Refused(code=submission.code, name=submission.name)
        case _:
            return None
