"""The life of one submission, as a table, and every decision on the way of it.

One intent becomes at most one signed transaction. Only its very bytes are ever sent again, and it is reported
dead only when it certainly is. Nothing here reads, writes, signs, sends or knows the time: `sender` does, and
does nothing that this module did not tell it. Every interleaving of it is explored by a test.
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple, assert_never

from drift_e3.core.terms import MS_PER_SECOND, Term
from drift_e3.venues.solana.submission import ORDERS, Kind, Stage, Submission, Wanted
from drift_e3.venues.solana.views import OrderSeen


class Fact(Term):
    """What may happen to a submission."""

    SAVED = 0
    TURNED_DOWN = 1
    SENDING = 2
    KEPT = 3
    OUT = 4
    FOUND_OK = 5
    FOUND_ERROR = 6
    GONE = 7
    GONE_LONG_AGO = 8
    SHOWN_BY_ACCOUNT = 9
    VOID_BY_ACCOUNT = 10
    SILENT_LONG = 11
    RESTARTED = 12


TRANSITIONS: dict[tuple[Stage, Fact], Stage] = {
    (Stage.INTENDED, Fact.SAVED): Stage.SIGNED,
    (Stage.INTENDED, Fact.TURNED_DOWN): Stage.REFUSED,
    # Bytes leave only after they are on the disk: an intent without any has never left.
    (Stage.INTENDED, Fact.RESTARTED): Stage.REFUSED,
    (Stage.SIGNED, Fact.SENDING): Stage.LEAVING,
    (Stage.SIGNED, Fact.TURNED_DOWN): Stage.REFUSED,
    # A later stage is not written down before the end, so SIGNED on the disk may mean SENT.
    (Stage.SIGNED, Fact.RESTARTED): Stage.UNKNOWN,
    (Stage.LEAVING, Fact.KEPT): Stage.SIGNED,
    (Stage.LEAVING, Fact.TURNED_DOWN): Stage.REFUSED,
    (Stage.LEAVING, Fact.OUT): Stage.SENT,
    (Stage.LEAVING, Fact.SHOWN_BY_ACCOUNT): Stage.LANDED,
    (Stage.LEAVING, Fact.VOID_BY_ACCOUNT): Stage.LAPSED,
    (Stage.SENT, Fact.SENDING): Stage.SENT,
    # What becomes of a further attempt says nothing about the ones before.
    (Stage.SENT, Fact.KEPT): Stage.SENT,
    (Stage.SENT, Fact.TURNED_DOWN): Stage.SENT,
    (Stage.SENT, Fact.OUT): Stage.SENT,
    (Stage.SENT, Fact.FOUND_OK): Stage.LANDED,
    (Stage.SENT, Fact.FOUND_ERROR): Stage.FAILED,
    (Stage.SENT, Fact.GONE): Stage.EXPIRED,
    (Stage.SENT, Fact.GONE_LONG_AGO): Stage.FORGOTTEN,
    (Stage.SENT, Fact.SHOWN_BY_ACCOUNT): Stage.LANDED,
    (Stage.SENT, Fact.VOID_BY_ACCOUNT): Stage.LAPSED,
    (Stage.SENT, Fact.SILENT_LONG): Stage.UNKNOWN,
    (Stage.UNKNOWN, Fact.SENDING): Stage.UNKNOWN,
    (Stage.UNKNOWN, Fact.KEPT): Stage.UNKNOWN,
    (Stage.UNKNOWN, Fact.TURNED_DOWN): Stage.UNKNOWN,
    (Stage.UNKNOWN, Fact.OUT): Stage.UNKNOWN,
    (Stage.UNKNOWN, Fact.FOUND_OK): Stage.LANDED,
    (Stage.UNKNOWN, Fact.FOUND_ERROR): Stage.FAILED,
    (Stage.UNKNOWN, Fact.GONE): Stage.EXPIRED,
    (Stage.UNKNOWN, Fact.GONE_LONG_AGO): Stage.FORGOTTEN,
    (Stage.UNKNOWN, Fact.SHOWN_BY_ACCOUNT): Stage.LANDED,
    (Stage.UNKNOWN, Fact.VOID_BY_ACCOUNT): Stage.LAPSED,
    (Stage.UNKNOWN, Fact.SILENT_LONG): Stage.UNKNOWN,
}
STORED = frozenset({Stage.INTENDED, Stage.SIGNED})
ABROAD = frozenset({Stage.LEAVING, Stage.SENT, Stage.UNKNOWN})
"""Bytes may be on their way: what the network and the account say is about them."""
DONE = frozenset(Stage) - STORED - ABROAD


class IllegalTransition(RuntimeError):
    """A fact that cannot be true of a submission in its present stage."""


class Rules(NamedTuple):
    """When evidence is enough. Heights and slots are the chain's, counts are of attempts in a row."""

    height_margin: int = 32
    """Blocks past the last valid one before an absence counts: what is buried so deep is final."""
    history_slots: int = 200_000
    """How far back an absence is believed, about 22 hours: nodes that keep least keep two days."""
    clock_margin_s: int = 1
    silent_max: int = 5
    """Unanswered questions after which the submission counts as not watched."""
    unsent_max: int = 10
    """Attempts that certainly did not leave after which the submission is given up."""


class Saved(NamedTuple):
    """The signed transaction is on the disk."""

    signature: str
    raw: bytes
    last_valid_height: int
    signed_slot: int


class TurnedDown(NamedTuple):
    """Simulation, node or ourselves refused it; this attempt has certainly not left."""

    code: int | None
    name: str


class Moment(Term):
    """Observations that need no details."""

    SENDING = 0
    """An attempt begins."""
    KEPT = 1
    """It certainly did not leave this machine."""
    OUT = 2
    """It left, or nobody can say that it did not."""
    SILENCE = 3
    """A question to the network stayed unanswered."""
    RESTARTED = 4
    """The submission was read from the disk by a new run."""


class Failure(NamedTuple):
    """Why a transaction failed: the program's custom code if it was one, and a name."""

    code: int | None
    name: str


class Found(NamedTuple):
    """The network knows the transaction: the slot it is in, whether that is confirmed, and how it failed."""

    slot: int
    confirmed: bool
    failure: Failure | None


class StatusSeen(NamedTuple):
    """A node that has come to `slot` was asked for the signature, with or without searching its history."""

    slot: int
    history: bool
    found: Found | None


class HeightSeen(NamedTuple):
    """A block height and the slot of that block, both confirmed."""

    slot: int
    height: int


class AccountSeen(NamedTuple):
    """The trading account at `slot`; `chain_ts` (UTC, ms) is the chain's clock there."""

    slot: int
    chain_ts: int
    next_order_id: int
    orders: tuple[OrderSeen, ...]


Observation = Saved | TurnedDown | StatusSeen | HeightSeen | AccountSeen | Moment


def advance(submission: Submission, seen: Observation, rules: Rules) -> Submission:
    """The submission after an observation. What comes late to one that is decided changes nothing.

    Raises `IllegalTransition` for what cannot be, which means that we have lost track.
    """
    if submission.stage in DONE:
        return submission
    match seen:
        case Saved(signature, raw, last_valid_height, signed_slot):
            return _after(submission, Fact.SAVED)._replace(
                signature=signature, raw=raw, last_valid_height=last_valid_height, signed_slot=signed_slot
            )
        case TurnedDown(code, name):
            return _after(submission, Fact.TURNED_DOWN, code, name)
        case Moment.SENDING:
            return _after(submission, Fact.SENDING)
        case Moment.KEPT:
            unsent = min(submission.silent + 1, rules.unsent_max)
            after = _after(submission, Fact.KEPT)
            return after._replace(silent=unsent) if after.stage is Stage.SIGNED else after
        case Moment.OUT:
            return _after(submission, Fact.OUT)
        case Moment.RESTARTED:
            return _after(submission, Fact.RESTARTED, None, "restarted")
        case StatusSeen() | HeightSeen() | AccountSeen() | Moment.SILENCE:
            return _weigh(submission, seen, rules) if submission.stage in ABROAD else submission
        case _:
            assert_never(seen)


def _after(submission: Submission, fact: Fact, code: int | None = None, name: str = "") -> Submission:
    """The next stage; `code` and `name` are kept where it is the last one."""
    stage = TRANSITIONS.get((submission.stage, fact))
    if stage is None:
        intent_id = submission.wanted.intent_id
        raise IllegalTransition(f"submission {intent_id} is {submission.stage.label}, yet {fact.label}")
    return (
        submission._replace(stage=stage, code=code, name=name)
        if stage in DONE
        else submission._replace(stage=stage)
    )


def _weigh(
    submission: Submission,
    seen: StatusSeen | HeightSeen | AccountSeen | Literal[Moment.SILENCE],
    rules: Rules,
) -> Submission:
    """What evidence from outside proves of bytes that may be on their way."""
    match seen:
        case Moment.SILENCE:
            silent = min(submission.silent + 1, rules.silent_max)
            if silent == rules.silent_max and submission.stage is not Stage.LEAVING:
                submission = _after(submission, Fact.SILENT_LONG)
            return submission._replace(silent=silent)
        case HeightSeen(slot, height):
            past = height > submission.last_valid_height + rules.height_margin
            past_slot = slot if past and not submission.past_slot else submission.past_slot
            return submission._replace(silent=0, past_slot=past_slot)
        case StatusSeen():
            return _status(submission, seen, rules)
        case AccountSeen():
            return _account(submission, seen, rules)
        case _:
            assert_never(seen)


def _status(submission: Submission, seen: StatusSeen, rules: Rules) -> Submission:
    found = seen.found
    if found is not None and found.confirmed:
        if found.failure is None:
            return _after(submission, Fact.FOUND_OK)._replace(slot=found.slot)
        return _after(submission, Fact.FOUND_ERROR, *found.failure)._replace(slot=found.slot)
    # A block that is not confirmed may be dropped, and the transaction may land in another. A node that lags
    # behind the height may yet come to the block that our transaction is in.
    absent = found is None and seen.history and 0 < submission.past_slot <= seen.slot
    if not absent:
        return submission._replace(silent=0)
    long_ago = seen.slot - submission.signed_slot > rules.history_slots
    return _after(submission, Fact.GONE_LONG_AGO if long_ago else Fact.GONE)


def _account(submission: Submission, seen: AccountSeen, rules: Rules) -> Submission:
    wanted = submission.wanted
    if wanted.kind not in ORDERS or seen.slot < wanted.basis.slot:
        return submission
    for order in seen.orders:
        ours = order.user_order_id == wanted.user_order_id and order.side is wanted.side
        if ours and order.order_id >= wanted.basis.next_order_id:
            return _after(submission, Fact.SHOWN_BY_ACCOUNT)._replace(slot=seen.slot)
    # That the number has moved proves nothing: another's order moves it too. That it has not proves that
    # there was no order at all, and the chain's clock never goes back.
    over = wanted.max_ts and seen.chain_ts > (wanted.max_ts + rules.clock_margin_s) * MS_PER_SECOND
    if over and seen.next_order_id == wanted.basis.next_order_id:
        return _after(submission, Fact.VOID_BY_ACCOUNT)
    return submission


class Plan(NamedTuple):
    """What to do about a submission now: send its bytes, give it up (why), ask for its status (searching the
    history or not), ask for the block height."""

    send: bool = False
    give_up: str = ""
    ask_status: bool = False
    history: bool = False
    ask_height: bool = False


def plan(submission: Submission, rules: Rules, *, due: bool, late: bool, alone: bool) -> Plan:
    """What to do now. `due`: the last attempt was long enough ago; `late`: our own clock is past `max_ts`;
    `alone`: nothing else is undecided.

    What could add exposure is not sent (again) beside anything else, nor in a life other than its own, nor
    after a silence: the decision behind it is of another world. The rest is pushed until its time is over.
    """
    wanted = submission.wanted
    crowded = wanted.adds_exposure and not alone
    match submission.stage:
        case Stage.SIGNED:
            if late:
                return Plan(give_up="late")
            if crowded:
                return Plan(give_up="superseded")
            if submission.silent >= rules.unsent_max:
                return Plan(give_up="unreachable")
            return Plan(send=due)
        case Stage.SENT | Stage.UNKNOWN:
            watched = submission.stage is Stage.SENT or not wanted.adds_exposure
            past = bool(submission.past_slot)
            return Plan(
                send=due and watched and not (crowded or late or past),
                ask_status=True,
                history=past,
                ask_height=due and not past,
            )
        case _:
            return Plan()


class Blocked(NamedTuple):
    """Why nothing was begun: a reason, and the intents that stand in the way. The intent may come again."""

    reason: str
    by: tuple[str, ...] = ()


def blocked(wanted: Wanted, undecided: Iterable[Submission], landed_slot: int) -> Blocked | None:
    """Whether an intent must wait; `landed_slot` is the slot of the last one that landed.

    What could add exposure waits until nothing is undecided and until the account it was decided on shows all
    that landed. A cancel waits for its predecessor: the late one would hit a later order with its number.
    """
    undecided = tuple(undecided)
    if wanted.adds_exposure and undecided:
        return Blocked("undecided", tuple(other.wanted.intent_id for other in undecided))
    if (wanted.adds_exposure or wanted.kind is Kind.MODIFY) and wanted.basis.slot < landed_slot:
        return Blocked("stale_account")
    for other in undecided:
        if other.wanted.user_order_id != wanted.user_order_id:
            continue
        if wanted.kind is Kind.PLACE:
            return Blocked("number_in_use", (other.wanted.intent_id,))
        if wanted.kind in {other.wanted.kind, Kind.MODIFY}:
            return Blocked("predecessor_undecided", (other.wanted.intent_id,))
    return None
